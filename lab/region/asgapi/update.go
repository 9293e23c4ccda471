package asgapi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

// UpdateAutoScalingGroup changes what the request names and leaves the rest.
// Instances that run stay as they are.
func (a *AutoScaling) UpdateAutoScalingGroup(_ context.Context, in *autoscaling.UpdateAutoScalingGroupInput) (*autoscaling.UpdateAutoScalingGroupOutput, error) {
	if err := supported(in, "AutoScalingGroupName", "AvailabilityZoneDistribution", "AvailabilityZoneIds", "AvailabilityZones", "CapacityRebalance",
		"Context", "DefaultCooldown", "DefaultInstanceWarmup", "DesiredCapacity", "DesiredCapacityType", "HealthCheckGracePeriod", "HealthCheckType",
		"LaunchConfigurationName", "LaunchTemplate", "MaxInstanceLifetime", "MaxSize", "MinSize", "MixedInstancesPolicy",
		"NewInstancesProtectedFromScaleIn", "ServiceLinkedRoleARN", "TerminationPolicies", "VPCZoneIdentifier"); err != nil {
		return nil, err
	}
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		if err := a.apply(&r.Group, in); err != nil {
			return err
		}
		g := r.Group
		desired := min(max(g.Desired, g.Min), g.Max)
		if in.DesiredCapacity != nil {
			desired = int(*in.DesiredCapacity)
		}
		if err := checkDesired(desired, g); err != nil {
			return err
		}
		r.SetDesired(desired, fmt.Sprintf("a user request update of AutoScalingGroup constraints to min: %d, max: %d, desired: %d", g.Min, g.Max, desired))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.UpdateAutoScalingGroupOutput{}, nil
}

// apply changes a group as a request says, all but its desired capacity.
func (a *AutoScaling) apply(g *world.Group, in *autoscaling.UpdateAutoScalingGroupInput) error {
	for _, part := range []func(*world.Group, *autoscaling.UpdateAutoScalingGroupInput) error{
		applySizes, a.applyZones, a.applySource, applyHealth, applyPolicies, applyFlags,
	} {
		if err := part(g, in); err != nil {
			return err
		}
	}
	if g.WarmPool != nil {
		if err := a.checkWarmable(*g); err != nil {
			return err
		}
	}
	return a.checkLaunches(*g)
}

func applySizes(g *world.Group, in *autoscaling.UpdateAutoScalingGroupInput) error {
	for _, size := range []struct {
		asked *int32
		into  *int
		name  string
	}{{in.MinSize, &g.Min, "minSize"}, {in.MaxSize, &g.Max, "maxSize"}} {
		if size.asked == nil {
			continue
		}
		if *size.asked < 0 {
			return below(*size.asked, size.name, 0)
		}
		*size.into = int(*size.asked)
	}
	if g.Max < g.Min {
		return invalid("Max bound, %d, must be greater than or equal to min bound, %d", g.Max, g.Min)
	}
	return nil
}

func checkDesired(desired int, g world.Group) error {
	if desired < g.Min || desired > g.Max {
		return invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", desired, g.Min, g.Max)
	}
	return nil
}

func checkName(name string) error {
	const longest = 255
	if name == "" || len(name) > longest || strings.ContainsAny(name, ":\r\n") {
		return invalid("1 validation error detected: Value '%s' at 'autoScalingGroupName' failed to satisfy constraint: "+
			"Member must have length between 1 and %d, without colons and line breaks", name, longest)
	}
	return nil
}

// applyZones works out the group's zones from subnets, zone names or zone ids.
func (a *AutoScaling) applyZones(g *world.Group, in *autoscaling.UpdateAutoScalingGroupInput) error {
	if d := in.AvailabilityZoneDistribution; d != nil && d.CapacityDistributionStrategy != "" &&
		d.CapacityDistributionStrategy != types.CapacityDistributionStrategyBalancedBestEffort {
		return unsupported("AvailabilityZoneDistribution.CapacityDistributionStrategy " + string(d.CapacityDistributionStrategy) + ", only balanced-best-effort")
	}
	named, err := a.namedZones(in.AvailabilityZones, in.AvailabilityZoneIds)
	if err != nil {
		return err
	}
	if in.VPCZoneIdentifier == nil {
		if named != nil {
			g.Zones, g.Subnets = named, nil
		}
	} else if g.Zones, g.Subnets, err = a.subnetZones(*in.VPCZoneIdentifier); err != nil {
		return err
	} else if named != nil && len(g.Subnets) > 0 && !sameZones(named, g.Zones) {
		return invalid("The availability zones of the specified subnets and the AutoScalingGroup do not match")
	}
	if len(g.Zones) == 0 {
		return invalid("At least one Availability Zone or VPC Subnet is required.")
	}
	return nil
}

