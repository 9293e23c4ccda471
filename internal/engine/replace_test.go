package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
)

// spotTypes sells so many types as Spot at one price, and m on demand.
func spotTypes(count int, price float64) string {
	text := "zones a\ntype m cpu=2 memory=8Gi pods=20 price=0.1\n"
	for i := range count {
		text += fmt.Sprintf("type s%02d cpu=2 memory=8Gi pods=20 price=0.11\noffering s%02d/a/spot price=%g\n", i, i, price+float64(i)/100000)
	}
	return text + "pool default\n"
}

// ownPool is the one that the working node comes from, as Spot.
const ownPool = "offering m/a/spot price=0.06\n"

const workingNode = "node n0 cpu=2 memory=8Gi pods=20 zone=a pool=default label.karpenter.sh/capacity-type=%s label.node.kubernetes.io/instance-type=m\nbound web count=1 cpu=1500m label.app=web\n"

func replace(t *testing.T, input string, price float64) *model.Replacement {
	t.Helper()
	snapshot, settings, err := scenario.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	snapshot.Nodes[0].PricePerHour, snapshot.Nodes[0].PriceKnown = price, price > 0
	steady(snapshot)
	return only(t, engine.Replace(snapshot, move("n0"), settings))
}

func move(node string) model.Moves {
	return model.Moves{Candidates: []model.Candidate{{Node: node}}}
}

// only is the one move that there is, nil for none.
func only(t *testing.T, moves []model.Replacement) *model.Replacement {
	t.Helper()
	if len(moves) > 1 {
		t.Fatalf("one node has %d moves", len(moves))
	}
	if len(moves) == 0 {
		return nil
	}
	return &moves[0]
}

// steady makes every price that of all the time that counts.
func steady(snapshot *model.Snapshot) {
	for _, catalog := range snapshot.Catalogs {
		for i := range catalog.Offerings {
			o := &catalog.Offerings[i]
			o.LowestPrice, o.HighestPrice = o.PricePerHour, o.PricePerHour
		}
	}
}

func TestNodesAreReplacedWhenItIsWorthIt(t *testing.T) {
	onDemand, spot := fmt.Sprintf(workingNode, "on-demand"), fmt.Sprintf(workingNode, "spot")
	roomy := "node n1 cpu=4 memory=8Gi pods=20 zone=a pool=default\n"
	for name, c := range map[string]struct {
		input string
		price float64
		want  string // first offering of the new node; "-" none needed, "" no move
		saves float64
	}{
		"on demand to Spot":   {spotTypes(1, 0.03) + onDemand, 0.1, "s00 spot", 0.07},
		"too little to save":  {spotTypes(1, 0.09) + onDemand, 0.1, "", 0},
		"just enough to save": {spotTypes(1, 0.085) + onDemand, 0.1, "s00 spot", 0.015},
		"interruptions eat the saving": {"setting interruptionHours=91\nzones a\ntype m cpu=2 memory=8Gi pods=20 price=0.1\n" +
			"offering m/a/spot price=0.08 interrupted=1\npool default\n" + onDemand, 0.1, "", 0},
		"Spot to a few cheaper types":               {spotTypes(14, 0.03) + ownPool + spot, 0.06, "", 0},
		"Spot to many cheaper types":                {spotTypes(15, 0.03) + ownPool + spot, 0.06, "s00 spot", 0.03},
		"Spot to many that are hardly cheaper":      {spotTypes(15, 0.052) + ownPool + spot, 0.06, "", 0},
		"Spot of a pool that nobody sells":          {spotTypes(15, 0.03) + spot, 0.06, "", 0},
		"Spot to on demand":                         {"zones a\ntype m cpu=2 memory=8Gi pods=20 price=0.1\noffering m/a/spot price=0.2\npool default\n" + spot, 0.2, "", 0},
		"room elsewhere":                            {spotTypes(1, 0.03) + onDemand + roomy, 0.1, "-", 0.1},
		"a price that nobody knows":                 {spotTypes(1, 0.03) + onDemand, 0, "", 0},
		"a pod that is about to come":               {spotTypes(1, 0.03) + onDemand + "pod new count=1 cpu=500m\n", 0.1, "", 0},
		"a rule that keeps the pods where they are": {spotTypes(1, 0.03) + onDemand + "bound pinned count=1 cpu=100m select=node.kubernetes.io/instance-type=m\n", 0.1, "", 0},
		"a share that must be on demand":            {strings.Replace(spotTypes(1, 0.03), "pool default", "pool default onDemand=1/0", 1) + onDemand, 0.1, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := replace(t, c.input, c.price)
			if c.want == "" {
				if got != nil {
					t.Errorf("moves although it is not worth it: %s", got.Message)
				}
				return
			}
			if got == nil {
				t.Fatal("no move")
			}
			what := "-"
			if got.Launch != nil {
				what = got.Launch.Offerings[0].InstanceType + " " + string(got.Launch.Offerings[0].CapacityType)
			}
			if what != c.want || got.SavesPerHour < c.saves-1e-9 || got.SavesPerHour > c.saves+1e-9 {
				t.Errorf("%s saves %g, want %s to save %g", what, got.SavesPerHour, c.want, c.saves)
			}
		})
	}
}

