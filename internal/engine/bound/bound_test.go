package bound_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/drover-project/drover/internal/engine/bound"
)

// tiny draws a problem whose cheapest plan can be found by trying everything.
func tiny(r *rand.Rand) *bound.Problem {
	resources := 1 + r.IntN(3)
	p := &bound.Problem{}
	families := 1 + r.IntN(2)
	unit := int64(1)
	if r.IntN(3) == 0 {
		unit = 1 << 33 // amounts that have to be scaled
	}
	amounts := func(most int64) []int64 {
		list := make([]int64, resources)
		for i := range list {
			list[i] = r.Int64N(most+1)*unit + r.Int64N(unit)/2
		}
		return list
	}
	for range 1 + r.IntN(4) {
		p.Classes = append(p.Classes, bound.Class{Request: amounts(6), Count: 1 + r.Int64N(3), Family: r.IntN(families),
			PerNode: r.Int64N(3), Exclusive: r.IntN(3)})
	}
	admits := func() []bool {
		list := make([]bool, families)
		for f := range list {
			list[f] = r.IntN(4) > 0
		}
		return list
	}
	for range 1 + r.IntN(4) {
		p.Kinds = append(p.Kinds, bound.Kind{Price: 1 + r.Int64N(1000), Place: bound.Place{Room: amounts(14), Admits: admits()}})
	}
	for range r.IntN(3) {
		p.Free = append(p.Free, bound.Place{Room: amounts(9), Admits: admits()})
	}
	return p
}

// optimum is the cheapest plan: free places one after another, then nodes, each
// with every set of pods it may hold.
func optimum(p *bound.Problem) (int64, bool) {
	counts := make([]int64, len(p.Classes))
	for i := range p.Classes {
		counts[i] = p.Classes[i].Count
	}
	known := map[string]int64{}
	var rest func(left []int64, free int) int64
	rest = func(left []int64, free int) int64 {
		if sum(left) == 0 {
			return 0
		}
		key := fmt.Sprint(left, free)
		if best, done := known[key]; done {
			return best
		}
		known[key] = math.MaxInt64 / 4
		best := int64(math.MaxInt64 / 4)
		for _, part := range parts(left) {
			next := minus(left, part)
			if free < len(p.Free) && holds(p, &p.Free[free], part) {
				best = min(best, rest(next, free+1))
			}
			for k := range p.Kinds {
				if free == len(p.Free) && sum(part) > 0 && holds(p, &p.Kinds[k].Place, part) {
					best = min(best, p.Kinds[k].Price+rest(next, free))
				}
			}
		}
		known[key] = best
		return best
	}
	best := rest(counts, 0)
	return best, best < math.MaxInt64/4
}

func sum(list []int64) (total int64) {
	for _, n := range list {
		total += n
	}
	return total
}

func minus(a, b []int64) []int64 {
	c := make([]int64, len(a))
	for i := range a {
		c[i] = a[i] - b[i]
	}
	return c
}

func parts(left []int64) [][]int64 {
	all := [][]int64{{}}
	for _, n := range left {
		var next [][]int64
		for _, base := range all {
			for count := range n + 1 {
				next = append(next, append(append([]int64(nil), base...), count))
			}
		}
		all = next
	}
	return all
}

func holds(p *bound.Problem, place *bound.Place, part []int64) bool {
	need := make([]int64, len(place.Room))
	sets := map[int]int64{}
	for i, count := range part {
		c := &p.Classes[i]
		if count == 0 {
			continue
		}
		if !place.Admits[c.Family] || c.PerNode > 0 && count > c.PerNode {
			return false
		}
		if c.Exclusive > 0 {
			if sets[c.Exclusive] += count; sets[c.Exclusive] > 1 {
				return false
			}
		}
		for r, amount := range c.Request {
			need[r] += amount * count
		}
	}
	for r := range need {
		if need[r] > max(place.Room[r], 0) {
			return false
		}
	}
	return true
}

// TestNoPlanIsCheaper: whatever the duals, sensible or not, what is proven holds
// for the cheapest plan.
func TestNoPlanIsCheaper(t *testing.T) {
	proven, tight := 0, 0
	for seed := range uint64(6000) {
		r := rand.New(rand.NewPCG(seed, 3))
		p := tiny(r)
		best, possible := optimum(p)
		if !possible {
			continue
		}
		for kind := range 4 {
			d := duals(r, p, kind)
			c, err := bound.Prepare(p).Certify(d, []int{20_000, 5_000_000}[seed%2])
			if err != nil {
				continue
			}
			if c.Cost > best {
				t.Fatalf("seed %d: %d proven, but a plan costs %d\n%+v\n%+v", seed, c.Cost, best, *p, d)
			}
			if c.Cost > 0 {
				proven++
			}
			if c.Cost*10 >= best*9 && best > 0 {
				tight++
			}
		}
	}
	if proven < 5000 || tight < 500 {
		t.Errorf("only %d bounds are above zero, %d within a tenth of the optimum", proven, tight)
	}
}

// duals are drawn, from plausible to absurd.
func duals(r *rand.Rand, p *bound.Problem, kind int) bound.Duals {
	var d bound.Duals
	for i := range p.Classes {
		switch kind {
		case 0: // like the size
			d.Worth = append(d.Worth, 1+sum(p.Classes[i].Request)/(1+p.Classes[0].Request[0]/8))
		case 1:
			d.Worth = append(d.Worth, r.Int64N(400))
		case 2:
			d.Worth = append(d.Worth, r.Int64()-r.Int64())
		default:
			d.Worth = append(d.Worth, []int64{-5, math.MaxInt64, math.MinInt64, 1 << 46, 7}[r.IntN(5)])
		}
	}
	if kind == 3 && r.IntN(2) == 0 {
		d.Worth = d.Worth[:r.IntN(len(d.Worth))]
	}
	for range r.IntN(3) {
		d.Prices = append(d.Prices, []float64{r.Float64() * 50, []float64{math.NaN(), math.Inf(1), -1, 1e300, 20}[r.IntN(5)]})
	}
	return d
}

// TestDualsTooLargeAreRefused rather than overflowing into a wrong proof.
func TestDualsTooLargeAreRefused(t *testing.T) {
	p := &bound.Problem{Classes: []bound.Class{{Request: []int64{1}, Count: 1}},
		Kinds: []bound.Kind{{Price: 10, Place: bound.Place{Room: []int64{1}, Admits: []bool{true}}}}}
	if c, err := bound.Prepare(p).Certify(bound.Duals{Worth: []int64{math.MaxInt64}}, 100); err == nil {
		t.Errorf("proven: %+v", c)
	}
	c, err := bound.Prepare(p).Certify(bound.Duals{Worth: []int64{5}}, 100)
	if err != nil || c.Cost != 10 || c.Scale != 2 {
		t.Errorf("a worth of half the price is scaled to all of it: %+v %v", c, err)
	}
}
