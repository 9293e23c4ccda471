package nodegroup_test

import (
	"strings"
	"testing"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/observe"
)

// One decision over a NodePool and a node group: pods go where the whole costs
// least, and hear why.
func TestPodsGoToGroupOrNodePoolByCost(t *testing.T) {
	for name, c := range map[string]struct {
		price           float64
		desired, claims int
	}{
		"the group is cheaper, and full with one node": {0.01, 1, 1},
		"the NodePool is cheaper":                      {5, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			group := cloudtest.Group("workers", "us-west-2a", 0, 0, 1)
			group.Types[0].Offerings[0].PricePerHour = c.price
			w := newWorld(t, nil, group)
			w.Create(clustertest.Class())
			pool := clustertest.Pool()
			pool.Spec.Template.Spec.Requirements = append(pool.Spec.Template.Spec.Requirements, karpv1.NodeSelectorRequirementWithMinValues{
				Key: "karpenter.k8s.aws/instance-size", Operator: "In", Values: []string{"large"}})
			w.Create(pool)
			w.provisioner.Observer = &observe.Observer{Reader: w.Client, Cloud: w.Cloud, Groups: w.keeper}
			w.deploy(6) // three to a node
			w.grow()
			if desired := w.groups.Desired("workers"); desired != c.desired || len(w.Claims()) != c.claims {
				t.Fatalf("desired size %d and %d NodeClaims, want %d and %d", desired, len(w.Claims()), c.desired, c.claims)
			}
			if c.desired == 0 {
				return
			}
			events := w.said("TriggeredScaleUp")
			if len(events) != 3 || !strings.Contains(events[0], "is the cheapest offering of node group workers that holds these 3 pods") {
				t.Errorf("events are %q", events)
			}
		})
	}
}
