package engine

import (
	"sort"
	"strconv"

	"github.com/drover-project/drover/internal/model"
)

// refine values the items anew, in about maxFamilies groups by where they may be,
// which devices they want and how large they are: what fits no small node need not
// be worth what its parts cost there. It returns the new order of the items.
func (k *packer) refine(counts []int) []int {
	groups := k.sizeGroups()
	k.linear = 0
	for f, prices := range k.groupPrices(groups, counts) {
		for _, i := range groups[f] {
			k.items[i].price(prices, k.slots)
			k.linear += float64(k.items[i].linear * float64(counts[i]))
		}
	}
	order := make([]int, len(k.items))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return k.items[order[a]].value > k.items[order[b]].value })
	items := k.items
	k.items = make([]*item, len(order))
	for n, i := range order {
		k.items[n] = items[i]
		k.index[items[i].demand] = n
	}
	return order
}

// groupPrices are the resources' prices for each group of items.
func (k *packer) groupPrices(groups [][]int, counts []int) [][]float64 {
	families := make([]demandFamily, len(groups))
	for f, group := range groups {
		families[f] = demandFamily{configs: newBitset(len(k.p.space.configs)), demand: make(vector, len(k.p.resources.names))}
		for _, i := range group {
			families[f].configs.or(k.items[i].configs)
			families[f].demand.add(k.items[i].class.request, counts[i])
		}
	}
	return priceFamilies(k.p.space.configs, k.configs, families, k.slots).byFamily
}

// sizeGroups are the items that differ in nothing but size, each kind in several
// groups by the number of configs that hold them, at most maxFamilies in all.
func (k *packer) sizeGroups() [][]int {
	kinds, order := map[string][]int{}, []string{}
	for i, it := range k.items {
		key := []byte(it.demand.home)
		for r, name := range k.p.resources.names {
			if name != model.CPU && name != model.Memory && name != model.PodCount {
				key = strconv.AppendInt(append(key, '|'), it.class.request[r], 10)
			}
		}
		if kinds[string(key)] == nil {
			order = append(order, string(key))
		}
		kinds[string(key)] = append(kinds[string(key)], i)
	}
	sizes := 0
	holders := make([]int, len(k.items))
	for i, it := range k.items {
		holders[i] = it.configs.count()
	}
	different := func(list []int) int {
		seen := map[int]bool{}
		for _, i := range list {
			seen[holders[i]] = true
		}
		return len(seen)
	}
	for _, key := range order {
		sizes += different(kinds[key])
	}
	var groups [][]int
	for _, key := range order {
		list := kinds[key]
		sort.SliceStable(list, func(a, b int) bool { return holders[list[a]] > holders[list[b]] })
		groups = append(groups, partsBySize(list, holders, max(1, maxFamilies*different(list)/sizes), different(list))...)
	}
	for len(groups) > maxFamilies {
		last := len(groups) - 1
		groups[last-1] = append(groups[last-1], groups[last]...)
		groups = groups[:last]
	}
	return groups
}

// partsBySize parts a sorted list of so many different sizes.
func partsBySize(list, sizes []int, parts, different int) [][]int {
	var groups [][]int
	seen, last := 0, -1
	for _, i := range list {
		if sizes[i] != last {
			if seen*parts/different >= len(groups) {
				groups = append(groups, nil)
			}
			seen, last = seen+1, sizes[i]
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], i)
	}
	return groups
}
