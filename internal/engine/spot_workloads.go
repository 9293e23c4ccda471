package engine

import (
	"math"

	"github.com/drover-project/drover/internal/model"
)

// findWorkloads counts the pods of each workload, pending and on Spot nodes: pods
// of one namespace with the same labels.
func (y *buying) findWorkloads(share float64) {
	if share >= 1 {
		return
	}
	names := map[string]int{}
	y.workloadOf = make(map[model.PodKey]int, len(y.p.snapshot.Pending))
	for i := range y.p.snapshot.Pending {
		pod := &y.p.snapshot.Pending[i]
		text := workloadName(pod)
		id, known := names[text]
		if !known {
			id = len(names)
			names[text] = id
			y.workloads = append(y.workloads, workload{load: map[spotPool]int{}})
		}
		y.workloads[id].pods++
		y.workloadOf[pod.PodKey] = id
	}
	for _, n := range y.p.nodes {
		labels := n.spec.Labels
		if labels[labelCapacityType] != string(model.Spot) {
			continue
		}
		pool := spotPool{labels[labelInstanceType], labels[labelZone]}
		for i := range n.spec.Pods {
			if id, known := names[workloadName(&n.spec.Pods[i])]; known {
				y.workloads[id].pods++
				y.workloads[id].load[pool]++
			}
		}
	}
	for id := range y.workloads {
		y.workloads[id].quota = int(math.Ceil(float64(float64(y.workloads[id].pods)*share) - 1e-9))
	}
}

// workload is pods that look the same, whatever rules see of them.
type workload struct {
	pods  int
	quota int // how many of them one Spot pool may hold
	// load is how many a pool could hold, by what running nodes and launches list.
	load map[spotPool]int
}

func workloadName(pod *model.Pod) string {
	text := append([]byte(pod.Namespace), 0)
	for _, key := range sortedKeys(pod.Labels) {
		text = append(append(append(append(text, key...), '='), pod.Labels[key]...), 0)
	}
	return string(text)
}

// count is how many pods of each workload are among the given, by workload.
func (y *buying) count(shares [][]model.PodKey) map[int]int {
	counts := map[int]int{}
	if len(y.workloads) == 0 {
		return counts
	}
	for _, keys := range shares {
		for _, key := range keys {
			counts[y.workloadOf[key]]++
		}
	}
	return counts
}
