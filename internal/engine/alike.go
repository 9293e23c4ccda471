package engine

// alike are configs that differ in their zone only: one node type bought the same way
// at the same price. What a node of one of them may hold and is worth, a node of
// any other may and is, as far as pods are free to choose the zone.
type alike struct {
	p       *problem
	first   map[kindOfNode]int // config that stands for its like
	members map[int][]int      // by that
	known   map[string]bitset  // answers of admitting
}

// kindOfNode is what configs that are alike have in common.
type kindOfNode struct {
	pool                    *pool
	variant, typeID, roomID int
	price                   int64
}

func (c *config) kindOfNode() kindOfNode {
	return kindOfNode{pool: c.pool, variant: c.variant, typeID: c.typeID, roomID: c.roomID, price: c.price}
}

func newAlike(p *problem, configs []int) *alike {
	a := &alike{p: p, first: make(map[kindOfNode]int, len(configs)), members: make(map[int][]int, len(configs)), known: map[string]bitset{}}
	for _, i := range configs {
		kind := p.space.configs[i].kindOfNode()
		first, known := a.first[kind]
		if !known {
			first = i
			a.first[kind] = i
		}
		a.members[first] = append(a.members[first], i)
	}
	return a
}

// configs are those that stand for their like, in the order given first.
func (a *alike) configs(given []int) []int {
	var firsts []int
	for _, i := range given {
		if a.of(i) == i {
			firsts = append(firsts, i)
		}
	}
	return firsts
}

// of is the config that stands for the given one: itself, where it has no like.
func (a *alike) of(config int) int {
	if first, known := a.first[a.p.space.configs[config].kindOfNode()]; known {
		return first
	}
	return config
}

// zones are the configs that a config stands for.
func (a *alike) zones(first int) []int {
	if members := a.members[first]; members != nil {
		return members
	}
	return []int{first}
}

// admitting are the configs that stand for one in the set.
func (a *alike) admitting(set bitset) bitset {
	key := bitsKey(set)
	firsts, known := a.known[key]
	if known {
		return firsts
	}
	firsts = newBitset(len(a.p.space.configs))
	for first, members := range a.members {
		for _, i := range members {
			if set.has(i) {
				firsts.set(first)
				break
			}
		}
	}
	a.known[key] = firsts
	return firsts
}
