package engine

import (
	"math"
	"sort"
)

// Ranks in which a node is filled: what has the fewest other places first.
const (
	rankPerNode    = iota // rules limit its number per node
	rankFollower          // must share a node with others
	rankRestricted        // only some configs will do
	rankFree
	ranks
)

// item is a demand as one pool tier sees it.
type item struct {
	demand  *demand
	class   *class
	configs bitset // of this tier
	family  int
	rank    int
	value   int64   // nanoDollars per hour that a pod is worth, a little more when hard to place
	linear  float64 // what its resources and its slot cost at least
	slot    float64 // of that, the slot
	tilt    float64
	// homeSize is how many configs admit the family.
	homeSize int
	solo     int // most pods of it that one node of this tier holds
	perNode  int // rough cap by per-node rules
	follows  []int
	anchors  []int // rules for which others wait beside it
}

// restrictedBonus makes nodes full of pods that have few places win over equal
// ones, so that the free pods are there to fill the last gaps.
const restrictedBonus = 1.02

// newItems lists the demands that this tier can serve.
func newItems(demands []*demand, left map[*demand]int, tier bitset) []*item {
	var items []*item
	for _, d := range demands {
		configs := d.configs
		if !configs.within(tier) {
			configs = configs.clone()
			configs.and(tier)
		}
		if left[d] > 0 && !configs.empty() {
			items = append(items, &item{demand: d, class: d.class, configs: configs, perNode: math.MaxInt32})
		}
	}
	return items
}

// describeItems finds what decides the order in which the items are packed.
func describeItems(p *problem, items []*item, demands []*demand, left map[*demand]int) {
	widest := 0
	for _, it := range items {
		widest = max(widest, it.homeSize)
	}
	for _, it := range items {
		it.describe(p, widest)
	}
	markAnchors(p, items, freelySelected(demands, left))
}

func (it *item) describe(p *problem, widest int) {
	it.rank = rankFree
	if it.homeSize < widest {
		it.rank = rankRestricted
	}
	if len(it.class.pod.HostPorts) > 0 {
		it.rank, it.perNode = rankPerNode, 1
	}
	for i := range it.class.hosts {
		t := &it.class.hosts[i]
		if !t.owns {
			continue
		}
		switch t.rule.kind {
		case spreadRule:
			it.perNode = min(it.perNode, t.maxSkew)
		case antiRule:
			if t.matched {
				it.perNode = 1
			}
		case affinityRule:
			it.follows = append(it.follows, t.rule.id)
		}
		it.rank = rankPerNode
	}
	if len(it.follows) > 0 {
		it.configs.each(func(i int) {
			it.solo = max(it.solo, it.class.request.times(p.space.configs[i].room, math.MaxInt32))
		})
	}
}

// sticky items stay where they were packed: others depend on them.
func (it *item) sticky() bool { return len(it.follows) > 0 || len(it.anchors) > 0 }

// markAnchors finds who waits for whom to share a node: pods with an affinity
// follow pods that it selects and that do not have it themselves. Where there
// are none, the first of them opens the node that all then share.
func markAnchors(p *problem, items []*item, free map[int]bool) {
	waiting := map[int]bool{}
	for _, it := range items {
		it.class.eachAffinity(func(t *touch) {
			if t.owns && (!t.matched || free[t.rule.id]) {
				waiting[t.rule.id] = true
				it.rank = rankFollower
			}
		})
	}
	for _, it := range items {
		it.class.eachAffinity(func(t *touch) {
			if t.matched && !t.owns && waiting[t.rule.id] {
				it.anchors = append(it.anchors, t.rule.id)
				if it.rank != rankFollower {
					it.rank = rankPerNode
				}
			}
		})
	}
	for _, it := range items {
		if it.rank != rankFollower {
			continue
		}
		it.solo = 0
		for _, anchor := range items {
			if shareRule(anchor.anchors, it.follows) {
				it.solo = max(it.solo, it.soloBeside(p, anchor))
			}
		}
	}
}

// freelySelected are the affinity rules per node that select pods, of this tier
// or a later one, which do not carry them.
func freelySelected(demands []*demand, left map[*demand]int) map[int]bool {
	free := map[int]bool{}
	for _, d := range demands {
		if left[d] > 0 {
			d.class.eachAffinity(func(t *touch) { free[t.rule.id] = free[t.rule.id] || t.matched && !t.owns })
		}
	}
	return free
}

// eachAffinity calls do for every affinity rule per node that touches the class.
func (c *class) eachAffinity(do func(*touch)) {
	for i := range c.hosts {
		if t := &c.hosts[i]; t.rule.kind == affinityRule {
			do(t)
		}
	}
}

