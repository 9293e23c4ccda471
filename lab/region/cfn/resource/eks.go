package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

func eksTypes() []Type {
	return []Type{
		{
			Name: "AWS::EKS::Nodegroup", Tagged: true, Handler: nodegroup{},
			Properties: props([]string{"ForceUpdateEnabled", "Labels", "LaunchTemplate", "NodeRepairConfig", "ReleaseVersion", "ScalingConfig", "Tags", "Taints", "UpdateConfig", "Version"},
				[]string{"AmiType", "CapacityType", "ClusterName", "DiskSize", "InstanceTypes", "NodegroupName", "NodeRole", "RemoteAccess", "Subnets"}),
			Required: []string{"ClusterName", "NodeRole", "Subnets"}, Attributes: []string{"Arn", "ClusterName", "Id", "NodegroupName"},
			Takes: 5 * time.Second, Deletes: 5 * time.Second,
		},
		{
			Name: "AWS::EKS::Addon", Tagged: true, Handler: addon{},
			Properties: props([]string{"AddonVersion", "ConfigurationValues", "PodIdentityAssociations", "PreserveOnDelete", "ResolveConflicts", "ServiceAccountRoleArn", "Tags"},
				[]string{"AddonName", "ClusterName"}),
			Required: []string{"AddonName", "ClusterName"}, Attributes: []string{"Arn"}, Takes: 5 * time.Second, Deletes: 2 * time.Second,
		},
		{
			Name: "AWS::EKS::AccessEntry", Tagged: true, Handler: accessEntry{},
			Properties: props([]string{"AccessPolicies", "KubernetesGroups", "Tags", "Username"}, []string{"ClusterName", "PrincipalArn", "Type"}),
			Required:   []string{"ClusterName", "PrincipalArn"}, Attributes: []string{"AccessEntryArn"}, Takes: time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EKS::PodIdentityAssociation", Tagged: true, Handler: podIdentity{},
			Properties: props([]string{"DisableSessionTags", "RoleArn", "Tags", "TargetRoleArn"}, []string{"ClusterName", "Namespace", "ServiceAccount"}),
			Required:   []string{"ClusterName", "Namespace", "RoleArn", "ServiceAccount"}, Attributes: []string{"AssociationArn", "AssociationId", "ExternalId"},
			Takes: time.Second, Deletes: time.Second,
		},
	}
}

// mapTags are tags that a template writes as a list or, for node groups, as an
// object.
func (c *Call) mapTags() map[string]string {
	tags := c.userTags()
	for key := range c.Properties.Object("Tags") {
		tags[key] = c.Properties.Object("Tags").Text(key)
	}
	return tags
}

// nodegroup is AWS::EKS::Nodegroup; its identifier is cluster/group.
type nodegroup struct{}

func (nodegroup) Create(ctx context.Context, c *Call) (Made, error) {
	in := &eks.CreateNodegroupInput{}
	if err := c.Properties.Without("Tags", "ForceUpdateEnabled").Decode(in); err != nil {
		return Made{}, err
	}
	const longestGroup = 63
	in.NodegroupName, in.Tags = aws.String(c.named("NodegroupName", longestGroup)), c.mapTags()
	out, err := c.EKS.CreateNodegroup(ctx, in)
	if err != nil {
		return Made{}, err
	}
	id := *in.ClusterName + "/" + *in.NodegroupName
	return Made{id, map[string]any{
		"Arn": aws.ToString(out.Nodegroup.NodegroupArn), "ClusterName": *in.ClusterName, "Id": id, "NodegroupName": *in.NodegroupName,
	}}, nil
}

func (c *Call) cluster() *string { return aws.String(c.Properties.Text("ClusterName")) }

func (c *Call) groupName() *string {
	_, name, _ := strings.Cut(c.Physical, "/")
	return &name
}

// Settled waits for the group to be active, and for the updates of a change one
// after the other: EKS does one at a time.
func (n nodegroup) Settled(ctx context.Context, c *Call) (bool, error) {
	out, err := c.EKS.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: c.cluster(), NodegroupName: c.groupName()})
	if err != nil {
		return false, err
	}
	switch g := out.Nodegroup; g.Status {
	case types.NodegroupStatusCreateFailed, types.NodegroupStatusDeleteFailed:
		return false, Failed{Reason: issues(g.Health)}
	case types.NodegroupStatusActive, types.NodegroupStatusDegraded:
	default:
		return false, nil
	}
	if c.Before == nil {
		return true, nil
	}
	return n.updated(ctx, c)
}

// issues are a node group's health issues as CloudFormation quotes them.
func issues(health *types.NodegroupHealth) string {
	var list []string
	if health != nil {
		for _, i := range health.Issues {
			list = append(list, fmt.Sprintf("Issue(Code=%s, Message=%s, ResourceIds=[%s])", i.Code, aws.ToString(i.Message), strings.Join(i.ResourceIds, ", ")))
		}
	}
	return fmt.Sprintf("[%s] (Service: null, Status Code: 0, Request ID: null)", strings.Join(list, ", "))
}

// updates is how far the change of a node group is.
type updates struct {
	Under string // id of the update under way
	Then  bool   // the version is still to be updated
}

