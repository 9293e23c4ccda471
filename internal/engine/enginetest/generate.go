package enginetest

import (
	"fmt"

	"github.com/drover-project/drover/internal/model"
)

// Dice draws a whole number from least to most, both included. The label says
// what it is for, where a tool shows it.
type Dice func(label string, least, most int) int

// world draws small clusters in which every rule comes up often, and meets the
// others.
type world struct {
	dice Dice
}

// Draw returns a small cluster. The same throws give the same cluster.
func Draw(dice Dice) *model.Snapshot {
	w := world{dice}
	s := &model.Snapshot{Catalogs: map[string]model.Catalog{"default": w.catalog()}}
	for i := range w.number("pools", 1, 3) {
		s.NodePools = append(s.NodePools, w.pool(i))
	}
	for i := range w.number("daemonsets", 0, 2) {
		s.DaemonSets = append(s.DaemonSets, w.daemonSet(i))
	}
	w.moreClasses(s)
	large := 1
	if w.chance("large", 16) {
		large = 4
	}
	for i := range w.number("nodes", 0, 4*large) {
		s.Nodes = append(s.Nodes, w.node(i))
	}
	if w.chance("group", 4) {
		s.PodGroups = append(s.PodGroups, model.PodGroup{Name: "gang", MinCount: w.number("minCount", 1, 6)})
	}
	for i := range w.number("classes", 1, 3+2*large) {
		pod := w.pod(fmt.Sprintf("app%d", i))
		for n := range w.number("replicas", 1, 8*large) {
			next := pod
			next.Name = fmt.Sprintf("%s-%d", pod.Name, n)
			if len(pod.Volumes) > 0 && pod.Volumes[0].ID == "" {
				next.Volumes = []model.Volume{{Driver: "ebs", ID: next.Name}}
			}
			s.Pending = append(s.Pending, next)
		}
	}
	w.spot(s)
	for i := range w.number("nodeGroups", 0, 4) / 2 {
		s.NodeGroups = append(s.NodeGroups, w.nodeGroup(i, s.Catalogs["default"]))
	}
	w.chain(s)
	return s
}

func (w world) number(label string, least, most int) int {
	return w.dice(label, least, most)
}

// chance is true about once in n draws.
func (w world) chance(label string, n int) bool { return w.number(label, 1, n) == n }

func (w world) oneOf(label string, values ...string) string {
	return values[w.number(label, 0, len(values)-1)]
}

func (w world) zone() string { return w.oneOf("zone", "a", "b", "c") }
func (w world) app() string  { return w.oneOf("app", "app0", "app1", "app2", "bound") }

func (w world) catalog() model.Catalog {
	var c model.Catalog
	for i := range w.number("types", 1, 5) {
		cpu, memory := int64(w.number("cpu", 1, 8)), int64(w.number("memory", 1, 8))
		amounts := model.Resources{model.CPU: cpu * 1000, model.Memory: memory << 30, model.PodCount: int64(w.number("slots", 2, 12))}
		w.device(amounts)
		name := fmt.Sprintf("type%d", i)
		c.InstanceTypes = append(c.InstanceTypes, model.InstanceType{Name: name, Capacity: amounts, Allocatable: amounts,
			Labels: map[string]string{"node.kubernetes.io/instance-type": name, "kubernetes.io/arch": w.oneOf("arch", "amd64", "arm64"),
				"example.com/cpu": fmt.Sprint(cpu)}})
		if w.chance("attachLimit", 3) {
			c.InstanceTypes[i].AttachLimits = map[string]int64{"ebs": int64(w.number("volumesPerType", 0, 4))}
		}
		for _, zone := range []string{"a", "b", "c"} {
			if w.chance("absent", 6) {
				continue
			}
			offering := model.Offering{OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.OnDemand},
				PricePerHour: float64(w.number("price", 1, 40)) / 100}
			if w.chance("spot", 4) {
				offering.CapacityType = model.Spot
			}
			if w.chance("unavailable", 6) {
				offering.UnavailableReason = "no capacity since 10:00"
			}
			c.Offerings = append(c.Offerings, offering)
		}
	}
	return c
}

