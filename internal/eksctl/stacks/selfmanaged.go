package stacks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/stack"
)

// NodeGroup is the template of a self-managed group: role, instance profile,
// security group, launch template, Auto Scaling group, and, where the cluster
// has access entries, the one that lets the nodes in.
func NodeGroup(c *Context, g *eksctl.NodeGroup) (*stack.Template, error) {
	if c.Cluster.IPv6 {
		return nil, fmt.Errorf("node group %q: self-managed groups are not supported on IPv6 clusters; use managedNodeGroups", g.Name)
	}
	if err := unsupported(g); err != nil {
		return nil, fmt.Errorf("node group %q: %w", g.Name, err)
	}
	t := stack.New(fmt.Sprintf("EKS nodes (AMI family: %s, SSH access: %t, private networking: %t) [created by drover, as eksctl does]",
		g.AMIFamily, eksctl.True(g.SSH.Allow), g.PrivateNetworking))
	addServicePrincipals(t)
	t.Outputs["FeaturePrivateNetworking"] = stack.Output{Value: g.PrivateNetworking}
	t.Outputs["FeatureSharedSecurityGroup"] = stack.Output{Value: eksctl.True(g.SecurityGroups.WithShared)}
	t.Outputs["FeatureLocalSecurityGroup"] = stack.Output{Value: eksctl.True(g.SecurityGroups.WithLocal)}
	profile := instanceProfile(t, g)
	groups := securityGroups(t, c, g)
	accessEntry(t, c, g)
	data, err := selfManagedTemplate(c, g)
	if err != nil {
		return nil, err
	}
	data["IamInstanceProfile"] = map[string]any{"Arn": profile}
	data["NetworkInterfaces"] = networkInterfaces(g, groups)
	t.Add("NodeGroupLaunchTemplate", "AWS::EC2::LaunchTemplate", map[string]any{
		"LaunchTemplateName": stack.Sub("${AWS::StackName}"), "LaunchTemplateData": data,
	})
	addGroup(t, c, g)
	return t, nil
}

// unsupported refuses what a file may say and is not done here, rather than
// making a group that is something else.
func unsupported(g *eksctl.NodeGroup) error {
	switch {
	case g.EFAEnabled:
		return errors.New("efaEnabled is not supported")
	case g.OutpostARN != "":
		return errors.New("outpostARN is not supported")
	case g.UpdateConfig != nil:
		return errors.New("updateConfig is for managedNodeGroups: nobody updates a self-managed group in place")
	case g.ContainerRuntime != "" && g.ContainerRuntime != "containerd":
		return fmt.Errorf("containerRuntime %s is gone from the AMIs of EKS; it is containerd", g.ContainerRuntime)
	}
	return nil
}

func instanceProfile(t *stack.Template, g *eksctl.NodeGroup) any {
	if g.IAM.InstanceProfileARN != "" {
		t.Export("InstanceProfileARN", g.IAM.InstanceProfileARN)
		if g.IAM.InstanceRoleARN != "" {
			t.Export("InstanceRoleARN", withoutPath(g.IAM.InstanceRoleARN))
		}
		return g.IAM.InstanceProfileARN
	}
	arn := nodeRole(t, &g.NodeGroupBase, false)
	var role any = stack.Ref("NodeInstanceRole")
	if g.IAM.InstanceRoleARN != "" {
		_, name := splitRole(g.IAM.InstanceRoleARN)
		role = name
	}
	t.Add("NodeInstanceProfile", "AWS::IAM::InstanceProfile", map[string]any{"Path": "/", "Roles": []any{role}})
	t.Export("InstanceProfileARN", stack.GetAtt("NodeInstanceProfile", "Arn"))
	t.Export("InstanceRoleARN", arn)
	return stack.GetAtt("NodeInstanceProfile", "Arn")
}

func splitRole(arn string) (prefix, name string) {
	for i := len(arn) - 1; i >= 0; i-- {
		if arn[i] == '/' {
			return arn[:i], arn[i+1:]
		}
	}
	return "", arn
}

// UsesAccessEntry is whether the group's stack itself lets its nodes in.
func UsesAccessEntry(cluster *eks.Cluster, g *eksctl.NodeGroup) bool {
	return (cluster.AuthMode == eks.AuthAPI || cluster.AuthMode == eks.AuthAPIAndConfigMap) &&
		g.IAM.InstanceRoleARN == "" && g.IAM.InstanceProfileARN == ""
}

