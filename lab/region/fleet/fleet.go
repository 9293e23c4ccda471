// Package fleet decides from which pools an EC2 Fleet of type instant takes its
// instances, by the allocation strategies that EC2 documents. It knows neither
// instances nor state: the caller supplies what each candidate can give.
package fleet

import (
	"cmp"
	"math"
	"slices"
)

// Strategy is an allocation strategy.
type Strategy string

// The strategies of on-demand (LowestPrice, Prioritized) and of Spot (all but
// Prioritized).
const (
	LowestPrice                  Strategy = "lowest-price"
	Prioritized                  Strategy = "prioritized"
	Diversified                  Strategy = "diversified"
	CapacityOptimized            Strategy = "capacity-optimized"
	CapacityOptimizedPrioritized Strategy = "capacity-optimized-prioritized"
	PriceCapacityOptimized       Strategy = "price-capacity-optimized"
)

// Candidate is one pool a fleet may take from.
type Candidate struct {
	USD float64 // per hour
	// Priority is the caller's, the lowest number first; nil comes last.
	Priority *float64
	// Depth is how much spare capacity the pool has, 0 (none) to 10.
	Depth int
}

// Request is what a fleet wants.
type Request struct {
	Candidates []Candidate // in the order of the call
	Target     int
	Strategy   Strategy
	// PoolsToUse is over how many of the cheapest pools LowestPrice spreads;
	// 0 is 1.
	PoolsToUse int
}

// Take asks candidate i for instances, or for units of capacity where instances
// have weights. It gives how many it got, with an error when that is less than
// wanted; units may be more.
type Take func(i, want int) (got int, err error)

// Shortage is a candidate that gave less than was asked of it.
type Shortage struct {
	Candidate int
	Err       error
}

// deepEnough is from which depth a pool counts as having the highest
// availability, for PriceCapacityOptimized and CapacityOptimizedPrioritized; of
// shallower ones it is the deepest.
const deepEnough = 4

// Fill takes from the candidates in the order of the strategy until the target
// is met or all were asked. Every candidate that fell short is reported once.
func (r Request) Fill(take Take) []Shortage {
	order := r.order()
	f := filling{take: take, missing: r.Target}
	switch r.Strategy {
	case Diversified:
		f.spread(order)
	case LowestPrice:
		first := min(max(r.PoolsToUse, 1), len(order))
		f.spread(order[:first])
		f.inTurn(order[first:])
	default:
		f.inTurn(order)
	}
	return f.short
}

// order is the candidates' places, best first.
func (r Request) order() []int {
	order := make([]int, len(r.Candidates))
	for i := range order {
		order[i] = i
	}
	deep := 0
	for _, c := range r.Candidates {
		deep = max(deep, min(c.Depth, deepEnough))
	}
	slices.SortStableFunc(order, func(a, b int) int { return r.compare(r.Candidates[a], r.Candidates[b], deep) })
	return order
}

func (r Request) compare(a, b Candidate, deep int) int {
	switch r.Strategy {
	case Prioritized:
		return cmp.Compare(a.priority(), b.priority())
	case CapacityOptimized:
		return cmp.Compare(b.Depth, a.Depth)
	case CapacityOptimizedPrioritized:
		return cmp.Or(cmp.Compare(b.atLeast(deep), a.atLeast(deep)), cmp.Compare(a.priority(), b.priority()), cmp.Compare(b.Depth, a.Depth))
	case PriceCapacityOptimized:
		return cmp.Or(cmp.Compare(b.atLeast(deep), a.atLeast(deep)), cmp.Compare(a.USD, b.USD))
	case Diversified:
		return 0
	default:
		return cmp.Compare(a.USD, b.USD)
	}
}

func (c Candidate) priority() float64 {
	if c.Priority == nil {
		return math.Inf(1)
	}
	return *c.Priority
}

// atLeast is 1 for the pools that are so deep, 0 for the others.
func (c Candidate) atLeast(deep int) int {
	if c.Depth >= deep {
		return 1
	}
	return 0
}

// filling is a fleet on its way to its target.
type filling struct {
	take    Take
	missing int
	short   []Shortage
}

// inTurn asks each candidate for all that is missing.
func (f *filling) inTurn(order []int) {
	for _, i := range order {
		if f.missing <= 0 {
			return
		}
		f.ask(i, f.missing)
	}
}

// spread asks the candidates for equal shares, and those that still have for
// what the others could not give.
func (f *filling) spread(order []int) {
	for left := slices.Clone(order); f.missing > 0 && len(left) > 0; {
		shares, missing := len(left), f.missing
		left = slices.DeleteFunc(left, func(i int) bool {
			share := (missing + shares - 1) / shares
			missing, shares = missing-share, shares-1
			return share > 0 && !f.ask(i, share)
		})
	}
}

// ask reports whether the candidate gave all it was asked for.
func (f *filling) ask(i, want int) bool {
	got, err := f.take(i, want)
	f.missing -= got
	if err != nil {
		f.short = append(f.short, Shortage{Candidate: i, Err: err})
	}
	return err == nil
}
