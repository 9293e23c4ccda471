package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// TestChainsAgainstOptimum compares plans for a few pods that must share nodes
// with the best of all ways to divide them: no pod is left out that could have a
// place, hardly any plan costs more than the best, and no bound is above it.
func TestChainsAgainstOptimum(t *testing.T) {
	const cases, leastFull, leastOptimal = 1500, 0.97, 0.96
	full, optimal := 0, 0
	for seed := range uint64(cases) {
		snapshot := tinyChains(rand.New(rand.NewPCG(seed, 11)))
		plan, report := engine.Solve(snapshot, model.Settings{})
		for _, violation := range check.Plan(snapshot, plan) {
			t.Errorf("seed %d: %v", seed, violation)
		}
		placed := len(snapshot.Pending)
		for _, reason := range report.Unplaced {
			placed -= len(reason.Pods)
		}
		best := divide(snapshot)
		if placed == len(snapshot.Pending) && report.Bound > best.price+1e-9 {
			t.Errorf("seed %d: nothing costs less than %f, it says, but %f does", seed, report.Bound, best.price)
		}
		switch {
		case placed > best.placed || placed == best.placed && plan.PricePerHour < best.price-1e-9:
			t.Errorf("seed %d: %d pods for %f, the best of all is %d for %f", seed, placed, plan.PricePerHour, best.placed, best.price)
		case placed == best.placed && plan.PricePerHour < best.price+1e-9:
			full, optimal = full+1, optimal+1
		case placed == best.placed:
			full++
		case testing.Verbose():
			t.Logf("seed %d: %d pods for %f, the best of all is %d for %f", seed, placed, plan.PricePerHour, best.placed, best.price)
		}
	}
	t.Logf("of %d plans %d place all that can be placed, %d are optimal", cases, full, optimal)
	if float64(full) < leastFull*cases || float64(optimal) < leastOptimal*cases {
		t.Errorf("only %d and %d of %d", full, optimal, cases)
	}
}

// tinyChains has up to seven pods of apps of which most must share a node with
// some of another app, or of several; some keep off each other.
func tinyChains(r *rand.Rand) *model.Snapshot {
	s := tinySnapshot(r)
	apps := 2 + r.IntN(4)
	app := func() string { return fmt.Sprintf("app%d", r.IntN(apps)) }
	var pods []model.Pod
	for i := range apps {
		name := fmt.Sprintf("app%d", i)
		requests := model.Resources{model.CPU: 100 * r.Int64N(40), model.Memory: r.Int64N(16) << 28, model.PodCount: 1}
		var near, away []model.PodAffinityTerm
		switch kind := r.IntN(8); {
		case kind < 4 && i > 0:
			near = append(near, appTerm(hostKey, fmt.Sprintf("app%d", i-1)))
		case kind == 4:
			near = append(near, appTerm(hostKey, app(), app()))
		case kind == 5:
			near = append(near, appTerm(hostKey, app()))
		case kind == 6 && i > 1:
			near = append(near, appTerm(hostKey, name, app()))
		}
		if r.IntN(5) == 0 {
			away = append(away, appTerm(hostKey, app()))
		}
		for _, pod := range replicated(name, 1+r.IntN(3), requests) {
			pod.PodAffinity, pod.PodAntiAffinity = near, away
			if pods = append(pods, pod); len(pods) == 7 {
				break
			}
		}
		if len(pods) == 7 {
			break
		}
	}
	s.Pending = pods
	return s
}

// division is pods on nodes, node by node.
type division struct {
	placed int
	price  float64
}

// divide tries every way to put pods on nodes or to leave them out.
func divide(s *model.Snapshot) division {
	best := division{price: 0}
	prices := make([]float64, 1<<len(s.Pending))
	for set := 1; set < len(prices); set++ {
		if prices[set] = math.Inf(1); !quarrels(s, set) {
			prices[set] = cheapestNode(s, set)
		}
	}
	var nodes []int
	var try func(pod, placed int)
	try = func(pod, placed int) {
		if pod < len(s.Pending) {
			for n := range nodes {
				nodes[n] |= 1 << pod
				try(pod+1, placed+1)
				nodes[n] &^= 1 << pod
			}
			nodes = append(nodes, 1<<pod)
			try(pod+1, placed+1)
			nodes = nodes[:len(nodes)-1]
			try(pod+1, placed)
			return
		}
		price := 0.0
		for _, set := range nodes {
			price += prices[set]
		}
		if math.IsInf(price, 1) || placed < best.placed || placed == best.placed && price > best.price-1e-9 || !drawnTogether(s, nodes) {
			return
		}
		best = division{placed, price}
	}
	try(0, 0)
	return best
}

// quarrels reports whether some pods of the set keep off each other.
func quarrels(s *model.Snapshot, set int) bool {
	for i := range s.Pending {
		for j := range s.Pending {
			if i != j && set&(1<<i) != 0 && set&(1<<j) != 0 && matchesTerms(s.Pending[i].PodAntiAffinity, &s.Pending[j]) {
				return true
			}
		}
	}
	return false
}

// matchesTerms reports whether there are terms and all of them select the pod.
func matchesTerms(terms []model.PodAffinityTerm, pod *model.Pod) bool {
	for _, term := range terms {
		if !slices.Contains(term.Selector.Requirements[0].Values, pod.Labels["app"]) {
			return false
		}
	}
	return len(terms) > 0
}

// drawnTogether reports whether the pods can be bound to these nodes, whichever of
// those that may be the first of what they select comes first.
func drawnTogether(s *model.Snapshot, nodes []int) bool {
	all := 0
	for _, set := range nodes {
		all |= set
	}
	return bindable(s, nodes, 0, all)
}

func bindable(s *model.Snapshot, nodes []int, bound, all int) bool {
	for before := -1; bound != before; {
		before = bound
		for _, set := range nodes {
			for i := range s.Pending {
				if set&(1<<i)&^bound != 0 && mayFollow(s, i, bound, set) {
					bound |= 1 << i
				}
			}
		}
	}
	opened := false
	for i := range s.Pending {
		terms := s.Pending[i].PodAffinity
		if all&^bound&(1<<i) == 0 || !matchesTerms(terms, &s.Pending[i]) || mayFollow(s, i, bound, all) {
			continue
		}
		if opened = true; !bindable(s, nodes, bound|1<<i, all) {
			return false
		}
	}
	return bound == all || opened
}

// mayFollow reports whether a pod needs none on its node, or has one there.
func mayFollow(s *model.Snapshot, pod, bound, node int) bool {
	terms := s.Pending[pod].PodAffinity
	if len(terms) == 0 {
		return true
	}
	for j := range s.Pending {
		if bound&node&(1<<j) != 0 && matchesTerms(terms, &s.Pending[j]) {
			return true
		}
	}
	return false
}