func accessEntry(t *stack.Template, c *Context, g *eksctl.NodeGroup) {
	if !UsesAccessEntry(c.Cluster, g) {
		return
	}
	t.Outputs["NodeGroupUsesAccessEntry"] = stack.Output{Value: true}
	t.Add("AccessEntry", "AWS::EKS::AccessEntry", map[string]any{
		"ClusterName": c.Config.Metadata.Name, "PrincipalArn": stack.GetAtt("NodeInstanceRole", "Arn"), "Type": "EC2_LINUX",
	})
}

// securityGroups are those of the nodes: the given ones, the one that all groups
// share, and the group's own, SG, to which the control plane speaks.
func securityGroups(t *stack.Template, c *Context, g *eksctl.NodeGroup) []any {
	groups := []any{}
	for _, id := range g.SecurityGroups.AttachIDs {
		groups = append(groups, id)
	}
	if eksctl.True(g.SecurityGroups.WithShared) && c.SharedSecurityGroup != "" {
		groups = append(groups, c.SharedSecurityGroup)
	}
	if !eksctl.True(g.SecurityGroups.WithLocal) {
		return groups
	}
	what := "worker nodes in group " + g.Name
	own := t.Add("SG", "AWS::EC2::SecurityGroup", map[string]any{
		"VpcId": c.Cluster.VPC, "GroupDescription": "Communication between the control plane and " + what,
		"Tags":                 []any{map[string]any{"Key": "kubernetes.io/cluster/" + c.Config.Metadata.Name, "Value": "owned"}},
		"SecurityGroupIngress": ingress(c, &g.NodeGroupBase, what),
	})
	rule := func(name, kind, from, to string, ports [2]int, description string) {
		t.Add(name, "AWS::EC2::SecurityGroup"+kind, map[string]any{
			"GroupId": c.ControlPlaneSecurityGroup, from: own, "IpProtocol": "tcp", "FromPort": ports[0], "ToPort": ports[1],
			"Description": description + to,
		})
	}
	rule("EgressInterCluster", "Egress", "DestinationSecurityGroupId", " (kubelet and pods)", [2]int{1025, 65535},
		"Allow control plane to communicate with "+what)
	rule("EgressInterClusterAPI", "Egress", "DestinationSecurityGroupId", " (HTTPS, such as extension API servers)", [2]int{443, 443},
		"Allow control plane to communicate with "+what)
	rule("IngressInterClusterCP", "Ingress", "SourceSecurityGroupId", "", [2]int{443, 443}, "Allow control plane to receive API requests from "+what)
	return append(groups, own)
}

func ingress(c *Context, g *eksctl.NodeGroupBase, what string) []map[string]any {
	rule := func(name, ports string, from, to int) map[string]any {
		return map[string]any{
			"SourceSecurityGroupId": c.ControlPlaneSecurityGroup, "IpProtocol": "tcp", "FromPort": from, "ToPort": to,
			"Description": fmt.Sprintf("[%s] Allow %s to communicate with control plane (%s)", name, what, ports),
		}
	}
	return append([]map[string]any{
		rule("IngressInterCluster", "kubelet and pods", 1025, 65535),
		rule("IngressInterClusterAPI", "HTTPS, such as extension API servers", 443, 443),
	}, sshRules(c, g, what)...)
}

func networkInterfaces(g *eksctl.NodeGroup, groups []any) []map[string]any {
	device := map[string]any{"DeviceIndex": 0, "Groups": groups}
	if g.PrivateNetworking {
		device["AssociatePublicIpAddress"] = false
	} else {
		device["AssociatePublicIpAddress"] = true
	}
	return []map[string]any{device}
}

func selfManagedTemplate(c *Context, g *eksctl.NodeGroup) (map[string]any, error) {
	data := launchTemplateData(c, &g.NodeGroupBase)
	data["ImageId"] = c.Image
	data["InstanceType"] = SelfManagedTypes(g)[0]
	if g.CPUCredits != "" {
		data["CreditSpecification"] = map[string]any{"CpuCredits": g.CPUCredits}
	}
	if g.EnclaveEnabled {
		data["EnclaveOptions"] = map[string]any{"Enabled": true}
	}
	userData, err := selfManagedUserData(c, g)
	if err != nil {
		return nil, fmt.Errorf("node group %q: %w", g.Name, err)
	}
	data["UserData"] = userData
	return data, nil
}

// SelfManagedTypes are the instance types of a self-managed group, in order.
func SelfManagedTypes(g *eksctl.NodeGroup) []string {
	if d := g.InstancesDistribution; d != nil && len(d.InstanceTypes) > 0 {
		return d.InstanceTypes
	}
	return []string{g.InstanceType}
}

