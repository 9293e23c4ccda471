package bound

import (
	"container/heap"
	"errors"
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// fraction is how many binary digits follow the point in worths inside the
// proof.
const fraction = 16

// errTooLarge refuses duals whose sums do not fit into 63 bits.
var errTooLarge = errors.New("the duals are too large to be checked in whole numbers")

// Certify proves a lower bound on the cost of every plan that solves the problem. With
// worth w of each pod, a plan's pods are worth the sum S of all. Free places
// hold at most F of it. If a node that costs c holds at most u(c), then what is
// bought is worth at most cost * max(u/c), so the cost is at least
// (S-F) / max(u/c), and when S is more than F at least one node is bought. Steps
// bounds the work spent on making u small.
func (p *Prepared) Certify(d Duals, steps int) (Certificate, error) {
	if len(p.classes) == 0 {
		return Certificate{}, nil
	}
	c := newChecker(p, d, steps)
	if c.err != nil {
		return Certificate{}, c.err
	}
	dearest := c.dearest()
	total := c.total()
	for _, place := range c.free {
		held := new(big.Int).SetInt64(c.seemingWorth(place.view, place.room))
		total.Sub(total, held.Mul(held, big.NewInt(place.times)))
	}
	if c.err != nil {
		return Certificate{}, c.err
	}
	if dearest.worth == 0 || dearest.price == 0 || total.Sign() <= 0 {
		return Certificate{}, nil
	}
	cost := total.Mul(total, big.NewInt(dearest.price))
	cost.Quo(cost, big.NewInt(dearest.worth))
	if !cost.IsInt64() {
		return Certificate{}, errTooLarge
	}
	return Certificate{Cost: max(cost.Int64(), p.cheapest), Scale: math.Ldexp(float64(dearest.price), fraction) / float64(dearest.worth)}, nil
}

// cheapestNode is the least that a node costs which holds any pod; 0 when none
// does.
func (p *Problem) cheapestNode() int64 {
	least := int64(0)
	for i := range p.Kinds {
		if k := &p.Kinds[i]; (least == 0 || k.Price < least) && k.holdsAny(p.Classes) {
			least = k.Price
		}
	}
	return least
}

func (p *Place) holdsAny(classes []Class) bool {
	return slices.ContainsFunc(classes, func(c Class) bool { return c.Count > 0 && p.Admits[c.Family] && fits(c.Request, p.Room) })
}

func fits(request, room []int64) bool {
	for r, amount := range request {
		if amount > 0 && amount > room[r] {
			return false
		}
	}
	return true
}

// ratio is what a node holds at most for what it costs.
type ratio struct{ worth, price int64 }

func (r ratio) less(s ratio) bool {
	high1, low1 := bits.Mul64(uint64(r.worth), uint64(s.price))
	high2, low2 := bits.Mul64(uint64(s.worth), uint64(r.price))
	return high1 < high2 || high1 == high2 && low1 < low2
}

// dearest is the most that pods on any node are worth for its price, as far as can
// be told: again and again the worst node is examined more closely, until that is
// not possible.
func (c *checker) dearest() ratio {
	worst := worstFirst{}
	for i := range c.kinds {
		k := &c.kinds[i]
		k.most = c.seemingWorth(k.view, k.room)
		worst = append(worst, k)
	}
	heap.Init(&worst)
	for len(worst) > 0 && worst[0].price > 0 && c.refine(worst[0]) {
		heap.Fix(&worst, 0)
	}
	if len(worst) == 0 {
		return ratio{worth: 0, price: 1}
	}
	return worst[0].holds()
}

func (k *kind) holds() ratio { return ratio{worth: k.most, price: k.price} }

// worstFirst is a heap of kinds by what their pods are worth for the price.
type worstFirst []*kind

func (w worstFirst) Len() int           { return len(w) }
func (w worstFirst) Less(i, j int) bool { return w[j].holds().less(w[i].holds()) }
func (w worstFirst) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }

// Push is part of heap.Interface; nothing is added later.
func (w *worstFirst) Push(any) {}

// Pop is part of heap.Interface; nothing is taken out.
func (w *worstFirst) Pop() any { return nil }

// total is what all pods are worth.
func (c *checker) total() *big.Int {
	sum := new(big.Int)
	for i := range c.classes {
		worth := big.NewInt(c.classes[i].worth)
		sum.Add(sum, worth.Mul(worth, big.NewInt(c.classes[i].count)))
	}
	return sum
}

// mulAdd returns sum + a*b for numbers that are not negative; false when that
// does not fit.
func mulAdd(sum, a, b int64) (int64, bool) {
	high, low := bits.Mul64(uint64(a), uint64(b))
	low, carry := bits.Add64(low, uint64(sum), 0)
	if high+carry != 0 || low > math.MaxInt64 {
		return 0, false
	}
	return int64(low), true
}
