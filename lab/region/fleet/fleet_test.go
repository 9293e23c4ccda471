package fleet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

var errShort = errors.New("insufficient")

// market gives up to supply[i] instances of candidate i; a missing entry is no
// limit.
type market struct {
	supply map[int]int
	given  map[int]int
}

func (m *market) take(i, want int) (int, error) {
	if m.given == nil {
		m.given = map[int]int{}
	}
	got := want
	if supply, finite := m.supply[i]; finite {
		got = min(want, supply-m.given[i])
	}
	m.given[i] += got
	if got < want {
		return got, errShort
	}
	return got, nil
}

func priority(p float64) *float64 { return &p }

func TestFill(t *testing.T) {
	cheap, middle, dear := Candidate{USD: 1, Depth: 1}, Candidate{USD: 2, Depth: 5}, Candidate{USD: 3, Depth: 9}
	all := []Candidate{dear, cheap, middle}
	for name, c := range map[string]struct {
		request Request
		supply  map[int]int
		given   map[int]int
		short   []int
	}{
		"lowest price": {
			request: Request{Candidates: all, Target: 5, Strategy: LowestPrice},
			given:   map[int]int{1: 5},
		},
		"the next cheapest takes over": {
			request: Request{Candidates: all, Target: 5, Strategy: LowestPrice}, supply: map[int]int{1: 2},
			given: map[int]int{1: 2, 2: 3}, short: []int{1},
		},
		"nothing anywhere": {
			request: Request{Candidates: all, Target: 5, Strategy: LowestPrice}, supply: map[int]int{0: 0, 1: 0, 2: 0},
			given: map[int]int{0: 0, 1: 0, 2: 0}, short: []int{1, 2, 0},
		},
		"partly": {
			request: Request{Candidates: all, Target: 5, Strategy: LowestPrice}, supply: map[int]int{0: 1, 1: 1, 2: 1},
			given: map[int]int{0: 1, 1: 1, 2: 1}, short: []int{1, 2, 0},
		},
		"equal prices keep the order of the call": {
			request: Request{Candidates: []Candidate{cheap, cheap}, Target: 3, Strategy: LowestPrice},
			given:   map[int]int{0: 3},
		},
		"lowest price over two pools": {
			request: Request{Candidates: all, Target: 5, Strategy: LowestPrice, PoolsToUse: 2},
			given:   map[int]int{1: 3, 2: 2},
		},
		"prioritized": {
			request: Request{Candidates: []Candidate{{USD: 1}, {USD: 9, Priority: priority(2)}, {USD: 9, Priority: priority(1)}}, Target: 4, Strategy: Prioritized},
			supply:  map[int]int{2: 1, 1: 1}, given: map[int]int{2: 1, 1: 1, 0: 2}, short: []int{2, 1},
		},
		"capacity optimized": {
			request: Request{Candidates: all, Target: 2, Strategy: CapacityOptimized},
			given:   map[int]int{0: 2},
		},
		"price capacity optimized: the cheapest of the deep ones": {
			request: Request{Candidates: all, Target: 2, Strategy: PriceCapacityOptimized},
			given:   map[int]int{2: 2},
		},
		"price capacity optimized: the deepest of shallow ones": {
			request: Request{Candidates: []Candidate{{USD: 1, Depth: 0}, {USD: 2, Depth: 3}, {USD: 1.5, Depth: 3}}, Target: 2, Strategy: PriceCapacityOptimized},
			given:   map[int]int{2: 2},
		},
		"capacity optimized prioritized: nothing spare in the first": {
			request: Request{Candidates: []Candidate{{Depth: 0, Priority: priority(0)}, {Depth: 2, Priority: priority(1)}}, Target: 2, Strategy: CapacityOptimizedPrioritized},
			given:   map[int]int{1: 2},
		},
		"capacity optimized prioritized": {
			request: Request{Candidates: []Candidate{{Depth: 1, Priority: priority(0)}, {Depth: 9, Priority: priority(2)}, {Depth: 5, Priority: priority(1)}}, Target: 2, Strategy: CapacityOptimizedPrioritized},
			given:   map[int]int{2: 2},
		},
		"diversified": {
			request: Request{Candidates: all, Target: 7, Strategy: Diversified},
			given:   map[int]int{0: 3, 1: 2, 2: 2},
		},
		"diversified around a dry pool": {
			request: Request{Candidates: all, Target: 7, Strategy: Diversified}, supply: map[int]int{0: 0},
			given: map[int]int{0: 0, 1: 4, 2: 3}, short: []int{0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &market{supply: c.supply}
			var short []int
			for _, s := range c.request.Fill(m.take) {
				if !errors.Is(s.Err, errShort) {
					t.Errorf("candidate %d: %v", s.Candidate, s.Err)
				}
				short = append(short, s.Candidate)
			}
			if fmt.Sprint(m.given) != fmt.Sprint(c.given) || !slices.Equal(short, c.short) {
				t.Errorf("got %v, short %v; want %v, short %v", m.given, short, c.given, c.short)
			}
		})
	}
}

// TestFillTakesAllThereIs: whatever the strategy, the target is met exactly when
// the candidates have enough, and it is never exceeded.
func TestFillTakesAllThereIs(t *testing.T) {
	strategies := []Strategy{LowestPrice, Prioritized, Diversified, CapacityOptimized, CapacityOptimizedPrioritized, PriceCapacityOptimized}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		n := random.IntN(7)
		r := Request{Target: random.IntN(21), Strategy: strategies[random.IntN(len(strategies))], PoolsToUse: random.IntN(9)}
		m, total := &market{supply: map[int]int{}}, 0
		for i := range n {
			r.Candidates = append(r.Candidates, Candidate{USD: random.Float64(), Depth: random.IntN(11)})
			m.supply[i] = random.IntN(10)
			total += m.supply[i]
		}
		short := r.Fill(m.take)
		got := 0
		for _, given := range m.given {
			got += given
		}
		if got != min(r.Target, total) {
			t.Fatalf("%+v with supply %v took %d", r, m.supply, got)
		}
		if got < r.Target && len(short) != n {
			t.Fatalf("%d candidates, only %d reported short", n, len(short))
		}
	}
}
