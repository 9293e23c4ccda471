package nodegroup

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-project/drover/internal/model"
)

// How long nothing is promised of a zone in which a node that was certain there
// did not come up: longer each time, so that a pod which needs that zone makes a
// group grow in vain only now and then.
const (
	firstZoneRest = 15 * time.Minute
	lastZoneRest  = 4 * time.Hour
)

// zoneMemory is what a group's growth was certain to bring, until it has come,
// and the zones that failed.
type zoneMemory struct {
	// before is how many instances each zone had when the group last grew, and
	// wanted how many of those that it was to bring then were certain where.
	before, wanted map[string]int
	total          int            // instances it is to have when all are there
	seen           map[string]int // instances by zone at the latest look
	rests          map[string]zoneRest
}

type zoneRest struct {
	until time.Time
	pause time.Duration
	why   string
}

// watchZones notes what a growth is certain to bring, compares when all of it has
// come, and tells the engine which zones are not to be counted on.
func (k *Keeper) watchZones(g *Group, m *memory, grew bool) {
	if len(g.InstancesByZone) == 0 {
		return
	}
	if m.zones.rests == nil {
		m.zones.rests = map[string]zoneRest{}
	}
	if grew && m.zones.seen != nil {
		earlier := g.NodeGroup.NodeGroup
		earlier.InstancesByZone = m.zones.seen
		missing := max(earlier.Missing(), 0)
		m.zones.before, m.zones.wanted, m.zones.total = m.zones.seen, earlier.SureByZone(missing), sumByZone(m.zones.seen)+missing
	}
	m.zones.seen = maps.Clone(g.InstancesByZone)
	k.compareZones(g, m)
	for _, zone := range slices.Sorted(maps.Keys(m.zones.rests)) {
		rest := m.zones.rests[zone]
		if !k.Clock.Now().Before(rest.until) {
			continue
		}
		if g.UncertainZones == nil {
			g.UncertainZones = map[string]string{}
		}
		g.UncertainZones[zone] = rest.why + "; it is counted on again at " + rest.until.UTC().Format(time.TimeOnly)
	}
}

// compareZones looks, once all instances of a growth are there, for zones that
// have fewer than was certain: Auto Scaling went elsewhere for lack of capacity.
func (k *Keeper) compareZones(g *Group, m *memory) {
	if m.zones.wanted == nil || sumByZone(g.InstancesByZone) < m.zones.total {
		return
	}
	now := k.Clock.Now()
	for _, zone := range slices.Sorted(maps.Keys(m.zones.wanted)) {
		promised, came := m.zones.wanted[zone], g.InstancesByZone[zone]-m.zones.before[zone]
		if came >= promised {
			continue
		}
		rest := m.zones.rests[zone]
		if rest.pause == 0 || now.Sub(rest.until) > forgetAfter {
			rest.pause = firstZoneRest
		} else {
			rest.pause = min(2*rest.pause, lastZoneRest)
		}
		rest.until = now.Add(rest.pause)
		rest.why = fmt.Sprintf("of %d nodes that were certain there %d came up at %s", promised, max(came, 0), now.UTC().Format(time.TimeOnly))
		m.zones.rests[zone] = rest
		k.Log.Info("a node group's nodes came up in other zones than the one with the fewest", "node-group", g.Name, "zone", zone, "certain", promised, "came", came)
	}
	m.zones.wanted = nil
}

func sumByZone(counts map[string]int) int {
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return sum
}

// placeholderZones are the zones of the instances that the group is still to
// bring: as many as are certain, and "" for each of the others. As in the engine,
// nothing is certain of types that count differently, or of a zone that failed.
func (g *Group) placeholderZones() []string {
	zones := make([]string, g.Placeholders)
	if len(g.InstancesByZone) == 0 || !equalWeights(&g.NodeGroup.NodeGroup) || g.Placeholders > g.Missing() {
		return zones
	}
	sure, at := g.SureByZone(g.Placeholders), 0
	for _, zone := range slices.Sorted(maps.Keys(sure)) {
		for range sure[zone] {
			if g.UncertainZones[zone] == "" {
				zones[at] = zone
			}
			at++
		}
	}
	return zones
}

func equalWeights(g *model.NodeGroup) bool {
	for i := range g.Types {
		if max(g.Types[i].Weight, 1) != max(g.Types[0].Weight, 1) {
			return false
		}
	}
	return true
}
