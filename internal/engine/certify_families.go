package engine

import (
	"cmp"
	"slices"
)

// findFamilies groups the classes that the same places admit, into about so many
// groups in all by what is too large for which configs.
func (b *bounding) findFamilies(most int) {
	var groups [][]*class
	numbers, text := map[string]int{}, &signer{}
	for _, c := range b.p.classes {
		b.placesOf(c, most > 0, text)
		number, known := numbers[string(text.buf)]
		if !known {
			number = len(groups)
			numbers[string(text.buf)] = number
			groups = append(groups, nil)
		}
		groups[number] = append(groups[number], c)
	}
	b.sizes = make([]int, len(b.p.classes))
	for _, c := range b.p.classes {
		b.sizes[c.id] = c.fits.count()
	}
	sizes := 0
	for _, group := range groups {
		sizes += b.distinctSizes(group)
	}
	for _, group := range groups {
		share := most * b.distinctSizes(group) / max(sizes, 1)
		for _, part := range b.bySize(group, max(share, 1)) {
			b.addFamily(part, most > 0)
		}
	}
}

// placesOf writes what tells apart classes that not the same places admit, and if
// asked to those that want different devices.
func (b *bounding) placesOf(c *class, devices bool, text *signer) {
	text.buf = text.buf[:0]
	text.number(int64(c.family))
	if len(b.p.nodes) > 0 {
		text.places(c.pod)
	}
	for r := range b.p.resources.names {
		if devices && b.p.resources.isDevice(r) {
			text.number(c.request[r])
		}
	}
}

// distinctSizes counts the different sizes of classes.
func (b *bounding) distinctSizes(classes []*class) int {
	seen := newBitset(len(b.p.space.configs) + 1)
	for _, c := range classes {
		seen.set(b.sizes[c.id])
	}
	return seen.count()
}

// bySize parts classes into at most so many groups by the number of configs
// that hold them, the least demanding first.
func (b *bounding) bySize(classes []*class, most int) [][]*class {
	sorted := make([]int, len(classes)) // their numbers
	for n, c := range classes {
		sorted[n] = c.id
	}
	slices.SortFunc(sorted, func(x, y int) int { return cmp.Or(b.sizes[y]-b.sizes[x], x-y) })
	distinct := b.distinctSizes(classes)
	var parts [][]*class
	seen, last := 0, -1
	for _, id := range sorted {
		if size := b.sizes[id]; size != last {
			if seen*most/distinct >= len(parts) {
				parts = append(parts, nil)
			}
			seen, last = seen+1, size
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], b.p.classes[id])
	}
	return parts
}

// addFamily makes a family of classes, whose configs are those that admit them,
// without those that hold none of them if asked to.
func (b *bounding) addFamily(classes []*class, fitting bool) {
	f := demandFamily{configs: newBitset(len(b.p.space.configs)), demand: make(vector, len(b.p.resources.names))}
	for _, c := range classes {
		b.familyOf[c.id] = len(b.families)
		if fitting {
			f.configs.or(c.fits)
		} else {
			f.configs.or(c.labelled)
		}
		f.demand.add(c.request, b.bought[c.id])
	}
	f.configs.and(b.p.buyable)
	b.families = append(b.families, f)
	b.first = append(b.first, classes[0])
}
