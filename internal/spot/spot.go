// Package spot is what a cluster buys of Spot, as plain data: pools in use, what
// they cost against on demand, which were taken back, and which have nothing now.
// The controller keeps it in a ConfigMap, and `drover get spot` shows it.
package spot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-project/drover/internal/model"
)

// ConfigMap and Key are where the controller keeps the state, in its own
// namespace.
const (
	ConfigMap = "drover-spot"
	Key       = "spot"
)

// State is Spot in one cluster at one time.
type State struct {
	Updated time.Time `json:"updated"`
	// Pools that nodes come from, or were taken back by AWS, by type and zone.
	Pools []Pool `json:"pools"`
	// Unavailable are pools of any kind that have nothing now.
	Unavailable []Unavailable `json:"unavailable,omitempty"`
	// Nodes and PricePerHour (USD) of the whole cluster, as far as prices are known.
	Nodes        int     `json:"nodes"`
	PricePerHour float64 `json:"pricePerHour"`
}

// Pool is one Spot pool: instance type x zone. Prices are in USD per hour, 0 when
// nobody knows.
type Pool struct {
	InstanceType string  `json:"instanceType"`
	Zone         string  `json:"zone"`
	Nodes        int     `json:"nodes"`
	Leaving      int     `json:"leaving,omitempty"` // of Nodes, those that AWS takes back
	Price        float64 `json:"price,omitempty"`
	OnDemand     float64 `json:"onDemand,omitempty"`
	// Saving is 1 - Price/OnDemand; NodeShare and CostShare are of the cluster.
	Saving    float64 `json:"saving,omitempty"`
	NodeShare float64 `json:"nodeShare"`
	CostShare float64 `json:"costShare"`
	Seen
	// Unavailable is why nothing is bought from it now, empty when it is.
	Unavailable string `json:"unavailable,omitempty"`
}

// Seen is what was heard of a pool since the ConfigMap was made.
type Seen struct {
	Interruptions   int       `json:"interruptions"`
	Recommendations int       `json:"recommendations"`
	Last            time.Time `json:"last,omitzero"`
}

// Unavailable is a pool that has nothing now.
type Unavailable struct {
	InstanceType string             `json:"instanceType,omitempty"`
	Zone         string             `json:"zone,omitempty"`
	CapacityType model.CapacityType `json:"capacityType"`
	Reason       string             `json:"reason"`
}

// Decode reads what Encode wrote.
func Decode(text string) (State, error) {
	var state State
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		return State{}, fmt.Errorf("the state of Spot cannot be read: %w", err)
	}
	return state, nil
}

