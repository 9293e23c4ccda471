package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
)

// onSpot is a cluster with one working Spot node of type m at 0.06, and so many
// other types at half of that.
func onSpot(t *testing.T, types int, more string) (*model.Snapshot, model.Settings) {
	t.Helper()
	snapshot, settings, err := scenario.Parse(spotTypes(types, 0.03) + ownPool + more + fmt.Sprintf(workingNode, "spot"))
	if err != nil {
		t.Fatal(err)
	}
	snapshot.Nodes[0].PricePerHour, snapshot.Nodes[0].PriceKnown = 0.06, true
	steady(snapshot)
	return snapshot, settings
}

// offering finds one of the snapshot's, to be changed.
func offering(snapshot *model.Snapshot, instanceType string) *model.Offering {
	for i := range snapshot.Catalogs["default"].Offerings {
		if o := &snapshot.Catalogs["default"].Offerings[i]; o.InstanceType == instanceType && o.CapacityType == model.Spot {
			return o
		}
	}
	return nil
}

// TestMovesOfSpotNodesNeedEverything: with exactly as many types as needed, anything that
// is wrong with one of them, or with the node's own price, keeps the node.
func TestMovesOfSpotNodesNeedEverything(t *testing.T) {
	for name, change := range map[string]func(*model.Snapshot, *model.Moves){
		"a type was dearer a while ago":    func(s *model.Snapshot, _ *model.Moves) { offering(s, "s07").HighestPrice = 0.052 },
		"nobody knows what a type cost":    func(s *model.Snapshot, _ *model.Moves) { offering(s, "s07").HighestPrice = 0 },
		"the node was cheaper a while ago": func(s *model.Snapshot, _ *model.Moves) { offering(s, "m").LowestPrice = 0.035 },
		"nobody knows what the node cost":  func(s *model.Snapshot, _ *model.Moves) { offering(s, "m").LowestPrice = 0 },
		"a type is interrupted more often": func(s *model.Snapshot, _ *model.Moves) { offering(s, "s07").InterruptionRate = 0.025 },
		"a type has nothing":               func(s *model.Snapshot, _ *model.Moves) { offering(s, "s07").UnavailableReason = "no capacity" },
		"a type took a node back lately": func(s *model.Snapshot, m *model.Moves) {
			m.Restless = map[model.OfferingKey]bool{offering(s, "s07").OfferingKey: true}
		},
		"the NodePool asks for more choice":  func(s *model.Snapshot, _ *model.Moves) { askForTypes(s, 16) },
		"the node is no Spot node of a pool": func(s *model.Snapshot, _ *model.Moves) { s.Nodes[0].NodePool = "" },
	} {
		t.Run(name, func(t *testing.T) {
			for _, newNodesOnly := range []bool{false, true} {
				snapshot, settings := onSpot(t, 15, "")
				moves := move("n0")
				moves.NewNodesOnly = newNodesOnly
				if only(t, engine.Replace(snapshot, moves, settings)) == nil {
					t.Fatal("no move although 15 types are cheaper")
				}
				change(snapshot, &moves)
				if got := only(t, engine.Replace(snapshot, moves, settings)); got != nil {
					t.Errorf("moves all the same: %s", got.Message)
				}
			}
		})
	}
}

func askForTypes(snapshot *model.Snapshot, count int) {
	snapshot.NodePools[0].Requirements = append(snapshot.NodePools[0].Requirements,
		model.Requirement{Key: "node.kubernetes.io/instance-type", Operator: model.Exists, MinValues: count})
}

func TestACalmerPoolIsWorthMore(t *testing.T) {
	snapshot, settings := onSpot(t, 15, "")
	settings.InterruptionHours = 730
	offering(snapshot, "m").InterruptionRate = 0.5
	for i := range 15 {
		o := offering(snapshot, fmt.Sprintf("s%02d", i))
		o.PricePerHour, o.LowestPrice, o.HighestPrice = 0.06, 0.06, 0.06
	}
	got := only(t, engine.Replace(snapshot, move("n0"), settings))
	if got == nil || got.SavesPerHour < 0.0299 || got.SavesPerHour > 0.0301 {
		t.Fatalf("got %+v, want a move that saves half of the price in interruptions", got)
	}
	for i := range 15 {
		offering(snapshot, fmt.Sprintf("s%02d", i)).InterruptionRate = 0.4
	}
	if got := only(t, engine.Replace(snapshot, move("n0"), settings)); got != nil {
		t.Errorf("moves for less than 15 %% of the cost: %s", got.Message)
	}
}

