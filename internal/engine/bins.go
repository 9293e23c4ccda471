package engine

import (
	"math"

	"github.com/drover-project/drover/internal/model"
)

// requests is the sum of the bin's pods.
func (p *problem) requests(b *bin) vector {
	sum := make(vector, len(p.resources.names))
	for _, s := range b.shares {
		sum.add(s.demand.class.request, s.count)
	}
	return sum
}

// addRequests adds what the bin's pods ask for.
func (p *problem) addRequests(b *bin, to model.Resources) {
	sum := make(vector, len(p.resources.names))
	for _, sh := range b.shares {
		if sh.demand.class.whole {
			sum.add(sh.demand.class.request, sh.count)
			continue
		}
		for name, amount := range podRequests(sh.demand.class.pod) {
			to[name] += amount * int64(sh.count)
		}
	}
	for r, name := range p.resources.names {
		if sum[r] > 0 {
			to[name] += sum[r]
		}
	}
}

// acceptable returns the configs that could take the bin's place, cheapest
// first: same pool and free labels, allowed for each pod in the same topology
// domains, and holding everything.
func (p *problem) acceptable(b *bin) []int {
	chosen := &p.space.configs[b.config]
	var list []int
	p.holders(b, math.MaxInt64, func(i int) bool {
		if p.space.configs[i].sellsLike(chosen) {
			list = append(list, i)
		}
		return true
	})
	return list
}

// cheapestChoices are as many of sortedChoices as a launch can list, where
// nothing but the price decides which.
func (p *problem) cheapestChoices(b *bin) []int {
	chosen := &p.space.configs[b.config]
	if p.wished(b) || len(chosen.pool.minValues)+len(chosen.pool.limited) > 0 {
		return p.sortedChoices(b)
	}
	list, has := make([]int, 0, p.settings.MaxOfferings), false
	p.holders(b, math.MaxInt64, func(i int) bool {
		if p.space.configs[i].sellsLike(chosen) {
			list = append(list, i)
			has = has || i == b.config
		}
		return !has || len(list) < p.settings.MaxOfferings
	})
	return list
}

// holders visits the configs below a price that hold the bin's pods, cheapest
// first, until visit returns false.
func (p *problem) holders(b *bin, below int64, visit func(int) bool) {
	if len(b.shares) == 0 {
		return
	}
	sum := p.requests(b)
	var admitted bitset // once asked for
	for n := range p.sales {
		if !sum.fits(p.sales[n].room) {
			continue
		}
		for _, i := range p.sales[n].configs {
			c := &p.space.configs[i]
			if c.price >= below {
				return
			}
			if admitted == nil {
				admitted = b.admitted()
			}
			if admitted.has(i) && p.rulesHold(b, c) && !visit(i) {
				return
			}
		}
	}
}

// admitted are the configs that all pods of the bin may be on, size apart.
func (b *bin) admitted() bitset {
	set := b.shares[0].demand.configs.clone()
	for n := range b.shares[1:] {
		set.and(b.shares[1+n].demand.configs)
	}
	return set
}

// rulesHold checks the per-node rules again when another config brings other
// DaemonSet pods.
func (p *problem) rulesHold(b *bin, c *config) bool {
	if c.daemons == p.space.configs[b.config].daemons {
		return true
	}
	if p.rooms == nil || len(p.rooms.match) != len(p.rules) {
		p.rooms = newOccupancy(len(p.rules))
	}
	return p.rulesAdmit(p.rooms, b, c, true)
}

// rulesAdmit checks the per-node rules of a node of this config with the bin's
// pods, whichever of them come first, and with opens even where an affinity asks
// for others; o is a buffer.
func (p *problem) rulesAdmit(o *occupancy, b *bin, c *config, opens bool) bool {
	var waiting []*share
	for i := range b.shares {
		if ruled(b.shares[i].demand.class) {
			waiting = append(waiting, &b.shares[i])
		}
	}
	if len(waiting) == 0 {
		return true
	}
	o.reset(p, c.daemons)
	for len(waiting) > 0 {
		var still []*share
		for _, s := range waiting {
			if o.room(s.demand.class, s.count, opens) < s.count {
				still = append(still, s)
			} else {
				o.add(s.demand.class, s.count)
			}
		}
		if len(still) == len(waiting) {
			return false
		}
		waiting = still
	}
	return true
}

// rightSize moves the bin to the cheapest config that holds it, in any pool of
// the same weight.
func (p *problem) rightSize(b *bin, used usage) {
	weight := p.space.configs[b.config].pool.spec.Weight
	p.holders(b, p.space.configs[b.config].price, func(i int) bool {
		c := &p.space.configs[i]
		if c.pool.spec.Weight != weight || used.times(c.pool, c.capacity, 1) == 0 {
			return true
		}
		moved := bin{config: i, shares: b.shares}
		if !p.flexible(&moved, used) {
			return true
		}
		b.config, b.charge = i, moved.charge
		return false
	})
}

// flexible reports whether enough different offerings hold the bin to meet the
// pool's minValues within its limits, and sets what the bin is charged.
func (p *problem) flexible(b *bin, used usage) bool {
	chosen := &p.space.configs[b.config]
	b.charge = chosen.capacity
	if len(chosen.pool.minValues) == 0 {
		return true
	}
	o := &offer{p: p, pool: chosen.pool, used: used, largest: append([]int64(nil), chosen.capacity...)}
	o.take(b.config)
	met := o.meetMinValues(p.sortedChoices(b))
	b.charge = o.largest
	return met
}

// offer is the list of offerings of one launch while it grows; what the launch
// may count for stays within the limits whichever of them is bought.
type offer struct {
	p       *problem
	pool    *pool
	used    usage // without this launch
	largest []int64
	picked  []int
}

func (o *offer) allowed(i int) bool {
	for r, amount := range o.p.space.configs[i].capacity {
		if amount > o.largest[r] && o.used[o.pool][r]+amount > o.pool.limit[r] {
			return false
		}
	}
	return true
}

func (o *offer) take(i int) {
	o.picked = append(o.picked, i)
	for r, amount := range o.p.space.configs[i].capacity {
		o.largest[r] = max(o.largest[r], amount)
	}
}

// meetMinValues takes choices until every minValues of the pool is met.
func (o *offer) meetMinValues(choices []int) bool {
	met := true
	for _, r := range o.pool.minValues {
		seen := map[string]bool{}
		for _, i := range o.picked {
			if value, ok := o.p.space.configs[i].label(r.Key); ok {
				seen[value] = true
			}
		}
		for _, i := range choices {
			value, ok := o.p.space.configs[i].label(r.Key)
			if ok && !seen[value] && len(seen) < r.MinValues && o.allowed(i) {
				seen[value] = true
				o.take(i)
			}
		}
		met = met && len(seen) >= r.MinValues
	}
	return met
}

// cost is the price of the bins per hour in nanoDollars, nodes their number.
func (p *problem) cost(bins []bin) (cost int64, nodes int) {
	for i := range bins {
		cost += p.space.configs[bins[i].config].price * int64(bins[i].times)
		nodes += bins[i].times
	}
	return cost, nodes
}
