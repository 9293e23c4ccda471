package engine

import (
	"cmp"
	"slices"
)

// rows are what a mixture must cover: the pods of an item each, or of several items that
// are much alike, whose worths then keep their proportions.
type rows struct {
	of    []int     // by item
	pods  []float64 // by item, how many of it cover its row
	count int
}

// rowEach has one row for each item with pods.
func rowEach(counts []int) rows {
	r := rows{of: make([]int, len(counts)), pods: make([]float64, len(counts))}
	for i, count := range counts {
		if count > 0 {
			r.of[i], r.pods[i] = r.count, float64(count)
			r.count++
		}
	}
	return r
}

// grouping makes rows of items that are alike.
type grouping struct {
	items  []*item
	worths []float64 // of all pods of an item
	groups []itemGroup
}

// itemGroup are items of one family.
type itemGroup struct {
	items    []int
	resource int     // in which they differ most, relatively
	spread   float64 // so much, times what they are worth
}

// rowsAlike has at most so many rows, or one for each family: of items of one family that
// ask for about the same. The worths of pods are those whose proportions are kept.
func rowsAlike(items []*item, counts []int, families []int, worths []float64, most int) rows {
	g := &grouping{items: items, worths: make([]float64, len(items))}
	known := map[int]int{}
	for i, count := range counts {
		if count == 0 {
			continue
		}
		g.worths[i] = float64(worths[i] * float64(count))
		at, found := known[families[i]]
		if !found {
			at = len(g.groups)
			known[families[i]] = at
			g.groups = append(g.groups, itemGroup{})
		}
		g.groups[at].items = append(g.groups[at].items, i)
	}
	for at := range g.groups {
		g.measure(&g.groups[at])
	}
	for differ := true; differ && len(g.groups) < most; {
		differ = g.split()
	}
	r := rows{of: make([]int, len(items)), pods: make([]float64, len(items)), count: len(g.groups)}
	for at, group := range g.groups {
		sum := 0.0
		for _, i := range group.items {
			sum += g.worths[i]
		}
		for _, i := range group.items {
			r.of[i], r.pods[i] = at, sum/worths[i]
		}
	}
	return r
}

// measure finds in what the items of a group differ most.
func (g *grouping) measure(group *itemGroup) {
	group.spread = 0
	sum := 0.0
	for _, i := range group.items {
		sum += g.worths[i]
	}
	for r := range g.items[group.items[0]].class.request {
		least, most := g.amount(group.items[0], r), g.amount(group.items[0], r)
		for _, i := range group.items {
			least, most = min(least, g.amount(i, r)), max(most, g.amount(i, r))
		}
		if spread := float64((most/max(least, 1) - 1) * sum); spread > group.spread {
			group.resource, group.spread = r, spread
		}
	}
}

func (g *grouping) amount(i, resource int) float64 {
	return float64(g.items[i].class.request[resource])
}

// split parts the group that differs most, half way between the smallest and the largest
// by proportion; false when all are the same.
func (g *grouping) split() bool {
	worst := 0
	for at := range g.groups {
		if g.groups[at].spread > g.groups[worst].spread {
			worst = at
		}
	}
	group := &g.groups[worst]
	if group.spread == 0 {
		return false
	}
	r := group.resource
	slices.SortStableFunc(group.items, func(a, b int) int { return cmp.Compare(g.amount(a, r), g.amount(b, r)) })
	least, most := g.amount(group.items[0], r), g.amount(group.items[len(group.items)-1], r)
	at := slices.IndexFunc(group.items, func(i int) bool { return g.amount(i, r)*g.amount(i, r) >= max(least, 1)*most })
	rest := itemGroup{items: slices.Clone(group.items[at:])}
	group.items = group.items[:at]
	g.measure(group)
	g.measure(&rest)
	g.groups = append(g.groups, rest)
	return true
}