func addGroup(t *stack.Template, c *Context, g *eksctl.NodeGroup) {
	properties := map[string]any{
		"VPCZoneIdentifier": c.Subnets, "Tags": groupTags(c, g),
		// CloudFormation has these numbers as texts.
		"MinSize": strconv.Itoa(*g.MinSize), "MaxSize": strconv.Itoa(*g.MaxSize), "DesiredCapacity": strconv.Itoa(*g.DesiredCapacity),
	}
	template := map[string]any{
		"LaunchTemplateName": stack.Sub("${AWS::StackName}"), "Version": stack.GetAtt("NodeGroupLaunchTemplate", "LatestVersionNumber"),
	}
	if g.InstancesDistribution != nil {
		properties["MixedInstancesPolicy"] = mixedInstances(g, template)
		if g.InstancesDistribution.CapacityRebalance {
			properties["CapacityRebalance"] = true
		}
	} else {
		properties["LaunchTemplate"] = template
	}
	if len(g.ClassicLoadBalancerNames) > 0 {
		properties["LoadBalancerNames"] = g.ClassicLoadBalancerNames
	}
	if len(g.TargetGroupARNs) > 0 {
		properties["TargetGroupARNs"] = g.TargetGroupARNs
	}
	if g.MaxInstanceLifetime != nil {
		properties["MaxInstanceLifetime"] = *g.MaxInstanceLifetime
	}
	var metrics []map[string]any
	for _, one := range g.ASGMetricsCollection {
		entry := map[string]any{"Granularity": one.Granularity}
		if len(one.Metrics) > 0 {
			entry["Metrics"] = one.Metrics
		}
		metrics = append(metrics, entry)
	}
	if metrics != nil {
		properties["MetricsCollection"] = metrics
	}
	rolling := map[string]any{}
	if len(g.ASGSuspendProcesses) > 0 {
		rolling["SuspendProcesses"] = g.ASGSuspendProcesses
	}
	t.Resources["NodeGroup"] = stack.Resource{
		Type: "AWS::AutoScaling::AutoScalingGroup", Properties: properties, UpdatePolicy: map[string]any{"AutoScalingRollingUpdate": rolling},
	}
}

func mixedInstances(g *eksctl.NodeGroup, template map[string]any) map[string]any {
	d := g.InstancesDistribution
	overrides := []map[string]any{}
	for _, one := range d.InstanceTypes {
		overrides = append(overrides, map[string]any{"InstanceType": one})
	}
	distribution := map[string]any{}
	for name, number := range map[string]*int{
		"OnDemandBaseCapacity": d.OnDemandBaseCapacity, "OnDemandPercentageAboveBaseCapacity": d.OnDemandPercentageAboveBaseCapacity,
		"SpotInstancePools": d.SpotInstancePools,
	} {
		if number != nil {
			distribution[name] = strconv.Itoa(*number)
		}
	}
	if d.SpotAllocationStrategy != "" {
		distribution["SpotAllocationStrategy"] = d.SpotAllocationStrategy
	}
	if d.MaxPrice != nil {
		distribution["SpotMaxPrice"] = strconv.FormatFloat(*d.MaxPrice, 'f', 6, 64)
	}
	return map[string]any{
		"LaunchTemplate":        map[string]any{"LaunchTemplateSpecification": template, "Overrides": overrides},
		"InstancesDistribution": distribution,
	}
}

func groupTags(c *Context, g *eksctl.NodeGroup) []map[string]any {
	cluster := c.Config.Metadata.Name
	tags := map[string]string{"Name": nodeName(c.Config, &g.NodeGroupBase), "kubernetes.io/cluster/" + cluster: "owned"}
	if g.IAM.WithAddonPolicies != nil && g.IAM.WithAddonPolicies.AutoScaler {
		tags["k8s.io/cluster-autoscaler/enabled"], tags["k8s.io/cluster-autoscaler/"+cluster] = "true", "owned"
	}
	if g.PropagateASGTags {
		maps.Copy(tags, AutoscalerTags(g.Labels, g.Taints))
	}
	var list []map[string]any
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]any{"Key": key, "Value": tags[key], "PropagateAtLaunch": "true"})
	}
	return list
}

// AutoscalerTags tell Cluster Autoscaler what nodes of an empty group would look
// like. It reads a taint as VALUE:EFFECT.
func AutoscalerTags(labels map[string]string, taints []eksctl.Taint) map[string]string {
	const prefix = "k8s.io/cluster-autoscaler/node-template/"
	tags := map[string]string{}
	for key, value := range labels {
		tags[prefix+"label/"+key] = value
	}
	for _, taint := range taints {
		tags[prefix+"taint/"+taint.Key] = fmt.Sprintf("%s:%s", taint.Value, taint.Effect)
	}
	return tags
}
