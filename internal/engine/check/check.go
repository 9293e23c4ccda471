package check

import (
	"fmt"
	"sort"

	"github.com/drover-project/drover/internal/model"
)

// Violation is one broken rule.
type Violation struct {
	Rule    string // stable name: Resources, Taints, NodeAffinity, ...
	Where   string // node, launch or pod
	Message string
}

func (v Violation) String() string { return v.Rule + " " + v.Where + ": " + v.Message }

// audit gathers what is wrong with one plan.
type audit struct {
	*crowd
	findings
	snapshot *model.Snapshot
	plan     *model.Plan
	places   []*place
	at       map[*face][]presence
	market
}

// findings are violations, each once, in the order in which they were found.
type findings struct {
	found []Violation
	known map[Violation]bool
}

func (f *findings) report(rule, where, format string, args ...any) {
	v := Violation{Rule: rule, Where: where, Message: fmt.Sprintf(format, args...)}
	if f.known[v] {
		return
	}
	if f.known == nil {
		f.known = map[Violation]bool{}
	}
	f.known[v] = true
	f.found = append(f.found, v)
}

// reportAll reports each pod of the group; the format starts with the pod.
func (f *findings) reportAll(g group, rule, where, format string, args ...any) {
	for _, pod := range g.pods {
		f.report(rule, where, format, append([]any{pod.PodKey}, args...)...)
	}
}

// Plan returns every rule of snapshot that plan breaks, in a stable order; none
// for a correct plan.
func Plan(snapshot *model.Snapshot, plan model.Plan) []Violation {
	a := &audit{crowd: newCrowd(snapshot), snapshot: snapshot, plan: &plan}
	found := a.look()
	if len(found) > 0 && a.rightWhereverOneComes() {
		return nil
	}
	return found
}

func (a *audit) look() []Violation {
	a.market = newMarket()
	a.onePlaceEach()
	a.existingNodes()
	for i := range a.plan.Launches {
		a.launch(i)
	}
	a.limits()
	a.surplus()
	a.onDemandShare()
	a.groupSizes()
	a.price()
	a.findPods()
	a.spread()
	a.affinity()
	a.antiAffinity()
	a.volumes()
	a.groups()
	return a.found
}

// onePlaceEach: every placed pod is pending, wants a place and gets only one.
func (a *audit) onePlaceEach() {
	times := map[model.PodKey]int{}
	for _, p := range a.plan.Placements {
		times[p.Pod]++
	}
	for _, launch := range a.plan.Launches {
		for _, key := range launch.Pods {
			times[key]++
		}
	}
	keys := make([]model.PodKey, 0, len(times))
	for key := range times {
		if pod := a.pending[key]; pod == nil || times[key] > 1 || !asks(pod) {
			keys = append(keys, key)
		}
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	for _, key := range keys {
		pod := a.pending[key]
		switch {
		case pod == nil:
			a.report("Pods", key.String(), "is placed but not pending")
		case times[key] > 1:
			a.report("Pods", key.String(), "is placed %d times", times[key])
		case len(pod.Blocked) > 0:
			a.report("Pods", key.String(), "is blocked: %v", pod.Blocked)
		case len(pod.Unsupported) > 0:
			a.report("Pods", key.String(), "has rules that cannot be planned for: %v", pod.Unsupported)
		case pod.OwnedByDaemonSet:
			a.report("Pods", key.String(), "belongs to a DaemonSet and asks for no node")
		}
	}
}

func asks(pod *model.Pod) bool {
	return len(pod.Blocked)+len(pod.Unsupported) == 0 && !pod.OwnedByDaemonSet
}

func (a *audit) price() {
	sum := 0.0
	for _, launch := range a.plan.Launches {
		if len(launch.Offerings) > 0 {
			sum += launch.Offerings[0].PricePerHour
		}
	}
	for _, size := range a.plan.Groups {
		for i := range a.plan.Launches {
			if launch := &a.plan.Launches[i]; launch.NodeGroup == size.Name && len(launch.Offerings) > 0 {
				sum += float64(size.Surplus) * launch.Offerings[0].PricePerHour
				break
			}
		}
	}
	if difference := sum - a.plan.PricePerHour; difference > 1e-6 || difference < -1e-6 {
		a.report("Price", "plan", "says %f, its launches cost %f", a.plan.PricePerHour, sum)
	}
}
