package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// Bounds of replacing a node that works by a cheaper one.
const (
	// leastSaving is the part of the node's price that must be saved.
	leastSaving = 0.15
	// mostCandidates bounds how many nodes are tried in one look.
	mostCandidates = 16
)

// Replace looks for nodes among the candidates without which their pods would cost
// less: on the nodes that stay, or with one new node that costs at least 15 % less,
// interruptions counted. A Spot node goes for another Spot node only when 15 types
// were cheaper all the time that counts, and are not interrupted more often. It
// returns the moves that are worth it, best first, each as if it were the only one.
// Every pod that has a place, or would get one, keeps it. The snapshot is only read.
func Replace(snapshot *model.Snapshot, moves model.Moves, settings model.Settings) []model.Replacement {
	m := &mover{snapshot: snapshot, moves: moves, settings: settings}
	candidates := m.replaceable()
	if len(candidates) == 0 {
		return nil
	}
	m.base, m.baseReport = Solve(snapshot, settings)
	if len(m.base.Groups) > 0 {
		return nil
	}
	var found []model.Replacement
	for _, each := range candidates {
		if next := m.replaceOne(each); next != nil {
			found = append(found, *next)
		}
	}
	slices.SortStableFunc(found, func(a, b model.Replacement) int { return cmp.Compare(b.SavesPerHour, a.SavesPerHour) })
	return found
}

// mover is a search for moves.
type mover struct {
	snapshot   *model.Snapshot
	moves      model.Moves
	settings   model.Settings
	base       model.Plan
	baseReport model.Report
}

// leaver is a candidate with what a new node must not cost more than.
type leaver struct {
	model.Candidate
	node *model.Node
	bar  bar
}

// replaceable are the candidates whose price is known, dearest first.
func (m *mover) replaceable() []leaver {
	wanted := make(map[string]model.Candidate, len(m.moves.Candidates))
	for _, each := range m.moves.Candidates {
		wanted[each.Node] = each
	}
	var leavers []leaver
	for i := range m.snapshot.Nodes {
		node := &m.snapshot.Nodes[i]
		candidate, isWanted := wanted[node.Name]
		if !isWanted || !node.PriceKnown || node.PricePerHour <= 0 || node.Launching {
			continue
		}
		one := leaver{candidate, node, m.barOf(node)}
		if m.moves.NewNodesOnly && !m.anyoneCheaper(&one.bar) {
			continue
		}
		leavers = append(leavers, one)
	}
	slices.SortFunc(leavers, func(a, b leaver) int {
		return cmp.Or(cmp.Compare(b.node.PricePerHour, a.node.PricePerHour), cmp.Compare(a.node.Name, b.node.Name))
	})
	return leavers[:min(len(leavers), mostCandidates)]
}

func (m *mover) replaceOne(old leaver) *model.Replacement {
	without := m.withoutNode(old)
	if without == nil {
		return nil
	}
	settings := m.settings
	if old.bar.fromSpot {
		settings.MaxOfferings = everyOffering // types are counted
	}
	plan, report := Solve(without, settings)
	moved := len(without.Pending) - len(m.snapshot.Pending)
	if placedBy(&plan) < placedBy(&m.base)+moved || len(plan.Launches) > len(m.base.Launches)+1 || len(plan.Groups) > 0 {
		return nil
	}
	saves := old.bar.cost + nano(m.base.PricePerHour+m.baseReport.InterruptionsPerHour) - nano(plan.PricePerHour+report.InterruptionsPerHour)
	found := &model.Replacement{Node: old.node.Name, Plan: plan, Report: report}
	if len(plan.Launches) > len(m.base.Launches) {
		launch := newLaunch(&plan, old.node)
		if launch == nil {
			return nil
		}
		planned := withInterruptions(&launch.Offerings[0], m.settings)
		if !m.trim(launch, &old.bar) {
			return nil
		}
		saves -= withInterruptions(&launch.Offerings[0], m.settings) - planned
		found.Launch = launch
	} else if m.moves.NewNodesOnly {
		return nil
	}
	if saves < saved(old.bar.cost, leastSaving) {
		return nil
	}
	found.SavesPerHour = dollars(saves)
	found.Reason = replaceReason(found, old.node)
	return found
}

// withoutNode is the snapshot with the node gone and its pods asking for a place;
// nil when a pod on it may not move.
func (m *mover) withoutNode(old leaver) *model.Snapshot {
	without := *m.snapshot
	without.Nodes, without.Pending = nil, slices.Clone(m.snapshot.Pending)
	for i := range m.snapshot.Nodes {
		if m.snapshot.Nodes[i].Name != old.node.Name {
			without.Nodes = append(without.Nodes, m.snapshot.Nodes[i])
		}
	}
	pods := old.node.Pods
	for _, pod := range pods {
		if pod.Promised || pod.Terminating {
			return nil // about to change by itself
		}
	}
	if old.Pods != nil {
		pods = old.Pods
	}
	for _, pod := range pods {
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

func replaceReason(r *model.Replacement, node *model.Node) model.Reason {
	what := "its pods fit on other nodes"
	if r.Launch != nil {
		what = fmt.Sprintf("%s holds its pods at %s $/h", offeringText(r.Launch.Offerings[0].OfferingKey), priceText(nano(r.Launch.Offerings[0].PricePerHour)))
	}
	return model.Reason{Code: model.CodeCheaperNode, Message: fmt.Sprintf("%s instead of %s $/h: %s $/h less", what, priceText(nano(node.PricePerHour)), priceText(nano(r.SavesPerHour)))}
}
