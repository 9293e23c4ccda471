package region_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/nodegroups"
	"github.com/drover-project/drover/lab/region/weather"
)

// spotNodes makes a managed group of two Spot nodes with a pod on each.
func spotNodes(t *testing.T) (*lab, *cluster) {
	t.Helper()
	l, c := openEKS(t)
	l.active(l.nodegroup("spot", func(in *eks.CreateNodegroupInput) {
		in.CapacityType, in.InstanceTypes = ekstypes.CapacityTypesSpot, []string{"m5.large", "c5.large"}
	}))
	for _, n := range c.nodesOf("spot") {
		c.run(n.Name, "pod-of-"+n.InstanceID)
	}
	return l, c
}

// TestManagedSpotNodesAreReplacedBeforeTheyAreDrained: the replacement's node is
// Ready before the node at risk is cordoned.
func TestManagedSpotNodesAreReplacedBeforeTheyAreDrained(t *testing.T) {
	t.Parallel()
	l, c := spotNodes(t)
	old := c.nodesOf("spot")[0]
	begin := l.clock.Now()
	must[[]weather.Affected](l)(l.Weather.Recommend(weather.Recommendation{Selection: those(old.Name), False: true}))
	for range 120 {
		l.clock.Advance(time.Second)
		nodes := c.nodesOf("spot")
		at := slices.IndexFunc(nodes, func(n nodegroups.Node) bool { return n.InstanceID == old.InstanceID })
		if at >= 0 && nodes[at].Cordoned && len(nodes) < 3 {
			t.Fatalf("cordoned after %s, with no other node in its place", l.clock.Now().Sub(begin))
		}
	}
	check(t, "evicted", slices.Contains(c.evicted, "default/pod-of-"+old.InstanceID), true)
	nodes := c.nodesOf("spot")
	check(t, "nodes", len(nodes), 2)
	check(t, "the one at risk is gone", slices.ContainsFunc(nodes, func(n nodegroups.Node) bool { return n.InstanceID == old.InstanceID }), false)
	check(t, "status", l.describeNodegroup("spot").Status, ekstypes.NodegroupStatusActive)
}

// TestManagedSpotNodesAreDrainedAtTheirNotice: with two minutes left nobody waits
// for a replacement.
func TestManagedSpotNodesAreDrainedAtTheirNotice(t *testing.T) {
	t.Parallel()
	l, c := spotNodes(t)
	l.limit("*", "*", "spot", 0)
	old := c.nodesOf("spot")[0]
	l.interrupt(weather.Interruption{Selection: those(old.Name)})
	l.clock.Advance(20 * time.Second)
	check(t, "evicted", slices.Contains(c.evicted, "default/pod-of-"+old.InstanceID), true)
	check(t, "cordoned", c.nodesOf("spot")[0].Cordoned, true)
	l.clock.Advance(3 * time.Minute)
	check(t, "nodes", len(c.nodesOf("spot")), 1)
	if _, err := l.FreeCapacity(region.Pool{}); err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(10 * time.Minute)
	check(t, "nodes", len(c.nodesOf("spot")), 2)
}
