package workload

import (
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// Names used in the snapshots. GPUs of every make are one resource: the files
// do not tell them apart.
const (
	Namespace   = "default"
	NodePool    = "default"
	NodeClass   = "default"
	ResourceGPU = "nvidia.com/gpu"
	LabelApp    = "app"

	labelZone     = "topology.kubernetes.io/zone"
	labelHostname = "kubernetes.io/hostname"
)

// Snapshot is the workload's pods, pending, and one NodePool that can buy every
// type of the catalogue on demand in every zone of the workload. There are no
// nodes and no DaemonSets.
func (w *Workload) Snapshot(catalog *CatalogTable) (*model.Snapshot, error) {
	if catalog == nil || len(catalog.Types) == 0 {
		return nil, fmt.Errorf("%s: no catalogue to buy from", w.File)
	}
	s := &model.Snapshot{
		NodePools: []model.NodePool{{Name: NodePool, NodeClass: NodeClass}},
		Catalogs:  map[string]model.Catalog{NodeClass: catalog.Catalog(w.Zones)},
	}
	var err error
	if s.Pending, err = w.Pods(); err != nil {
		return nil, err
	}
	return s, nil
}

// Pods are the pods of all groups.
func (w *Workload) Pods() ([]model.Pod, error) {
	total := 0
	for i := range w.Groups {
		total += w.Groups[i].Count
	}
	if total > maxCount {
		return nil, fmt.Errorf("%s: %d pods in all groups; at most %d can be planned for at once", w.File, total, maxCount)
	}
	pods := make([]model.Pod, 0, total)
	for i := range w.Groups {
		pods = w.Groups[i].appendPods(pods)
	}
	return pods, nil
}

// Catalog offers every type on demand in every zone.
func (t *CatalogTable) Catalog(zones []string) model.Catalog {
	c := model.Catalog{InstanceTypes: make([]model.InstanceType, 0, len(t.Types)),
		Offerings: make([]model.Offering, 0, len(t.Types)*len(zones))}
	for i := range t.Types {
		kind := t.Types[i].model()
		c.InstanceTypes = append(c.InstanceTypes, kind)
		for _, zone := range zones {
			c.Offerings = append(c.Offerings, model.Offering{PricePerHour: t.Types[i].PricePerHour,
				OfferingKey: model.OfferingKey{InstanceType: kind.Name, Zone: zone, CapacityType: model.OnDemand}})
		}
	}
	return c
}

func (k *InstanceType) model() model.InstanceType {
	amounts := model.Resources{model.CPU: k.CPUMilli, model.Memory: k.MemoryMiB << 20, model.PodCount: k.Pods}
	if k.GPU > 0 {
		amounts[ResourceGPU] = k.GPU
	}
	labels := map[string]string{
		"node.kubernetes.io/instance-type":      k.Name,
		"karpenter.k8s.aws/instance-family":     k.Family,
		"karpenter.k8s.aws/instance-category":   k.Category,
		"karpenter.k8s.aws/instance-generation": k.Generation,
		"kubernetes.io/arch":                    k.Arch,
		"kubernetes.io/os":                      "linux",
	}
	if k.GPU > 0 {
		labels["karpenter.k8s.aws/instance-gpu-name"] = strings.ToLower(strings.ReplaceAll(k.GPUName, " ", "-"))
		labels["karpenter.k8s.aws/instance-gpu-count"] = fmt.Sprint(k.GPU)
	}
	return model.InstanceType{Name: k.Name, Labels: labels, Capacity: amounts, Allocatable: amounts}
}

// appendPods adds the group's pods, which share what they have in common.
func (g *Group) appendPods(pods []model.Pod) []model.Pod {
	pod := g.pod()
	for n := range g.Count {
		pod.PodKey = model.PodKey{Namespace: Namespace, Name: fmt.Sprintf("%s-%d", g.Name, n)}
		pods = append(pods, pod)
	}
	return pods
}

func (g *Group) pod() model.Pod {
	selector := &model.LabelSelector{MatchLabels: map[string]string{LabelApp: g.Name}}
	pod := model.Pod{Labels: selector.MatchLabels, NodeSelector: g.NodeSelector,
		Requests: model.Resources{model.CPU: g.CPUMilli, model.Memory: g.MemoryMiB << 20, model.PodCount: 1}}
	if g.GPU > 0 {
		pod.Requests[ResourceGPU] = g.GPU
	}
	if g.ZoneSpread > 0 {
		pod.TopologySpread = append(pod.TopologySpread, model.TopologySpread{TopologyKey: labelZone, MaxSkew: g.ZoneSpread, Selector: selector})
	}
	if g.HostSpread > 0 {
		pod.TopologySpread = append(pod.TopologySpread, model.TopologySpread{TopologyKey: labelHostname, MaxSkew: g.HostSpread, Selector: selector})
	}
	if g.HostAnti {
		pod.PodAntiAffinity = []model.PodAffinityTerm{{TopologyKey: labelHostname, Selector: selector}}
	}
	if g.ZoneAffinity {
		pod.PodAffinity = []model.PodAffinityTerm{{TopologyKey: labelZone, Selector: selector}}
	}
	return pod
}
