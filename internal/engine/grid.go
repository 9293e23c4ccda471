package engine

// grid finds the pods that are worth most on one node, where the node is small:
// it goes through all amounts of its two dearest resources. What the others cost
// at the knapsack's prices is taken off the pods and added to the node, so that no
// pods are worth more than what it returns.
type grid struct {
	first, second int // resources
	units         [2]int64
	rows, columns int
	worth         []float64 // by amounts used at most
	bundles       []bundle
	taken         []uint64 // a bit for each bundle and amounts: whether the best there has the bundle
}

// bundle is a number of pods of one item that are taken together or not at all:
// of m pods there is one with 1, one with 2, one with 4 and so on.
type bundle struct {
	at, count     int // position in the knapsack's items
	first, second int // amounts
	worth         float64
}

// maxGridWork bounds amounts times items.
const maxGridWork = 400_000

// most returns what the pods that it puts into taken are worth; false where the node
// is too large.
func (g *grid) most(s *knapsack, items []*item, values []float64) (worth, most float64) {
	g.first, g.second = s.dearest()
	if g.second < 0 {
		return 0, 0
	}
	for n, r := range []int{g.first, g.second} {
		g.units[n] = s.unit(items, r)
	}
	rows, columns := s.room[g.first]/g.units[0]+1, s.room[g.second]/g.units[1]+1
	if rows < 1 || columns < 1 || rows > maxGridWork || columns > maxGridWork || rows*columns*int64(len(s.items)) > maxGridWork {
		return 0, 0
	}
	g.rows, g.columns = int(rows), int(columns)
	rest := g.bundle(s, items, values)
	g.fill()
	s.steps += g.rows * g.columns * len(g.bundles) / 8
	g.read(s)
	return s.holds(items, values), rest + g.worth[len(g.worth)-1]
}

// bundle parts the pods into bundles and returns what the other resources cost.
func (g *grid) bundle(s *knapsack, items []*item, values []float64) float64 {
	g.bundles = g.bundles[:0]
	others := func(amounts vector) float64 {
		sum := 0.0
		for r, price := range s.prices {
			if r != g.first && r != g.second {
				sum += float64(price * float64(amounts[r]))
			}
		}
		return sum
	}
	for at, i := range s.items {
		request := items[i].class.request
		each := values[i] - others(request)
		if each <= 0 {
			continue
		}
		for left, size := s.most[i], 1; left > 0; size *= 2 {
			n := min(left, size)
			left -= n
			g.bundles = append(g.bundles, bundle{at: at, count: n, worth: float64(each * float64(n)),
				first: int(request[g.first]/g.units[0]) * n, second: int(request[g.second]/g.units[1]) * n})
		}
	}
	return others(s.room)
}

// fill finds the best of the first bundles for all amounts, bundle by bundle.
func (g *grid) fill() {
	g.worth = sized(g.worth, g.rows*g.columns)
	words := (len(g.worth) + 63) / 64
	g.taken = sized(g.taken, words*len(g.bundles))
	for n := range g.bundles {
		b, bits := &g.bundles[n], g.taken[n*words:(n+1)*words]
		back := b.first*g.columns + b.second
		for row := g.rows - 1; row >= b.first; row-- {
			for at := (row+1)*g.columns - 1; at >= row*g.columns+b.second; at-- {
				if with := g.worth[at-back] + b.worth; with > g.worth[at] {
					g.worth[at] = with
					bits[at/64] |= 1 << (at % 64)
				}
			}
		}
	}
}

// sized is a slice of so many zeros, the given one where that is large enough.
func sized[T any](s []T, length int) []T {
	if cap(s) < length {
		return make([]T, length)
	}
	s = s[:length]
	clear(s)
	return s
}

// read puts the pods of the best into the knapsack.
func (g *grid) read(s *knapsack) {
	clear(s.taken)
	words, at := (len(g.worth)+63)/64, len(g.worth)-1
	for n := len(g.bundles) - 1; n >= 0; n-- {
		if g.taken[n*words+at/64]&(1<<(at%64)) != 0 {
			b := &g.bundles[n]
			s.taken[b.at] += b.count
			at -= b.first*g.columns + b.second
		}
	}
}

// dearest returns the two resources whose room costs most; the second is -1 where
// there is one resource only.
func (s *knapsack) dearest() (first, second int) {
	first, second = 0, -1
	cost := func(r int) float64 { return s.prices[r] * float64(s.room[r]) }
	for r := 1; r < len(s.room); r++ {
		switch {
		case cost(r) > cost(first):
			first, second = r, first
		case second < 0 || cost(r) > cost(second):
			second = r
		}
	}
	return first, second
}

// unit is the largest amount of which all requests are multiples.
func (s *knapsack) unit(items []*item, r int) int64 {
	unit := int64(0)
	for _, i := range s.items {
		for amount := items[i].class.request[r]; amount != 0; {
			unit, amount = amount, unit%amount
		}
	}
	return max(unit, 1)
}