func (w world) pool(i int) model.NodePool {
	p := model.NodePool{Name: fmt.Sprintf("pool%d", i), NodeClass: "default", Weight: int32(w.number("weight", 0, 2)), Usage: model.Resources{}}
	if w.chance("poolLabel", 3) {
		p.Labels = map[string]string{"team": w.oneOf("team", "red", "blue")}
	} else if w.chance("freeLabel", 3) {
		p.Requirements = append(p.Requirements, model.Requirement{Key: "team", Operator: model.In, Values: []string{"red", "blue"}})
	}
	if w.chance("poolTaint", 4) {
		p.Taints = append(p.Taints, w.taint())
	}
	if w.chance("poolZone", 4) {
		p.Requirements = append(p.Requirements, model.Requirement{Key: "topology.kubernetes.io/zone", Operator: model.NotIn, Values: []string{w.zone()}})
	}
	if w.chance("poolCPU", 5) {
		p.Requirements = append(p.Requirements, model.Requirement{Key: "example.com/cpu", Operator: model.Lte, Values: []string{fmt.Sprint(w.number("cpuLimit", 2, 8))}})
	}
	if w.chance("minValues", 6) {
		p.Requirements = append(p.Requirements, model.Requirement{Key: "node.kubernetes.io/instance-type", Operator: model.Exists, MinValues: w.number("least", 2, 3)})
	}
	if w.chance("limit", 4) {
		p.Limits = model.Resources{model.CPU: int64(w.number("limitCPU", 2, 20)) * 1000}
	}
	p.IgnorePreferences = w.chance("ignorePreferences", 5)
	if w.chance("limitNodes", 6) {
		p.Limits = model.Resources{"nodes": int64(w.number("limitNodes", 1, 4))}
	}
	return p
}

func (w world) taint() model.Taint {
	effect := model.NoSchedule
	if w.chance("softTaint", 3) {
		effect = model.PreferNoSchedule
	}
	return model.Taint{Key: "dedicated", Value: w.oneOf("taintValue", "x", "5"), Effect: effect}
}

func (w world) daemonSet(i int) model.DaemonSet {
	key := model.PodKey{Namespace: "kube-system", Name: fmt.Sprintf("daemon%d", i)}
	d := model.DaemonSet{PodKey: key, Template: model.Pod{PodKey: key, OwnedByDaemonSet: true, Labels: map[string]string{"app": key.Name},
		Requests: model.Resources{model.CPU: int64(w.number("daemonCPU", 0, 300)), model.PodCount: 1}}}
	if w.chance("daemonSelector", 3) {
		d.Template.NodeSelector = map[string]string{"kubernetes.io/arch": "arm64"}
	}
	if w.chance("daemonPort", 4) {
		d.Template.HostPorts = []model.HostPort{{Port: 80, Protocol: "TCP"}}
	}
	w.moreDaemonRules(&d.Template)
	return d
}

func (w world) node(i int) model.Node {
	n := model.Node{Name: fmt.Sprintf("node%d", i), Launching: w.chance("launching", 4), Unschedulable: w.chance("cordoned", 6),
		Labels:      map[string]string{"topology.kubernetes.io/zone": w.zone(), "kubernetes.io/arch": w.oneOf("nodeArch", "amd64", "arm64"), "team": w.oneOf("nodeTeam", "red", "blue")},
		Allocatable: model.Resources{model.CPU: int64(w.number("nodeCPU", 1, 6)) * 1000, model.Memory: int64(w.number("nodeMemory", 1, 6)) << 30, model.PodCount: 8}}
	if w.chance("nodeTaint", 5) {
		n.Taints = append(n.Taints, w.taint())
	}
	if w.chance("nodeAttachLimit", 3) {
		n.AttachLimits = map[string]int64{"ebs": int64(w.number("volumesPerNode", 0, 3))}
		n.Attached = []model.Volume{{Driver: "ebs", ID: "left-over"}}
	}
	w.moreNode(&n)
	for j := range w.number("bound", 0, 3) {
		pod := model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("bound-%d-%d", i, j)}, Labels: map[string]string{"app": w.app()},
			Requests: model.Resources{model.CPU: 200, model.PodCount: 1}}
		pod.Terminating = w.chance("terminating", 6)
		w.moreBound(&pod)
		w.groupAndVolumes(&pod)
		if w.chance("boundAnti", 5) {
			pod.PodAntiAffinity = []model.PodAffinityTerm{w.podTerm(w.app())}
		}
		if len(pod.Volumes) > 0 && pod.Volumes[0].ID == "" {
			pod.Volumes = []model.Volume{{Driver: "ebs", ID: pod.Name}}
		}
		n.Pods = append(n.Pods, pod)
	}
	return n
}

func (w world) podTerm(app string) model.PodAffinityTerm {
	return model.PodAffinityTerm{TopologyKey: w.topologyKey(), Selector: w.selector(app), Namespaces: w.namespaces()}
}

func (w world) topologyKey() string {
	return w.oneOf("topologyKey", "topology.kubernetes.io/zone", "topology.kubernetes.io/zone", "kubernetes.io/hostname", "kubernetes.io/hostname", "karpenter.sh/capacity-type", "team", "kubernetes.io/arch",
		"node.kubernetes.io/instance-type")
}

