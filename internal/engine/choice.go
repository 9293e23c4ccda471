package engine

// choice finds the config whose filled node is worth most for its price. What
// is left only shrinks, so that what a config gave last time is about the most
// it can give: only those that still promise more than the best are filled
// again.
type choice struct {
	k        *packer
	f        *filler
	largest  int64     // variant.largest
	smallest int64     // variant.smallest
	prices   []float64 // what a node takes of money or limits, by position in k.configs
	worth    []float64 // packer.promises at the start
	optional bool      // may end when the steps for runs are used up
	order    []promise // a heap: most promising first
	banned   map[int]bool
	held     []promise // buffer
	dropped  bool      // some config held nothing and has been left out since
}

// promise is what a config may be worth for its price.
type promise struct {
	worth float64
	at    int // position in k.configs
}

// before orders the heap: the most promising first.
func (x promise) before(y promise) bool {
	if x.worth != y.worth {
		return x.worth > y.worth
	}
	return x.at < y.at
}

func (k *packer) newChoice(f *filler, v variant, used usage, remaining int64) *choice {
	if k.choice == nil {
		k.choice = &choice{k: k, worth: make([]float64, len(k.configs)),
			prices: make([]float64, len(k.configs)), order: make([]promise, 0, len(k.configs)), banned: map[int]bool{}}
	}
	g := k.choice // its buffers serve one run after the other
	g.f, g.largest, g.smallest, g.optional = f, v.largest, v.smallest, v.limit > 0
	clear(g.banned)
	k.promises(f.left, g.worth)
	for n, i := range k.configs {
		c := &k.p.space.configs[i]
		g.prices[n] = float64(max(c.price, 1))
		if v.thrifty {
			g.prices[n] += float64(used.share(c) * limitWorth)
		}
	}
	g.restart(remaining)
	return g
}

// limitWorth is more than any node costs: where limits are scarce, money only
// decides between nodes that use as much of them.
const limitWorth = 1e18

// share is how much of what the pool's limits leave one node uses.
func (u usage) share(c *config) float64 {
	most := 0.0
	for r, amount := range c.capacity {
		if amount > 0 {
			most = max(most, float64(amount)/float64(max(c.pool.limit[r]-u[c.pool][r], 1)))
		}
	}
	return most
}

func (g *choice) restart(remaining int64) {
	g.order, g.dropped = g.order[:0], false
	for n, i := range g.k.configs {
		price := g.k.p.space.configs[i].price
		if !g.banned[i] && (g.largest == 0 || price <= g.largest) && price >= g.smallest {
			g.order = append(g.order, promise{min(g.worth[n], float64(remaining)) / g.prices[n], n})
		}
	}
	for at := len(g.order)/2 - 1; at >= 0; at-- {
		g.down(at)
	}
}

// unbound lets nodes be as large as they come.
func (g *choice) unbound(remaining int64) {
	g.largest, g.smallest = 0, 0
	g.restart(remaining)
}

// ban keeps a config from being chosen again.
func (g *choice) ban(config int, remaining int64) {
	g.banned[config] = true
	g.restart(remaining)
}

// choose returns the config, with the filler's node filled, or -1. Pods that
// must share a node may fit later where they did not before: only when nothing
// is left to try after a fresh start is there none.
func (g *choice) choose(used usage, remaining int64) int {
	config := g.pick(used, remaining)
	if config < 0 && g.dropped {
		g.restart(remaining)
		config = g.pick(used, remaining)
	}
	return config
}

func (g *choice) pick(used usage, remaining int64) int {
	filled, best := -1, -1
	bestRatio := 0.0
	held := g.held[:0]
	for len(g.order) > 0 {
		top := g.order[0]
		i, price := g.k.configs[top.at], g.prices[top.at]
		c := &g.k.p.space.configs[i]
		if top.worth <= bestRatio || g.optional && g.k.steps+g.f.steps > g.k.most {
			break
		}
		if used.times(c.pool, c.capacity, 1) == 0 {
			g.pop()
			continue // limits only get tighter
		}
		if min(top.worth, float64(remaining)/price) <= bestRatio {
			g.pop()
			held = append(held, top)
			continue
		}
		ratio := float64(g.f.fill(i)) / price
		filled = i
		if g.order[0].worth = ratio; ratio > 0 {
			g.down(0) // no more than the best, so that it is not filled again
		} else {
			g.pop()
			g.dropped = true
		}
		if ratio > bestRatio {
			best, bestRatio = i, ratio
		}
	}
	for _, x := range held {
		g.push(x)
	}
	g.held = held
	if best >= 0 && best != filled {
		g.f.fill(best)
	}
	return best
}

func (g *choice) push(x promise) {
	g.order = append(g.order, x)
	at := len(g.order) - 1
	for at > 0 {
		parent := (at - 1) / 2
		if !x.before(g.order[parent]) {
			break
		}
		g.order[at] = g.order[parent]
		at = parent
	}
	g.order[at] = x
}

// pop drops the first.
func (g *choice) pop() {
	last := len(g.order) - 1
	g.order[0] = g.order[last]
	g.order = g.order[:last]
	if last > 0 {
		g.down(0)
	}
}

func (g *choice) down(at int) {
	x := g.order[at]
	for {
		child := 2*at + 1
		if child >= len(g.order) {
			break
		}
		if child+1 < len(g.order) && g.order[child+1].before(g.order[child]) {
			child++
		}
		if !g.order[child].before(x) {
			break
		}
		g.order[at] = g.order[child]
		at = child
	}
	g.order[at] = x
}
