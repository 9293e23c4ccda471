package engine

// requests is the sum of the bin's pods.
func (p *problem) requests(b *bin) vector {
	sum := make(vector, len(p.resources.names))
	for _, s := range b.shares {
		sum.add(s.demand.class.request, s.count)
	}
	return sum
}

// acceptable returns the configs that could take the bin's place: same pool and
// free labels, allowed for each pod in the same topology domains, and holding
// everything.
func (p *problem) acceptable(b *bin) []int {
	return p.holders(b, func(c *config) bool {
		chosen := &p.space.configs[b.config]
		return c.pool == chosen.pool && sameLabels(c.free, chosen.free)
	})
}

// holders returns the configs that pass the filter and hold the bin's pods.
func (p *problem) holders(b *bin, pass func(*config) bool) []int {
	if len(b.shares) == 0 {
		return nil
	}
	set := b.shares[0].demand.configs.clone()
	for _, s := range b.shares[1:] {
		set.and(s.demand.configs)
	}
	sum := p.requests(b)
	var list []int
	set.each(func(i int) {
		c := &p.space.configs[i]
		if sum.fits(c.room) && pass(c) && p.rulesHold(b, c) {
			list = append(list, i)
		}
	})
	return list
}

// rulesHold checks the per-node rules again when another config brings other
// DaemonSet pods.
func (p *problem) rulesHold(b *bin, c *config) bool {
	if c.daemons == p.space.configs[b.config].daemons {
		return true
	}
	o := newOccupancy(len(p.rules))
	o.reset(p, c.daemons)
	for _, s := range b.shares {
		if ruled(s.demand.class) {
			if o.room(s.demand.class, s.count, true) < s.count {
				return false
			}
			o.add(s.demand.class, s.count)
		}
	}
	return true
}

func sameLabels(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key, value := range a {
		if b[key] != value {
			return false
		}
	}
	return true
}

// rightSize moves the bin to the cheapest config that holds it, in any pool of
// the same weight.
func (p *problem) rightSize(b *bin, used usage) {
	weight := p.space.configs[b.config].pool.spec.Weight
	best, price := b.config, p.space.configs[b.config].price
	cheaper := func(c *config) bool {
		return c.price < price && c.pool.spec.Weight == weight && used.times(c, 1) > 0
	}
	for _, i := range p.holders(b, cheaper) {
		if c := &p.space.configs[i]; c.price < price {
			moved := bin{config: i, shares: b.shares}
			if p.flexible(&moved) {
				best, price = i, c.price
			}
		}
	}
	b.config = best
}

// flexible reports whether enough different offerings hold the bin to meet the
// pool's minValues.
func (p *problem) flexible(b *bin) bool {
	needs := p.space.configs[b.config].pool.minValues
	if len(needs) == 0 {
		return true
	}
	acceptable := p.acceptable(b)
	for _, r := range needs {
		seen := map[string]bool{}
		for _, i := range acceptable {
			if value, ok := p.space.configs[i].label(r.Key); ok {
				seen[value] = true
			}
		}
		if len(seen) < r.MinValues {
			return false
		}
	}
	return true
}

// cost is the price of the bins per hour in nanoDollars, nodes their number.
func (p *problem) cost(bins []bin) (cost int64, nodes int) {
	for i := range bins {
		cost += p.space.configs[bins[i].config].price * int64(bins[i].times)
		nodes += bins[i].times
	}
	return cost, nodes
}
