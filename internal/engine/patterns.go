package engine

// maxItemsPerNode is how many times more items than nodes there may be.
const maxItemsPerNode = 3

// worthPatterns is the gap to what the resources cost at least above which
// patterns are looked for, and half of which is close enough for them.
const worthPatterns = 0.02

// patternSearch finds the cheapest mixture of patterns that covers the demand:
// column generation, with a knapsack for each kind of node that proposes columns.
// Items that differ in nothing a pattern knows are one there: which zone they ask
// for matters when nodes are bought. Where there are many, larger ones stand for those
// that are little smaller. Those that must be beside others are in no pattern and packed
// with what is left.
type patternSearch struct {
	mixture
	of       *packer
	alike    *alike
	rooms    *occupancy
	demanded []int   // pods by item
	oneOf    []int   // by item, the item of the mixture that stands for it; -1 for none
	equals   [][]int // by item of the mixture, those that it stands for, the choosiest first
	dearest  []int   // items of the mixture by what their pods are worth, once asked for
}

// packPatterns packs counts by patterns, or returns nil where that is not the
// way: too many different items for the steps, or far fewer nodes than that, of which
// hardly any pattern would be bought whole.
func (k *packer) packPatterns(counts []int, runs []*packing, used usage, budget int) *packing {
	for i := range counts {
		if counts[i] > 0 && runs[0].left[i] > 0 {
			return nil
		}
	}
	if costsOf(k.requests(counts)) > budget-k.steps {
		return nil
	}
	s := &patternSearch{of: k, alike: newAlike(k.p, k.configs), rooms: newOccupancy(len(k.p.rules)), demanded: counts}
	items := s.merged(counts)
	if costsOf(len(items)) > budget-k.steps {
		return nil
	}
	items = s.costliest(s.roundUp(items, counts), counts)
	if len(items) == 0 || len(items) > maxItemsPerNode*runs[0].nodes {
		return nil
	}
	steps := (budget - k.steps) * 2 / 3
	part := &packer{p: k.p, items: items, configs: s.alike.configs(k.configs), scale: k.scale}
	ones := s.counted(counts)
	s.mixture = newMixture(part, ones, rowEach(ones), &k.p.work)
	s.prepare(runs)
	s.packed = func(worths []float64) { s.pack(worths, used) }
	s.generate(steps-s.steps, float64(s.proven*(1+worthPatterns/2)))
	k.steps += s.steps
	s.notePrices()
	k.mixed = s.mixed()
	return s.round(counts, used, budget)
}

// notePrices keeps what pods are worth in the end; those that larger ones stand for, less
// by as much as what they ask for costs less.
func (s *patternSearch) notePrices() {
	k := s.of
	k.prices, k.worths = make([]int64, len(k.items)), make([]int64, len(k.items))
	for i, one := range s.oneOf {
		if one >= 0 {
			part := k.items[i].linear / max(s.k.items[one].linear, 1)
			k.prices[i] = wholePrice(s.worthOf(one) * part)
			k.worths[i] = wholePrice(s.center[one] * part)
		}
	}
}

// mixed are all nodes that were in the program, each with pods of items that stand for
// those it holds.
func (s *patternSearch) mixed() []bin {
	bins := make([]bin, len(s.patterns))
	for n := range s.patterns {
		p := &s.patterns[n]
		bins[n] = bin{config: p.config, times: 1}
		for _, x := range p.parts {
			bins[n].shares = append(bins[n].shares, share{demand: s.of.items[s.equals[x.item][0]].demand, count: x.count})
		}
	}
	return bins
}

// costsOf is about what a program of so many rows takes to begin with, in steps; of more
// than fewPatternItems, which are rounded up, so many that it comes to something.
func costsOf(rows int) int {
	if rows > fewPatternItems {
		return roundedSteps
	}
	return rows * rows * rows / 2
}

const roundedSteps = 3_500_000

// prepare starts the program from packings that are known.
func (s *patternSearch) prepare(runs []*packing) {
	worths, proven := s.sizeWorths(), 0.0
	for _, i := range s.asked {
		proven += float64(worths[i] * float64(s.counts[i]))
	}
	s.begin(worths, proven)
	s.bringSingles()
	for _, run := range runs {
		s.bringAll(run)
	}
}

// pack brings the nodes of a packing of everything that goes by these worths: they
// complement each other, as those that are asked one by one do not.
func (s *patternSearch) pack(worths []float64, used usage) {
	k := s.of
	values, before := k.values(), k.steps
	for i, one := range s.oneOf {
		if one >= 0 {
			k.items[i].value = wholePrice(worths[one]) + 1000
		}
	}
	run := k.run(variant{}, s.demanded, used.clone())
	k.setValues(values)
	s.steps, k.steps = s.steps+k.steps-before, before
	s.bringAll(run)
}

// bringAll brings the nodes of a packing.
func (s *patternSearch) bringAll(run *packing) {
	for i := range run.bins {
		if p := s.patternOf(&run.bins[i]); len(p.parts) > 0 {
			s.bring(p)
		}
	}
}

// sizeWorths are what items are worth by where they may be and how large they are,
// the mean of those that are one.
func (s *patternSearch) sizeWorths() []float64 {
	groups, worths := s.of.sizeGroups(), make([]float64, len(s.counts))
	for f, prices := range s.of.groupPrices(groups, s.demanded) {
		for _, i := range groups[f] {
			if one := s.oneOf[i]; one >= 0 && s.counts[one] > 0 {
				worth := worthAt(prices, s.of.items[i].class.request)
				worths[one] += float64(worth * float64(s.demanded[i]) / float64(s.counts[one]))
			}
		}
	}
	return worths
}

// patternOf is what the program knows of a node: as many of its pods as there would be
// room for if each were as large as what stands for it.
func (s *patternSearch) patternOf(b *bin) pattern {
	pods := make(map[int]int, len(b.shares))
	var ones []int
	for _, sh := range b.shares {
		one := s.oneOf[s.of.index[sh.demand]]
		if one >= 0 && pods[one] == 0 {
			ones = append(ones, one)
		}
		pods[one] += sh.count
	}
	p, room := pattern{config: s.alike.of(b.config)}, s.of.p.space.configs[b.config].room.clone()
	for _, one := range ones {
		request := s.k.items[one].class.request
		if count := request.times(room, pods[one]); count > 0 {
			room.add(request, -count)
			p.parts = append(p.parts, part{one, count})
		}
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