// soloBeside is the most pods of the item that one node holds beside an anchor.
func (it *item) soloBeside(p *problem, anchor *item) int {
	most := 0
	it.configs.each(func(c int) {
		if anchor.configs.has(c) {
			rest := p.space.configs[c].room.clone()
			rest.add(anchor.class.request, -1)
			most = max(most, it.class.request.times(rest, it.demand.count))
		}
	})
	return most
}

// scale weighs resources against each other: by the prices that hold for the
// demand as a whole, on the two resources that most money goes to.
type scale struct {
	prices        []float64
	first, second int
}

// tilt is the share of the first main resource in the worth of both.
func (s scale) tilt(v vector) float64 {
	a := float64(s.prices[s.first] * float64(v[s.first]))
	b := float64(s.prices[s.second] * float64(v[s.second]))
	if s.first == s.second || a+b <= 0 {
		return 0
	}
	return a / (a + b)
}

// worth is what the resources of v cost at least.
func (s scale) worth(v vector) float64 { return worthAt(s.prices, v) }

// priceItems values each pod at the dual prices of the configs it may use:
// what its resources cost at best, given what else wants them.
func priceItems(p *problem, items []*item, families []demandFamily, candidates []int, left map[*demand]int) (scale, []slot) {
	total := make(vector, len(p.resources.names))
	everywhere := newBitset(len(p.space.configs))
	for f := range families {
		families[f].demand = make(vector, len(p.resources.names))
		everywhere.or(families[f].configs)
	}
	for _, it := range items {
		families[it.family].demand.add(it.class.request, left[it.demand])
		total.add(it.class.request, left[it.demand])
	}
	perNode := &slots{p: p, byRule: map[*rule]*slot{}}
	for _, it := range items {
		perNode.add(it.class, left[it.demand], it.configs)
	}
	rules := perNode.list()
	overall := scale{prices: priceFamilies(p.space.configs, candidates, []demandFamily{{everywhere, total}}, nil).byFamily[0]}
	overall.first, overall.second = mainResources(overall.prices, total)
	byFamily := [][]float64{overall.prices}
	if len(families) > 1 || len(rules) > 0 {
		byFamily = priceFamilies(p.space.configs, candidates, families, rules).byFamily
	}
	for _, it := range items {
		it.price(byFamily[it.family], rules)
		it.tilt = overall.tilt(it.class.request)
	}
	return overall, rules
}

// price values a pod at these prices.
func (it *item) price(prices []float64, rules []slot) {
	it.slot = slotWorth(rules, it.class)
	it.linear = worthAt(prices, it.class.request) + it.slot
	worth := it.linear
	if it.rank != rankFree {
		worth = float64(worth * restrictedBonus)
	}
	it.value = int64(worth) + 1000 // even a pod that asks for nothing needs a place
}

// maxFamilies bounds the linear program of prices; families beyond it, those
// with the fewest items, are priced as one.
const maxFamilies = 24

// findFamilies sorts the items into families: those that the same configs admit
// whatever the size of the pod.
func findFamilies(p *problem, items []*item) (families []demandFamily, admitted []bitset) {
	byHome := map[string][]*item{}
	for _, it := range items {
		byHome[it.demand.home] = append(byHome[it.demand.home], it)
	}
	homes := sortedKeys(byHome)
	sort.SliceStable(homes, func(i, j int) bool { return len(byHome[homes[i]]) > len(byHome[homes[j]]) })
	for n, home := range homes {
		configs := byHome[home][0].demand.admitted(p)
		admitted = append(admitted, configs)
		if n < maxFamilies {
			families = append(families, demandFamily{configs: configs.clone()})
		} else {
			families[maxFamilies-1].configs.or(configs)
		}
		for _, it := range byHome[home] {
			it.family, it.homeSize = min(n, maxFamilies-1), configs.count()
		}
	}
	return families, admitted
}

// admitted are the buyable configs of the demand's place, whatever their size.
func (d *demand) admitted(p *problem) bitset {
	set := d.class.labelled.clone()
	set.and(p.buyable)
	for t := range d.class.touches {
		d.class.touches[t].rule.inDomain(set, d.domains[t])
	}
	return set
}

func bitsKey(b bitset) string {
	key := make([]byte, 0, len(b)*8)
	for _, word := range b {
		for shift := 0; shift < 64; shift += 8 {
			key = append(key, byte(word>>shift))
		}
	}
	return string(key)
}

// mainResources are the two that the money goes to.
func mainResources(prices []float64, demand vector) (int, int) {
	order := make([]int, len(demand))
	for r := range order {
		order[r] = r
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := order[i], order[j]
		return float64(prices[a]*float64(demand[a])) > float64(prices[b]*float64(demand[b]))
	})
	if len(order) == 1 {
		return order[0], order[0]
	}
	return min(order[0], order[1]), max(order[0], order[1])
}
