package engine

import "sort"

// pattern is one node of a config with pods of some items.
type pattern struct {
	config int
	parts  []part
}

type part struct{ item, count int }

// Bounds of the search for patterns: the linear program has one row for each
// item and its pivots cost the square of that.
const (
	maxPatternItems  = 256
	maxPatternRounds = 200
)

// worthPatterns is the gap to what the resources cost at least above which
// patterns are looked for, and half of which is close enough for them.
const worthPatterns = 0.02

// patternSearch finds the cheapest mixture of patterns that covers the demand:
// column generation, with a knapsack for each config that proposes columns.
type patternSearch struct {
	k        *packer
	counts   []int
	rows     []int // items with pods, by row
	rowOf    []int // by item
	lp       *covering
	patterns []pattern
	sacks    []*knapsack
	f        *filler
	steps    int
}

// packPatterns packs counts by patterns, or returns nil where that is not the
// way: too many different items, or rules that only a filler can keep.
func (k *packer) packPatterns(counts []int, runs []*packing, used usage, budget int) *packing {
	s := &patternSearch{k: k, counts: counts, rowOf: make([]int, len(k.items))}
	for i, it := range k.items {
		if counts[i] == 0 {
			continue
		}
		if ruled(it.class) || runs[0].left[i] > 0 {
			return nil
		}
		s.rowOf[i] = len(s.rows)
		s.rows = append(s.rows, i)
	}
	if len(s.rows) > maxPatternItems || len(s.rows) == 0 {
		return nil
	}
	s.prepare(runs)
	s.generate(budget)
	k.steps += s.steps
	k.prices = make([]int64, len(k.items))
	for row, i := range s.rows {
		k.prices[i] = wholePrice(s.lp.prices[row] / float64(s.counts[i]))
	}
	return s.round(used)
}

// prepare starts the program from packings that are known.
func (s *patternSearch) prepare(runs []*packing) {
	pods, dearest := 0, int64(1)
	for _, i := range s.rows {
		pods = max(pods, s.counts[i])
	}
	for _, i := range s.k.configs {
		dearest = max(dearest, s.k.p.space.configs[i].price)
	}
	s.lp = newCovering(len(s.rows), float64(dearest)*float64(pods)*4)
	s.f = newFiller(s.k.p, s.k.items, s.k.scale, append([]int(nil), s.counts...))
	for _, i := range s.k.configs {
		s.sacks = append(s.sacks, newKnapsack(s.k, i, s.counts))
	}
	for _, run := range runs {
		for i := range run.bins {
			s.bring(s.k.patternOf(&run.bins[i]))
		}
	}
}

func (k *packer) patternOf(b *bin) pattern {
	p := pattern{config: b.config}
	for _, sh := range b.shares {
		p.parts = append(p.parts, part{k.index[sh.demand], sh.count})
	}
	return p
}

// bring offers a pattern to the program and reports whether it was taken.
func (s *patternSearch) bring(p pattern) bool {
	column := make([]entry, len(p.parts))
	for n, x := range p.parts {
		column[n] = entry{s.rowOf[x.item], float64(x.count) / float64(s.counts[x.item])}
	}
	if !s.lp.bring(column, float64(s.k.p.space.configs[p.config].price), len(s.patterns)) {
		return false
	}
	s.patterns = append(s.patterns, p)
	s.steps += len(s.rows) * len(s.rows) / 8
	return true
}

// generate proposes patterns until none would make the program cheaper.
func (s *patternSearch) generate(budget int) {
	values := make([]float64, len(s.k.items))
	enough := float64(s.k.linear * (1 + worthPatterns/2))
	for round := 0; round < maxPatternRounds && s.k.steps+s.steps < budget && s.lp.objective() > enough; round++ {
		found := s.fillPatterns()
		for _, sack := range s.sacks {
			for row, i := range s.rows {
				values[i] = max(0, s.lp.prices[row]/float64(s.counts[i]))
			}
			worth := sack.solve(s.k.items, values)
			s.steps += sack.steps
			if worth > s.worthwhile(sack.config) {
				found = s.bring(sack.pattern()) || found
			}
		}
		if !found {
			return
		}
	}
}

// worthwhile is what a node of the config must be worth to be of use.
func (s *patternSearch) worthwhile(config int) float64 {
	return float64(s.k.p.space.configs[config].price) * (1 + 1e-5)
}

// fillPatterns has the filler propose nodes at the program's prices.
func (s *patternSearch) fillPatterns() bool {
	gain := make([]float64, len(s.k.items))
	for row, i := range s.rows {
		price := max(0, s.lp.prices[row]/float64(s.counts[i]))
		s.f.values[i] = wholePrice(price)
		gain[i] = price / max(s.k.items[i].linear, 1)
	}
	order := make([]int, len(s.k.items))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return gain[order[a]] > gain[order[b]] })
	found, before := false, s.f.steps
	for _, byGain := range []bool{true, false} {
		if byGain {
			s.f.order(order)
		} else {
			s.f.order(nil)
		}
		for _, i := range s.k.configs {
			if float64(s.f.fill(i)) > s.worthwhile(i) {
				found = s.bring(s.filled(i)) || found
			}
		}
	}
	s.steps += s.f.steps - before
	return found
}

func (s *patternSearch) filled(config int) pattern {
	p := pattern{config: config}
	for _, i := range s.f.touched {
		p.parts = append(p.parts, part{i, s.f.taken[i]})
	}
	return p
}

func (s *knapsack) pattern() pattern {
	p := pattern{config: s.config}
	for at, count := range s.taken {
		if count > 0 {
			p.parts = append(p.parts, part{s.items[at], count})
		}
	}
	return p
}

// round buys whole nodes of the program's patterns and packs the rest greedily.
func (s *patternSearch) round(used usage) *packing {
	out := &packing{left: append([]int(nil), s.counts...), usage: used.clone()}
	order := make([]int, len(s.lp.labels))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return s.lp.values[order[a]] > s.lp.values[order[b]] })
	for _, position := range order {
		if label := s.lp.labels[position]; label >= 0 {
			s.buy(out, s.patterns[label], int(s.lp.values[position]+1e-6))
		}
	}
	rest := s.k.run(variant{}, out.left, out.usage.clone())
	values := s.k.values()
	for _, i := range s.rows {
		s.k.items[i].value = s.k.prices[i] + 1000
	}
	if other := s.k.run(variant{}, out.left, out.usage.clone()); other.better(rest) {
		rest = other
	}
	s.k.setValues(values)
	out.bins = append(out.bins, rest.bins...)
	out.left, out.usage, out.pods = rest.left, rest.usage, out.pods+rest.pods
	out.cost, out.nodes = s.k.p.cost(out.bins)
	return out
}

// buy adds up to times nodes of the pattern, as far as pods and limits go.
func (s *patternSearch) buy(out *packing, p pattern, times int) {
	b := bin{config: p.config, times: times}
	pods := 0
	for _, x := range p.parts {
		b.shares = append(b.shares, share{demand: s.k.items[x.item].demand, count: x.count})
		b.times = min(b.times, out.left[x.item]/x.count)
		pods += x.count
	}
	if b.times <= 0 || !s.k.p.flexible(&b, out.usage) {
		return
	}
	s.k.p.rightSize(&b, out.usage)
	pool := s.k.p.space.configs[b.config].pool
	if b.times = out.usage.times(pool, b.charge, b.times); b.times <= 0 {
		return
	}
	for _, x := range p.parts {
		out.left[x.item] -= x.count * b.times
	}
	out.usage.add(pool, b.charge, b.times)
	out.pods += pods * b.times
	out.bins = append(out.bins, b)
}
