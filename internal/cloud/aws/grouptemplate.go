package aws

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/aws/joindata"
	"github.com/drover-project/drover/internal/model"
)

// recipe is what a group's nodes are made from, as far as it could be read.
type recipe struct {
	instanceType string
	requirements *ec2types.InstanceRequirements
	spot         bool
	rootVolume   int32 // GiB, 0: the image's own
	userData     string
	metadata     *ec2types.LaunchTemplateInstanceMetadataOptions
	// join is what all nodes have, bought what they have besides by how they are
	// bought.
	join   joindata.Join
	bought map[model.CapacityType]model.Traits
	// managed is the EKS node group, nil without one.
	managed *ekstypes.Nodegroup
	unread  []string
	// templateID and templateVersion are labels of EKS's nodes.
	templateID, templateVersion string
	madeFrom                    map[string]string
}

// templateAge is how long a launch template's answer is good for: people change
// the default version, and nobody tells.
const templateAge = time.Minute

// groupTemplates reads launch templates, launch configurations and EKS node
// groups, each at most once in templateAge.
type groupTemplates struct {
	clients GroupClients
	region  string
	now     func() time.Time
	log     *slog.Logger

	mu    sync.Mutex
	known map[string]templateEntry
}

type templateEntry struct {
	value any
	err   error
	until time.Time
}

// remembered calls read unless its answer is still good.
func remembered[T any](t *groupTemplates, key string, read func() (T, error)) (T, error) {
	t.mu.Lock()
	entry, ok := t.known[key]
	t.mu.Unlock()
	if ok && t.now().Before(entry.until) {
		value, _ := entry.value.(T)
		return value, entry.err
	}
	value, err := read()
	t.mu.Lock()
	defer t.mu.Unlock()
	for old, each := range t.known {
		if !t.now().Before(each.until.Add(templateAge)) {
			delete(t.known, old)
		}
	}
	t.known[key] = templateEntry{value: value, err: err, until: t.now().Add(templateAge)}
	return value, err
}

// recipe never fails: what cannot be read is said, and the group's own nodes
// tell the rest.
func (t *groupTemplates) recipe(ctx context.Context, group *types.AutoScalingGroup, translated *cloud.NodeGroup) recipe {
	var made recipe
	specification := group.LaunchTemplate
	if policy := group.MixedInstancesPolicy; policy != nil && policy.LaunchTemplate != nil {
		specification = policy.LaunchTemplate.LaunchTemplateSpecification
	}
	switch {
	case specification != nil:
		t.fromTemplate(ctx, specification, &made)
	case group.LaunchConfigurationName != nil:
		t.fromConfiguration(ctx, *group.LaunchConfigurationName, &made)
	}
	t.readUserData(group, &made)
	if translated.Managed != "" {
		managed, err := t.nodegroup(ctx, translated.Cluster, translated.Managed)
		if err != nil {
			made.unread = append(made.unread, fmt.Sprintf("EKS node group %s (labels and taints that EKS gives): %s", translated.Managed, shortError(err)))
		}
		made.managed = managed
	}
	return made
}

