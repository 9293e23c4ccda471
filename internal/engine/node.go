package engine

import (
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// node is a place that exists or is on its way.
type node struct {
	spec   *model.Node
	taints []model.Taint
	room   vector // what bound pods and missing DaemonSet pods leave
	// indifferent nodes belong to a pool that ignores preferred rules.
	indifferent bool
	ports       []model.HostPort
}

// sortedNodes orders nodes so that ready ones are used before those on their
// way, then by name.
func sortedNodes(snapshot *model.Snapshot, daemons []*model.DaemonSet, x resourceIndex) []*node {
	nodes := make([]*node, len(snapshot.Nodes))
	indifferent := map[string]bool{}
	for i := range snapshot.NodePools {
		indifferent[snapshot.NodePools[i].Name] = snapshot.NodePools[i].IgnorePreferences
	}
	for i := range snapshot.Nodes {
		nodes[i] = newNode(&snapshot.Nodes[i], daemons, x)
		nodes[i].indifferent = indifferent[snapshot.Nodes[i].NodePool]
	}
	sort.Slice(nodes, func(i, j int) bool {
		a, b := nodes[i].spec, nodes[j].spec
		if a.Launching != b.Launching {
			return b.Launching
		}
		return a.Name < b.Name
	})
	return nodes
}

func newNode(spec *model.Node, daemons []*model.DaemonSet, x resourceIndex) *node {
	n := &node{spec: spec, taints: lastingTaints(spec.Taints, spec.StartupTaints), room: x.vector(spec.Allocatable)}
	for i := range spec.Pods {
		n.room.add(x.podVector(spec.Pods[i].Requests), -1)
		n.ports = append(n.ports, spec.Pods[i].HostPorts...)
	}
	if spec.Unschedulable {
		return n
	}
	for _, daemon := range daemons {
		if n.runs(daemon) && !n.hasPodOf(daemon) {
			n.room.add(x.podVector(daemon.Template.Requests), -1)
			n.ports = append(n.ports, daemon.Template.HostPorts...)
		}
	}
	return n
}

func (n *node) runs(daemon *model.DaemonSet) bool {
	_, off := untolerated(n.taints, daemonTolerations(daemon.Template.Tolerations), false)
	return !off && n.admits(selectorTerms(&daemon.Template))
}

// hasPodOf recognises a DaemonSet's pod by its generated name.
func (n *node) hasPodOf(daemon *model.DaemonSet) bool {
	for i := range n.spec.Pods {
		pod := &n.spec.Pods[i]
		if !pod.OwnedByDaemonSet || pod.Namespace != daemon.Namespace {
			continue
		}
		suffix, found := strings.CutPrefix(pod.Name, daemon.Name+"-")
		if found && !strings.Contains(suffix, "-") {
			return true
		}
	}
	return false
}

func (n *node) hasLabels(keys []string) bool {
	for _, key := range keys {
		if _, ok := n.label(key); !ok {
			return false
		}
	}
	return true
}

// label also answers for the hostname of a node that has no Node object yet.
func (n *node) label(key string) (string, bool) {
	value, ok := lookup(n.spec.Labels, key)
	if !ok && canonical(key) == labelHostname {
		return n.spec.Name, true
	}
	return value, ok
}

func (n *node) admits(terms []model.NodeSelectorTerm) bool {
	for _, term := range terms {
		if n.meets(term) {
			return true
		}
	}
	return terms == nil
}

func (n *node) meets(term model.NodeSelectorTerm) bool {
	for _, r := range term.Labels {
		value, ok := n.label(r.Key)
		if !holds(r, value, ok) {
			return false
		}
	}
	for _, r := range term.Fields {
		if r.Key != fieldNodeName || !holds(r, n.spec.Name, true) {
			return false
		}
	}
	return true
}

// admitsClass reports whether labels and taints let the class in.
func (n *node) admitsClass(c *class) bool {
	if n.spec.Unschedulable {
		return false
	}
	if _, off := untolerated(n.taints, c.pod.Tolerations, c.granted.taints && !n.indifferent); off {
		return false
	}
	for _, term := range c.granted.nodes {
		if !n.indifferent && !n.meets(term) {
			return false
		}
	}
	return n.admits(c.terms)
}

// portsClash reports whether a pod's host ports meet one that is taken.
func portsClash(taken, wanted []model.HostPort) bool {
	for _, w := range wanted {
		for _, t := range taken {
			if t.Port == w.Port && protocol(t) == protocol(w) && (anyIP(t.IP) || anyIP(w.IP) || t.IP == w.IP) {
				return true
			}
		}
	}
	return false
}

func anyIP(ip string) bool { return ip == "" || ip == "0.0.0.0" }

func protocol(p model.HostPort) string {
	if p.Protocol == "" {
		return "TCP"
	}
	return p.Protocol
}
