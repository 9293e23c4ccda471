package nodegroups

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/world"
)

// Life cycle hooks of the Auto Scaling groups, and how many seconds an instance
// waits in them when nobody completes them.
const (
	launchHook       = "Launch-LC-Hook"
	terminateHook    = "Terminate-LC-Hook"
	heartbeatSeconds = 1800
	cooldownSeconds  = 300
	graceSeconds     = 15
)

// find is the Auto Scaling group of a node group, nil when there is none.
func (s *Service) find(ctx context.Context, g world.NodeGroup) (*asgtypes.AutoScalingGroup, error) {
	out, err := s.scaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{g.AutoScalingGroup()}})
	if err != nil || len(out.AutoScalingGroups) == 0 {
		return nil, err
	}
	return &out.AutoScalingGroups[0], nil
}

// Desired is how many nodes the Auto Scaling group of a node group is to have;
// known is false without such a group.
func (s *Service) Desired(ctx context.Context, g world.NodeGroup) (desired int32, known bool) {
	group, err := s.find(ctx, g)
	if err != nil || group == nil || group.Status != nil {
		return 0, false
	}
	return aws.ToInt32(group.DesiredCapacity), true
}

func (s *Service) makeGroup(ctx context.Context, g world.NodeGroup) error {
	size := g.Description.ScalingConfig
	_, err := s.scaling.CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(g.AutoScalingGroup()), MinSize: size.MinSize, MaxSize: size.MaxSize, DesiredCapacity: size.DesiredSize,
		VPCZoneIdentifier: aws.String(strings.Join(g.Description.Subnets, ",")), MixedInstancesPolicy: s.mixed(g, g.TemplateVersion),
		CapacityRebalance: aws.Bool(true), DefaultCooldown: aws.Int32(cooldownSeconds),
		HealthCheckType: aws.String("EC2"), HealthCheckGracePeriod: aws.Int32(graceSeconds),
		TerminationPolicies:            []string{"AllocationStrategy", "OldestLaunchTemplate", "OldestInstance"},
		LifecycleHookSpecificationList: hooks(), Tags: s.groupTags(g),
	})
	return err
}

func hooks() []asgtypes.LifecycleHookSpecification {
	hook := func(name, transition string) asgtypes.LifecycleHookSpecification {
		return asgtypes.LifecycleHookSpecification{
			LifecycleHookName: aws.String(name), LifecycleTransition: aws.String(transition),
			DefaultResult: aws.String("CONTINUE"), HeartbeatTimeout: aws.Int32(heartbeatSeconds),
		}
	}
	return []asgtypes.LifecycleHookSpecification{
		hook(launchHook, "autoscaling:EC2_INSTANCE_LAUNCHING"), hook(terminateHook, "autoscaling:EC2_INSTANCE_TERMINATING"),
	}
}

// mixed is the policy of a node group's Auto Scaling group: EKS always sets one.
func (s *Service) mixed(g world.NodeGroup, version int64) *asgtypes.MixedInstancesPolicy {
	policy := &asgtypes.MixedInstancesPolicy{
		LaunchTemplate: &asgtypes.LaunchTemplate{LaunchTemplateSpecification: &asgtypes.LaunchTemplateSpecification{
			LaunchTemplateId: aws.String(g.Template), Version: aws.String(strconv.FormatInt(version, 10)),
		}},
		InstancesDistribution: &asgtypes.InstancesDistribution{
			OnDemandAllocationStrategy: aws.String("prioritized"), OnDemandBaseCapacity: aws.Int32(0), OnDemandPercentageAboveBaseCapacity: aws.Int32(100),
			SpotAllocationStrategy: aws.String("price-capacity-optimized"),
		},
	}
	if g.Description.CapacityType == types.CapacityTypesSpot {
		policy.InstancesDistribution.OnDemandPercentageAboveBaseCapacity = aws.Int32(0)
	}
	s.world.Store.View(func() {
		for _, name := range InstanceTypes(s.world, g) {
			policy.LaunchTemplate.Overrides = append(policy.LaunchTemplate.Overrides, asgtypes.LaunchTemplateOverrides{InstanceType: aws.String(name)})
		}
	})
	return policy
}

