package nodegroup_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/model"
)

// workshopGroup is the workshop's: one on demand, Spot above it, and labels by how a
// node is bought.
func workshopGroup(sizes ...int) cloud.NodeGroup {
	group := cloudtest.Group("workers", "us-west-2a", sizes...)
	spot := group.Types[0].Offerings[0]
	spot.CapacityType, spot.PricePerHour = model.Spot, 0.03
	group.Types[0].Offerings = append(group.Types[0].Offerings, spot)
	group.OnDemandBase, group.OnDemandPercentage = 1, 0
	group.ByCapacityType = map[model.CapacityType]model.Traits{
		model.OnDemand: {Labels: map[string]string{"lifecycle": "OnDemand"}},
		model.Spot: {Labels: map[string]string{"lifecycle": "Ec2Spot"},
			Taints: []model.Taint{{Key: "spotInstance", Value: "true", Effect: model.PreferNoSchedule}}},
	}
	group.UnitsBought = map[model.CapacityType]int{}
	return group
}

// bought lets the instances that the group wants register, each with the label of how
// it was bought.
func (w *world) bought(group cloud.NodeGroup) {
	w.t.Helper()
	for _, instance := range w.groups.Settle(group.Name) {
		node := nodeFor(group.Name, instance)
		node.Labels["lifecycle"] = group.ByCapacityType[instance.CapacityType].Labels["lifecycle"]
		w.Create(node)
	}
}

// selecting adds pods that fill a node each and select the label.
func (w *world) selecting(lifecycle string, count int) {
	w.t.Helper()
	for range count {
		w.serial++
		pod := w.pod(fmt.Sprintf("%s-%d", strings.ToLower(lifecycle), w.serial))
		pod.Spec.NodeSelector = map[string]string{"lifecycle": lifecycle}
		pod.Spec.Containers[0].Resources.Requests[corev1.ResourceCPU] = resource.MustParse("1800m")
		w.Create(pod)
	}
}

func (w *world) wantsSize(want int) {
	w.t.Helper()
	if got := w.groups.Desired("workers"); got != want {
		w.t.Fatalf("the desired size is %d, want %d\n%s", got, want, w.log.String())
	}
}

func TestGroupGrowsForPodsThatSelectHowNodesAreBought(t *testing.T) {
	w := newWorld(t, nil)
	group := workshopGroup(1, 1, 5)
	w.groups.Put(group)
	w.bought(group)
	w.selecting("Ec2Spot", 2)
	w.grow()
	w.wantsSize(3)
	for range 3 {
		w.watch()
		w.grow() // they are on their way, and Spot: nothing more is asked for
	}
	w.wantsSize(3)
	w.groups.Settle("workers") // launched, and not registered
	w.watch()
	w.grow()
	w.wantsSize(3)
}

func TestPodsThatSelectWhatDoesNotComeNextWait(t *testing.T) {
	w := newWorld(t, nil)
	group := workshopGroup(1, 1, 5)
	w.groups.Put(group)
	w.bought(group)
	w.selecting("OnDemand", 2)
	w.grow()
	w.wantsSize(1)
	if text := strings.Join(w.said("NotTriggerScaleUp"), "\n"); !strings.Contains(text, "its next nodes are bought as Spot (on-demand base 1, 0 % above, size 1)") {
		t.Errorf("the events do not say why:\n%s", text)
	}
}

// TestFromZeroTheBaseComesFirst: what is on its way is one node bought on demand and
// one Spot, and pods of either wait for theirs.
func TestFromZeroTheBaseComesFirst(t *testing.T) {
	w := newWorld(t, nil)
	w.groups.Put(workshopGroup(0, 0, 5))
	w.selecting("Ec2Spot", 1)
	w.grow()
	w.wantsSize(2)
	w.selecting("OnDemand", 1)
	w.watch()
	w.grow()
	w.wantsSize(2)
}

func TestNodeThatShowsSomethingElseIsBelieved(t *testing.T) {
	w := newWorld(t, nil)
	group := workshopGroup(1, 2, 5)
	w.groups.Put(group)
	for _, instance := range w.groups.Settle("workers") {
		node := nodeFor("workers", instance)
		node.Labels["lifecycle"] = "OnDemand" // its role may not ask EC2
		w.Create(node)
	}
	w.selecting("Ec2Spot", 1)
	w.selecting("OnDemand", 3)
	w.watch()
	w.grow()
	w.wantsSize(2)
	if !strings.Contains(w.log.String(), "has not the lifecycle=Ec2Spot of its user data") {
		t.Errorf("the log does not say it:\n%s", w.log.String())
	}
}

func TestWithoutKnowingHowInstancesWereBoughtNothingIsPromised(t *testing.T) {
	w := newWorld(t, nil)
	group := workshopGroup(1, 1, 5)
	group.UnitsBought, group.Unread = nil, []string{"how its instances were bought: AccessDenied"}
	w.groups.Put(group)
	w.bought(workshopGroup(1, 1, 5))
	w.selecting("Ec2Spot", 1)
	w.selecting("OnDemand", 2)
	w.watch()
	w.grow()
	w.wantsSize(1)
}