// Encode is the ConfigMap's value.
func (s State) Encode() (string, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

// PoolKey names a Spot pool.
type PoolKey struct{ InstanceType, Zone string }

// History is what was heard of each pool.
type History map[PoolKey]Seen

// HistoryOf takes it out of a State.
func HistoryOf(state State) History {
	history := History{}
	for _, pool := range state.Pools {
		if pool.Seen != (Seen{}) {
			history[PoolKey{pool.InstanceType, pool.Zone}] = pool.Seen
		}
	}
	return history
}

// Prices is what an offering costs per hour in USD, 0 when nobody knows.
type Prices func(model.OfferingKey) float64

// Describe makes the State of a snapshot. Nodes may come from pools that nothing
// in it buys from: more, which may be nil, knows those prices.
func Describe(snapshot *model.Snapshot, history History, more Prices, now time.Time) State {
	market := marketOf(snapshot)
	market.more = more
	state := State{Updated: now.UTC().Truncate(time.Second), Unavailable: market.unavailable()}
	pools := map[PoolKey]*Pool{}
	pool := func(key PoolKey) *Pool {
		if pools[key] == nil {
			p := &Pool{InstanceType: key.InstanceType, Zone: key.Zone, Seen: history[key]}
			p.Price, p.Unavailable = market.spot(key)
			p.OnDemand = market.price(model.OfferingKey{InstanceType: key.InstanceType, Zone: key.Zone, CapacityType: model.OnDemand})
			if p.Price > 0 && p.OnDemand > 0 {
				p.Saving = 1 - p.Price/p.OnDemand
			}
			pools[key] = p
		}
		return pools[key]
	}
	for key := range history {
		pool(key)
	}
	for i := range snapshot.Nodes {
		node := &snapshot.Nodes[i]
		state.Nodes++
		key := keyOf(node)
		price := node.PricePerHour
		if !node.PriceKnown {
			price = market.price(key)
		}
		state.PricePerHour += price
		if key.CapacityType != model.Spot {
			continue
		}
		p := pool(PoolKey{key.InstanceType, key.Zone})
		p.Nodes++
		p.CostShare += price
		if slices.ContainsFunc(node.Taints, func(t model.Taint) bool { return t.Key == LeavingTaint }) {
			p.Leaving++
		}
	}
	for _, p := range pools {
		if state.Nodes > 0 {
			p.NodeShare = float64(p.Nodes) / float64(state.Nodes)
		}
		if state.PricePerHour > 0 {
			p.CostShare /= state.PricePerHour
		}
		state.Pools = append(state.Pools, *p)
	}
	slices.SortFunc(state.Pools, func(a, b Pool) int {
		return cmp.Or(-cmp.Compare(a.Nodes, b.Nodes), strings.Compare(a.InstanceType, b.InstanceType), strings.Compare(a.Zone, b.Zone))
	})
	return state
}

// LeavingTaint is the key of the taint on nodes that AWS takes back.
const LeavingTaint = "drover.sh/interruption"

// keyOf is the pool that a node came from, as far as its labels say.
func keyOf(node *model.Node) model.OfferingKey {
	key := model.OfferingKey{
		InstanceType: node.Labels["node.kubernetes.io/instance-type"], Zone: node.Labels["topology.kubernetes.io/zone"],
		CapacityType: model.CapacityType(node.Labels["karpenter.sh/capacity-type"]),
	}
	switch {
	case key.CapacityType != "":
	case node.Labels["eks.amazonaws.com/capacityType"] == "SPOT", strings.Contains(strings.ToLower(node.Labels["lifecycle"]), "spot"),
		node.Labels["node-lifecycle"] == "spot", node.Labels["node.kubernetes.io/lifecycle"] == "spot":
		key.CapacityType = model.Spot
	default:
		key.CapacityType = model.OnDemand
	}
	return key
}

// market is every offering that the cluster knows of.
type market struct {
	prices  map[model.OfferingKey]float64
	without map[model.OfferingKey]string
	more    Prices
}

func (m market) price(key model.OfferingKey) float64 {
	if price, known := m.prices[key]; known || m.more == nil {
		return price
	}
	return m.more(key)
}

func marketOf(snapshot *model.Snapshot) market {
	m := market{prices: map[model.OfferingKey]float64{}, without: map[model.OfferingKey]string{}}
	add := func(offerings []model.Offering) {
		for _, o := range offerings {
			m.prices[o.OfferingKey] = o.PricePerHour
			if o.UnavailableReason != "" {
				m.without[o.OfferingKey] = o.UnavailableReason
			}
		}
	}
	for _, catalog := range snapshot.Catalogs {
		add(catalog.Offerings)
	}
	for i := range snapshot.NodeGroups {
		for j := range snapshot.NodeGroups[i].Types {
			add(snapshot.NodeGroups[i].Types[j].Offerings)
		}
	}
	return m
}

func (m market) spot(key PoolKey) (price float64, unavailable string) {
	offering := model.OfferingKey{InstanceType: key.InstanceType, Zone: key.Zone, CapacityType: model.Spot}
	return m.price(offering), m.without[offering]
}

func (m market) unavailable() []Unavailable {
	var list []Unavailable
	for key, reason := range m.without {
		list = append(list, Unavailable{InstanceType: key.InstanceType, Zone: key.Zone, CapacityType: key.CapacityType, Reason: reason})
	}
	slices.SortFunc(list, func(a, b Unavailable) int {
		return cmp.Or(strings.Compare(a.InstanceType, b.InstanceType), strings.Compare(a.Zone, b.Zone), cmp.Compare(a.CapacityType, b.CapacityType))
	})
	return list[:min(len(list), maxUnavailable)]
}

// maxUnavailable keeps the ConfigMap small when all of Spot is gone.
const maxUnavailable = 500
