package groups

import (
	"slices"
	"testing"
	"time"
)

// TestOnDemandShare has the examples of the user guide: a fraction counts as
// on-demand.
func TestOnDemandShare(t *testing.T) {
	for _, c := range []struct{ capacity, base, percent, want int }{
		{10, 10, 50, 10}, {20, 10, 50, 15}, {30, 10, 50, 20}, {40, 10, 50, 25},
		{10, 0, 0, 0}, {20, 0, 0, 0}, {10, 0, 60, 6}, {30, 0, 60, 18}, {10, 0, 100, 10}, {40, 0, 100, 40},
		{10, 12, 0, 10}, {20, 12, 0, 12}, {40, 12, 0, 12},
		{3, 1, 50, 2}, {4, 1, 50, 3}, {2, 0, 25, 1}, {5, 0, 25, 2}, {1, 0, 1, 1}, {0, 5, 50, 0},
	} {
		if got := OnDemandShare(c.capacity, c.base, c.percent); got != c.want {
			t.Errorf("%d of capacity, base %d, %d%%: %d on-demand, want %d", c.capacity, c.base, c.percent, got, c.want)
		}
	}
}

func TestSharesLevelWhatIsThere(t *testing.T) {
	for _, c := range []struct {
		units     int
		has, want []int
		step      int
	}{
		{3, []int{0, 0, 0}, []int{1, 1, 1}, 1}, {4, []int{0, 0, 0}, []int{2, 1, 1}, 1}, {2, []int{3, 0, 0}, []int{0, 1, 1}, 1},
		{5, []int{2, 0}, []int{2, 3}, 1}, {1, []int{1, 1, 0}, []int{0, 0, 1}, 1}, {0, []int{1, 0}, []int{0, 0}, 1}, {3, nil, nil, 1}, {8, []int{0, 0, 0}, []int{4, 2, 2}, 2}, {3, []int{2, 0}, []int{0, 4}, 4},
	} {
		if got := shares(c.units, c.has, c.step); !slices.Equal(got, c.want) {
			t.Errorf("%d over %v: %v, want %v", c.units, c.has, got, c.want)
		}
	}
}

func TestBackoffGrowsToALimit(t *testing.T) {
	before := time.Duration(0)
	for n := 1; n < 50; n++ {
		wait := backoff(n)
		if wait < before || wait > lastRetry || wait < firstRetry {
			t.Fatalf("failure %d: %v after %v", n, wait, before)
		}
		before = wait
	}
	if before != lastRetry {
		t.Errorf("the wait ends at %v, want %v", before, lastRetry)
	}
}
