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
			pl = &place{key: key, domains: append([]int32(nil), domains...), configs: newBitset(len(a.p.space.configs)),
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
		a.pricePlace(c, pl)
	}
	sort.Slice(list, func(i, j int) bool { return lessDomains(list[i].domains, list[j].domains) })
	return list
}

func (a *assignment) configPlaces(c *class, domains []int32, at func([]int32) *place) {
	if len(c.touches) == 0 {
		if !c.fits.empty() {
			at(domains).configs = c.fits
		}
		return
	}
	var last *place
	c.fits.each(func(i int) {
		same := last != nil
		for t := range c.touches {
			domains[t] = c.touches[t].rule.domainOfConfig(i)
			same = same && domains[t] == last.domains[t]
		}
		if !same {
			last = at(domains)
		}
		last.configs.set(i)
	})
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
func (a *assignment) pricePlace(c *class, pl *place) {
	for tier := range a.p.tiers {
		set := a.p.tierConfigs(tier)
		set.and(pl.configs)
		if set.empty() {
			continue
		}
		pl.tier, pl.price = tier, math.MaxInt64
		set.each(func(i int) {
			config := &a.p.space.configs[i]
			if n := c.request.times(config.room, math.MaxInt32); n > 0 {
				pl.price = min(pl.price, config.price/int64(n))
			}
		})
		return
	}
}
