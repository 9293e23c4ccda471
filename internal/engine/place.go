package engine

import (
	"math"
	"sort"
	"strconv"
)

// place is a combination of topology domains a class can go to.
type place struct {
	key     string
	domains []int32
	configs bitset
	nodes   []int
	next    int // nodes before it are full
	tier    int
	price   int64 // nanoDollars per pod, roughly: only for choosing between places
	depth   int64 // config.depth, the least
	left    int   // how many pods may still be bought for here
	demand  int
}

// places groups the class's nodes and configs by the domains its rules see.
func (a *assignment) places(c *class, caps map[string]int) []*place {
	byKey := map[string]*place{}
	var list []*place
	at := func(domains []int32) *place {
		key := domainsKey(domains)
		pl := byKey[key]
		if pl == nil {
			pl = &place{key: key, domains: append([]int32(nil), domains...), configs: a.p.noConfig,
				tier: len(a.p.tiers), left: math.MaxInt}
			if most, known := caps[key]; known {
				pl.left = most
			}
			byKey[key] = pl
			list = append(list, pl)
		}
		return pl
	}
	domains := make([]int32, len(c.touches))
	for n, nd := range a.p.nodes {
		if !c.request.fits(nd.room) || !nd.admitsClass(c) {
			continue
		}
		for i := range c.touches {
			domains[i] = c.touches[i].rule.domainOfNode(n)
		}
		pl := at(domains)
		pl.nodes = append(pl.nodes, n)
	}
	a.configPlaces(c, domains, at)
	for _, pl := range list {
		a.pricePlace(c, pl, len(list) > 1)
	}
	sort.Slice(list, func(i, j int) bool { return lessDomains(list[i].domains, list[j].domains) })
	return list
}

func (a *assignment) configPlaces(c *class, domains []int32, at func([]int32) *place) {
	fits := c.fits
	if a.shut != nil {
		fits = fits.without(a.shut)
	}
	if len(c.touches) == 0 {
		if !fits.empty() {
			at(domains).configs = fits
		}
		return
	}
	a.splitPlaces(c, 0, fits, domains, at)
}

// splitPlaces divides the configs by the domain of one touch after another.
func (a *assignment) splitPlaces(c *class, touch int, set bitset, domains []int32, at func([]int32) *place) {
	if touch == len(c.touches) {
		at(domains).configs = set
		return
	}
	r := c.touches[touch].rule
	for d := int32(-1); int(d) < len(r.axis.configs); d++ {
		part := set.clone()
		r.inDomain(part, d)
		if domains[touch] = d; !part.empty() {
			a.splitPlaces(c, touch+1, part, domains, at)
		}
	}
}

func domainsKey[N int32 | int64](numbers []N) string {
	var key []byte
	for _, d := range numbers {
		key = append(strconv.AppendInt(key, int64(d), 10), ',')
	}
	return string(key)
}

// homeAt names the configs that the class's labels and its rules' domains leave.
func (c *class) homeAt(domains []int32) string {
	home := strconv.AppendInt(nil, int64(c.family), 10)
	for i, d := range domains {
		axis := c.touches[i].rule.axis
		home = append(strconv.AppendInt(append(append(home, '|'), axis.key...), int64(d), 10), ',')
	}
	return string(home)
}

func lessDomains(a, b []int32) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// pricePlace finds the heaviest tier that can buy here, and what a pod would
// cost there if its node held nothing else.
func (a *assignment) pricePlace(c *class, pl *place, choice bool) {
	for tier := range a.p.tiers {
		set := a.p.tierSets[tier].clone()
		set.and(pl.configs)
		if set.empty() {
			continue
		}
		if a.p.zoned {
			pl.depth = a.p.leastDepth(set)
		}
		if pl.tier = tier; choice {
			key := c.homeAt(pl.domains) + "#" + domainsKey(c.request)
			price, known := a.soloPrices[key]
			if !known {
				price = a.p.soloPrice(c, set)
				a.soloPrices[key] = price
			}
			pl.price = price
		}
		return
	}
}

// soloPrice is the least that a pod costs on a node of its own kind alone.
func (p *problem) soloPrice(c *class, set bitset) int64 {
	least := int64(math.MaxInt64)
	for r := range p.space.rooms {
		same := &p.space.rooms[r]
		price := int64(math.MaxInt64)
		for _, i := range same.configs {
			if set.has(i) {
				price = min(price, p.space.configs[i].price)
			}
		}
		if price == math.MaxInt64 || float64(c.request.share(same.room)*float64(price)) >= float64(least)+1 {
			continue
		}
		if n := c.request.times(same.room, math.MaxInt32); n > 0 {
			least = min(least, price/int64(n))
		}
	}
	return least
}