// TestReplacementListsWhatSavesOnly: whichever of the offerings comes, the move was
// worth it.
func TestReplacementListsWhatSavesOnly(t *testing.T) {
	got := replace(t, spotTypes(20, 0.03)+fmt.Sprintf(workingNode, "on-demand"), 0.1)
	if got == nil || got.Launch == nil || len(got.Launch.Offerings) < 5 {
		t.Fatalf("the replacement is %+v, want one with a choice of Spot", got)
	}
	for _, o := range got.Launch.Offerings {
		if o.PricePerHour > 0.085 {
			t.Errorf("lists %v at %g, which saves less than 15 %% of 0.1", o.OfferingKey, o.PricePerHour)
		}
	}
}

// TestNoPodLosesItsPlaceForAReplacement: the new node would be beyond the limit.
func TestNoPodLosesItsPlaceForAReplacement(t *testing.T) {
	input := spotTypes(1, 0.03) + fmt.Sprintf(workingNode, "on-demand")
	snapshot, settings, err := scenario.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	snapshot.Nodes[0].PricePerHour, snapshot.Nodes[0].PriceKnown = 0.1, true
	snapshot.NodePools[0].Limits, snapshot.NodePools[0].Usage = model.Resources{"nodes": 1}, model.Resources{"nodes": 1}
	if got := only(t, engine.Replace(snapshot, move("n0"), settings)); got != nil {
		t.Errorf("moves beyond the pool's limit: %s", got.Message)
	}
	snapshot.NodePools[0].Limits = nil
	if got := only(t, engine.Replace(snapshot, move("n0"), settings)); got == nil {
		t.Error("no move without the limit")
	}
	if got := only(t, engine.Replace(snapshot, model.Moves{}, settings)); got != nil {
		t.Errorf("moves a node that is no candidate: %s", got.Message)
	}
}

// TestReplacingByALargerLaunchMustSaveToo: without the node the launch for another pod
// becomes a larger one, which costs nearly as much more.
func TestReplacingByALargerLaunchMustSaveToo(t *testing.T) {
	for _, c := range []struct {
		price float64
		moves bool
	}{{0.19, false}, {0.18, true}} {
		input := fmt.Sprintf("zones a\ntype m cpu=2 memory=8Gi pods=20 price=0.1\ntype l cpu=4 memory=16Gi pods=20 price=%g\npool default\n", c.price) +
			fmt.Sprintf(workingNode, "on-demand") + "pod new count=1 cpu=1500m\n"
		if got := replace(t, input, 0.1); (got != nil) != c.moves {
			t.Errorf("at %g the move is %+v, want one %t", c.price, got, c.moves)
		}
	}
}
