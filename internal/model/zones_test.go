package model_test

import (
	"math/rand/v2"
	"testing"

	"github.com/drover-project/drover/internal/model"
)

func groupOver(instances map[string]int) *model.NodeGroup {
	g := &model.NodeGroup{Types: []model.GroupType{{}}, InstancesByZone: instances}
	for zone := range instances {
		g.Types[0].Offerings = append(g.Types[0].Offerings, model.Offering{OfferingKey: model.OfferingKey{Zone: zone}})
	}
	return g
}

// TestSureByZoneIsTheWorstThatTiesAllow plays the launches one after the other
// with every tie against the zone.
func TestSureByZoneIsTheWorstThatTiesAllow(t *testing.T) {
	for seed := range uint64(500) {
		dice := rand.New(rand.NewPCG(seed, 1))
		start := map[string]int{}
		for _, zone := range []string{"a", "b", "c", "d"}[:1+dice.IntN(4)] {
			start[zone] = dice.IntN(5)
		}
		count := dice.IntN(14)
		sure := groupOver(start).SureByZone(count)
		for against := range start {
			have := map[string]int{}
			for zone, n := range start {
				have[zone] = n
			}
			for range count {
				next := against
				for zone := range have {
					if have[zone] < have[next] || have[zone] == have[next] && next == against {
						next = zone
					}
				}
				have[next]++
			}
			if got := have[against] - start[against]; got != sure[against] {
				t.Fatalf("%d more in %v: %d are sure in %s, want %d", count, start, sure[against], against, got)
			}
		}
	}
}
