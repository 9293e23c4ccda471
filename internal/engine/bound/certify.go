package bound

import (
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
	dearest := ratio{worth: 0, price: 1}
	c.worstFirst()
	for i := range c.kinds {
		most := ratio{worth: c.refine(&c.kinds[i]), price: c.kinds[i].price}
		if dearest.less(most) {
			dearest = most
		}
	}
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

// worstFirst sorts the kinds by what their pods seem to be worth for the price:
// once the worst are examined, the others need no more than to be no worse.
func (c *checker) worstFirst() {
	for i := range c.kinds {
		c.kinds[i].seems = c.seemingWorth(c.kinds[i].view, c.kinds[i].room)
	}
	slices.SortStableFunc(c.kinds, func(a, b kind) int {
		x, y := ratio{worth: a.seems, price: a.price}, ratio{worth: b.seems, price: b.price}
		switch {
		case y.less(x):
			return -1
		case x.less(y):
			return 1
		}
		return 0
	})
}

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
