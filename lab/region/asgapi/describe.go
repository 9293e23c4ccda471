package asgapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// pageSize is how many a page has: at most most, 50 when nothing is asked for.
func pageSize(asked *int32, most int32) (*int32, error) {
	const usual = 50
	if asked == nil {
		return aws.Int32(min(usual, most)), nil
	}
	if *asked < 1 || *asked > most {
		return nil, invalid("1 validation error detected: Value '%d' at 'maxRecords' failed to satisfy constraint: Member must have value between 1 and %d", *asked, most)
	}
	return asked, nil
}

const mostRecords = 100

// DescribeAutoScalingGroups lists groups, all or those named that there are.
func (a *AutoScaling) DescribeAutoScalingGroups(_ context.Context, in *autoscaling.DescribeAutoScalingGroupsInput) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	if err := supported(in, "AutoScalingGroupNames", "Filters", "IncludeInstances", "MaxRecords", "NextToken"); err != nil {
		return nil, err
	}
	size, err := pageSize(in.MaxRecords, mostRecords)
	if err != nil {
		return nil, err
	}
	selected, err := groupFilter(in.Filters)
	if err != nil {
		return nil, err
	}
	out := &autoscaling.DescribeAutoScalingGroupsOutput{}
	a.world.Store.View(func() {
		var list []world.Group
		for _, g := range a.world.Groups.All() {
			if (len(in.AutoScalingGroupNames) == 0 || slices.Contains(in.AutoScalingGroupNames, g.Name)) && selected(g) {
				list = append(list, g)
			}
		}
		list, out.NextToken, err = awswire.Page(list, in.NextToken, size)
		byGroup := a.membersByGroup()
		for _, g := range list {
			out.AutoScalingGroups = append(out.AutoScalingGroups, a.describeGroup(g, byGroup[g.Name]))
		}
		if in.IncludeInstances != nil && !*in.IncludeInstances {
			for i := range out.AutoScalingGroups {
				out.AutoScalingGroups[i].Instances = nil
			}
		}
	})
	if err != nil {
		return nil, paged(err)
	}
	return out, nil
}

// membersByGroup are all instances by group, each group's in the order of ids.
func (a *AutoScaling) membersByGroup() map[string][]world.Member {
	byGroup := map[string][]world.Member{}
	for _, m := range a.world.Members.All() {
		byGroup[m.Group] = append(byGroup[m.Group], m)
	}
	return byGroup
}

// groupFilter reads the filters tag-key, tag-value and tag:KEY; each must fit.
func groupFilter(filters []types.Filter) (func(world.Group) bool, error) {
	for _, f := range filters {
		name := aws.ToString(f.Name)
		if name != "tag-key" && name != "tag-value" && !strings.HasPrefix(name, "tag:") {
			return nil, invalid("Filter type %s is not correct. Allowed Filter types are: tag-key tag-value tag:<key>", name)
		}
	}
	return func(g world.Group) bool {
		return !slices.ContainsFunc(filters, func(f types.Filter) bool { return !hasTag(g, f) })
	}, nil
}

func hasTag(g world.Group, f types.Filter) bool {
	name := aws.ToString(f.Name)
	return slices.ContainsFunc(g.Tags, func(t world.GroupTag) bool {
		switch key, named := strings.CutPrefix(name, "tag:"); {
		case named:
			return t.Key == key && slices.Contains(f.Values, t.Value)
		case name == "tag-key":
			return slices.Contains(f.Values, t.Key)
		}
		return slices.Contains(f.Values, t.Value)
	})
}

