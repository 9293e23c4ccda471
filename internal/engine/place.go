package engine

import (
	"math"
	"slices"
	"strconv"
)

// place is a combination of topology domains a class can go to.
type place struct {
	key     string
	domains []int32
	configs bitset
	region  *region // of the configs; nil without
	nodes   []int
	next    int // nodes before it are full
	tier    int
	price   int64 // nanoDollars per pod, roughly: only for choosing between places
	depth   int64 // config.depth, the least
	left    int   // how many pods may still be bought for here
	demand  int
}

// region is the configs of a combination of domains, as all classes see it that
// fit into the same configs and look at the same domains.
type region struct {
	key     string
	home    string // demand.home
	domains []int32
	configs bitset
	tier    int
	price   int64 // place.price; 0: not asked for yet
}

// places groups the class's nodes and configs by the domains its rules see.
func (a *assignment) places(c *class, caps map[string]int) []*place {
	regions := a.regions(c)
	backing, list := a.madePlaces.take(len(regions)), a.placeLists.take(len(regions))
	for i, r := range regions {
		list[i] = &backing[i]
		*list[i] = place{key: r.key, domains: r.domains, configs: r.configs, region: r, tier: r.tier, left: math.MaxInt}
	}
	if of := a.followed[c]; len(a.p.nodes) > 0 && (of == nil || !of.anew) {
		list = a.nodePlaces(c, list)
	}
	for _, pl := range list {
		if most, known := caps[pl.key]; known {
			pl.left = most
		}
		if pl.region != nil && a.p.zoned {
			pl.depth = a.p.leastDepth(pl.region.tierConfigs(a.p))
		}
		if pl.region != nil && len(list) > 1 {
			if pl.region.price == 0 {
				pl.region.price = a.p.soloPrice(c, pl.region.tierConfigs(a.p))
			}
			pl.price = pl.region.price
		}
	}
	return list
}

// nodePlaces adds the nodes that admit the class to its places.
func (a *assignment) nodePlaces(c *class, list []*place) []*place {
	byKey := make(map[string]*place, len(list))
	for _, pl := range list {
		byKey[pl.key] = pl
	}
	domains := make([]int32, len(c.touches))
	for n, nd := range a.p.nodes {
		if !c.request.fits(nd.room) || !nd.admitsClass(c) {
			continue
		}
		for i := range c.touches {
			domains[i] = c.touches[i].rule.domainOfNode(n)
		}
		key := domainsKey(domains)
		pl := byKey[key]
		if pl == nil {
			pl = &place{key: key, domains: append([]int32(nil), domains...), configs: a.p.noConfig, tier: len(a.p.tiers), left: math.MaxInt}
			byKey[key] = pl
			list = append(list, pl)
		}
		pl.nodes = append(pl.nodes, n)
	}
	slices.SortFunc(list, func(x, y *place) int { return slices.Compare(x.domains, y.domains) })
	return list
}

// regions are where the class can be bought for, in order; made once for all
// classes that see the same.
func (a *assignment) regions(c *class) []*region {
	fits := c.fits
	if a.shut != nil {
		fits = fits.without(a.shut)
	}
	key := strconv.AppendInt(a.key[:0], int64(c.fitsID), 10)
	if of := a.followed[c]; of != nil {
		fits = fits.clone()
		fits.and(of.configs)
		key = strconv.AppendInt(append(key, '!'), int64(c.id), 10)
	}
	if fits.empty() {
		return nil
	}
	for i := range c.touches {
		key = strconv.AppendInt(append(key, ','), int64(a.p.sights[c.touches[i].rule.id]), 10)
	}
	a.key = key
	list, known := a.known[string(key)]
	if !known {
		list = a.split(c, nil, 0, fits, make([]int32, len(c.touches)))
		slices.SortFunc(list, func(x, y *region) int { return slices.Compare(x.domains, y.domains) })
		a.known[string(key)] = list
	}
	return list
}

// split divides the configs by the domain of one touch after another.
func (a *assignment) split(c *class, list []*region, touch int, set bitset, domains []int32) []*region {
	if touch == len(c.touches) {
		r := &a.madeRegions.take(1)[0]
		*r = region{key: domainsKey(domains), home: c.homeAt(domains), domains: a.numbers.take(len(domains)), configs: set}
		copy(r.domains, domains)
		r.tier = slices.IndexFunc(a.p.tierSets, func(tier bitset) bool { return set.meets(tier, set) })
		return append(list, r)
	}
	r := c.touches[touch].rule
	for d := int32(-1); int(d) < len(r.axis.configs); d++ {
		part := append(a.part[:0], set...)
		r.inDomain(part, d)
		a.part = part
		if domains[touch] = d; !part.empty() {
			list = a.split(c, list, touch+1, append(bitset(a.words.take(len(part)))[:0], part...), domains)
		}
	}
	return list
}

// tierConfigs are those of the heaviest tier.
func (r *region) tierConfigs(p *problem) bitset {
	if len(p.tiers) == 1 {
		return r.configs
	}
	set := p.tierSets[r.tier].clone()
	set.and(r.configs)
	return set
}

func newDemand(c *class, pl *place, count int) demand {
	d := demand{class: c, place: pl.key, domains: pl.domains, configs: pl.configs, count: count}
	if pl.region != nil {
		d.home = pl.region.home
	}
	return d
}

func domainsKey(numbers []int32) string {
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

// soloPrice is the least that a pod costs on a node of its own kind alone.
func (p *problem) soloPrice(c *class, set bitset) int64 {
	least := int64(math.MaxInt64)
	for r := range p.space.rooms {
		same := &p.space.rooms[r]
		if c.request.costs(same.units, least) {
			continue
		}
		price := int64(math.MaxInt64)
		for _, i := range same.configs {
			if set.has(i) {
				price = min(price, p.space.configs[i].price)
			}
		}
		if price == math.MaxInt64 {
			continue
		}
		if n := c.request.times(same.room, math.MaxInt32); n > 0 {
			least = min(least, price/int64(n))
		}
	}
	return least
}
