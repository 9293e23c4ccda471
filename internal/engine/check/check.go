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
	snapshot *model.Snapshot
	plan     *model.Plan
	pending  map[model.PodKey]*model.Pod
	places   []*place
	found    []Violation
	// pinned is the launch that is looked at in one zone; below 0: none.
	pinned int
	zone   string
}

// place is a node after the plan has been carried out. A launch has one label
// set for every offering it may turn into; an existing node has one.
type place struct {
	name     string
	existing bool
	ready    bool // exists and has joined
	labels   []map[string]string
	taints   []model.Taint
	bound    []*model.Pod // ran before
	daemons  []*model.Pod // will run besides the planned ones
	planned  []*model.Pod
	limits   []map[string]int64 // volumes by driver, for each of labels
	attached []model.Volume     // besides those of the bound pods
}

func (p *place) pods() []*model.Pod {
	all := append([]*model.Pod(nil), p.bound...)
	return append(all, p.planned...)
}

// Plan returns every rule of snapshot that plan breaks, in a stable order; none
// for a correct plan.
func Plan(snapshot *model.Snapshot, plan model.Plan) []Violation {
	found := look(snapshot, &plan, -1, "")
	if len(found) > 0 && rightWhereverOneComes(snapshot, &plan) {
		return nil
	}
	return found
}

// look audits the plan with one of its launches in a certain zone, if asked to.
func look(snapshot *model.Snapshot, plan *model.Plan, pinned int, zone string) []Violation {
	a := &audit{snapshot: snapshot, plan: plan, pending: map[model.PodKey]*model.Pod{}, pinned: pinned, zone: zone}
	for i := range snapshot.Pending {
		a.pending[snapshot.Pending[i].PodKey] = &snapshot.Pending[i]
	}
	a.onePlaceEach()
	a.existingNodes()
	for i := range plan.Launches {
		a.launch(i)
	}
	a.limits()
	a.surplus()
	a.onDemandShare()
	a.groupSizes()
	a.price()
	a.spread()
	a.affinity()
	a.antiAffinity()
	a.volumes()
	a.groups()
	return a.found
}

func (a *audit) report(rule, where, format string, args ...any) {
	a.found = append(a.found, Violation{Rule: rule, Where: where, Message: fmt.Sprintf(format, args...)})
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
		keys = append(keys, key)
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

func (a *audit) existingNodes() {
	byName := map[string]*place{}
	for i := range a.snapshot.Nodes {
		node := &a.snapshot.Nodes[i]
		p := &place{name: node.Name, existing: true, ready: !node.Launching, labels: []map[string]string{nodeLabels(node)},
			taints: without(node.Taints, node.StartupTaints), limits: []map[string]int64{node.AttachLimits}, attached: node.Attached}
		for j := range node.Pods {
			p.bound = append(p.bound, &node.Pods[j])
		}
		for j := range a.snapshot.DaemonSets {
			d := &a.snapshot.DaemonSets[j]
			if daemonRuns(d, p.labels[0], p.taints, node.Name) && !running(d, node.Pods) {
				p.daemons = append(p.daemons, &d.Template)
			}
		}
		byName[node.Name] = p
		a.places = append(a.places, p)
	}
	for _, placement := range a.plan.Placements {
		p, pod := byName[placement.Node], a.pending[placement.Pod]
		if p == nil {
			a.report("Node", placement.Node, "does not exist")
		} else if pod != nil {
			p.planned = append(p.planned, pod)
		}
	}
	for i := range a.snapshot.Nodes {
		node := &a.snapshot.Nodes[i]
		p := byName[node.Name]
		if len(p.planned) > 0 && node.Unschedulable {
			a.report("Node", node.Name, "is unschedulable")
		}
		if len(p.planned) > 0 {
			a.node(p, p.labels[0], node.Allocatable, node.Name)
		}
	}
}

// node checks everything that concerns one node alone.
func (a *audit) node(p *place, labels map[string]string, allocatable model.Resources, name string) {
	need := model.Resources{}
	all := append(p.pods(), p.daemons...)
	for _, pod := range all {
		need = need.Add(requests(pod))
	}
	for _, pod := range p.planned {
		for resource, amount := range requests(pod) {
			if amount > 0 && need[resource] > allocatable[resource] {
				a.report("Resources", p.name, "%s: pods need %d %s, %s has %d", pod.PodKey, need[resource], resource, describe(labels), allocatable[resource])
			}
		}
		if taint := firstUntolerated(p.taints, pod.Tolerations); taint != nil {
			a.report("Taints", p.name, "%s does not tolerate %v", pod.PodKey, *taint)
		}
		if !admitted(pod, labels, name) {
			a.report("NodeAffinity", p.name, "%s is not admitted by the labels of %s", pod.PodKey, describe(labels))
		}
	}
	for i, pod := range all {
		for j, other := range all {
			if i != j && portsMeet(pod, other) && p.plans(pod) {
				a.report("HostPorts", p.name, "%s takes a port that %s has", pod.PodKey, other.PodKey)
			}
		}
	}
}

func (p *place) plans(pod *model.Pod) bool {
	for _, planned := range p.planned {
		if planned == pod {
			return true
		}
	}
	return false
}

func portsMeet(a, b *model.Pod) bool {
	for _, x := range a.HostPorts {
		for _, y := range b.HostPorts {
			if samePort(x, y) {
				return true
			}
		}
	}
	return false
}

func describe(labels map[string]string) string {
	return labels["node.kubernetes.io/instance-type"] + " " + labels["topology.kubernetes.io/zone"]
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
