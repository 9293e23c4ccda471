package stacks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/stack"
)

// ManagedNodeGroup is the template of a managed group: its role, its launch
// template and the group itself.
func ManagedNodeGroup(c *Context, g *eksctl.ManagedNodeGroup) (*stack.Template, error) {
	t := stack.New(fmt.Sprintf("EKS Managed Nodes (SSH access: %t) [created by drover, as eksctl does]", eksctl.True(g.SSH.Allow)))
	addServicePrincipals(t)
	properties := map[string]any{
		"ClusterName":   c.Config.Metadata.Name,
		"NodegroupName": g.Name,
		"ScalingConfig": map[string]any{"MinSize": *g.MinSize, "MaxSize": *g.MaxSize, "DesiredSize": *g.DesiredCapacity},
		"Subnets":       c.Subnets,
		"NodeRole":      nodeRole(t, &g.NodeGroupBase, true),
		"Labels":        g.Labels,
		"Tags":          managedTags(c, g),
	}
	if len(g.Taints) > 0 {
		properties["Taints"] = managedTaints(g.Taints)
	}
	if u := g.UpdateConfig; u != nil {
		properties["UpdateConfig"] = withoutNil(map[string]any{"MaxUnavailable": u.MaxUnavailable, "MaxUnavailablePercentage": u.MaxUnavailablePercentage})
	}
	if g.NodeRepairConfig != nil {
		properties["NodeRepairConfig"] = repair(g.NodeRepairConfig)
	}
	switch {
	case g.Spot:
		properties["CapacityType"] = "SPOT"
	case isCapacityBlock(&g.NodeGroupBase):
		properties["CapacityType"] = "CAPACITY_BLOCK"
	}
	if g.ReleaseVersion != "" {
		properties["ReleaseVersion"] = g.ReleaseVersion
	}
	if err := image(c, g, properties); err != nil {
		return nil, err
	}
	if err := addTemplate(t, c, g, properties); err != nil {
		return nil, err
	}
	t.Add("ManagedNodeGroup", "AWS::EKS::Nodegroup", properties)
	return t, nil
}

// ManagedTypes are the instance types of a managed group, in order.
func ManagedTypes(g *eksctl.ManagedNodeGroup) []string {
	if len(g.InstanceTypes) > 0 {
		return g.InstanceTypes
	}
	if g.InstanceType == "" {
		return nil
	}
	return []string{g.InstanceType}
}

func isCapacityBlock(g *eksctl.NodeGroupBase) bool {
	return g.InstanceMarketOptions != nil && g.InstanceMarketOptions.MarketType == "capacity-block"
}

// image sets the AMI type, unless the group brings an AMI, and the instance
// types, unless they are in a launch template.
func image(c *Context, g *eksctl.ManagedNodeGroup, properties map[string]any) error {
	types := ManagedTypes(g)
	if isCapacityBlock(&g.NodeGroupBase) && len(types) != 1 {
		return fmt.Errorf("node group %q: a capacity block is of one instance type, not %d", g.Name, len(types))
	}
	if len(types) > 0 && !isCapacityBlock(&g.NodeGroupBase) {
		properties["InstanceTypes"] = types
	}
	if g.AMI != "" || g.LaunchTemplate != nil && len(types) == 0 {
		return nil
	}
	amiType, err := AMIType(g.AMIFamily, types)
	if err != nil {
		return fmt.Errorf("node group %q on cluster %q: %w", g.Name, c.Cluster.Name, err)
	}
	properties["AmiType"] = amiType
	return nil
}

