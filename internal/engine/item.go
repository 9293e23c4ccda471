package engine

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// Ranks in which a node is filled: what has the fewest other places first.
const (
	rankPerNode    = iota // rules limit its number per node
	rankJoining           // must be beside others
	rankRestricted        // only some configs will do
	rankFree
	ranks
)

// item is a demand as one pool tier sees it.
type item struct {
	demand  *demand
	class   *class
	ruled   bool   // rules per node bear on it
	configs bitset // of this tier
	family  int
	rank    int
	value   int64   // nanoDollars per hour that a pod is worth, a little more when hard to place
	linear  float64 // what its resources and its slot cost at least
	slot    float64 // of that, the slot
	tilt    float64
	// homeSize is how many configs admit the family.
	homeSize int
	perNode  int // rough cap by per-node rules
}

// restrictedBonus makes nodes full of pods that have few places win over equal
// ones, so that the free pods are there to fill the last gaps.
const restrictedBonus = 1.02

// newItems lists the demands that this tier can serve.
func newItems(demands []*demand, left map[*demand]int, tier bitset) []*item {
	items, made := make([]*item, 0, len(demands)), make([]item, len(demands))
	for n, d := range demands {
		configs := d.configs
		if !configs.within(tier) {
			configs = configs.clone()
			configs.and(tier)
		}
		if left[d] > 0 && !configs.empty() {
			made[n] = item{demand: d, class: d.class, ruled: ruled(d.class), configs: configs, perNode: math.MaxInt32}
			items = append(items, &made[n])
		}
	}
	return items
}

// describeItems finds what decides the order in which the items are packed.
func describeItems(items []*item) {
	widest := 0
	for _, it := range items {
		widest = max(widest, it.homeSize)
	}
	for _, it := range items {
		it.describe(widest)
	}
}

func (it *item) describe(widest int) {
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
		}
		it.rank = rankPerNode
	}
	if it.joins() {
		it.rank = rankJoining
	}
}

// joins reports whether the pods must be beside others on their node.
func (it *item) joins() bool {
	for i := range it.class.hosts {
		if t := &it.class.hosts[i]; t.owns && t.rule.kind == affinityRule {
			return it.class.bundle == nil
		}
	}
	return false
}

// eachAffinity calls do for every affinity rule per node that touches the class.
func (c *class) eachAffinity(do func(*touch)) {
	for i := range c.hosts {
		if t := &c.hosts[i]; t.rule.kind == affinityRule {
			do(t)
		}
	}
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
	slices.SortStableFunc(homes, func(x, y string) int { return len(byHome[y]) - len(byHome[x]) })
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
		key = binary.LittleEndian.AppendUint64(key, word)
	}
	return string(key)
}

// mainResources are the two that the money goes to.
func mainResources(prices []float64, demand vector) (int, int) {
	order := make([]int, len(demand))
	for r := range order {
		order[r] = r
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(float64(prices[b]*float64(demand[b])), float64(prices[a]*float64(demand[a])))
	})
	if len(order) == 1 {
		return order[0], order[0]
	}
	return min(order[0], order[1]), max(order[0], order[1])
}
