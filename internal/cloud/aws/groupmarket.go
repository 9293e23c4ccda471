package aws

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/offers"
)

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
	current *groupnodes.Sales
	// again is when EC2 is asked next after it has refused.
	again time.Time
}

// askAgain is how long the catalog is used before EC2 is asked once more.
const askAgain = 10 * time.Minute

func (m *market) sales(ctx context.Context) (groupnodes.Sales, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current != nil && m.now().Before(m.again) {
		return *m.current, nil
	}
	known, err := m.inventory.get(ctx)
	if err == nil {
		if m.current == nil || m.version != known.version {
			m.current, m.version, m.again = salesOf(known, m.region), known.version, time.Time{}
		}
		return *m.current, nil
	}
	shipped, loadErr := shippedSales(m.region)
	if loadErr != nil {
		return groupnodes.Sales{}, fmt.Errorf("reading what %s sells: %w, and %w", m.region, err, loadErr)
	}
	m.log.Warn("could not read instance types and prices; using the shipped catalog, without Spot prices", "error", err)
	m.current, m.again = shipped, m.now().Add(askAgain)
	return *m.current, nil
}

func salesOf(known facts, region string) *groupnodes.Sales {
	s := &groupnodes.Sales{
		Region: region, Types: make(map[string]instancetype.Facts, len(known.types)), OnDemand: known.onDemand,
		Spot: make(map[groupnodes.Pool]float64, len(known.spot.now)), Zones: known.zones,
	}
	for _, info := range known.types {
		s.Types[string(info.InstanceType)] = factsOf(info)
	}
	for of, price := range known.spot.now {
		s.Spot[groupnodes.Pool{InstanceType: of.instanceType, Zone: of.zone}] = price
	}
	return s
}

func shippedSales(region string) (*groupnodes.Sales, error) {
	market, err := offers.New(region, nil, nil)
	if err != nil {
		return nil, err
	}
	return market.Sales(), nil
}
