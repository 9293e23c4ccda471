package spot

import (
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func TestPricesStayInTheirRange(t *testing.T) {
	m := Model{Seed: 7}
	different := map[float64]bool{}
	for _, instanceType := range []string{"m5.large", "c5.large", "r5.large", "m7g.xlarge"} {
		for _, zone := range []string{"us-west-2a", "us-west-2b", "us-west-2c"} {
			for hour := range 24 * 30 {
				price := m.Price(Pool{instanceType, zone}, 1, now.Add(time.Duration(hour)*time.Hour))
				if price.USD < 0.15 || price.USD > 0.45 {
					t.Fatalf("%s in %s at hour %d: %v of on-demand", instanceType, zone, hour, price.USD)
				}
				different[price.USD] = true
			}
		}
	}
	if len(different) < 1000 {
		t.Errorf("only %d different prices", len(different))
	}
}

func TestHistoryIsContinuous(t *testing.T) {
	m := Model{Seed: 1}
	p := Pool{"m5.large", "us-west-2a"}
	from := now.Add(-72 * time.Hour)
	history := m.History(p, 0.096, from, now)
	if len(history) != 13 && len(history) != 12 {
		t.Errorf("three days have %d prices, want one for every six hours", len(history))
	}
	if history[0] != m.Price(p, 0.096, now) {
		t.Errorf("the first is %v, not the price now", history[0])
	}
	for i, point := range history {
		if i > 0 && history[i-1].Since.Sub(point.Since) != holds {
			t.Errorf("price %d holds %v", i, history[i-1].Since.Sub(point.Since))
		}
		if got := m.Price(p, 0.096, point.Since); got != point {
			t.Errorf("the price at %v is %v, the history says %v", point.Since, got, point)
		}
	}
	if oldest := history[len(history)-1]; oldest.Since.After(from) {
		t.Errorf("the price in force at the start is missing: the oldest is of %v", oldest.Since)
	}
}

func TestHistoryOfOneMomentIsOnePrice(t *testing.T) {
	m := Model{}
	p := Pool{"c5.large", "us-west-2b"}
	if got := m.History(p, 0.085, now, now); len(got) != 1 || got[0] != m.Price(p, 0.085, now) {
		t.Errorf("got %v", got)
	}
}

func TestSeedsDiffer(t *testing.T) {
	p := Pool{"m5.large", "us-west-2a"}
	if (Model{Seed: 1}).Price(p, 1, now) == (Model{Seed: 2}).Price(p, 1, now) {
		t.Error("two seeds give the same price")
	}
}

func TestDepth(t *testing.T) {
	seen := map[int]bool{}
	for _, size := range []string{"large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge"} {
		for _, family := range []string{"m5", "c5", "r5", "m6i", "c6i", "r6i"} {
			for _, zone := range []string{"a", "b", "c"} {
				depth := Model{}.Depth(Pool{family + "." + size, zone})
				if depth < 1 || depth > MaxDepth {
					t.Fatalf("depth %d", depth)
				}
				seen[depth] = true
			}
		}
	}
	if len(seen) < MaxDepth {
		t.Errorf("only depths %v", seen)
	}
}