// TestMovesListTheCheapestTypes: whichever comes, fewer than 15 types are
// cheaper, so that it stays.
func TestMovesListTheCheapestTypes(t *testing.T) {
	for name, c := range map[string]struct{ minValues, want int }{"15": {0, 15}, "as many as the NodePool asks for": {20, 20}} {
		snapshot, settings := onSpot(t, 40, "")
		if c.minValues > 0 {
			askForTypes(snapshot, c.minValues)
		}
		got := only(t, engine.Replace(snapshot, move("n0"), settings))
		if got == nil || got.Launch == nil || len(got.Launch.Offerings) != c.want {
			t.Fatalf("%s: got %+v, want so many offerings", name, got)
		}
		for i, o := range got.Launch.Offerings {
			if o.InstanceType != fmt.Sprintf("s%02d", i) || o.CapacityType != model.Spot {
				t.Errorf("%s: offering %d is %v, want the cheapest in order", name, i, o.OfferingKey)
			}
		}
	}
}

// TestManyZonesHideNoTypes: one request takes 60 offerings, which are ten types in
// six zones.
func TestManyZonesHideNoTypes(t *testing.T) {
	input := strings.Replace(spotTypes(20, 0.03), "zones a\n", "zones a b c d e f\n", 1)
	for _, zone := range strings.Fields("b c d e f") {
		for i := range 20 {
			input = strings.Replace(input, "pool default\n", fmt.Sprintf("offering s%02d/%s/spot price=%g\npool default\n", i, zone, 0.03+float64(i)/100000), 1)
		}
	}
	snapshot, settings, err := scenario.Parse(input + ownPool + fmt.Sprintf(workingNode, "spot"))
	if err != nil {
		t.Fatal(err)
	}
	snapshot.Nodes[0].PricePerHour, snapshot.Nodes[0].PriceKnown = 0.06, true
	steady(snapshot)
	got := only(t, engine.Replace(snapshot, move("n0"), settings))
	if got == nil || got.Launch == nil {
		t.Fatal("no move although 20 types are cheaper")
	}
	types := map[string]bool{}
	for _, o := range got.Launch.Offerings {
		types[o.InstanceType] = true
	}
	if len(types) != 15 || len(got.Launch.Offerings) != 60 {
		t.Errorf("lists %d types in %d offerings, want 15 in 60", len(types), len(got.Launch.Offerings))
	}
}

// TestMovesToNewNodesOnly: the caller may want nothing else, and then another
// node's room hides no move.
func TestMovesToNewNodesOnly(t *testing.T) {
	onDemand := fmt.Sprintf(workingNode, "on-demand")
	second := strings.NewReplacer("n0", "n1", "web", "db").Replace(onDemand)
	snapshot, settings, err := scenario.Parse(spotTypes(1, 0.03) + onDemand + second + "node big cpu=2 memory=8Gi pods=20 zone=a pool=default\n")
	if err != nil {
		t.Fatal(err)
	}
	for i := range snapshot.Nodes[:2] {
		snapshot.Nodes[i].PricePerHour, snapshot.Nodes[i].PriceKnown = 0.1, true
	}
	moves := model.Moves{Candidates: []model.Candidate{{Node: "n0"}, {Node: "n1"}}}
	if got := engine.Replace(snapshot, moves, settings); len(got) != 2 || got[0].Launch != nil {
		t.Fatalf("got %d moves, want both nodes to have room on the third", len(got))
	}
	moves.NewNodesOnly = true
	if got := engine.Replace(snapshot, moves, settings); len(got) != 0 {
		t.Errorf("got %d moves, the first %s: want none to a new node, for there is room", len(got), got[0].Message)
	}
}

// TestMovesArePlannedAsPodsWillAsk: what the caller says of the pods counts, not what they
// are on their node.
func TestMovesArePlannedAsPodsWillAsk(t *testing.T) {
	input := strings.Replace(spotTypes(2, 0.03), "zones a\n", "zones a b\n", 1) + fmt.Sprintf(workingNode, "on-demand")
	input = strings.Replace(input, "pool default\n", "offering s00/b/spot price=0.001\npool default\n", 1)
	snapshot, settings, err := scenario.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	snapshot.Nodes[0].PricePerHour, snapshot.Nodes[0].PriceKnown = 0.1, true
	if got := only(t, engine.Replace(snapshot, move("n0"), settings)); got == nil || got.Launch.Offerings[0].Zone != "b" {
		t.Fatalf("got %+v, want the cheapest zone", got)
	}
	pods := append([]model.Pod(nil), snapshot.Nodes[0].Pods...)
	in := func(zone string) *model.Replacement {
		pods[0].RequiredNodeAffinity = []model.NodeSelectorTerm{{Labels: []model.Requirement{{Key: "topology.kubernetes.io/zone", Operator: model.In, Values: []string{zone}}}}}
		return only(t, engine.Replace(snapshot, model.Moves{Candidates: []model.Candidate{{Node: "n0", Pods: pods}}}, settings))
	}
	got := in("a")
	if got == nil {
		t.Fatal("no move within the zone of the volume")
	}
	for _, o := range got.Launch.Offerings {
		if o.Zone != "a" {
			t.Errorf("lists %v, where the volume cannot follow", o.OfferingKey)
		}
	}
	if got := in("c"); got != nil {
		t.Errorf("moves to where no pod can go: %s", got.Message)
	}
}