// addTemplate names the launch template that is given, or adds one.
func addTemplate(t *stack.Template, c *Context, g *eksctl.ManagedNodeGroup, properties map[string]any) error {
	if l := g.LaunchTemplate; l != nil {
		named := map[string]any{"Id": l.ID}
		if l.Version != "" {
			named["Version"] = l.Version
		}
		properties["LaunchTemplate"] = named
		return nil
	}
	data := launchTemplateData(c, &g.NodeGroupBase)
	userData, err := managedUserData(c, g)
	if err != nil {
		return err
	}
	if userData != "" {
		data["UserData"] = userData
	}
	if g.AMI != "" {
		data["ImageId"] = g.AMI
	}
	if types := ManagedTypes(g); isCapacityBlock(&g.NodeGroupBase) {
		data["InstanceType"] = types[0]
	}
	groups := []any{}
	if c.Cluster.SecurityGroup != "" {
		groups = append(groups, c.Cluster.SecurityGroup)
	}
	for _, id := range g.SecurityGroups.AttachIDs {
		groups = append(groups, id)
	}
	if c.KeyName != "" && eksctl.True(g.SSH.Allow) {
		groups = append(groups, t.Add("SSH", "AWS::EC2::SecurityGroup", map[string]any{
			"GroupName": stack.Sub("${AWS::StackName}-remoteAccess"), "VpcId": c.Cluster.VPC, "GroupDescription": "Allow SSH access",
			"SecurityGroupIngress": sshRules(c, &g.NodeGroupBase, "managed worker nodes in group "+g.Name),
		}))
	}
	if g.EFAEnabled {
		return errors.New("efaEnabled is not supported for managed groups; give a launch template with the interfaces")
	}
	data["SecurityGroupIds"] = groups
	properties["LaunchTemplate"] = map[string]any{"Id": t.Add("LaunchTemplate", "AWS::EC2::LaunchTemplate", map[string]any{
		"LaunchTemplateName": stack.Sub("${AWS::StackName}"), "LaunchTemplateData": data,
	})}
	return nil
}

func managedTags(c *Context, g *eksctl.ManagedNodeGroup) map[string]string {
	tags := map[string]string{}
	for key, value := range c.Config.Metadata.Tags {
		tags[key] = value
	}
	for key, value := range g.Tags {
		tags[key] = value
	}
	tags[TagNodeGroup], tags[TagNodeGroupType] = g.Name, Managed
	return tags
}

func managedTaints(taints []eksctl.Taint) []map[string]any {
	var all []map[string]any
	for _, taint := range taints {
		effect := map[eksctl.TaintEffect]string{
			"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE",
		}[taint.Effect]
		all = append(all, map[string]any{"Key": taint.Key, "Value": taint.Value, "Effect": effect})
	}
	return all
}

func repair(r *eksctl.NodeRepairConfig) map[string]any {
	properties := withoutNil(map[string]any{
		"MaxUnhealthyNodeThresholdCount": r.MaxUnhealthyNodeThresholdCount, "MaxUnhealthyNodeThresholdPercentage": r.MaxUnhealthyNodeThresholdPercentage,
		"MaxParallelNodesRepairedCount": r.MaxParallelNodesRepairedCount, "MaxParallelNodesRepairedPercentage": r.MaxParallelNodesRepairedPercentage,
	})
	if r.Enabled != nil {
		properties["Enabled"] = *r.Enabled
	}
	var overrides []map[string]any
	for _, one := range r.NodeRepairConfigOverrides {
		overrides = append(overrides, map[string]any{
			"NodeMonitoringCondition": one.NodeMonitoringCondition, "NodeUnhealthyReason": one.NodeUnhealthyReason,
			"MinRepairWaitTimeMins": one.MinRepairWaitTimeMins, "RepairAction": one.RepairAction,
		})
	}
	if overrides != nil {
		properties["NodeRepairConfigOverrides"] = overrides
	}
	return properties
}

// withoutNil keeps the numbers that are set.
func withoutNil(numbers map[string]any) map[string]any {
	for key, value := range numbers {
		if number, ok := value.(*int); ok {
			if number == nil {
				delete(numbers, key)
				continue
			}
			numbers[key] = *number
		}
	}
	return numbers
}

func addServicePrincipals(t *stack.Template) {
	suffixes := map[string]string{"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
	mapping := map[string]any{}
	for partition, suffix := range suffixes {
		services := map[string]any{}
		for name, service := range map[string]string{"EC2": "ec2", "EKS": "eks", "EKSFargatePods": "eks-fargate-pods", "IRA": "rolesanywhere", "SSM": "ssm"} {
			full := service + "." + suffix
			if service != "ec2" {
				full = service + "." + strings.TrimSuffix(suffix, ".cn")
			}
			services[name] = full
		}
		mapping[partition] = services
	}
	t.Mappings["ServicePrincipalPartitionMap"] = mapping
}
