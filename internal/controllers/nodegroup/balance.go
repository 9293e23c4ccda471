package nodegroup

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// balance moves launches to like groups that are smaller, one at a time, as long
// as every rule of the pods still holds and nothing becomes dearer.
func balance(snapshot *model.Snapshot, plan model.Plan) model.Plan {
	groups := map[string]*model.NodeGroup{}
	for i := range snapshot.NodeGroups {
		groups[snapshot.NodeGroups[i].Name] = &snapshot.NodeGroups[i]
	}
	sizes := map[string]int{}
	for name, g := range groups {
		sizes[name] = g.Desired
	}
	for _, size := range plan.Groups {
		sizes[size.Name] = size.To
	}
	fixed := map[int]bool{}
	for {
		at, target := nextMove(&plan, groups, sizes, fixed)
		if at < 0 {
			return plan
		}
		from := plan.Launches[at].NodeGroup
		moved := movedTo(plan, at, groups[target], sizes, from)
		if moved.PricePerHour > plan.PricePerHour+1e-9 || len(check.Plan(snapshot, moved)) > 0 {
			fixed[at] = true
			continue
		}
		sizes[from]--
		sizes[target]++
		plan = moved
	}
}

// nextMove finds a launch of the largest group that a like one has fewer nodes
// than, by two at least; -1 when there is none.
func nextMove(plan *model.Plan, groups map[string]*model.NodeGroup, sizes map[string]int, fixed map[int]bool) (int, string) {
	for at := range plan.Launches {
		from := groups[plan.Launches[at].NodeGroup]
		if from == nil || fixed[at] {
			continue
		}
		var like []*model.NodeGroup
		for _, g := range groups {
			if g.Name != from.Name && g.NotReadyReason == "" && sizes[g.Name] < g.Max && sizes[g.Name]+1 < sizes[from.Name] && isLike(from, g) {
				like = append(like, g)
			}
		}
		if len(like) == 0 {
			continue
		}
		slices.SortFunc(like, func(a, b *model.NodeGroup) int {
			return cmp.Or(cmp.Compare(sizes[a.Name], sizes[b.Name]), cmp.Compare(a.Name, b.Name))
		})
		return at, like[0].Name
	}
	return -1, ""
}

// movedTo is the plan with one launch given to another group.
func movedTo(plan model.Plan, at int, to *model.NodeGroup, sizes map[string]int, from string) model.Plan {
	moved := plan
	moved.Launches = slices.Clone(plan.Launches)
	launch := moved.Launches[at]
	moved.PricePerHour -= launch.Offerings[0].PricePerHour
	launch.NodeGroup = to.Name
	launch.Offerings = []model.Offering{engine.GroupOffering(to, sizes[to.Name]+1-to.Desired)}
	moved.PricePerHour += launch.Offerings[0].PricePerHour
	moved.Launches[at] = launch
	moved.Groups = nil
	found := false
	for _, size := range plan.Groups {
		switch size.Name {
		case from:
			size.To--
		case to.Name:
			size.To, found = size.To+1, true
		}
		if size.To > size.From {
			moved.Groups = append(moved.Groups, size)
		}
	}
	if !found {
		moved.Groups = append(moved.Groups, model.GroupSize{Name: to.Name, From: to.Desired, To: to.Desired + 1})
	}
	slices.SortFunc(moved.Groups, func(a, b model.GroupSize) int { return cmp.Compare(a.Name, b.Name) })
	return moved
}

// isLike reports whether two groups bring the same nodes, but for the zone and
// what only names the group. Groups with weights are not compared.
func isLike(a, b *model.NodeGroup) bool {
	if len(a.Types) != len(b.Types) || a.Priority != b.Priority || !slices.Equal(a.Taints, b.Taints) || !sameShares(a, b) {
		return false
	}
	for i := range a.Types {
		x, y := &a.Types[i], &b.Types[i]
		if x.Name != y.Name || x.Weight > 1 || y.Weight > 1 || !x.Allocatable.Fits(y.Allocatable) || !y.Allocatable.Fits(x.Allocatable) {
			return false
		}
	}
	return sameLabels(a.Labels, b.Labels) && sameLabels(b.Labels, a.Labels) && sameTraits(a.ByCapacityType, b.ByCapacityType)
}

func sameTraits(a, b map[model.CapacityType]model.Traits) bool {
	return maps.EqualFunc(a, b, func(x, y model.Traits) bool {
		return maps.Equal(x.Labels, y.Labels) && slices.Equal(x.Taints, y.Taints)
	})
}

func sameShares(a, b *model.NodeGroup) bool {
	return a.OnDemandBase == 0 && b.OnDemandBase == 0 && a.OnDemandPercentage == b.OnDemandPercentage &&
		(a.OnDemandPercentage == 0 || a.OnDemandPercentage == 100)
}

func sameLabels(a, b map[string]string) bool {
	for key, value := range a {
		if other, ok := b[key]; !namesTheGroup(key) && (!ok || other != value) {
			return false
		}
	}
	return true
}

// namesTheGroup reports whether a label may differ between like groups.
func namesTheGroup(key string) bool {
	switch key {
	case corev1.LabelHostname, corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone, "topology.ebs.csi.aws.com/zone", "topology.k8s.aws/zone-id",
		"alpha.eksctl.io/nodegroup-name", "alpha.eksctl.io/instance-id", "eks.amazonaws.com/nodegroup", "k8s.amazonaws.com/eniConfig", "lifecycle":
		return true
	}
	return strings.HasPrefix(key, "eks.amazonaws.com/sourceLaunchTemplate")
}