func (w world) pod(app string) model.Pod {
	p := model.Pod{PodKey: model.PodKey{Namespace: "default", Name: app}, Labels: map[string]string{"app": app},
		Requests: model.Resources{model.CPU: int64(w.number("podCPU", 0, 40)) * 100, model.Memory: int64(w.number("podMemory", 0, 20)) << 28, model.PodCount: 1}}
	if w.chance("otherApp", 4) {
		p.Labels["app"] = w.app()
	}
	w.identity(&p)
	w.nodeRules(&p)
	w.moreNodeRules(&p)
	w.podRules(&p)
	w.morePodRules(&p)
	if w.chance("port", 8) {
		p.HostPorts = []model.HostPort{{Port: int32(80 + w.number("portNumber", 0, 1)), Protocol: "TCP"}}
	}
	w.moreRequests(&p)
	w.groupAndVolumes(&p)
	if w.chance("blocked", 16) {
		p.Blocked = []model.Reason{{Code: model.CodeVolumeNotReady, Message: "the claim data is not bound"}}
	}
	if w.chance("unsupported", 12) {
		p.Unsupported = []string{"resource claims"}
	}
	if w.chance("malformed", 12) {
		p.RequiredNodeAffinity = []model.NodeSelectorTerm{{Labels: []model.Requirement{{Key: "team", Operator: "Near"}}}}
	}
	if w.chance("priority", 5) {
		p.Priority = int32(w.number("priorityValue", 1, 3))
	}
	return p
}

func (w world) nodeRules(p *model.Pod) {
	if w.chance("selector", 5) {
		p.NodeSelector = map[string]string{"topology.kubernetes.io/zone": w.zone()}
	}
	if w.chance("teamSelector", 6) {
		p.NodeSelector = map[string]string{"team": w.oneOf("wantedTeam", "red", "blue", "green")}
	}
	if w.chance("waySelector", 6) {
		p.NodeSelector = map[string]string{"lifecycle": w.oneOf("wantedWay", "od", "spot")}
	}
	if w.chance("affinity", 5) {
		p.RequiredNodeAffinity = []model.NodeSelectorTerm{
			{Labels: []model.Requirement{{Key: "kubernetes.io/arch", Operator: model.In, Values: []string{"arm64"}}}},
			{Labels: []model.Requirement{{Key: "example.com/cpu", Operator: model.Gt, Values: []string{"3"}}, {Key: "team", Operator: model.NotIn, Values: []string{"blue"}}}},
		}
	}
	if w.chance("preferred", 5) {
		p.PreferredNodeAffinity = []model.PreferredNodeSelectorTerm{{Weight: 10, Term: model.NodeSelectorTerm{
			Labels: []model.Requirement{{Key: "topology.kubernetes.io/zone", Operator: model.In, Values: []string{w.zone()}}}}}}
	}
	if w.chance("toleration", 3) {
		p.Tolerations = []model.Toleration{{Key: "dedicated", Operator: w.oneOf("tolerationOperator", "Exists", "Gt", "Equal"), Value: "3"}}
		if p.Tolerations[0].Operator == "Exists" {
			p.Tolerations[0].Value = ""
		}
	}
}

func (w world) podRules(p *model.Pod) {
	for range w.number("spreads", 0, 3) / 2 {
		s := model.TopologySpread{TopologyKey: w.topologyKey(), MaxSkew: int32(w.number("skew", 1, 2)),
			Selector:       w.selector(p.Labels["app"]),
			ScheduleAnyway: w.chance("anyway", 4), HonorNodeTaints: w.chance("honorTaints", 4), IgnoreNodeAffinity: w.chance("ignoreAffinity", 4)}
		if w.chance("minDomains", 5) {
			s.MinDomains = int32(w.number("minDomainsValue", 2, 4))
		}
		if w.chance("otherSelector", 6) {
			s.Selector = w.selector(w.app())
		}
		p.TopologySpread = append(p.TopologySpread, s)
	}
	if w.chance("near", 6) {
		p.PodAffinity = append(p.PodAffinity, w.podTerm(w.nearby(p)))
	}
	if w.chance("away", 4) {
		p.PodAntiAffinity = append(p.PodAntiAffinity, w.podTerm(w.nearby(p)))
	}
}

// nearby is the pod's own app more often than another.
func (w world) nearby(p *model.Pod) string {
	if w.chance("stranger", 2) {
		return w.app()
	}
	return p.Labels["app"]
}

// groupAndVolumes: a volume without ID stands for one of the pod's own.
func (w world) groupAndVolumes(p *model.Pod) {
	if w.chance("inGroup", 5) {
		p.Group = "gang"
	}
	switch w.number("volume", 1, 12) {
	case 1, 2:
		p.Volumes = []model.Volume{{Driver: "ebs"}}
	case 3:
		p.Volumes = []model.Volume{{Driver: "ebs", ID: "shared"}}
	case 4:
		p.Volumes = []model.Volume{{Driver: "ebs", ID: "only-one", Exclusive: true}}
	case 5:
		p.Volumes = []model.Volume{{Driver: "efs", ID: "files"}, {Driver: "ebs", ID: "shared"}}
	}
	for i := range p.Volumes {
		if p.Namespace != "default" && p.Volumes[i].ID != "" {
			p.Volumes[i].ID += "-" + p.Namespace // claims are not shared between namespaces
		}
	}
}
