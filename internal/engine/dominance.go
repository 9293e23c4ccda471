package engine

import "sort"

// undominated drops configs that another one replaces for every pod: admitted
// by the same families, same pool, at least its room, at most its price.
func (s *space) undominated(usable bitset, families []bitset) []int {
	marks := make([]uint64, len(s.configs))
	for n, set := range families {
		set.each(func(i int) { marks[i] = (marks[i] ^ uint64(n+1)) * 0x9e3779b97f4a7c15 })
	}
	groups := map[uint64][]int{}
	var order []uint64
	usable.each(func(i int) {
		if mark := marks[i]; mark != 0 {
			if groups[mark] == nil {
				order = append(order, mark)
			}
			groups[mark] = append(groups[mark], i)
		}
	})
	var kept []int
	for _, mark := range order {
		kept = append(kept, s.undominatedOf(groups[mark])...)
	}
	return kept
}

func (s *space) undominatedOf(group []int) []int {
	sort.SliceStable(group, func(i, j int) bool { return s.configs[group[i]].price < s.configs[group[j]].price })
	var kept []int
	for _, i := range group {
		replaced := false
		for _, j := range kept {
			if s.configs[j].replaces(&s.configs[i]) {
				replaced = true
				break
			}
		}
		if !replaced {
			kept = append(kept, i)
		}
	}
	return kept
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
