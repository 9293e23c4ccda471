package engine_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/drover-project/drover/internal/model"
)

// everyRule has count pods in so many classes, with all rules mixed, and a node
// that exists for every hundred of them. Some of the pods find no place.
func everyRule(count, classes int) *model.Snapshot {
	r := rand.New(rand.NewPCG(23, 23))
	s := onePool(linearCatalog(100))
	s.NodePools = append(s.NodePools, model.NodePool{Name: "dedicated", NodeClass: "default",
		Taints: []model.Taint{{Key: "dedicated", Value: "x", Effect: model.NoSchedule}}})
	for i := range 3 {
		key := model.PodKey{Namespace: "kube-system", Name: fmt.Sprintf("daemon%d", i)}
		s.DaemonSets = append(s.DaemonSets, model.DaemonSet{PodKey: key, Template: model.Pod{PodKey: key, OwnedByDaemonSet: true,
			Requests: model.Resources{model.CPU: 50, model.Memory: 64 << 20, model.PodCount: 1}}})
	}
	apps := max(classes/20, 1)
	for c := range classes {
		pod := ruledPod(r, c, apps)
		for n := range count / classes {
			pod.Name = fmt.Sprintf("app%d-%d", c, n)
			s.Pending = append(s.Pending, pod)
		}
	}
	amounts := model.Resources{model.CPU: 4000, model.Memory: 8 << 30, model.PodCount: 20}
	for i := range count / 100 {
		n := model.Node{Name: fmt.Sprintf("node-%d", i), NodePool: "default", Allocatable: amounts, Capacity: amounts,
			Labels: map[string]string{"topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", 1+i%3), "kubernetes.io/arch": "amd64"}}
		for j := range 4 {
			bound := ruledPod(r, r.IntN(classes), apps)
			bound.Name = fmt.Sprintf("bound-%d-%d", i, j)
			bound.PodAntiAffinity, bound.HostPorts = nil, nil
			n.Pods = append(n.Pods, bound)
		}
		s.Nodes = append(s.Nodes, n)
	}
	return s
}

// ruledPod is a pod of a class: twenty classes share an app, and each class has
// requests of its own.
func ruledPod(r *rand.Rand, class, apps int) model.Pod {
	app := fmt.Sprintf("app%d", class%apps)
	p := model.Pod{PodKey: model.PodKey{Namespace: fmt.Sprintf("team%d", class%apps%7)}, Priority: int32(r.IntN(20) / 19),
		Labels:   map[string]string{"app": app, "tier": fmt.Sprintf("tier%d", r.IntN(3)), "class": fmt.Sprint(class)},
		Requests: model.Resources{model.CPU: 50 + r.Int64N(1000), model.Memory: (64+r.Int64N(2000))<<20 + int64(class), model.PodCount: 1}}
	own := &model.LabelSelector{MatchLabels: map[string]string{"app": app}}
	others := &model.LabelSelector{Requirements: []model.Requirement{{Key: "app", Operator: model.In, Values: []string{app, fmt.Sprintf("app%d", r.IntN(apps))}}}}
	const zone, host = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
	switch r.IntN(12) {
	case 0:
		p.TopologySpread = []model.TopologySpread{{TopologyKey: zone, MaxSkew: 1, Selector: own, MatchLabelKeys: []string{"class"}}}
	case 1:
		p.TopologySpread = []model.TopologySpread{{TopologyKey: host, MaxSkew: 2, Selector: others, HonorNodeTaints: true, MinDomains: 3}}
	case 2:
		p.TopologySpread = []model.TopologySpread{{TopologyKey: host, MaxSkew: 3, Selector: own}, {TopologyKey: zone, MaxSkew: 5, Selector: own}}
	case 3:
		p.PodAffinity = []model.PodAffinityTerm{{TopologyKey: zone, Selector: others}}
	case 4:
		p.PodAffinity = []model.PodAffinityTerm{{TopologyKey: host, Selector: &model.LabelSelector{MatchLabels: map[string]string{"class": fmt.Sprint(class)}}}}
	case 5:
		p.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: host, Selector: own}}
	case 6:
		p.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: host, Selector: others, Namespaces: []string{"team0", "team1"}}}
	case 7:
		p.HostPorts = []model.HostPort{{Port: 8000 + int32(r.IntN(5)), Protocol: "TCP"}}
	case 8:
		p.Volumes = []model.Volume{{Driver: "ebs", ID: fmt.Sprintf("data-%d", class)}}
	}
	switch r.IntN(6) {
	case 0:
		p.NodeSelector = map[string]string{zone: fmt.Sprintf("zone-%d", 1+r.IntN(3))}
	case 1:
		p.Tolerations = []model.Toleration{{Key: "dedicated", Operator: "Exists"}}
	case 2:
		p.RequiredNodeAffinity = []model.NodeSelectorTerm{{Labels: []model.Requirement{{Key: zone, Operator: model.NotIn, Values: []string{fmt.Sprintf("zone-%d", 1+r.IntN(3))}}}}}
	}
	return p
}