func (t *groupTemplates) fromTemplate(ctx context.Context, specification *types.LaunchTemplateSpecification, made *recipe) {
	version := sdk.ToString(specification.Version)
	if version == "" {
		version = "$Default"
	}
	id, name := sdk.ToString(specification.LaunchTemplateId), sdk.ToString(specification.LaunchTemplateName)
	input := &ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{version}}
	if id != "" {
		input.LaunchTemplateId = &id
	} else {
		input.LaunchTemplateName = &name
	}
	found, err := remembered(t, "template/"+id+name+"/"+version, func() (*ec2types.LaunchTemplateVersion, error) {
		answer, err := t.clients.EC2.DescribeLaunchTemplateVersions(ctx, input)
		if err != nil {
			return nil, err
		}
		if len(answer.LaunchTemplateVersions) == 0 || answer.LaunchTemplateVersions[0].LaunchTemplateData == nil {
			return nil, fmt.Errorf("EC2 answered without version %s", version)
		}
		return &answer.LaunchTemplateVersions[0], nil
	})
	if err != nil {
		made.unread = append(made.unread, fmt.Sprintf("launch template %s version %s: %s", cmpOr(name, id), version, shortError(err)))
		return
	}
	made.templateID = sdk.ToString(found.LaunchTemplateId)
	made.templateVersion = fmt.Sprint(sdk.ToInt64(found.VersionNumber))
	made.take(found.LaunchTemplateData)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (r *recipe) take(data *ec2types.ResponseLaunchTemplateData) {
	r.instanceType = string(data.InstanceType)
	r.requirements = data.InstanceRequirements
	r.spot = data.InstanceMarketOptions != nil && data.InstanceMarketOptions.MarketType == ec2types.MarketTypeSpot
	for _, mapping := range data.BlockDeviceMappings {
		if mapping.Ebs != nil && mapping.Ebs.VolumeSize != nil {
			r.rootVolume = max(r.rootVolume, *mapping.Ebs.VolumeSize)
		}
	}
	r.userData, r.metadata = sdk.ToString(data.UserData), data.MetadataOptions
}

func (t *groupTemplates) fromConfiguration(ctx context.Context, name string, made *recipe) {
	found, err := remembered(t, "configuration/"+name, func() (*types.LaunchConfiguration, error) {
		answer, err := t.clients.AutoScaling.DescribeLaunchConfigurations(ctx, &autoscaling.DescribeLaunchConfigurationsInput{LaunchConfigurationNames: []string{name}})
		if err != nil {
			return nil, err
		}
		if len(answer.LaunchConfigurations) == 0 {
			return nil, fmt.Errorf("it does not exist")
		}
		return &answer.LaunchConfigurations[0], nil
	})
	if err != nil {
		made.unread = append(made.unread, fmt.Sprintf("launch configuration %s: %s", name, shortError(err)))
		return
	}
	made.instanceType, made.spot = sdk.ToString(found.InstanceType), sdk.ToString(found.SpotPrice) != ""
	for _, mapping := range found.BlockDeviceMappings {
		if mapping.Ebs != nil && mapping.Ebs.VolumeSize != nil {
			made.rootVolume = max(made.rootVolume, *mapping.Ebs.VolumeSize)
		}
	}
	made.userData = sdk.ToString(found.UserData)
}

func (t *groupTemplates) nodegroup(ctx context.Context, cluster, name string) (*ekstypes.Nodegroup, error) {
	return remembered(t, "nodegroup/"+cluster+"/"+name, func() (*ekstypes.Nodegroup, error) {
		answer, err := t.clients.EKS.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: &cluster, NodegroupName: &name})
		if err != nil {
			return nil, err
		}
		return answer.Nodegroup, nil
	})
}

func (r *recipe) addManaged(group *cloud.NodeGroup) {
	for key, value := range r.managed.Labels {
		group.Labels[key] = value
	}
	if r.managed.CapacityType != "" {
		group.Labels["eks.amazonaws.com/capacityType"] = string(r.managed.CapacityType)
	}
	if r.templateID != "" {
		group.Labels["eks.amazonaws.com/sourceLaunchTemplateId"] = r.templateID
		group.Labels["eks.amazonaws.com/sourceLaunchTemplateVersion"] = r.templateVersion
	}
	for _, taint := range r.managed.Taints {
		effect := map[ekstypes.TaintEffect]model.TaintEffect{
			ekstypes.TaintEffectNoSchedule: model.NoSchedule, ekstypes.TaintEffectNoExecute: model.NoExecute,
			ekstypes.TaintEffectPreferNoSchedule: model.PreferNoSchedule,
		}[taint.Effect]
		group.Taints = append(group.Taints, model.Taint{Key: sdk.ToString(taint.Key), Value: sdk.ToString(taint.Value), Effect: effect})
	}
}

// shortError is the service's code and message without the SDK's frame.
func shortError(err error) string {
	if code := errorCode(err); code != "" {
		return code
	}
	return err.Error()
}
