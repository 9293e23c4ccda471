package aws

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/offers"
)

// sales are the facts and prices of a region's instance types.
type sales struct {
	types    map[string]instancetype.Facts
	onDemand map[string]float64
	spot     map[pool]float64
	// zones in which a type is sold, nil when not known.
	zones map[string][]string
}

// sellsIn reports whether a type is sold in a zone, as far as is known.
func (s sales) sellsIn(name, zone string) bool {
	return s.zones == nil || slices.Contains(s.zones[name], zone)
}

// market knows what the region sells: from EC2 and the Price List where that is
// allowed, else from the shipped catalog, because the policy that people give to
// cluster-autoscaler allows neither.
type market struct {
	inventory *inventory
	region    string
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	version int
	current *sales
	// again is when EC2 is asked next after it has refused.
	again time.Time
}

// askAgain is how long the catalog is used before EC2 is asked once more.
const askAgain = 10 * time.Minute

func (m *market) sales(ctx context.Context) (sales, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current != nil && m.now().Before(m.again) {
		return *m.current, nil
	}
	known, err := m.inventory.get(ctx)
	if err == nil {
		if m.current == nil || m.version != known.version {
			m.current, m.version, m.again = salesOf(known), known.version, time.Time{}
		}
		return *m.current, nil
	}
	shipped, loadErr := shippedSales(m.region)
	if loadErr != nil {
		return sales{}, fmt.Errorf("reading what %s sells: %w, and %w", m.region, err, loadErr)
	}
	m.log.Warn("could not read instance types and prices; using the shipped catalog, without Spot prices", "error", err)
	m.current, m.again = shipped, m.now().Add(askAgain)
	return *m.current, nil
}

func salesOf(known facts) *sales {
	s := &sales{types: make(map[string]instancetype.Facts, len(known.types)), onDemand: known.onDemand, spot: known.spot.now, zones: known.zones}
	for _, info := range known.types {
		s.types[string(info.InstanceType)] = factsOf(info)
	}
	return s
}

func shippedSales(region string) (*sales, error) {
	shipped, err := catalog.Load()
	if err != nil {
		return nil, fmt.Errorf("reading the shipped catalog: %w", err)
	}
	offered := shipped.Offered(region)
	if len(offered) == 0 {
		return nil, fmt.Errorf("the shipped catalog does not know the region %s", region)
	}
	s := &sales{types: map[string]instancetype.Facts{}, onDemand: map[string]float64{}}
	for _, each := range offered {
		s.types[each.Name] = offers.Facts(each)
		if price, known := shipped.Price(region, each.Name); known {
			s.onDemand[each.Name] = price
		}
	}
	return s, nil
}
