package engine_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/drover-project/drover/internal/model"
)

// Shapes of clusters that stress one thing each. Fixed seeds: the same every
// time.

// diverse has pods in fifths: plain, spread over zones, spread over nodes, kept
// in one zone, kept on different nodes, with labels drawn from seven values
// that the selectors share; and 400 instance types.
func diverse(count int) *model.Snapshot {
	r := rand.New(rand.NewPCG(42, 42))
	s := onePool(linearCatalog(400))
	label := func() map[string]string {
		return map[string]string{"my-label": string(rune('a' + r.IntN(7)))}
	}
	for n := range count {
		pod := model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("pod-%d", n)}, Labels: label(),
			Requests: model.Resources{model.CPU: []int64{100, 250, 500, 1000, 1500}[r.IntN(5)],
				model.Memory: []int64{100, 256, 512, 1024, 2048, 4096}[r.IntN(6)] << 20, model.PodCount: 1}}
		selector := &model.LabelSelector{MatchLabels: label()}
		switch n * 5 / count {
		case 1:
			pod.TopologySpread = []model.TopologySpread{{TopologyKey: "topology.kubernetes.io/zone", MaxSkew: 1, Selector: selector}}
		case 2:
			pod.TopologySpread = []model.TopologySpread{{TopologyKey: "kubernetes.io/hostname", MaxSkew: 1, Selector: selector}}
		case 3:
			pod.Labels = map[string]string{"my-affinity": pod.Labels["my-label"]}
			pod.PodAffinity = []model.PodAffinityTerm{{TopologyKey: "topology.kubernetes.io/zone", Selector: &model.LabelSelector{MatchLabels: pod.Labels}}}
		case 4:
			pod.Labels = map[string]string{"app": "nginx"}
			pod.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: "kubernetes.io/hostname", Selector: &model.LabelSelector{MatchLabels: pod.Labels}}}
		}
		s.Pending = append(s.Pending, pod)
	}
	return s
}

func onePool(c model.Catalog) *model.Snapshot {
	return &model.Snapshot{NodePools: []model.NodePool{{Name: "default", NodeClass: "default"}},
		Catalogs: map[string]model.Catalog{"default": c}}
}

// linearCatalog has types of 1 cpu and 2Gi, 2 cpu and 4Gi, and so on.
func linearCatalog(types int) model.Catalog {
	var c model.Catalog
	for i := range int64(types) {
		name := fmt.Sprintf("fake-it-%d", i)
		amounts := model.Resources{model.CPU: (i+1)*1000 - 100, model.Memory: 2*(i+1)<<30 - 10<<20, model.PodCount: 10 * (i + 1)}
		c.InstanceTypes = append(c.InstanceTypes, model.InstanceType{Name: name, Capacity: amounts, Allocatable: amounts,
			Labels: map[string]string{"node.kubernetes.io/instance-type": name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}})
		for _, zone := range []string{"zone-1", "zone-2", "zone-3"} {
			c.Offerings = append(c.Offerings, model.Offering{PricePerHour: float64(i+1) * 0.0272,
				OfferingKey: model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.OnDemand}})
		}
	}
	return c
}

// allDifferent has count pods of which no two ask for the same.
func allDifferent(count int) *model.Snapshot {
	r := rand.New(rand.NewPCG(7, 7))
	s := onePool(workloadCatalog())
	for n := range count {
		s.Pending = append(s.Pending, model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("pod-%d", n)},
			Requests: model.Resources{model.CPU: 50 + r.Int64N(4000), model.Memory: (64+r.Int64N(8000))<<20 + int64(n), model.PodCount: 1}})
	}
	return s
}

// oneEachSpread has count classes of one pod with a spread over nodes.
func oneEachSpread(count int) *model.Snapshot {
	s := allDifferent(count)
	for n := range s.Pending {
		labels := map[string]string{"app": s.Pending[n].Name}
		s.Pending[n].Labels = labels
		s.Pending[n].TopologySpread = []model.TopologySpread{{TopologyKey: "kubernetes.io/hostname", MaxSkew: 1,
			Selector: &model.LabelSelector{MatchLabels: labels}}}
	}
	return s
}

// fullNodes has nodes without room and a few pods that need new ones.
func fullNodes(nodes, pods int) *model.Snapshot {
	s := deployments(pods, 10, true)
	amounts := model.Resources{model.CPU: 3920, model.Memory: 14481 << 20, model.PodCount: 58}
	for i := range nodes {
		n := model.Node{Name: fmt.Sprintf("node-%d", i), NodePool: "default", Allocatable: amounts, Capacity: amounts,
			Labels: map[string]string{"kubernetes.io/hostname": fmt.Sprintf("node-%d", i), "node.kubernetes.io/instance-type": "m05.4x",
				"topology.kubernetes.io/zone": []string{"a", "b", "c"}[i%3], "kubernetes.io/arch": "amd64"}}
		for j := range 8 {
			n.Pods = append(n.Pods, model.Pod{PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("bound-%d-%d", i, j)},
				Labels:   map[string]string{"app": fmt.Sprintf("old%d", i%500)},
				Requests: model.Resources{model.CPU: 490, model.Memory: 1800 << 20, model.PodCount: 1}})
		}
		s.Nodes = append(s.Nodes, n)
	}
	return s
}

// manyPods has count pods in classes of equal size.
func manyPods(count, classes int) *model.Snapshot {
	r := rand.New(rand.NewPCG(11, 11))
	s := onePool(workloadCatalog())
	s.Pending = make([]model.Pod, 0, count)
	for c := range classes {
		pod := model.Pod{Requests: model.Resources{model.CPU: 25 * (1 + r.Int64N(120)), model.Memory: (64 + 32*r.Int64N(250)) << 20, model.PodCount: 1},
			Labels: map[string]string{"app": fmt.Sprintf("app%d", c)}}
		for n := range count / classes {
			pod.PodKey = model.PodKey{Namespace: "default", Name: fmt.Sprintf("app%d-%d", c, n)}
			s.Pending = append(s.Pending, pod)
		}
	}
	return s
}
