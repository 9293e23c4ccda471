package engine

import (
	"math"
	"sort"
)

// buy adds up to times nodes of the pattern, as far as pods and limits go: as many
// at a time as hold the same pods.
func (s *patternSearch) buy(out *packing, p pattern, times int) {
	for times > 0 {
		b, same := s.fillOne(out.left, p)
		if b.times = min(same, times); b.times == 0 || !s.k.p.flexible(&b, out.usage) {
			return
		}
		s.k.p.rightSize(&b, out.usage)
		pool := s.k.p.space.configs[b.config].pool
		if b.times = out.usage.times(pool, b.charge, b.times); b.times <= 0 {
			return
		}
		for _, sh := range b.shares {
			out.left[s.of.index[sh.demand]] -= sh.count * b.times
			out.pods += sh.count * b.times
		}
		out.usage.add(pool, b.charge, b.times)
		out.bins = append(out.bins, b)
		times -= b.times
	}
}

// fillOne takes the pods of a pattern from those left, in the zone where most of them
// must be, and tells how many such nodes there are pods for: 0 when there are too
// few for one.
func (s *patternSearch) fillOne(left []int, p pattern) (b bin, same int) {
	most, in := -1, 0
	for _, config := range s.alike.zones(p.config) {
		if _, times, tied := s.fillIn(config, left, p); times > 0 && tied > most {
			most, in = tied, config
		}
	}
	if most < 0 {
		return b, 0
	}
	b, same, _ = s.fillIn(in, left, p)
	return b, min(same, s.fillUp(&b, left))
}

// fillUp adds pods of those left to a node that fillIn filled last, the dearest first: it
// has room for more where its pods are smaller than those that stand for them. It tells
// for how many such nodes there are enough of them.
func (s *patternSearch) fillUp(b *bin, left []int) (same int) {
	room := s.k.p.space.configs[b.config].room.clone()
	at := make(map[*demand]int, len(b.shares))
	for n, sh := range b.shares {
		room.add(sh.demand.class.request, -sh.count)
		at[sh.demand] = n
	}
	same = math.MaxInt
	for _, one := range s.dearestFirst() {
		for _, i := range s.equals[one] {
			it := s.of.items[i]
			if left[i] == 0 || !it.configs.has(b.config) || !it.class.request.fits(room) {
				continue
			}
			n, known := at[it.demand]
			if !known {
				n = len(b.shares)
			}
			if more := s.takes(it, room, left[i]-b.count(it.demand, n)); more > 0 {
				if !known {
					at[it.demand] = n
					b.shares = append(b.shares, share{demand: it.demand})
				}
				room.add(it.class.request, -more)
				b.shares[n].count += more
				same = min(same, left[i]/b.shares[n].count)
			}
		}
	}
	return same
}

// takes is how many of so many pods the node filled last has room for, which counts them.
func (s *patternSearch) takes(it *item, room vector, want int) int {
	count := it.class.request.times(room, want)
	if count > 0 && ruled(it.class) {
		if count = max(s.rooms.room(it.class, count, false), 0); count > 0 {
			s.rooms.add(it.class, count)
		}
	}
	return count
}

// dearestFirst are the items of the mixture by what their pods are worth.
func (s *patternSearch) dearestFirst() []int {
	if s.dearest == nil {
		s.dearest = make([]int, len(s.equals))
		for one := range s.dearest {
			s.dearest[one] = one
		}
		sort.SliceStable(s.dearest, func(a, b int) bool { return s.worthOf(s.dearest[a]) > s.worthOf(s.dearest[b]) })
	}
	return s.dearest
}

// fillIn fills a node of a config, and tells how many of its pods may not be in every
// zone.
func (s *patternSearch) fillIn(config int, left []int, p pattern) (b bin, same, tied int) {
	b, same = bin{config: config}, math.MaxInt
	s.rooms.reset(s.k.p, s.k.p.space.configs[config].daemons)
	for _, x := range p.parts {
		wanted := x.count
		for _, i := range s.equals[x.item] {
			it := s.of.items[i]
			take := min(wanted, left[i])
			if take == 0 || !it.configs.has(config) {
				continue
			}
			if ruled(it.class) {
				if take = s.rooms.room(it.class, take, false); take <= 0 {
					continue
				}
				s.rooms.add(it.class, take)
			}
			b.shares = append(b.shares, share{demand: it.demand, count: take})
			same = min(same, left[i]/take)
			if wanted -= take; s.tied(it, p.config) {
				tied += take
			}
		}
		if wanted > 0 {
			return b, 0, 0
		}
	}
	return b, same, tied
}

// tied reports whether pods of the item may not be in every zone that has the kind of
// node.
func (s *patternSearch) tied(it *item, first int) bool {
	for _, config := range s.alike.zones(first) {
		if !it.configs.has(config) {
			return true
		}
	}
	return false
}
