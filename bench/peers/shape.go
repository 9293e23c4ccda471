package main

import (
	"fmt"
	"math/rand"

	"github.com/drover-project/drover/internal/model"
)

const (
	labelZone     = "topology.kubernetes.io/zone"
	labelHostname = "kubernetes.io/hostname"
	shapeTypes    = 400
	shapeSeed     = 42
	gibibyte      = 1 << 30
	mebibyte      = 1 << 20
)

// shape is a question like that of Karpenter's own scheduling benchmark.
func shape(pods int) *model.Snapshot {
	g := shapeGenerator{random: rand.New(rand.NewSource(shapeSeed))}
	fifth := pods / 5
	for range pods - 4*fifth {
		g.add(g.label("my-label"), func(*model.Pod) {})
	}
	for _, key := range []string{labelZone, labelHostname} {
		for range fifth {
			selector := &model.LabelSelector{MatchLabels: g.label("my-label")}
			g.add(g.label("my-label"), func(p *model.Pod) {
				p.TopologySpread = []model.TopologySpread{{TopologyKey: key, MaxSkew: 1, Selector: selector}}
			})
		}
	}
	for range fifth {
		labels := g.label("my-affinity")
		g.add(labels, func(p *model.Pod) {
			p.PodAffinity = []model.PodAffinityTerm{{TopologyKey: labelZone, Selector: &model.LabelSelector{MatchLabels: labels}}}
		})
	}
	apart := map[string]string{"app": "nginx"}
	for range fifth {
		g.add(apart, func(p *model.Pod) {
			p.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: labelHostname, Selector: &model.LabelSelector{MatchLabels: apart}}}
		})
	}
	return &model.Snapshot{
		Pending:   g.pods,
		NodePools: []model.NodePool{{Name: "default", NodeClass: "default"}},
		Catalogs:  map[string]model.Catalog{"default": shapeCatalog()},
	}
}

type shapeGenerator struct {
	random *rand.Rand
	pods   []model.Pod
}

func (g *shapeGenerator) label(key string) map[string]string {
	return map[string]string{key: string(rune('a' + g.random.Intn(7)))}
}

func (g *shapeGenerator) add(labels map[string]string, constrain func(*model.Pod)) {
	cpu := []int64{100, 250, 500, 1000, 1500}[g.random.Intn(5)]
	memory := []int64{100, 256, 512, 1024, 2048, 4096}[g.random.Intn(6)]
	pod := model.Pod{
		PodKey: model.PodKey{Namespace: "default", Name: fmt.Sprintf("pod-%d", len(g.pods))}, Labels: labels,
		Requests: model.Resources{model.CPU: cpu, model.Memory: memory * mebibyte, model.PodCount: 1},
	}
	constrain(&pod)
	g.pods = append(g.pods, pod)
}

// shapeCatalog has types of 1 to 400 CPUs with 2 GiB and 10 pods for each CPU,
// less what the kubelet keeps, at a price in proportion.
func shapeCatalog() model.Catalog {
	var catalog model.Catalog
	for n := range int64(shapeTypes) {
		size := n + 1
		room := model.Resources{model.CPU: size*1000 - 100, model.Memory: size*2*gibibyte - 10*mebibyte, model.PodCount: size * 10}
		name := fmt.Sprintf("shape-%03d", size)
		catalog.InstanceTypes = append(catalog.InstanceTypes, model.InstanceType{
			Name: name, Capacity: room, Allocatable: room,
			Labels: map[string]string{"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "node.kubernetes.io/instance-type": name},
		})
		for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
			catalog.Offerings = append(catalog.Offerings, model.Offering{
				OfferingKey:  model.OfferingKey{InstanceType: name, Zone: zone, CapacityType: model.OnDemand},
				PricePerHour: 0.1*float64(size) + 0.1*float64(size)*2*gibibyte/1e9,
			})
		}
	}
	return catalog
}
