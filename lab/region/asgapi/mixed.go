package asgapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/fleet"
	"github.com/drover-project/drover/lab/region/requirements"
)

// Limits of a mixed instances policy.
const (
	mostTypes        = 40
	mostRequirements = 4
	mostWeight       = 999
	mostPools        = 20
	defaultPools     = 2
)

// mixed is a policy as the request describes it over the one that the group
// has: what the request leaves out stays.
func (a *AutoScaling) mixed(before *types.MixedInstancesPolicy, in types.MixedInstancesPolicy) (p types.MixedInstancesPolicy, err error) {
	p.LaunchTemplate, p.InstancesDistribution = &types.LaunchTemplate{}, &types.InstancesDistribution{}
	if before != nil {
		template, distribution := *before.LaunchTemplate, *before.InstancesDistribution
		p.LaunchTemplate, p.InstancesDistribution = &template, &distribution
	}
	if t := in.LaunchTemplate; t != nil {
		if t.LaunchTemplateSpecification != nil {
			use, err := a.template(t.LaunchTemplateSpecification)
			if err != nil {
				return p, err
			}
			p.LaunchTemplate.LaunchTemplateSpecification = specification(use)
		}
		if t.Overrides != nil {
			if p.LaunchTemplate.Overrides, err = a.overrides(t.Overrides); err != nil {
				return p, err
			}
		}
	}
	if p.LaunchTemplate.LaunchTemplateSpecification == nil {
		return p, invalid("The mixed instances policy must contain a launch template: LaunchTemplate.LaunchTemplateSpecification.")
	}
	byRequirements := slices.ContainsFunc(p.LaunchTemplate.Overrides, func(o types.LaunchTemplateOverrides) bool { return o.InstanceRequirements != nil })
	return p, distribute(p.InstancesDistribution, in.InstancesDistribution, byRequirements)
}

// overrides checks overrides and completes the launch templates that they name.
func (a *AutoScaling) overrides(list []types.LaunchTemplateOverrides) ([]types.LaunchTemplateOverrides, error) {
	var overrides []types.LaunchTemplateOverrides
	names, weights, sets := map[string]bool{}, 0, 0
	for _, o := range list {
		if err := checkOverride(o); err != nil {
			return nil, err
		}
		if name := aws.ToString(o.InstanceType); name != "" {
			if names[name] {
				return nil, invalid("The overrides contain the instance type %s more than once. Each instance type can be specified only once.", name)
			}
			names[name] = true
		}
		if o.WeightedCapacity != nil {
			weights++
		}
		if o.InstanceRequirements != nil {
			sets++
		}
		if o.LaunchTemplateSpecification != nil {
			use, err := a.template(o.LaunchTemplateSpecification)
			if err != nil {
				return nil, err
			}
			o.LaunchTemplateSpecification = specification(use)
		}
		overrides = append(overrides, o)
	}
	switch {
	case len(names) > mostTypes:
		return nil, invalid("The number of instance types in the overrides, %d, exceeds the limit of %d.", len(names), mostTypes)
	case sets > mostRequirements:
		return nil, invalid("The number of InstanceRequirements in the overrides, %d, exceeds the limit of %d.", sets, mostRequirements)
	case sets > 0 && sets < len(list):
		return nil, invalid("You can't specify InstanceRequirements in some overrides and InstanceType in others.")
	case weights > 0 && weights < len(list):
		return nil, invalid("You must specify a WeightedCapacity for all of the overrides or for none.")
	}
	return overrides, nil
}

func checkOverride(o types.LaunchTemplateOverrides) error {
	r := o.InstanceRequirements
	if r != nil {
		if o.InstanceType != nil {
			return invalid("You can't specify both InstanceType and InstanceRequirements in an override.")
		}
		if o.WeightedCapacity != nil {
			return invalid("You can't specify WeightedCapacity together with InstanceRequirements. Use DesiredCapacityType.")
		}
		if r.VCpuCount == nil || r.VCpuCount.Min == nil || r.MemoryMiB == nil || r.MemoryMiB.Min == nil {
			return invalid("InstanceRequirements must contain VCpuCount with Min and MemoryMiB with Min.")
		}
		if len(r.AllowedInstanceTypes) > 0 && len(r.ExcludedInstanceTypes) > 0 {
			return invalid("You can't specify both AllowedInstanceTypes and ExcludedInstanceTypes.")
		}
		if name := requirements.Unknown(*r); name != "" {
			return unsupported("the parameter " + name)
		}
		return nil
	}
	if o.WeightedCapacity == nil {
		return nil
	}
	if n, err := strconv.Atoi(*o.WeightedCapacity); err != nil || n < 1 || n > mostWeight {
		return invalid("WeightedCapacity must be a whole number between 1 and %d, not %q.", mostWeight, *o.WeightedCapacity)
	}
	return nil
}

