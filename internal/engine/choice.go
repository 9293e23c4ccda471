package engine

import "container/heap"

// choice finds the config whose filled node is worth most for its price. What
// is left only shrinks, so that what a config gave last time is about the most
// it can give: only those that still promise more than the best are filled
// again.
type choice struct {
	k        *packer
	f        *filler
	largest  int64     // variant.largest
	smallest int64     // variant.smallest
	promise  []float64 // worth for the price, by position in k.configs
	order    []int     // positions, a heap: most promising first
	banned   map[int]bool
	dropped  bool // some config held nothing and has been left out since
}

func (k *packer) newChoice(f *filler, v variant) *choice {
	g := &choice{k: k, f: f, largest: v.largest, smallest: v.smallest, banned: map[int]bool{}, promise: make([]float64, len(k.configs))}
	g.restart()
	return g
}

func (g *choice) restart() {
	g.order, g.dropped = g.order[:0], false
	for n, i := range g.k.configs {
		price := g.k.p.space.configs[i].price
		g.promise[n] = g.k.promise[n] / float64(max(price, 1))
		if !g.banned[i] && (g.largest == 0 || price <= g.largest) && price >= g.smallest {
			g.order = append(g.order, n)
		}
	}
	heap.Init(g)
}

// unbound lets nodes be as large as they come.
func (g *choice) unbound() {
	g.largest, g.smallest = 0, 0
	g.restart()
}

// ban keeps a config from being chosen again.
func (g *choice) ban(config int) {
	g.banned[config] = true
	g.restart()
}

// choose returns the config, with the filler's node filled, or -1. Pods that
// must share a node may fit later where they did not before: only when nothing
// is left to try after a fresh start is there none.
func (g *choice) choose(used usage, remaining int64) int {
	config := g.pick(used, remaining)
	if config < 0 && g.dropped {
		g.restart()
		config = g.pick(used, remaining)
	}
	return config
}

func (g *choice) pick(used usage, remaining int64) int {
	filled, best := -1, -1
	bestRatio := 0.0
	var held []int
	for len(g.order) > 0 {
		n := g.order[0]
		i := g.k.configs[n]
		c := &g.k.p.space.configs[i]
		price := float64(max(c.price, 1))
		if g.promise[n] <= bestRatio {
			break
		}
		heap.Pop(g)
		if used.times(c.pool, c.capacity, 1) == 0 {
			continue // limits only get tighter
		}
		if min(g.promise[n], float64(remaining)/price) <= bestRatio {
			held = append(held, n)
			continue
		}
		ratio := float64(g.f.fill(i)) / price
		filled = i
		g.promise[n] = ratio
		if ratio > 0 {
			held = append(held, n)
		} else {
			g.dropped = true
		}
		if ratio > bestRatio {
			best, bestRatio = i, ratio
		}
	}
	for _, n := range held {
		heap.Push(g, n)
	}
	if best >= 0 && best != filled {
		g.f.fill(best)
	}
	return best
}

// Len, Less, Swap, Push and Pop make the positions a heap.
func (g *choice) Len() int { return len(g.order) }

// Less puts the most promising first.
func (g *choice) Less(a, b int) bool {
	x, y := g.order[a], g.order[b]
	if g.promise[x] != g.promise[y] {
		return g.promise[x] > g.promise[y]
	}
	return x < y
}

// Swap is part of the heap.
func (g *choice) Swap(a, b int) { g.order[a], g.order[b] = g.order[b], g.order[a] }

// Push is part of the heap.
func (g *choice) Push(n any) { g.order = append(g.order, n.(int)) }

// Pop is part of the heap.
func (g *choice) Pop() any {
	last := g.order[len(g.order)-1]
	g.order = g.order[:len(g.order)-1]
	return last
}