// market is prices that go up and down, with what was seen of each over a window.
type market struct {
	rng      *rand.Rand
	window   int
	seen     map[model.OfferingKey][]float64
	snapshot *model.Snapshot
	settings model.Settings
}

func newMarket(t *testing.T, seed uint64, types int) *market {
	t.Helper()
	m := &market{rng: rand.New(rand.NewPCG(seed, 5)), window: 24, seen: map[model.OfferingKey][]float64{}}
	m.snapshot, m.settings = onSpot(t, types, "")
	m.settings.InterruptionHours = 48
	return m
}

// hour lets an hour pass: at sets each Spot price, the window's bounds follow.
func (m *market) hour(at func(o *model.Offering) float64) {
	offerings := m.snapshot.Catalogs["default"].Offerings
	for i := range offerings {
		o := &offerings[i]
		if o.CapacityType != model.Spot {
			continue
		}
		o.PricePerHour = at(o)
		seen := append(m.seen[o.OfferingKey], o.PricePerHour)
		m.seen[o.OfferingKey] = seen[max(0, len(seen)-m.window):]
		o.LowestPrice, o.HighestPrice = o.PricePerHour, o.PricePerHour
		for _, price := range m.seen[o.OfferingKey] {
			o.LowestPrice, o.HighestPrice = min(o.LowestPrice, price), max(o.HighestPrice, price)
		}
	}
	own := m.own()
	m.snapshot.Nodes[0].PricePerHour = own.PricePerHour
}

// own is the offering that the node is of.
func (m *market) own() *model.Offering {
	labels := m.snapshot.Nodes[0].Labels
	for i := range m.snapshot.Catalogs["default"].Offerings {
		o := &m.snapshot.Catalogs["default"].Offerings[i]
		if o.InstanceType == labels["node.kubernetes.io/instance-type"] && o.Zone == labels["topology.kubernetes.io/zone"] && o.CapacityType == model.Spot {
			return o
		}
	}
	return nil
}

// follow makes the move if there is one, to any of what is listed.
func (m *market) follow(t *testing.T) bool {
	t.Helper()
	before := *m.own()
	moves := move("n0")
	moves.NewNodesOnly = true
	got := only(t, engine.Replace(m.snapshot, moves, m.settings))
	if got == nil {
		return false
	}
	for _, o := range got.Launch.Offerings {
		if o.InterruptionRate > before.InterruptionRate {
			t.Errorf("lists %v with rate %g in the place of %v with %g", o.OfferingKey, o.InterruptionRate, before.OfferingKey, before.InterruptionRate)
		}
		if o.HighestPrice > 0.86*before.LowestPrice && before.InterruptionRate == 0 {
			t.Errorf("lists %v at up to %g in the place of one from %g", o.OfferingKey, o.HighestPrice, before.LowestPrice)
		}
	}
	to := got.Launch.Offerings[m.rng.IntN(len(got.Launch.Offerings))]
	labels := map[string]string{}
	for key, value := range m.snapshot.Nodes[0].Labels {
		labels[key] = value
	}
	labels["node.kubernetes.io/instance-type"], labels["topology.kubernetes.io/zone"] = to.InstanceType, to.Zone
	m.snapshot.Nodes[0].Labels = labels
	m.snapshot.Nodes[0].PricePerHour = m.own().PricePerHour
	return true
}

// TestSwingingPricesCauseNoMoves: every price goes up and down by up to three quarters,
// each in its own rhythm of a day at most.
func TestSwingingPricesCauseNoMoves(t *testing.T) {
	for seed := range uint64(20) {
		m := newMarket(t, seed, 30)
		period, shift := map[string]int{}, map[string]int{}
		for i := range m.snapshot.Catalogs["default"].Offerings {
			name := m.snapshot.Catalogs["default"].Offerings[i].InstanceType
			period[name], shift[name] = 2+m.rng.IntN(23), m.rng.IntN(24)
		}
		for hour := range 120 {
			m.hour(func(o *model.Offering) float64 {
				p := period[o.InstanceType]
				if (hour+shift[o.InstanceType])%p < p/2 {
					return 0.02
				}
				return 0.08
			})
			if hour >= m.window && m.follow(t) {
				t.Fatalf("seed %d: the node follows the prices at hour %d", seed, hour)
			}
		}
	}
}