// distribute lays a distribution over another and fills in what is not set.
func distribute(d, in *types.InstancesDistribution, byRequirements bool) error {
	if in == nil {
		in = &types.InstancesDistribution{}
	}
	if err := supported(in, "OnDemandAllocationStrategy", "OnDemandBaseCapacity", "OnDemandPercentageAboveBaseCapacity",
		"SpotAllocationStrategy", "SpotInstancePools", "SpotMaxPrice"); err != nil {
		return err
	}
	onDemand, spot := fleet.Prioritized, fleet.LowestPrice
	if byRequirements {
		onDemand = fleet.LowestPrice
	}
	if in.SpotAllocationStrategy != nil && *in.SpotAllocationStrategy != string(fleet.LowestPrice) {
		d.SpotInstancePools = nil // those of the strategy before
	}
	d.OnDemandAllocationStrategy = choice(in.OnDemandAllocationStrategy, d.OnDemandAllocationStrategy, string(onDemand))
	d.SpotAllocationStrategy = choice(in.SpotAllocationStrategy, d.SpotAllocationStrategy, string(spot))
	d.OnDemandBaseCapacity = choice(in.OnDemandBaseCapacity, d.OnDemandBaseCapacity, 0)
	d.OnDemandPercentageAboveBaseCapacity = choice(in.OnDemandPercentageAboveBaseCapacity, d.OnDemandPercentageAboveBaseCapacity, 100)
	d.SpotMaxPrice = choice(in.SpotMaxPrice, d.SpotMaxPrice, "")
	if in.SpotInstancePools != nil {
		d.SpotInstancePools = in.SpotInstancePools
	}
	if err := checkStrategies(d, byRequirements); err != nil {
		return err
	}
	return checkShares(d)
}

// choice is the first that is set.
func choice[T any](asked, before *T, otherwise T) *T {
	switch {
	case asked != nil:
		return asked
	case before != nil:
		return before
	}
	return &otherwise
}

func checkStrategies(d *types.InstancesDistribution, byRequirements bool) error {
	onDemand := []string{string(fleet.Prioritized), string(fleet.LowestPrice)}
	spot := []string{string(fleet.LowestPrice), string(fleet.CapacityOptimized), string(fleet.CapacityOptimizedPrioritized), string(fleet.PriceCapacityOptimized)}
	if byRequirements {
		onDemand = onDemand[1:]
		spot = slices.DeleteFunc(spot, func(s string) bool { return s == string(fleet.CapacityOptimizedPrioritized) })
	}
	for _, c := range []struct {
		name, value string
		valid       []string
	}{{"OnDemandAllocationStrategy", *d.OnDemandAllocationStrategy, onDemand}, {"SpotAllocationStrategy", *d.SpotAllocationStrategy, spot}} {
		if !slices.Contains(c.valid, c.value) {
			return invalid("'%s' is not a valid %s for this group. Valid values are %s.", c.value, c.name, strings.Join(c.valid, ", "))
		}
	}
	if *d.SpotAllocationStrategy != string(fleet.LowestPrice) {
		if d.SpotInstancePools != nil {
			return invalid("SpotInstancePools option is only available with the lowest-price allocation strategy.")
		}
		return nil
	}
	d.SpotInstancePools = choice(d.SpotInstancePools, nil, defaultPools)
	if n := *d.SpotInstancePools; n < 1 || n > mostPools {
		return invalid("SpotInstancePools must be between 1 and %d, not %d.", mostPools, n)
	}
	return nil
}

func checkShares(d *types.InstancesDistribution) error {
	if n := *d.OnDemandBaseCapacity; n < 0 {
		return below(n, "mixedInstancesPolicy.instancesDistribution.onDemandBaseCapacity", 0)
	}
	if n := *d.OnDemandPercentageAboveBaseCapacity; n < 0 || n > 100 {
		return invalid("OnDemandPercentageAboveBaseCapacity must be between 0 and 100, not %d.", n)
	}
	const lowest = 0.001
	if price := *d.SpotMaxPrice; price != "" {
		if usd, err := strconv.ParseFloat(price, 64); err != nil || usd < lowest {
			return invalid("SpotMaxPrice must be a price of at least %v, not %q.", lowest, price)
		}
	}
	return nil
}
