package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// Bounds of replacing a node that works by a cheaper one.
const (
	// leastSaving is the part of the node's price that must be saved.
	leastSaving = 0.15
	// spotFlexibility is how many different instance types must be cheaper before a
	// Spot node goes for another one: with fewer, nodes would soon chase a single
	// cheap pool, which is the next to be taken back.
	spotFlexibility = 15
	// mostCandidates bounds how many nodes are tried in one look.
	mostCandidates = 16
)

// Replace looks for the one node among the candidates whose pods would cost least
// without it: on the nodes that stay, or with one new node that costs at least 15 %
// less. A Spot node goes for another Spot node only when 15 types are cheaper. It
// returns nil when no move is worth it. Every pod that has a place, or would get
// one, keeps it. The snapshot is only read.
func Replace(snapshot *model.Snapshot, candidates []string, settings model.Settings) *model.Replacement {
	base, _ := Solve(snapshot, settings)
	var best *model.Replacement
	for _, node := range replaceable(snapshot, candidates) {
		next := replaceOne(snapshot, node, &base, settings)
		if next != nil && (best == nil || next.SavesPerHour > best.SavesPerHour) {
			best = next
		}
	}
	return best
}

// replaceable are the candidates whose price is known, dearest first.
func replaceable(snapshot *model.Snapshot, candidates []string) []*model.Node {
	var nodes []*model.Node
	for i := range snapshot.Nodes {
		node := &snapshot.Nodes[i]
		if node.PriceKnown && node.PricePerHour > 0 && !node.Launching && slices.Contains(candidates, node.Name) {
			nodes = append(nodes, node)
		}
	}
	slices.SortFunc(nodes, func(a, b *model.Node) int {
		return cmp.Or(cmp.Compare(b.PricePerHour, a.PricePerHour), cmp.Compare(a.Name, b.Name))
	})
	return nodes[:min(len(nodes), mostCandidates)]
}

func replaceOne(snapshot *model.Snapshot, node *model.Node, base *model.Plan, settings model.Settings) *model.Replacement {
	without := withoutNode(snapshot, node)
	if without == nil {
		return nil
	}
	plan, report := Solve(without, settings)
	moved := len(without.Pending) - len(snapshot.Pending)
	if placedBy(&plan) < placedBy(base)+moved || len(plan.Launches) > len(base.Launches)+1 || len(plan.Groups) > 0 || len(base.Groups) > 0 {
		return nil
	}
	saves := node.PricePerHour + base.PricePerHour - plan.PricePerHour - report.InterruptionsPerHour
	if saves < float64(leastSaving*node.PricePerHour) {
		return nil
	}
	found := &model.Replacement{Node: node.Name, SavesPerHour: math.Round(saves*nanoDollars) / nanoDollars, Plan: plan, Report: report}
	if len(plan.Launches) > len(base.Launches) {
		launch := newLaunch(&plan, node)
		if launch == nil || !worthMoving(launch, node) {
			return nil
		}
		found.Launch = launch
	}
	found.Reason = replaceReason(found, node)
	return found
}

// withoutNode is the snapshot with the node gone and its pods asking for a place;
// nil when a pod on it may not move.
func withoutNode(snapshot *model.Snapshot, node *model.Node) *model.Snapshot {
	without := *snapshot
	without.Nodes, without.Pending = nil, slices.Clone(snapshot.Pending)
	for i := range snapshot.Nodes {
		if snapshot.Nodes[i].Name != node.Name {
			without.Nodes = append(without.Nodes, snapshot.Nodes[i])
		}
	}
	for _, pod := range node.Pods {
		if pod.Promised || pod.Terminating {
			return nil // about to change by itself
		}
		if !pod.OwnedByDaemonSet {
			without.Pending = append(without.Pending, pod)
		}
	}
	return &without
}

func placedBy(plan *model.Plan) int {
	placed := len(plan.Placements)
	for i := range plan.Launches {
		placed += len(plan.Launches[i].Pods)
	}
	return placed
}

// newLaunch is the one that takes the node's pods; nil when pods of others are
// among them, who would get a node of their own otherwise, or when there are two.
func newLaunch(plan *model.Plan, node *model.Node) *model.Launch {
	own := map[model.PodKey]bool{}
	for i := range node.Pods {
		own[node.Pods[i].PodKey] = true
	}
	var found *model.Launch
	for i := range plan.Launches {
		launch := &plan.Launches[i]
		mine := 0
		for _, key := range launch.Pods {
			if own[key] {
				mine++
			}
		}
		switch {
		case mine == 0:
		case mine < len(launch.Pods) || found != nil:
			return nil
		default:
			found = launch
		}
	}
	return found
}

// worthMoving trims the launch to offerings that save enough, and keeps Spot nodes
// from chasing a few cheap pools.
func worthMoving(launch *model.Launch, node *model.Node) bool {
	most := float64(node.PricePerHour * (1 - leastSaving))
	types := map[string]bool{}
	launch.Offerings = slices.DeleteFunc(slices.Clone(launch.Offerings), func(o model.Offering) bool {
		if o.PricePerHour <= most {
			types[o.InstanceType] = true
			return false
		}
		return true
	})
	if len(launch.Offerings) == 0 {
		return false
	}
	toSpot := launch.Offerings[0].CapacityType == model.Spot
	fromSpot := node.Labels[labelCapacityType] == string(model.Spot)
	return !fromSpot || !toSpot || len(types) >= spotFlexibility
}

func replaceReason(r *model.Replacement, node *model.Node) model.Reason {
	what := "its pods fit on other nodes"
	if r.Launch != nil {
		what = fmt.Sprintf("%s holds its pods at %s $/h", offeringText(r.Launch.Offerings[0].OfferingKey), priceText(nano(r.Launch.Offerings[0].PricePerHour)))
	}
	return model.Reason{Code: model.CodeCheaperNode, Message: fmt.Sprintf("%s instead of %s $/h: %s $/h less", what, priceText(nano(node.PricePerHour)), priceText(nano(r.SavesPerHour)))}
}