// TestAMarketAtRestMovesANodeOnce: whichever of the listed offerings came, it is
// where the node stays.
func TestAMarketAtRestMovesANodeOnce(t *testing.T) {
	moved := 0
	for seed := range uint64(60) {
		m := newMarket(t, seed, 20+int(seed))
		catalog := m.snapshot.Catalogs["default"]
		for _, o := range catalog.Offerings {
			o.Zone = "b" // each type in two zones, at different prices
			catalog.Offerings = append(catalog.Offerings, o)
		}
		m.snapshot.Catalogs["default"] = catalog
		prices := map[model.OfferingKey]float64{}
		for i := range catalog.Offerings {
			o := &catalog.Offerings[i]
			prices[o.OfferingKey] = 0.01 + 0.06*m.rng.Float64()
			if seed%2 == 1 && o.CapacityType == model.Spot {
				o.InterruptionRate = 0.025 + 0.2*m.rng.Float64()
			}
		}
		prices[m.own().OfferingKey] = 0.06
		m.hour(func(o *model.Offering) float64 { return prices[o.OfferingKey] })
		if !m.follow(t) {
			continue
		}
		moved++
		if m.follow(t) {
			t.Errorf("seed %d: the node moves on although no price has changed", seed)
		}
	}
	if moved < 20 {
		t.Errorf("the node moved in %d of 60 markets: the rest says nothing", moved)
	}
}

// TestMovedPodsBreakNoRule audits the plans behind the moves of many drawn clusters, with
// what each launch still lists.
func TestMovedPodsBreakNoRule(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		snapshot := drawSnapshot(t)
		snapshot.NodeGroups = nil
		steady(snapshot)
		moves := model.Moves{NewNodesOnly: rapid.Bool().Draw(t, "newNodesOnly")}
		for i := range snapshot.Nodes {
			node := &snapshot.Nodes[i]
			node.PricePerHour, node.PriceKnown = float64(rapid.IntRange(1, 40).Draw(t, "price"))/20, true
			moves.Candidates = append(moves.Candidates, model.Candidate{Node: node.Name})
		}
		before := asText(snapshot)
		found := engine.Replace(snapshot, moves, model.Settings{MaxSteps: 20_000})
		if after := asText(snapshot); after != before {
			t.Fatalf("before %s\nafter %s", before, after)
		}
		for i, move := range found {
			moved++
			without, price := left(snapshot, move.Node)
			if violations := check.Plan(without, move.Plan); len(violations) > 0 {
				t.Fatalf("%v\nsnapshot %s\nmove %s", violations, before, asText(move))
			}
			if move.SavesPerHour < 0.15*price-1e-6 || i > 0 && move.SavesPerHour > found[i-1].SavesPerHour {
				t.Fatalf("move %d of %s at %g saves %g: not enough, or out of order\n%s", i, move.Node, price, move.SavesPerHour, before)
			}
			if move.Launch == nil {
				continue
			}
			for _, o := range move.Launch.Offerings {
				if o.PricePerHour > 0.85*price+1e-6 {
					t.Fatalf("lists %v at %g in the place of a node at %g\n%s", o.OfferingKey, o.PricePerHour, price, before)
				}
			}
			if violations := check.Plan(without, trimmed(move)); len(violations) > 0 {
				t.Fatalf("with what the launch still lists: %v\nsnapshot %s\nmove %s", violations, before, asText(move))
			}
		}
	})
	if moved == 0 {
		t.Error("no drawn cluster has a move: the rest says nothing")
	}
}

// left is the snapshot without a node, whose pods ask, and what the node costs.
func left(snapshot *model.Snapshot, name string) (*model.Snapshot, float64) {
	without, price := *snapshot, 0.0
	without.Nodes, without.Pending = nil, append([]model.Pod(nil), snapshot.Pending...)
	for _, node := range snapshot.Nodes {
		if node.Name != name {
			without.Nodes = append(without.Nodes, node)
			continue
		}
		price = node.PricePerHour
		for _, pod := range node.Pods {
			if !pod.OwnedByDaemonSet {
				without.Pending = append(without.Pending, pod)
			}
		}
	}
	return &without, price
}

// trimmed is the plan with the launch as it is to be carried out.
func trimmed(move model.Replacement) model.Plan {
	plan := move.Plan
	plan.Launches = append([]model.Launch(nil), plan.Launches...)
	for i := range plan.Launches {
		if len(plan.Launches[i].Pods) > 0 && plan.Launches[i].Pods[0] == move.Launch.Pods[0] {
			plan.PricePerHour += move.Launch.Offerings[0].PricePerHour - plan.Launches[i].Offerings[0].PricePerHour
			plan.Launches[i] = *move.Launch
		}
	}
	return plan
}
