package region

import (
	"context"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	domain "github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/nodegroups"
)

var _ nodegroups.AWS = (*Region)(nil)

// Nodegroups lists the names of a cluster's managed groups.
func (r *Region) Nodegroups(ctx context.Context, cluster string) ([]string, error) {
	var all []string
	pages := eks.NewListNodegroupsPaginator(r.eks, &eks.ListNodegroupsInput{ClusterName: &cluster})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, meaning(err)
		}
		all = append(all, page.Nodegroups...)
	}
	slices.Sort(all)
	return all, nil
}

// Nodegroup describes a managed group.
func (r *Region) Nodegroup(ctx context.Context, cluster, name string) (*domain.Nodegroup, error) {
	output, err := r.eks.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: &cluster, NodegroupName: &name})
	if err != nil {
		return nil, meaning(err)
	}
	return toNodegroup(output.Nodegroup), nil
}

func toNodegroup(n *types.Nodegroup) *domain.Nodegroup {
	group := &domain.Nodegroup{
		Name: sdk.ToString(n.NodegroupName), ARN: sdk.ToString(n.NodegroupArn), Status: string(n.Status), Version: sdk.ToString(n.Version),
		ReleaseVersion: sdk.ToString(n.ReleaseVersion), InstanceTypes: n.InstanceTypes, AMIType: string(n.AmiType), CapacityType: string(n.CapacityType),
		RoleARN: sdk.ToString(n.NodeRole), Labels: n.Labels, Tags: n.Tags, Created: sdk.ToTime(n.CreatedAt),
	}
	if s := n.ScalingConfig; s != nil {
		group.Min, group.Max, group.Desired = number(s.MinSize), number(s.MaxSize), number(s.DesiredSize)
	}
	if n.Resources != nil {
		for _, one := range n.Resources.AutoScalingGroups {
			group.AutoScalingGroups = append(group.AutoScalingGroups, sdk.ToString(one.Name))
		}
	}
	if l := n.LaunchTemplate; l != nil {
		group.LaunchTemplate = &domain.LaunchTemplate{ID: sdk.ToString(l.Id), Name: sdk.ToString(l.Name), Version: sdk.ToString(l.Version)}
	}
	if n.Health != nil {
		for _, issue := range n.Health.Issues {
			group.Issues = append(group.Issues, domain.Issue{Code: string(issue.Code), Message: sdk.ToString(issue.Message), Resources: issue.ResourceIds})
		}
	}
	return group
}

// ResizeNodegroup changes the sizes of a managed group.
func (r *Region) ResizeNodegroup(ctx context.Context, cluster, name string, sizes domain.Sizes) (string, error) {
	output, err := r.eks.UpdateNodegroupConfig(ctx, &eks.UpdateNodegroupConfigInput{
		ClusterName: &cluster, NodegroupName: &name,
		ScalingConfig: &types.NodegroupScalingConfig{MinSize: small(sizes.Min), MaxSize: small(sizes.Max), DesiredSize: small(sizes.Desired)},
	})
	if err != nil {
		return "", meaning(err)
	}
	return updateID(output.Update), nil
}

func updateID(update *types.Update) string {
	if update == nil {
		return ""
	}
	return sdk.ToString(update.Id)
}

// UpgradeNodegroup begins to bring a managed group to another version.
func (r *Region) UpgradeNodegroup(ctx context.Context, cluster, name string, to domain.Upgrade) (string, error) {
	input := &eks.UpdateNodegroupVersionInput{ClusterName: &cluster, NodegroupName: &name, Force: to.Force}
	if to.Version != "" {
		input.Version = &to.Version
	}
	if to.ReleaseVersion != "" {
		input.ReleaseVersion = &to.ReleaseVersion
	}
	if l := to.LaunchTemplate; l != nil {
		input.LaunchTemplate = &types.LaunchTemplateSpecification{Version: &l.Version}
		if l.ID != "" {
			input.LaunchTemplate.Id = &l.ID
		} else {
			input.LaunchTemplate.Name = &l.Name
		}
	}
	output, err := r.eks.UpdateNodegroupVersion(ctx, input)
	if err != nil {
		return "", meaning(err)
	}
	return updateID(output.Update), nil
}

// NodegroupUpdate describes an update of a managed group.
func (r *Region) NodegroupUpdate(ctx context.Context, cluster, name, id string) (*domain.Update, error) {
	output, err := r.eks.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: &cluster, NodegroupName: &name, UpdateId: &id})
	if err != nil {
		return nil, meaning(err)
	}
	update := &domain.Update{ID: id, Type: string(output.Update.Type), Status: string(output.Update.Status)}
	for _, one := range output.Update.Errors {
		update.Errors = append(update.Errors, domain.Issue{Code: string(one.ErrorCode), Message: sdk.ToString(one.ErrorMessage), Resources: one.ResourceIds})
	}
	return update, nil
}

// DeleteNodegroup begins to delete a managed group.
func (r *Region) DeleteNodegroup(ctx context.Context, cluster, name string) error {
	_, err := r.eks.DeleteNodegroup(ctx, &eks.DeleteNodegroupInput{ClusterName: &cluster, NodegroupName: &name})
	return meaning(err)
}
