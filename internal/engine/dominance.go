package engine

// undominated drops configs that another one replaces for every pod: admitted
// by the same families, same pool, at least its room, at most its price.
func (p *problem) undominated(usable bitset, families []bitset) []int {
	marks := make([]uint64, len(p.space.configs))
	for n, set := range families {
		set.each(func(i int) { marks[i] = (marks[i] ^ uint64(n+1)) * 0x9e3779b97f4a7c15 })
	}
	numbers := map[uint64]int{}
	var counts []int
	numberOf := make([]int32, len(p.byPrice)) // of the group, by position
	for n, i := range p.byPrice {
		numberOf[n] = -1
		if mark := marks[i]; mark != 0 && usable.has(i) {
			number, known := numbers[mark]
			if !known {
				number = len(counts)
				numbers[mark] = number
				counts = append(counts, 0)
			}
			numberOf[n] = int32(number)
			counts[number]++
		}
	}
	groups, backing := make([][]int, len(counts)), make([]int, len(p.byPrice))
	for number, count := range counts {
		groups[number], backing = backing[:0:count], backing[count:]
	}
	for n, i := range p.byPrice {
		if number := numberOf[n]; number >= 0 {
			groups[number] = append(groups[number], i)
		}
	}
	var kept []int
	first := make([]int, len(p.space.rooms))
	for _, group := range groups {
		kept = p.space.appendUndominated(kept, group, first)
	}
	return kept
}

// appendUndominated adds those of a group, which come cheapest first. first is a
// buffer of zeros by room.
func (s *space) appendUndominated(kept, group, first []int) []int {
	from := len(kept)
	for _, i := range group {
		c := &s.configs[i]
		if j := first[c.roomID]; j > 0 && s.configs[j-1].replaces(c) {
			continue // the same type in another zone, mostly
		}
		if !s.replaced(kept[from:], c) {
			kept = append(kept, i)
			first[c.roomID] = i + 1
		}
	}
	for _, i := range kept[from:] {
		first[s.configs[i].roomID] = 0
	}
	return kept
}

func (s *space) replaced(by []int, c *config) bool {
	for _, j := range by {
		if s.configs[j].replaces(c) {
			return true
		}
	}
	return false
}

func (c *config) replaces(other *config) bool {
	if c.pool != other.pool || c.daemons != other.daemons {
		return false
	}
	for i, amount := range other.capacity {
		if c.capacity[i] > amount {
			return false
		}
	}
	for i, amount := range other.room {
		if c.room[i] < amount {
			return false
		}
	}
	return true
}
