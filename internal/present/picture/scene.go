package picture

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/present"
)

// block is pods of one workload on one node.
type block struct {
	workload string
	pods     int
	requests model.Resources
}

// box is a node.
type box struct {
	title  string // what a tooltip says
	name   string // the instance type, or the node's name
	detail string // zone and price
	room   model.Resources
	blocks []block
}

// Workloads of pods that nobody planned.
const (
	daemonSets   = "DaemonSets"
	alreadyThere = "pods already there"
)

// scene is everything to draw.
type scene struct {
	title    string
	subtitle string
	existing []box
	launched []box
}

func newScene(r *present.Result) scene {
	s := scene{title: title(r.Summary()), subtitle: "types and prices: " + r.Source}
	pods := make(map[model.PodKey]*model.Pod, len(r.Snapshot.Pending))
	for i := range r.Snapshot.Pending {
		pods[r.Snapshot.Pending[i].PodKey] = &r.Snapshot.Pending[i]
	}
	placed := map[string][]model.PodKey{}
	for _, placement := range r.Plan.Placements {
		placed[placement.Node] = append(placed[placement.Node], placement.Pod)
	}
	for i := range r.Snapshot.Nodes {
		s.existing = append(s.existing, existing(r, &r.Snapshot.Nodes[i], placed, pods))
	}
	for i := range r.Plan.Launches {
		s.launched = append(s.launched, launched(r, i, pods))
	}
	return s
}

func title(s present.Summary) string {
	text := "Nothing to launch for " + present.Counted(s.Pods, "pod")
	if s.Launches > 0 {
		text = fmt.Sprintf("%s to launch for %s: %s $/h", present.Counted(s.Launches, "node"), present.Counted(s.Placed-s.OnExisting, "pod"), present.Dollars(s.PricePerHour))
	}
	if s.Unplaced > 0 {
		text += ", " + present.Counted(s.Unplaced, "pod") + " without a place"
	}
	return text
}

// grouped sums pods by workload, by name.
func grouped(r *present.Result, keys []model.PodKey, pods map[model.PodKey]*model.Pod) []block {
	byName := map[string]*block{}
	var names []string
	for _, key := range keys {
		name := r.Owner(key)
		if byName[name] == nil {
			byName[name] = &block{workload: name}
			names = append(names, name)
		}
		byName[name].pods++
		if pod := pods[key]; pod != nil {
			byName[name].requests = byName[name].requests.Add(pod.Requests)
		}
	}
	slices.Sort(names)
	blocks := make([]block, 0, len(names)+1)
	for _, name := range names {
		blocks = append(blocks, *byName[name])
	}
	return blocks
}

func launched(r *present.Result, i int, pods map[model.PodKey]*model.Pod) box {
	launch := &r.Plan.Launches[i]
	first := launch.Offerings[0]
	b := box{name: first.InstanceType, detail: fmt.Sprintf("%s  %.3g $/h", shortZone(first.Zone), first.PricePerHour)}
	b.title = fmt.Sprintf("node %d to launch: %s %s in %s, %.4g $/h, %s", i+1, first.InstanceType, first.CapacityType, first.Zone, first.PricePerHour, present.From(launch))
	if instanceType := r.InstanceType(launch); instanceType != nil {
		b.room = instanceType.Allocatable
	}
	b.blocks = grouped(r, launch.Pods, pods)
	rest := launch.Requests
	for _, each := range b.blocks {
		rest = rest.Sub(each.requests)
	}
	if rest[model.CPU] > 0 || rest[model.Memory] > 0 {
		b.blocks = append([]block{{workload: daemonSets, pods: int(rest[model.PodCount]), requests: rest}}, b.blocks...)
	}
	return b
}

func existing(r *present.Result, node *model.Node, placed map[string][]model.PodKey, pods map[model.PodKey]*model.Pod) box {
	b := box{name: node.Name, room: node.Allocatable, detail: strings.TrimSpace(node.Labels["node.kubernetes.io/instance-type"] + " " + shortZone(node.Labels["topology.kubernetes.io/zone"]))}
	b.title = fmt.Sprintf("node %s: %s", node.Name, b.detail)
	there := block{workload: alreadyThere}
	for i := range node.Pods {
		there.pods++
		there.requests = there.requests.Add(node.Pods[i].Requests)
	}
	if there.pods > 0 {
		b.blocks = append(b.blocks, there)
	}
	b.blocks = append(b.blocks, grouped(r, placed[node.Name], pods)...)
	return b
}

// shortZone is the end of a zone's name: 2a of us-west-2a.
func shortZone(zone string) string {
	return zone[strings.LastIndexByte(zone, '-')+1:]
}

// units is a node's size: one unit for each CPU with its 4 GiB, both counted.
func (b *box) units() float64 {
	const mebibyte = 1 << 20
	cpu, memory := float64(b.room[model.CPU])/1000, float64(b.room[model.Memory])/mebibyte/4096
	return max((cpu+memory)/2, 0.25)
}

// legend lists the workloads, those that ask for most first.
func (s *scene) legend() []string {
	weight := map[string]float64{}
	for _, boxes := range [][]box{s.existing, s.launched} {
		for i := range boxes {
			for _, each := range boxes[i].blocks {
				weight[each.workload] += float64(each.requests[model.CPU])/1000 + float64(each.requests[model.Memory])/(4<<30) + 1e-6
			}
		}
	}
	delete(weight, daemonSets)
	delete(weight, alreadyThere)
	names := make([]string, 0, len(weight))
	for name := range weight {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(math.Round(weight[b]*1000), math.Round(weight[a]*1000)), cmp.Compare(a, b))
	})
	return names
}

func (s *scene) has(workload string) bool {
	for _, boxes := range [][]box{s.existing, s.launched} {
		for i := range boxes {
			if slices.ContainsFunc(boxes[i].blocks, func(b block) bool { return b.workload == workload }) {
				return true
			}
		}
	}
	return false
}