// groupTags are the tags of the Auto Scaling group, which its instances get.
// Those of the node group are not among them.
func (s *Service) groupTags(g world.NodeGroup) []asgtypes.Tag {
	cluster := s.world.Options.Cluster.Name
	tag := func(key, value string) asgtypes.Tag {
		return asgtypes.Tag{
			Key: aws.String(key), Value: aws.String(value), PropagateAtLaunch: aws.Bool(true),
			ResourceId: aws.String(g.AutoScalingGroup()), ResourceType: aws.String("auto-scaling-group"),
		}
	}
	return []asgtypes.Tag{
		tag(tagCluster, cluster), tag(tagGroup, g.Name()),
		tag("k8s.io/cluster-autoscaler/enabled", "true"), tag("k8s.io/cluster-autoscaler/"+cluster, "owned"),
		tag("kubernetes.io/cluster/"+cluster, "owned"),
	}
}

// adopt makes the Auto Scaling group of the node group that a region begins
// with, around its instances.
func (s *Service) adopt(ctx context.Context, v view) error {
	g, size := v.group, v.group.Description.ScalingConfig
	if v.asg == nil {
		empty := g
		empty.Description.ScalingConfig = &types.NodegroupScalingConfig{MinSize: aws.Int32(0), MaxSize: size.MaxSize, DesiredSize: aws.Int32(0)}
		if err := s.makeGroup(ctx, empty); err != nil {
			return err
		}
	}
	var left []string
	for _, id := range s.instancesOf(g) {
		if v.asg == nil || !slices.ContainsFunc(v.asg.Instances, func(i asgtypes.Instance) bool { return aws.ToString(i.InstanceId) == id }) {
			left = append(left, id)
		}
	}
	if len(left) > 0 {
		if _, err := s.scaling.AttachInstances(ctx, &autoscaling.AttachInstancesInput{AutoScalingGroupName: aws.String(g.AutoScalingGroup()), InstanceIds: left}); err != nil {
			return err
		}
	}
	return s.resize(ctx, g, sizes{min: size.MinSize})
}

// instancesOf are the running instances that have the group's tag.
func (s *Service) instancesOf(g world.NodeGroup) (ids []string) {
	s.world.Store.View(func() {
		for _, i := range s.world.Instances.All() {
			if s.world.TagsOf(i.ID)[tagGroup] == g.Name() && i.State == "running" {
				ids = append(ids, i.ID)
			}
		}
	})
	return ids
}

// sizes are those of an Auto Scaling group; nil stays as it is.
type sizes struct{ min, max, desired *int32 }

func (s *Service) resize(ctx context.Context, g world.NodeGroup, to sizes) error {
	_, err := s.scaling.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(g.AutoScalingGroup()), MinSize: to.min, MaxSize: to.max, DesiredCapacity: to.desired,
	})
	return err
}

// useTemplate lets the group's next instances come of a template version.
func (s *Service) useTemplate(ctx context.Context, g world.NodeGroup, version int64) error {
	_, err := s.scaling.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(g.AutoScalingGroup()), MixedInstancesPolicy: s.mixed(g, version),
	})
	return err
}

func (s *Service) completeHook(ctx context.Context, g world.NodeGroup, hook, instance string) {
	_, err := s.scaling.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String(g.AutoScalingGroup()), LifecycleHookName: aws.String(hook),
		InstanceId: aws.String(instance), LifecycleActionResult: aws.String("CONTINUE"),
	})
	if err != nil {
		s.log.Info("a life cycle hook is not completed", "nodegroup", g.Name(), "instance", instance, "hook", hook, "error", err)
	}
}

// terminate ends one instance of a group.
func (s *Service) terminate(ctx context.Context, instance string, shrink bool) error {
	_, err := s.scaling.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: aws.String(instance), ShouldDecrementDesiredCapacity: aws.Bool(shrink),
	})
	return err
}

// templateVersion is the version of the group's template that an instance was
// launched from; 0 when that is not known.
func templateVersion(i asgtypes.Instance) int64 {
	if i.LaunchTemplate == nil {
		return 0
	}
	number, _ := strconv.ParseInt(aws.ToString(i.LaunchTemplate.Version), 10, 64)
	return number
}