func (n nodegroup) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	arn := aws.String(c.attribute("Arn"))
	if tags := c.mapTags(); len(tags) > 0 {
		if _, err := c.EKS.TagResource(ctx, &eks.TagResourceInput{ResourceArn: arn, Tags: tags}); err != nil {
			return made, err
		}
	}
	state := updates{Then: c.changes("Version", "ReleaseVersion", "LaunchTemplate")}
	if c.changes("Labels", "Taints", "ScalingConfig", "UpdateConfig", "NodeRepairConfig") {
		id, err := c.updateConfig(ctx)
		if err != nil {
			return made, err
		}
		state.Under = id
	}
	return made, c.keepUpdates(ctx, state)
}

// keepUpdates begins the second update when the first is not needed, and notes
// where it is.
func (c *Call) keepUpdates(ctx context.Context, state updates) (err error) {
	if state.Under == "" && state.Then {
		state.Then = false
		if state.Under, err = c.updateVersion(ctx); err != nil {
			return err
		}
	}
	c.Memory, err = json.Marshal(state)
	return err
}

func (c *Call) changes(names ...string) bool {
	for _, name := range names {
		if c.Before.JSON(name) != c.Properties.JSON(name) {
			return true
		}
	}
	return false
}

func (c *Call) updateConfig(ctx context.Context) (string, error) {
	in := &eks.UpdateNodegroupConfigInput{ClusterName: c.cluster(), NodegroupName: c.groupName()}
	if err := c.Properties.Only("ScalingConfig", "UpdateConfig", "NodeRepairConfig").Decode(in); err != nil {
		return "", err
	}
	if before, after := c.Before.Object("Labels"), c.Properties.Object("Labels"); c.changes("Labels") {
		in.Labels = &types.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{}}
		for key := range after {
			in.Labels.AddOrUpdateLabels[key] = after.Text(key)
		}
		for key := range before {
			if !after.Has(key) {
				in.Labels.RemoveLabels = append(in.Labels.RemoveLabels, key)
			}
		}
	}
	if c.changes("Taints") {
		var before, after struct{ Taints []types.Taint }
		if err := c.Before.Only("Taints").Decode(&before); err != nil {
			return "", err
		}
		if err := c.Properties.Only("Taints").Decode(&after); err != nil {
			return "", err
		}
		in.Taints = &types.UpdateTaintsPayload{AddOrUpdateTaints: after.Taints, RemoveTaints: without(before.Taints, after.Taints)}
	}
	out, err := c.EKS.UpdateNodegroupConfig(ctx, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Update.Id), nil
}

// without are the taints whose key and effect are in the first list only.
func without(before, after []types.Taint) (gone []types.Taint) {
	kept := map[string]bool{}
	for _, t := range after {
		kept[aws.ToString(t.Key)+":"+string(t.Effect)] = true
	}
	for _, t := range before {
		if !kept[aws.ToString(t.Key)+":"+string(t.Effect)] {
			gone = append(gone, t)
		}
	}
	return gone
}

func (c *Call) updateVersion(ctx context.Context) (string, error) {
	in := &eks.UpdateNodegroupVersionInput{ClusterName: c.cluster(), NodegroupName: c.groupName(), Force: c.Properties.Text("ForceUpdateEnabled") == "true"}
	if err := c.Properties.Only("Version", "ReleaseVersion", "LaunchTemplate").Decode(in); err != nil {
		return "", err
	}
	out, err := c.EKS.UpdateNodegroupVersion(ctx, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Update.Id), nil
}

func (n nodegroup) updated(ctx context.Context, c *Call) (bool, error) {
	var state updates
	if len(c.Memory) > 0 {
		if err := json.Unmarshal(c.Memory, &state); err != nil {
			return false, err
		}
	}
	if state.Under == "" {
		return true, nil
	}
	out, err := c.EKS.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: c.cluster(), NodegroupName: c.groupName(), UpdateId: &state.Under})
	if err != nil {
		return false, err
	}
	switch out.Update.Status {
	case types.UpdateStatusFailed, types.UpdateStatusCancelled:
		var reasons []string
		for _, e := range out.Update.Errors {
			reasons = append(reasons, fmt.Sprintf("Issue(Code=%s, Message=%s, ResourceIds=[%s])", e.ErrorCode, aws.ToString(e.ErrorMessage), strings.Join(e.ResourceIds, ", ")))
		}
		return false, Failed{Reason: fmt.Sprintf("[%s] (Service: null, Status Code: 0, Request ID: null)", strings.Join(reasons, ", "))}
	case types.UpdateStatusSuccessful:
		state.Under = ""
		if !state.Then {
			return true, nil
		}
		return false, c.keepUpdates(ctx, state)
	}
	return false, nil
}

func (nodegroup) Delete(ctx context.Context, c *Call) error {
	_, err := c.EKS.DeleteNodegroup(ctx, &eks.DeleteNodegroupInput{ClusterName: c.cluster(), NodegroupName: c.groupName()})
	return unlessGone(err)
}

func (nodegroup) Gone(ctx context.Context, c *Call) (bool, error) {
	out, err := c.EKS.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: c.cluster(), NodegroupName: c.groupName()})
	if IsGone(err) {
		return true, nil
	}
	if err == nil && out.Nodegroup.Status == types.NodegroupStatusDeleteFailed {
		return false, Failed{Reason: issues(out.Nodegroup.Health)}
	}
	return false, err
}