func (a *AutoScaling) describeGroup(g world.Group, members []world.Member) types.AutoScalingGroup {
	out := types.AutoScalingGroup{
		AutoScalingGroupName: aws.String(g.Name), AutoScalingGroupARN: aws.String(g.ARN), CreatedTime: aws.Time(g.Created),
		MinSize: number(g.Min), MaxSize: number(g.Max), DesiredCapacity: number(g.Desired), DesiredCapacityType: optional(g.DesiredType),
		AvailabilityZones: g.Zones, VPCZoneIdentifier: aws.String(strings.Join(g.Subnets, ",")),
		DefaultCooldown: number(g.CooldownSeconds), HealthCheckType: aws.String(g.HealthCheckType), HealthCheckGracePeriod: number(g.HealthGraceSeconds),
		TerminationPolicies: g.TerminationPolicies, NewInstancesProtectedFromScaleIn: aws.Bool(g.ProtectNew),
		CapacityRebalance: aws.Bool(g.CapacityRebalance), DefaultInstanceWarmup: g.WarmupSeconds, ServiceLinkedRoleARN: aws.String(g.ServiceLinkedRoleARN),
		Context: optional(g.Context), Tags: describeTags(g), Instances: []types.Instance{},
		AvailabilityZoneDistribution: &types.AvailabilityZoneDistribution{CapacityDistributionStrategy: types.CapacityDistributionStrategyBalancedBestEffort},
	}
	describeWithout(&out)
	if g.MaxLifetimeSeconds > 0 {
		out.MaxInstanceLifetime = number(g.MaxLifetimeSeconds)
	}
	if g.Deleting {
		out.Status = aws.String("Delete in progress")
	}
	for _, s := range g.Suspended {
		out.SuspendedProcesses = append(out.SuspendedProcesses, types.SuspendedProcess{ProcessName: aws.String(s.Process), SuspensionReason: aws.String(s.Reason)})
	}
	for _, m := range g.Metrics {
		out.EnabledMetrics = append(out.EnabledMetrics, types.EnabledMetric{Metric: aws.String(m), Granularity: aws.String(granularity)})
	}
	describeSource(g, &out)
	out.WarmPoolConfiguration = describePool(g)
	warm := 0
	for _, m := range members {
		if m.Warm() {
			warm++
			continue
		}
		out.Instances = append(out.Instances, describeInstance(m))
	}
	if g.WarmPool != nil {
		out.WarmPoolSize = number(warm)
	}
	return out
}

// describeWithout says what groups here do not have; Auto Scaling says it of
// every group, and clients count on the lists.
func describeWithout(out *types.AutoScalingGroup) {
	out.LoadBalancerNames, out.TargetGroupARNs, out.TrafficSources = []string{}, []string{}, []types.TrafficSourceIdentifier{}
	out.SuspendedProcesses, out.EnabledMetrics = []types.SuspendedProcess{}, []types.EnabledMetric{}
	out.AvailabilityZoneImpairmentPolicy = &types.AvailabilityZoneImpairmentPolicy{
		ZonalShiftEnabled: aws.Bool(false), ImpairedZoneHealthCheckBehavior: types.ImpairedZoneHealthCheckBehaviorIgnoreUnhealthy,
	}
	out.CapacityReservationSpecification = &types.CapacityReservationSpecification{CapacityReservationPreference: types.CapacityReservationPreferenceDefault}
}

func describeInstance(m world.Member) types.Instance {
	out := types.Instance{
		InstanceId: aws.String(m.InstanceID), InstanceType: aws.String(m.Type), AvailabilityZone: aws.String(m.Zone), LifecycleState: m.State,
		HealthStatus: healthOf(m), ProtectedFromScaleIn: aws.Bool(m.Protected), LaunchConfigurationName: optional(m.LaunchConfiguration),
	}
	if m.Template != nil {
		out.LaunchTemplate = specification(*m.Template)
	}
	if m.Weighted {
		out.WeightedCapacity = weightText(m)
	}
	return out
}

// DescribeAutoScalingInstances lists the instances of all groups, or those named
// that are in one.
func (a *AutoScaling) DescribeAutoScalingInstances(_ context.Context, in *autoscaling.DescribeAutoScalingInstancesInput) (*autoscaling.DescribeAutoScalingInstancesOutput, error) {
	const most = 50
	if len(in.InstanceIds) > most {
		return nil, invalid("The number of instance ids that may be passed in is limited to %d", most)
	}
	size, err := pageSize(in.MaxRecords, most)
	if err != nil {
		return nil, err
	}
	out := &autoscaling.DescribeAutoScalingInstancesOutput{}
	var list []world.Member
	a.world.Store.View(func() {
		list = slices.DeleteFunc(a.world.Members.All(), func(m world.Member) bool {
			return len(in.InstanceIds) > 0 && !slices.Contains(in.InstanceIds, m.InstanceID)
		})
	})
	if list, out.NextToken, err = awswire.Page(list, in.NextToken, size); err != nil {
		return nil, paged(err)
	}
	for _, m := range list {
		i := describeInstance(m)
		health := strings.ToUpper(*i.HealthStatus)
		out.AutoScalingInstances = append(out.AutoScalingInstances, types.AutoScalingInstanceDetails{
			AutoScalingGroupName: aws.String(m.Group), InstanceId: i.InstanceId, InstanceType: i.InstanceType, AvailabilityZone: i.AvailabilityZone,
			HealthStatus: &health, LifecycleState: aws.String(string(m.State)), ProtectedFromScaleIn: i.ProtectedFromScaleIn,
			LaunchConfigurationName: i.LaunchConfigurationName, LaunchTemplate: i.LaunchTemplate, WeightedCapacity: i.WeightedCapacity,
		})
	}
	return out, nil
}
