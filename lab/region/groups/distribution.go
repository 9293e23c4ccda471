package groups

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/world"
)

// OnDemandShare is how much of a capacity is to be on-demand: the base, and of
// what is above it the percentage, a fraction counting as on-demand.
func OnDemandShare(capacity, base, percent int) int {
	if capacity <= base {
		return capacity
	}
	above := capacity - base
	return base + (above*percent+99)/100
}

// onDemandOf is OnDemandShare by the distribution of a group.
func onDemandOf(g world.Group, capacity int) int {
	d := g.Mixed.InstancesDistribution
	return OnDemandShare(capacity, int(aws.ToInt32(d.OnDemandBaseCapacity)), int(aws.ToInt32(d.OnDemandPercentageAboveBaseCapacity)))
}

// units is the capacity of the counting instances of one purchase option.
func (r *Round) units(spot bool) (units int) {
	for _, m := range r.Members {
		if Counts(m) && m.Spot == spot {
			units += m.Weight
		}
	}
	return units
}

// shares splits units over places that have some already, so that the fullest
// and the emptiest differ as little as can be; earlier places come first. A place
// gets multiples of step, so that the sum may be more than units.
func shares(units int, has []int, step int) []int {
	more := make([]int, len(has))
	for ; units > 0 && len(has) > 0; units -= step {
		least := 0
		for i := range has {
			if has[i]+more[i] < has[least]+more[least] {
				least = i
			}
		}
		more[least] += step
	}
	return more
}

// smallest is the weight of the lightest of the options.
func smallest(options []ec2api.Option) int {
	weight := 0
	for _, o := range options {
		if weight == 0 || o.Weight < weight {
			weight = o.Weight
		}
	}
	return max(weight, 1)
}
