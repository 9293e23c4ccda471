package nodegroup

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

// placeholder names an instance that AWS has not named yet, as
// cluster-autoscaler does.
func placeholder(group string, number int) string {
	return fmt.Sprintf("i-placeholder-%s-%d", group, number)
}

func typeNames(g *model.NodeGroup) string {
	var names []string
	for i := range g.Types {
		names = append(names, g.Types[i].Name)
	}
	return strings.Join(names, ",")
}

// learn corrects what was computed by what the group's own nodes show: the room
// of each type, and where something could not be read, labels and taints.
func learn(g *Group) {
	g.Types = slices.Clone(g.Types)
	var ready []*corev1.Node
	for _, id := range slices.Sorted(maps.Keys(g.Nodes)) {
		if node := g.Nodes[id]; observe.IsReady(node) && node.DeletionTimestamp == nil {
			ready = append(ready, node)
		}
	}
	for i := range g.Types {
		learnRoom(&g.Types[i], ready)
	}
	g.doubtWays(ready)
	if len(g.Unread) > 0 && len(ready) > 0 {
		learnLabels(g, ready)
	}
}

// learnRoom takes the least that nodes of the type report.
func learnRoom(kind *model.GroupType, ready []*corev1.Node) {
	var allocatable, capacity model.Resources
	for _, node := range ready {
		if node.Labels[corev1.LabelInstanceTypeStable] != kind.Name || len(node.Status.Allocatable) == 0 {
			continue
		}
		if allocatable == nil {
			allocatable, capacity = translate.Resources(node.Status.Allocatable), translate.Resources(node.Status.Capacity)
			continue
		}
		allocatable = groupnodes.Least(allocatable, translate.Resources(node.Status.Allocatable))
		capacity = groupnodes.Least(capacity, translate.Resources(node.Status.Capacity))
	}
	if allocatable != nil {
		kind.Allocatable, kind.Capacity = allocatable, capacity
	}
}

// learnLabels takes what all nodes have alike, but for what tells nodes apart.
func learnLabels(g *Group, ready []*corev1.Node) {
	labels := maps.Clone(ready[0].Labels)
	taints := slices.Clone(ready[0].Spec.Taints)
	for _, node := range ready[1:] {
		maps.DeleteFunc(labels, func(key, value string) bool { return node.Labels[key] != value })
		taints = slices.DeleteFunc(taints, func(taint corev1.Taint) bool {
			return !slices.ContainsFunc(node.Spec.Taints, func(other corev1.Taint) bool { return taint.MatchTaint(&other) })
		})
	}
	g.Labels = maps.Clone(g.Labels)
	if g.Labels == nil {
		g.Labels = map[string]string{}
	}
	for key, value := range labels {
		if _, known := g.Labels[key]; !known && !tellsNodesApart(key) && !g.dependsOnWay(key) {
			g.Labels[key] = value
		}
	}
	for _, taint := range translate.Taints(taints) {
		if !isOwnTaint(taint.Key) && !g.taintDependsOnWay(taint) && !slices.ContainsFunc(g.Taints, func(t model.Taint) bool { return t.Key == taint.Key && t.Effect == taint.Effect }) {
			g.Taints = append(slices.Clone(g.Taints), taint)
		}
	}
}

// tellsNodesApart reports whether a label depends on the single machine or its
// zone and type, whatever two nodes happen to have.
func tellsNodesApart(key string) bool {
	switch key {
	case corev1.LabelHostname, corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone, corev1.LabelInstanceTypeStable, corev1.LabelInstanceType,
		"topology.k8s.aws/zone-id", "topology.ebs.csi.aws.com/zone", corev1.LabelArchStable, "beta.kubernetes.io/arch":
		return true
	}
	return false
}

// isOwnTaint reports whether a taint comes and goes with a node's condition or
// removal.
func isOwnTaint(key string) bool {
	return key == observe.ToBeDeletedTaint || key == observe.DeletionCandidateTaint ||
		strings.HasPrefix(key, "node.kubernetes.io/") || strings.HasPrefix(key, "node.cloudprovider.kubernetes.io/")
}

// startupPrefixes begin the keys of taints that go by themselves once a node is
// ready.
var startupPrefixes = [...]string{"startup-taint.cluster-autoscaler.kubernetes.io/", "ignore-taint.cluster-autoscaler.kubernetes.io/", "status-taint.cluster-autoscaler.kubernetes.io/"}

// nameStartupTaints says which of the group's taints go by themselves.
func nameStartupTaints(g *model.NodeGroup) {
	taints := slices.Clone(g.Taints)
	for _, way := range []model.CapacityType{model.OnDemand, model.Spot} {
		taints = append(taints, g.ByCapacityType[way].Taints...)
	}
	for _, taint := range taints {
		if slices.ContainsFunc(startupPrefixes[:], func(prefix string) bool { return strings.HasPrefix(taint.Key, prefix) }) {
			g.StartupTaints = append(slices.Clone(g.StartupTaints), taint)
		}
	}
}
