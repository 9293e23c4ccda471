package interruption

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/drover-project/drover/internal/model"
)

// Places is what the last decision found for pods whose nodes go. It may be used
// concurrently; the zero value knows of none.
type Places struct {
	mu    sync.Mutex
	ready map[types.UID]string // the node that waits for the pod's successor
	// Moved, when set, hears of nodes with a pod that has a place now and had none.
	Moved func(nodes []string)
}

// Decided takes over a decision.
func (p *Places) Decided(snapshot *model.Snapshot, plan *model.Plan) {
	ready, from := map[types.UID]string{}, map[types.UID]string{}
	isReady := map[string]bool{}
	for i := range snapshot.Nodes {
		node := &snapshot.Nodes[i]
		isReady[node.Name] = !node.Launching && !node.Unschedulable
		for j := range node.Pods {
			if pod := &node.Pods[j]; pod.Leaving != "" && pod.Promised && isReady[node.Name] {
				ready[types.UID(pod.UID)], from[types.UID(pod.UID)] = node.Name, pod.Leaving
			}
		}
	}
	leaving := map[model.PodKey]*model.Pod{}
	for i := range snapshot.Pending {
		if pod := &snapshot.Pending[i]; pod.Leaving != "" {
			leaving[pod.PodKey] = pod
		}
	}
	for _, placement := range plan.Placements {
		if pod := leaving[placement.Pod]; pod != nil && isReady[placement.Node] {
			ready[types.UID(pod.UID)], from[types.UID(pod.UID)] = placement.Node, pod.Leaving
		}
	}
	p.mu.Lock()
	moved := map[string]bool{}
	for uid := range ready {
		if p.ready[uid] == "" {
			moved[from[uid]] = true
		}
	}
	p.ready = ready
	p.mu.Unlock()
	if p.Moved != nil && len(moved) > 0 {
		var nodes []string
		for name := range moved {
			nodes = append(nodes, name)
		}
		p.Moved(nodes)
	}
}

// Has reports whether a place on a ready node waits for the pod's successor.
func (p *Places) Has(uid types.UID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready[uid] != ""
}
