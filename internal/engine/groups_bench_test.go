package engine_test

import (
	"fmt"
	"testing"

	"github.com/drover-project/drover/internal/model"
)

// groupShapes are the machines of the benchmark's groups, in turn.
var groupShapes = [...]struct {
	cpu, memory int64
	price       float64
}{{2, 8, 0.096}, {4, 16, 0.192}, {8, 32, 0.384}, {4, 8, 0.17}, {4, 32, 0.252}}

// grownCluster has groups of nodes that run pods of 100m and 200 MiB each.
func grownCluster(groups, nodes, podsPerNode, most int) *model.Snapshot {
	s := &model.Snapshot{}
	for g := range groups {
		shape := groupShapes[g%len(groupShapes)]
		zone := string(rune('a' + g%3))
		amounts := model.Resources{model.CPU: shape.cpu*1000 - 70, model.Memory: shape.memory<<30 - 700<<20, model.PodCount: 58}
		name := fmt.Sprintf("group-%02d", g)
		labels := map[string]string{"group": name, "topology.kubernetes.io/zone": zone}
		key := model.OfferingKey{InstanceType: fmt.Sprintf("shape-%d", g%len(groupShapes)), Zone: zone, CapacityType: model.OnDemand}
		s.NodeGroups = append(s.NodeGroups, model.NodeGroup{Name: name, Desired: nodes, Max: most, OnDemandPercentage: 100,
			Labels: map[string]string{"group": name},
			Types: []model.GroupType{{InstanceType: model.InstanceType{Name: key.InstanceType, Capacity: amounts, Allocatable: amounts},
				Offerings: []model.Offering{{OfferingKey: key, PricePerHour: shape.price}}}}})
		for n := range nodes {
			node := model.Node{Name: fmt.Sprintf("%s-%02d", name, n), Labels: labels, Allocatable: amounts, Capacity: amounts}
			for p := range podsPerNode {
				node.Pods = append(node.Pods, podOf(fmt.Sprintf("bound-%s-%d", node.Name, p), 60, 200))
			}
			s.Nodes = append(s.Nodes, node)
		}
	}
	return s
}

func podOf(name string, cpu, mebibytes int64) model.Pod {
	return model.Pod{PodKey: model.PodKey{Namespace: "default", Name: name}, Labels: map[string]string{"app": name[:4]},
		Requests: model.Resources{model.CPU: cpu, model.Memory: mebibytes << 20, model.PodCount: 1}}
}

func (s scale) pending(snapshot *model.Snapshot) *model.Snapshot {
	for i := range s.pods {
		kind := i % s.kinds
		pod := podOf(fmt.Sprintf("k%03d-%d", kind, i), s.cpu+int64(kind%7)*50, s.memory+int64(kind%5)*128)
		if kind%10 == 0 && len(snapshot.NodeGroups) > 0 {
			pod.NodeSelector = map[string]string{"group": snapshot.NodeGroups[kind%len(snapshot.NodeGroups)].Name}
		}
		snapshot.Pending = append(snapshot.Pending, pod)
	}
	return snapshot
}

// scale is how many pods of how many kinds ask for how much.
type scale struct {
	pods, kinds int
	cpu, memory int64 // millicores, MiB
}

// BenchmarkNodeGroups is 40 groups with 25 nodes each, 30 pods on every node,
// and 5,000 pods that wait.
func BenchmarkNodeGroups(b *testing.B) {
	measure(b, scale{pods: 5000, kinds: 50, cpu: 300, memory: 512}.pending(grownCluster(40, 25, 30, 200)))
}

// BenchmarkScalability is the decisions of Cluster Autoscaler's six scalability
// scenarios: 1,000 nodes of one group, 30 pods on each. The two about taking
// nodes away ask whether the pods of the candidates fit elsewhere.
func BenchmarkScalability(b *testing.B) {
	for _, c := range []struct {
		name    string
		cluster func() *model.Snapshot
	}{
		{"1-scale-up-0-to-1000", func() *model.Snapshot { return burst(1, 30_000) }},
		{"2-scale-up-700-to-1000", func() *model.Snapshot { return burst(700, 9_000) }},
		{"3-scale-down-300-empty", func() *model.Snapshot { return vacated(700, 300, 0, 0) }},
		{"4-scale-down-30-underutilised", func() *model.Snapshot { return vacated(970, 30, 8, 0) }},
		{"5-unremovable-by-host-port", func() *model.Snapshot { return vacated(700, 300, 1, 8080) }},
		{"6-never-schedulable", func() *model.Snapshot {
			s := burst(1000, 0)
			return scale{pods: 1000, kinds: 1, cpu: 100_000, memory: 512}.pending(s)
		}},
	} {
		b.Run(c.name, func(b *testing.B) { measure(b, c.cluster()) })
	}
}

// burst is so many full nodes and pods of which 30 fill another.
func burst(nodes, pods int) *model.Snapshot {
	s := grownCluster(1, nodes, 30, 1001)
	for i := range s.Nodes {
		for j := range s.Nodes[i].Pods {
			s.Nodes[i].Pods[j].Requests = model.Resources{model.CPU: 64, model.Memory: 200 << 20, model.PodCount: 1}
		}
	}
	s.Nodes = s.Nodes[:nodes]
	for i := range pods {
		s.Pending = append(s.Pending, podOf(fmt.Sprintf("load-%d", i), 64, 200))
	}
	return s
}

// vacated is nodes with room that stay, and the pods of those that may go.
func vacated(stay, leave, podsEach int, port int32) *model.Snapshot {
	s := grownCluster(1, stay, 20, stay)
	for i := range s.Nodes {
		if port > 0 {
			s.Nodes[i].Pods[0].HostPorts = []model.HostPort{{Port: port, Protocol: "TCP"}}
		}
	}
	for i := range leave * podsEach {
		pod := podOf(fmt.Sprintf("move-%d", i), 60, 200)
		if port > 0 {
			pod.HostPorts = []model.HostPort{{Port: port, Protocol: "TCP"}}
		}
		s.Pending = append(s.Pending, pod)
	}
	return s
}

// clusterOverZones is a grownCluster of groups that are each over three zones.
func clusterOverZones(most int) *model.Snapshot {
	s := grownCluster(40, 25, 30, most)
	for i := range s.NodeGroups {
		g := &s.NodeGroups[i]
		offering := g.Types[0].Offerings[0]
		g.Types[0].Offerings, g.InstancesByZone = nil, map[string]int{}
		for n, zone := range []string{"a", "b", "c"} {
			offering.Zone = zone
			g.Types[0].Offerings = append(g.Types[0].Offerings, offering)
			g.InstancesByZone[zone] = 8
			if n == 0 {
				g.InstancesByZone[zone] = 9
			}
		}
	}
	return s
}

// BenchmarkNodeGroupsOverZones is BenchmarkNodeGroups with groups over three zones
// and every tenth kind of pod spread over them.
func BenchmarkNodeGroupsOverZones(b *testing.B) {
	s := clusterOverZones(200)
	scale{pods: 5000, kinds: 50, cpu: 300, memory: 512}.pending(s)
	for i := range s.Pending {
		if pod := &s.Pending[i]; i%50%10 == 1 {
			pod.TopologySpread = []model.TopologySpread{{TopologyKey: "topology.kubernetes.io/zone", MaxSkew: 1,
				Selector: &model.LabelSelector{MatchLabels: map[string]string{"app": pod.Labels["app"]}}}}
		}
	}
	measure(b, s)
}
