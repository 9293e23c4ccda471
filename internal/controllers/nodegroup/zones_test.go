package nodegroup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
)

func threeZones() []string { return []string{"us-west-2a", "us-west-2b", "us-west-2c"} }

// zonal adds a pod that fills a node and needs a zone.
func (w *world) zonal(zone string) {
	w.t.Helper()
	w.serial++
	pod := w.pod(fmt.Sprintf("db-%d", w.serial))
	pod.Spec.NodeSelector = map[string]string{corev1.LabelTopologyZone: zone}
	w.Create(pod)
}

// spread adds pods that are spread over zones.
func (w *world) spread(count int) {
	w.t.Helper()
	for range count {
		w.serial++
		pod := w.pod(fmt.Sprintf("web-%d", w.serial))
		pod.Labels["app"] = "web"
		pod.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone,
			WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}}}
		w.Create(pod)
	}
}

func TestSpreadPodsGetANodeInEachZoneOfOneGroup(t *testing.T) {
	w := newWorld(t, nil, cloudtest.GroupInZones("workers", threeZones(), 0, 0, 9))
	w.spread(3)
	w.grow()
	if got := w.groups.Desired("workers"); got != 3 {
		t.Fatalf("the desired size is %d, want 3: one node for each zone\n%s", got, w.log.String())
	}
	for range 3 {
		w.watch()
		w.grow() // the instances are on their way: nothing more is asked for
	}
	if got := w.groups.Desired("workers"); got != 3 {
		t.Errorf("the desired size is %d after more looks, want 3", got)
	}
}

// TestNodeOfAnyZoneIsAskedForOnce: the tenth pod is right wherever the fourth node
// comes up, and while nobody knows where that is, it is not asked for again.
func TestNodeOfAnyZoneIsAskedForOnce(t *testing.T) {
	w := newWorld(t, nil, cloudtest.GroupInZones("workers", threeZones(), 3, 3, 9))
	w.spread(10)
	for range 3 {
		w.grow()
		w.watch()
	}
	if got := w.groups.Desired("workers"); got != 4 {
		t.Errorf("the desired size is %d, want 4\n%s", got, w.log.String())
	}
}

func TestZonalPodGrowsTheGroupUntilItsZoneIsCertain(t *testing.T) {
	w := newWorld(t, nil, cloudtest.GroupInZones("workers", threeZones(), 0, 3, 9))
	w.zonal("us-west-2a")
	for _, node := range w.Nodes() { // no room on what is there
		node.Spec.Unschedulable = true
		w.Update(&node)
	}
	w.grow()
	w.grow()
	if got := w.groups.Desired("workers"); got != 6 {
		t.Fatalf("the desired size is %d, want 6: one more in each zone\n%s", got, w.log.String())
	}
}

// TestZoneThatFailsIsNotAskedForAgainAndAgain: when nodes come up elsewhere, the
// group must not grow at every look for a pod that they do not serve.
func TestZoneThatFailsIsNotAskedForAgainAndAgain(t *testing.T) {
	group := cloudtest.GroupInZones("workers", threeZones(), 0, 0, 40)
	w := newWorld(t, nil, group)
	dry := func(offerings []string) {
		w.groups.Change("workers", func(g *cloud.NodeGroup) {
			for i := range g.Types[0].Offerings {
				g.Types[0].Offerings[i].UnavailableReason = ""
				for _, zone := range offerings {
					if g.Types[0].Offerings[i].Zone == zone {
						g.Types[0].Offerings[i].UnavailableReason = "no capacity"
					}
				}
			}
		})
	}
	w.zonal("us-west-2c")
	for range 12 { // five minutes each: an hour
		w.grow()
		dry([]string{"us-west-2c"})
		w.join("workers")
		dry(nil) // the adapter forgets after three minutes
		w.watch()
		w.Clock.Step(5 * time.Minute)
	}
	// Asked at once, after 15 minutes and after 30 more; what came in vain went.
	if got, size := strings.Count(w.log.String(), "Final scale-up plan"), w.groups.Desired("workers"); got != 3 || size > 3 {
		t.Errorf("asked %d times in an hour, and the size is %d: want three times, and no more than the last try\n%s", got, size, w.log.String())
	}
}
