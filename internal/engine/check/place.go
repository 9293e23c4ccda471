package check

import (
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// place is a node after the plan has been carried out.
type place struct {
	name string
	*shape
	existing bool
	ready    bool // exists and has joined
	bound    []*model.Pod
	planned  []*model.Pod
	groups   []group         // planned, by kind
	need     model.Resources // of bound and planned
	attached []model.Volume  // besides those of the bound pods
}

// group are the planned pods of a kind at one place.
type group struct {
	*kind
	pods []*model.Pod
}

// shape is what a node may turn out to be: of one variant when it exists, of one
// for every offering while it is a launch. Equal launches share it.
type shape struct {
	variants []*variant
	taints   []model.Taint       // of any variant
	values   map[string][]string // of label keys, as far as they were asked for
}

// variant is one of the nodes that a place may turn out to be.
type variant struct {
	id          int
	labels      map[string]string
	taints      []model.Taint
	allocatable model.Resources
	limits      map[string]int64 // volumes by driver
	daemons     []*model.Pod     // will run besides the planned ones
	daemonNeed  model.Resources
	unmet       []Violation // requirements that it does not meet
	zone        string      // of a group's node: where it comes up, whatever its labels say
}

func newShape(variants []*variant) *shape {
	s := &shape{variants: variants, values: map[string][]string{}}
	for _, v := range variants {
		s.taints = union(s.taints, v.taints)
	}
	return s
}

// shapeOf returns the shape of launches that may become these variants.
func (a *audit) shapeOf(variants []*variant) *shape {
	ids := make([]int, len(variants))
	for i, v := range variants {
		ids[i] = v.id
	}
	key := text(ids)
	if a.shapes[key] == nil {
		a.shapes[key] = newShape(variants)
	}
	return a.shapes[key]
}

// domains are the values of key that the place has or may get: one for a node
// that exists, several for a launch that may become one of several offerings.
func (p *place) domains(key string) []string {
	if key == hostname {
		return []string{p.name}
	}
	values, known := p.values[key]
	if !known {
		values = valuesOf(p.variants, key)
		p.values[key] = values
	}
	return values
}

func valuesOf(variants []*variant, key string) []string {
	var values []string
	for _, v := range variants {
		value, ok := label(v.labels, key)
		if !ok {
			value = unknownName
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return values
}

// put adds planned pods, those of a kind together.
func (a *audit) put(p *place, pods []*model.Pod) {
	p.planned = pods
	at := map[*kind]int{}
	for _, pod := range pods {
		k := a.kinds[pod]
		i, known := at[k]
		if !known {
			i = len(p.groups)
			at[k] = i
			p.groups = append(p.groups, group{kind: k})
		}
		p.groups[i].pods = append(p.groups[i].pods, pod)
	}
	p.need = model.Resources{}
	for _, pod := range p.bound {
		increase(p.need, requests(pod), 1)
	}
	for _, g := range p.groups {
		increase(p.need, g.requests, len(g.pods))
	}
}

func increase(sum, by model.Resources, times int) {
	for resource, amount := range by {
		sum[resource] += amount * int64(times)
	}
}

func (a *audit) existingNodes() {
	here := map[string][]*model.Pod{}
	known := map[string]bool{}
	for i := range a.snapshot.Nodes {
		known[a.snapshot.Nodes[i].Name] = true
	}
	for _, placement := range a.plan.Placements {
		if pod := a.pending[placement.Pod]; !known[placement.Node] {
			a.report("Node", placement.Node, "does not exist")
		} else if pod != nil {
			here[placement.Node] = append(here[placement.Node], pod)
		}
	}
	for i := range a.snapshot.Nodes {
		node := &a.snapshot.Nodes[i]
		p := a.existingNode(node)
		a.put(p, here[node.Name])
		a.places = append(a.places, p)
		if len(p.planned) == 0 {
			continue
		}
		if node.Unschedulable {
			a.report("Node", node.Name, "is unschedulable")
		}
		a.node(p, p.variants[0], node.Name)
	}
}

func (a *audit) existingNode(node *model.Node) *place {
	v := &variant{labels: nodeLabels(node), taints: without(node.Taints, node.StartupTaints), allocatable: node.Allocatable, limits: node.AttachLimits}
	p := &place{name: node.Name, shape: newShape([]*variant{v}), existing: true, ready: !node.Launching, attached: node.Attached}
	for j := range node.Pods {
		p.bound = append(p.bound, &node.Pods[j])
	}
	for j := range a.snapshot.DaemonSets {
		if d := &a.snapshot.DaemonSets[j]; daemonRuns(d, v.labels, v.taints, node.Name) && !running(d, node.Pods) {
			v.runs(d)
		}
	}
	return p
}

// runs adds the DaemonSet's pod.
func (v *variant) runs(d *model.DaemonSet) {
	if v.daemonNeed == nil {
		v.daemonNeed = model.Resources{}
	}
	v.daemons = append(v.daemons, &d.Template)
	increase(v.daemonNeed, requests(&d.Template), 1)
}

// numbered gives a variant of launches its number and its DaemonSets' pods.
func (a *audit) numbered(v variant) *variant {
	v.id = a.numbers
	a.numbers++
	for i := range a.snapshot.DaemonSets {
		if d := &a.snapshot.DaemonSets[i]; daemonRuns(d, v.labels, v.taints, "") {
			v.runs(d)
		}
	}
	return &v
}

// node checks everything that concerns one node alone; name is empty before it
// exists.
func (a *audit) node(p *place, v *variant, name string) {
	need := p.needOn(v)
	full := !need.Fits(v.allocatable)
	for _, g := range p.groups {
		if full {
			a.room(p, g, need, v)
		}
		if taint := firstUntolerated(v.taints, g.Tolerations); taint != nil {
			a.reportAll(g, "Taints", p.name, "%s does not tolerate %v", *taint)
		}
		if !admitted(g.Pod, v.labels, name) {
			a.reportAll(g, "NodeAffinity", p.name, "%s is not admitted by the labels of %s", describe(v.labels))
		}
	}
	a.ports(p, v)
}

// needOn is what the pods take, and the DaemonSets' of the variant.
func (p *place) needOn(v *variant) model.Resources {
	if len(v.daemons) == 0 {
		return p.need
	}
	return p.need.Add(v.daemonNeed)
}

func (a *audit) room(p *place, g group, need model.Resources, v *variant) {
	for _, resource := range g.requests.Names() {
		if g.requests[resource] > 0 && need[resource] > v.allocatable[resource] {
			a.reportAll(g, "Resources", p.name, "%s: pods need %d %s, %s has %d", need[resource], resource, describe(v.labels), v.allocatable[resource])
		}
	}
}

// ports: no planned pod takes a port that another pod there has.
func (a *audit) ports(p *place, v *variant) {
	var taken []*model.Pod
	for _, pods := range [][]*model.Pod{p.planned, p.bound, v.daemons} {
		for _, pod := range pods {
			if len(pod.HostPorts) > 0 {
				taken = append(taken, pod)
			}
		}
	}
	for i, pod := range taken {
		if !slices.Contains(p.planned, pod) {
			return
		}
		for j, other := range taken {
			if i != j && portsMeet(pod, other) {
				a.report("HostPorts", p.name, "%s takes a port that %s has", pod.PodKey, other.PodKey)
			}
		}
	}
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