func sameZones(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (a *AutoScaling) namedZones(names, ids []string) (zones []string, err error) {
	for _, name := range names {
		if !a.world.Network.HasZone(name) {
			return nil, invalid("Invalid availability zones: [%s]", name)
		}
		if !slices.Contains(zones, name) {
			zones = append(zones, name)
		}
	}
	for _, id := range ids {
		i := slices.IndexFunc(a.world.Network.Zones, func(z world.Zone) bool { return z.ID == id })
		if i < 0 {
			return nil, invalid("Invalid availability zone IDs: [%s]", id)
		}
		if name := a.world.Network.Zones[i].Name; !slices.Contains(zones, name) {
			zones = append(zones, name)
		}
	}
	return zones, nil
}

// subnetZones reads a list of subnets, separated by commas.
func (a *AutoScaling) subnetZones(list string) (zones, subnets []string, err error) {
	for id := range strings.SplitSeq(list, ",") {
		if id = strings.TrimSpace(id); id == "" {
			continue
		}
		s, exists := a.world.Network.Subnet(id)
		if !exists {
			return nil, nil, invalid("The subnet ID '%s' does not exist", id)
		}
		if !slices.Contains(subnets, id) {
			subnets = append(subnets, id)
		}
		if !slices.Contains(zones, s.Zone.Name) {
			zones = append(zones, s.Zone.Name)
		}
	}
	return zones, subnets, nil
}

func applyHealth(g *world.Group, in *autoscaling.UpdateAutoScalingGroupInput) error {
	if in.HealthCheckType != nil {
		for kind := range strings.SplitSeq(*in.HealthCheckType, ",") {
			if !slices.Contains([]string{"EC2", "ELB", "EBS", "VPC_LATTICE"}, strings.TrimSpace(kind)) {
				return invalid("Invalid health check type: %s. Valid values are EC2, ELB, EBS and VPC_LATTICE", *in.HealthCheckType)
			}
		}
		g.HealthCheckType = *in.HealthCheckType
	}
	for _, seconds := range []struct {
		asked *int32
		into  *int
		name  string
	}{{in.HealthCheckGracePeriod, &g.HealthGraceSeconds, "healthCheckGracePeriod"}, {in.DefaultCooldown, &g.CooldownSeconds, "defaultCooldown"}} {
		if seconds.asked == nil {
			continue
		}
		if *seconds.asked < 0 {
			return below(*seconds.asked, seconds.name, 0)
		}
		*seconds.into = int(*seconds.asked)
	}
	if in.MaxInstanceLifetime != nil {
		const shortest = 86400
		if n := *in.MaxInstanceLifetime; n != 0 && n < shortest {
			return invalid("MaxInstanceLifetime must be 0 or at least %d seconds", shortest)
		}
		g.MaxLifetimeSeconds = int(*in.MaxInstanceLifetime)
	}
	return nil
}

func applyPolicies(g *world.Group, in *autoscaling.UpdateAutoScalingGroupInput) error {
	if len(in.TerminationPolicies) == 0 {
		return nil
	}
	for _, policy := range in.TerminationPolicies {
		if strings.HasPrefix(policy, "arn:") {
			return unsupported("a Lambda function as termination policy")
		}
		if !slices.Contains(terminationPolicies(), policy) {
			return invalid("Invalid termination policy: %s. Valid policies are %s", policy, strings.Join(terminationPolicies(), ", "))
		}
	}
	g.TerminationPolicies = slices.Clone(in.TerminationPolicies)
	return nil
}

func applyFlags(g *world.Group, in *autoscaling.UpdateAutoScalingGroupInput) error {
	if in.NewInstancesProtectedFromScaleIn != nil {
		g.ProtectNew = *in.NewInstancesProtectedFromScaleIn
	}
	if in.CapacityRebalance != nil {
		g.CapacityRebalance = *in.CapacityRebalance
	}
	if in.DefaultInstanceWarmup != nil {
		g.WarmupSeconds = in.DefaultInstanceWarmup
		if *in.DefaultInstanceWarmup < 0 {
			g.WarmupSeconds = nil // -1 takes it away
		}
	}
	if in.Context != nil {
		g.Context = *in.Context
	}
	if in.ServiceLinkedRoleARN != nil {
		g.ServiceLinkedRoleARN = *in.ServiceLinkedRoleARN
	}
	switch kind := aws.ToString(in.DesiredCapacityType); kind {
	case "":
	case groups.Units, groups.VCPU, groups.MemoryMiB:
		g.DesiredType = kind
	default:
		return invalid("Invalid desired capacity type: %s. Valid values are units, vcpu and memory-mib", kind)
	}
	return nil
}
