package enginetest

import (
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// selector is about one app, mostly by its label alone.
func (w world) selector(app string) *model.LabelSelector {
	s := &model.LabelSelector{MatchLabels: map[string]string{"app": app}}
	switch w.number("selector", 1, 24) {
	case 1:
		return &model.LabelSelector{}
	case 2:
		return nil
	case 3:
		s.Requirements = []model.Requirement{{Key: "tier", Operator: model.Exists}}
	case 4:
		s.Requirements = []model.Requirement{{Key: "tier", Operator: model.DoesNotExist}}
	case 5:
		s.Requirements = []model.Requirement{{Key: "tier", Operator: model.NotIn, Values: []string{"front"}}}
	case 6:
		return &model.LabelSelector{Requirements: []model.Requirement{{Key: "app", Operator: model.In, Values: []string{app, w.app()}}}}
	case 7:
		return &model.LabelSelector{Requirements: []model.Requirement{{Key: "tier", Operator: model.In, Values: []string{"front", "back"}}}}
	case 8:
		return &model.LabelSelector{Requirements: []model.Requirement{{Key: "app", Operator: model.NotIn, Values: []string{app}}}}
	}
	return s
}

// namespaces of a pod affinity term.
func (w world) namespaces() []string {
	switch w.number("namespaces", 1, 12) {
	case 1:
		return []string{"default", "other"}
	case 2:
		return []string{"other"}
	}
	return nil
}

// identity gives the pod labels and sometimes another namespace.
func (w world) identity(p *model.Pod) {
	if w.chance("tier", 4) {
		p.Labels["tier"] = w.oneOf("tierValue", "front", "back")
	}
	if w.chance("version", 6) {
		p.Labels["version"] = w.oneOf("versionValue", "1", "2")
	}
	if w.chance("namespace", 8) {
		p.Namespace = "other"
	}
}

// moreNodeRules are rarer ways to ask for nodes.
func (w world) moreNodeRules(p *model.Pod) {
	switch w.number("nodeRule", 1, 24) {
	case 1:
		p.RequiredNodeAffinity = oneTerm(model.Requirement{Key: "team", Operator: model.Exists})
	case 2:
		p.RequiredNodeAffinity = oneTerm(model.Requirement{Key: "team", Operator: model.DoesNotExist})
	case 3:
		p.RequiredNodeAffinity = oneTerm(model.Requirement{Key: "example.com/cpu", Operator: model.Lt, Values: []string{fmt.Sprint(w.number("lessCPU", 2, 8))}})
	case 4:
		p.RequiredNodeAffinity = []model.NodeSelectorTerm{{}, {Labels: []model.Requirement{{Key: "topology.kubernetes.io/zone", Operator: model.In, Values: []string{"a", "b"}}}}}
	case 5:
		p.RequiredNodeAffinity = []model.NodeSelectorTerm{{Fields: []model.Requirement{{Key: "metadata.name", Operator: model.In, Values: []string{w.oneOf("named", "node0", "node1")}}}}}
	case 6:
		p.RequiredNodeAffinity = []model.NodeSelectorTerm{{Fields: []model.Requirement{{Key: "metadata.name", Operator: model.NotIn, Values: []string{"node0"}}}}}
	case 7:
		p.RequiredNodeAffinity = oneTerm(model.Requirement{Key: "kubernetes.io/hostname", Operator: model.NotIn, Values: []string{"node1"}})
	case 8:
		p.RequiredNodeAffinity = oneTerm(model.Requirement{Key: "topology.kubernetes.io/zone", Operator: model.NotIn, Values: []string{w.zone()}},
			model.Requirement{Key: "karpenter.sh/capacity-type", Operator: model.In, Values: []string{"on-demand", "spot"}})
	case 9:
		p.NodeSelector = map[string]string{"beta.kubernetes.io/arch": "arm64"}
	}
	switch w.number("tolerations", 1, 16) {
	case 1:
		p.Tolerations = []model.Toleration{{Operator: "Exists"}}
	case 2:
		p.Tolerations = []model.Toleration{{Key: "dedicated", Operator: "Equal", Value: "x", Effect: model.NoSchedule}}
	case 3:
		p.Tolerations = []model.Toleration{{Key: "dedicated", Operator: "Exists", Effect: model.NoExecute}}
	case 4:
		p.Tolerations = []model.Toleration{{Key: "dedicated", Operator: "Lt", Value: "9"}}
	case 5:
		p.Tolerations = []model.Toleration{{Operator: "Exists", Effect: model.NoSchedule}}
	}
}

func oneTerm(requirements ...model.Requirement) []model.NodeSelectorTerm {
	return []model.NodeSelectorTerm{{Labels: requirements}}
}

// morePodRules are second and rarer rules about other pods.
func (w world) morePodRules(p *model.Pod) {
	for i := range p.TopologySpread {
		if w.chance("matchLabelKeys", 6) {
			p.TopologySpread[i].MatchLabelKeys = []string{w.oneOf("labelKey", "version", "tier")}
		}
	}
	if w.chance("secondSpread", 10) {
		p.TopologySpread = append(p.TopologySpread, model.TopologySpread{TopologyKey: w.topologyKey(), MaxSkew: int32(w.number("skew", 1, 3)), Selector: w.selector(p.Labels["app"])})
	}
	if w.chance("secondNear", 16) {
		p.PodAffinity = append(p.PodAffinity, w.podTerm(w.nearby(p)))
	}
	if w.chance("secondAway", 10) {
		p.PodAntiAffinity = append(p.PodAntiAffinity, w.podTerm(w.nearby(p)))
	}
	if w.chance("softPodRule", 10) {
		t := w.podTerm(w.nearby(p))
		t.Weight = int32(w.number("softWeight", 1, 100))
		if w.chance("softAway", 2) {
			p.PodAntiAffinity = append(p.PodAntiAffinity, t)
		} else {
			p.PodAffinity = append(p.PodAffinity, t)
		}
	}
}

// chain makes most classes follow the one before them, and sometimes the first
// follow the last.
func (w world) chain(s *model.Snapshot) {
	if !w.chance("chain", 8) {
		return
	}
	key := w.oneOf("chainKey", "kubernetes.io/hostname", "kubernetes.io/hostname", "topology.kubernetes.io/zone")
	first, previous := s.Pending[0].Labels["app"], ""
	terms := map[string][]model.PodAffinityTerm{}
	for i := range s.Pending {
		p := &s.Pending[i]
		name := p.Name[:strings.LastIndex(p.Name, "-")]
		if _, known := terms[name]; !known {
			terms[name] = nil
			if previous != "" && !w.chance("unchained", 4) {
				terms[name] = []model.PodAffinityTerm{{TopologyKey: key, Selector: &model.LabelSelector{MatchLabels: map[string]string{"app": previous}}}}
			}
			previous = p.Labels["app"]
		}
		if terms[name] != nil {
			p.PodAffinity = terms[name]
		}
	}
	if w.chance("circle", 4) {
		circle := appsTerm(key, first, previous)
		for i := range s.Pending {
			if s.Pending[i].Labels["app"] == first {
				s.Pending[i].PodAffinity = []model.PodAffinityTerm{circle}
			}
		}
	}
}

// appsTerm is about the pods of some apps.
func appsTerm(key string, apps ...string) model.PodAffinityTerm {
	return model.PodAffinityTerm{TopologyKey: key, Selector: &model.LabelSelector{
		Requirements: []model.Requirement{{Key: "app", Operator: model.In, Values: apps}}}}
}

// moreRequests asks for devices, many ports, or nothing.
func (w world) moreRequests(p *model.Pod) {
	switch w.number("requests", 1, 16) {
	case 1:
		p.Requests["nvidia.com/gpu"] = int64(w.number("gpus", 1, 2))
	case 2:
		p.Requests[model.EphemeralStorage] = int64(w.number("disk", 1, 12)) << 30
	case 3:
		p.Requests = model.Resources{model.PodCount: 1}
	case 4:
		p.HostPorts = []model.HostPort{{Port: 80, Protocol: "UDP"}, {Port: 81, Protocol: "TCP", IP: w.oneOf("ip", "10.0.0.1", "10.0.0.2", "0.0.0.0")}}
	}
}

// moreClasses adds a second NodeClass with a catalog of its own.
func (w world) moreClasses(s *model.Snapshot) {
	if !w.chance("secondClass", 6) {
		return
	}
	s.Catalogs["second"] = w.catalog()
	for i := range s.NodePools {
		if w.chance("poolOfSecond", 2) {
			s.NodePools[i].NodeClass = "second"
		}
	}
}

// device gives a machine GPUs or a disk.
func (w world) device(amounts model.Resources) {
	if w.chance("gpuMachine", 4) {
		amounts["nvidia.com/gpu"] = int64(w.number("gpusThere", 1, 4))
	}
	if w.chance("diskMachine", 2) {
		amounts[model.EphemeralStorage] = int64(w.number("diskThere", 4, 40)) << 30
	}
}

// moreDaemonRules make DaemonSets that other pods' rules can be about.
func (w world) moreDaemonRules(p *model.Pod) {
	if w.chance("daemonTolerates", 3) {
		p.Tolerations = []model.Toleration{{Operator: "Exists"}}
	}
	if w.chance("daemonApp", 5) {
		p.Labels["app"] = w.app()
	}
	if w.chance("daemonZone", 6) {
		p.RequiredNodeAffinity = oneTerm(model.Requirement{Key: "topology.kubernetes.io/zone", Operator: model.NotIn, Values: []string{w.zone()}})
	}
}

// moreBound gives a running pod ports, an affinity of its own, or makes it a
// DaemonSet's.
func (w world) moreBound(p *model.Pod) {
	w.identity(p)
	switch w.number("boundRule", 1, 12) {
	case 1:
		p.HostPorts = []model.HostPort{{Port: 80, Protocol: "TCP"}}
	case 2:
		p.PodAffinity = []model.PodAffinityTerm{w.podTerm(w.app())}
	case 3:
		p.OwnedByDaemonSet, p.Namespace, p.Name = true, "kube-system", "daemon0-"+p.Name[len("bound-"):]
	}
}

// moreNode gives a node taints of every kind.
func (w world) moreNode(n *model.Node) {
	w.device(n.Allocatable)
	switch w.number("nodeState", 1, 16) {
	case 1:
		t := model.Taint{Key: "starting", Effect: model.NoSchedule}
		n.Taints, n.StartupTaints = append(n.Taints, t), append(n.StartupTaints, t)
	case 2:
		n.Taints = append(n.Taints, model.Taint{Key: "dedicated", Value: "x", Effect: model.NoExecute})
	case 3:
		n.Unschedulable = true
		n.Taints = append(n.Taints, model.Taint{Key: "node.kubernetes.io/unschedulable", Effect: model.NoSchedule})
	}
	if w.chance("unlabelled", 10) {
		delete(n.Labels, "topology.kubernetes.io/zone")
	}
}
