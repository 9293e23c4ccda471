package region

import (
	"context"
	"errors"
	"fmt"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	domain "github.com/drover-project/drover/internal/eks"
)

// AutoScalingGroup describes a group with its instances.
func (r *Region) AutoScalingGroup(ctx context.Context, name string) (*domain.AutoScalingGroup, error) {
	output, err := r.autoscaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil {
		return nil, meaning(err)
	}
	if len(output.AutoScalingGroups) == 0 {
		return nil, fmt.Errorf("the Auto Scaling group %q: %w", name, domain.ErrNotFound)
	}
	g := &output.AutoScalingGroups[0]
	group := &domain.AutoScalingGroup{
		Name: name, Min: number(g.MinSize), Max: number(g.MaxSize), Desired: number(g.DesiredCapacity), Created: sdk.ToTime(g.CreatedTime),
	}
	for i := range g.Instances {
		one := &g.Instances[i]
		group.Instances = append(group.Instances, domain.Instance{
			ID: sdk.ToString(one.InstanceId), Type: sdk.ToString(one.InstanceType), Zone: sdk.ToString(one.AvailabilityZone), State: string(one.LifecycleState),
		})
	}
	template := g.LaunchTemplate
	if m := g.MixedInstancesPolicy; m != nil && m.LaunchTemplate != nil {
		template = m.LaunchTemplate.LaunchTemplateSpecification
		for i := range m.LaunchTemplate.Overrides {
			if one := sdk.ToString(m.LaunchTemplate.Overrides[i].InstanceType); one != "" {
				group.InstanceTypes = append(group.InstanceTypes, one)
			}
		}
	}
	return group, r.fromTemplate(ctx, group, template)
}

// fromTemplate completes a group with what its launch template says.
func (r *Region) fromTemplate(ctx context.Context, group *domain.AutoScalingGroup, template *types.LaunchTemplateSpecification) error {
	if template == nil {
		return nil
	}
	version := sdk.ToString(template.Version)
	if version == "" {
		version = "$Default"
	}
	input := &ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{version}, LaunchTemplateId: template.LaunchTemplateId}
	if template.LaunchTemplateId == nil {
		input.LaunchTemplateName = template.LaunchTemplateName
	}
	output, err := r.ec2.DescribeLaunchTemplateVersions(ctx, input)
	if err != nil {
		return fmt.Errorf("describing the launch template of Auto Scaling group %q: %w", group.Name, err)
	}
	for i := range output.LaunchTemplateVersions {
		data := output.LaunchTemplateVersions[i].LaunchTemplateData
		if data == nil {
			continue
		}
		group.ImageID = sdk.ToString(data.ImageId)
		if len(group.InstanceTypes) == 0 && data.InstanceType != "" {
			group.InstanceTypes = []string{string(data.InstanceType)}
		}
	}
	return nil
}

// ResizeAutoScalingGroup changes the sizes of a group.
func (r *Region) ResizeAutoScalingGroup(ctx context.Context, name string, sizes domain.Sizes) error {
	_, err := r.autoscaling.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: &name, MinSize: small(sizes.Min), MaxSize: small(sizes.Max), DesiredCapacity: small(sizes.Desired),
	})
	return meaning(err)
}

// SuspendProcesses keeps a group from doing some of what it does.
func (r *Region) SuspendProcesses(ctx context.Context, name string, processes []string) error {
	_, err := r.autoscaling.SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{AutoScalingGroupName: &name, ScalingProcesses: processes})
	return meaning(err)
}

// TagAutoScalingGroup sets tags that new instances get as well.
func (r *Region) TagAutoScalingGroup(ctx context.Context, name string, tags map[string]string) error {
	input := &autoscaling.CreateOrUpdateTagsInput{}
	for key, value := range tags {
		input.Tags = append(input.Tags, types.Tag{
			ResourceId: &name, ResourceType: sdk.String("auto-scaling-group"), Key: sdk.String(key), Value: sdk.String(value), PropagateAtLaunch: sdk.Bool(true),
		})
	}
	slices.SortFunc(input.Tags, func(a, b types.Tag) int { return cmpStrings(*a.Key, *b.Key) })
	_, err := r.autoscaling.CreateOrUpdateTags(ctx, input)
	return meaning(err)
}

// Activities lists the last activities of a group, latest first.
func (r *Region) Activities(ctx context.Context, name string) ([]domain.Activity, error) {
	output, err := r.autoscaling.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: &name, MaxRecords: sdk.Int32(20)})
	if err != nil {
		return nil, meaning(err)
	}
	var all []domain.Activity
	for i := range output.Activities {
		a := &output.Activities[i]
		all = append(all, domain.Activity{
			Status: string(a.StatusCode), Description: sdk.ToString(a.Description), Message: sdk.ToString(a.StatusMessage), Started: sdk.ToTime(a.StartTime),
		})
	}
	return all, nil
}

// Zones lists the zones that have each of some instance types.
func (r *Region) Zones(ctx context.Context, instanceTypes []string) (map[string][]string, error) {
	all := map[string][]string{}
	pages := ec2.NewDescribeInstanceTypeOfferingsPaginator(r.ec2, &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: ec2types.LocationTypeAvailabilityZone,
		Filters:      []ec2types.Filter{{Name: sdk.String("instance-type"), Values: instanceTypes}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range page.InstanceTypeOfferings {
			name := string(one.InstanceType)
			all[name] = append(all[name], sdk.ToString(one.Location))
		}
	}
	return all, nil
}

// Parameter is the value of a public parameter.
func (r *Region) Parameter(ctx context.Context, name string) (string, error) {
	output, err := r.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return "", fmt.Errorf("SSM parameter %s: %w", name, meaning(err))
	}
	return sdk.ToString(output.Parameter.Value), nil
}

// ImportKey makes a key pair of a public key, unless there is one of that name.
func (r *Region) ImportKey(ctx context.Context, name, publicKey string) error {
	_, err := r.ec2.ImportKeyPair(ctx, &ec2.ImportKeyPairInput{KeyName: &name, PublicKeyMaterial: []byte(publicKey)})
	if err = meaning(err); errors.Is(err, domain.ErrExists) {
		return nil
	}
	return err
}
