package apply

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

// headroom keeps launches within the limits that their NodePools have now,
// which a person may have lowered since the Snapshot.
type headroom struct {
	snapshot *model.Snapshot
	pools    map[string]*karpv1.NodePool
	usage    map[string]model.Resources
	class    map[string]string
}

func newHeadroom(snapshot *model.Snapshot, pools map[string]*karpv1.NodePool) *headroom {
	room := &headroom{snapshot: snapshot, pools: pools, usage: map[string]model.Resources{}, class: map[string]string{}}
	for i := range snapshot.NodePools {
		pool := &snapshot.NodePools[i]
		room.usage[pool.Name] = pool.Usage
		room.class[pool.Name] = pool.NodeClass
	}
	return room
}

// take books the launch, or says why it may not be.
func (h *headroom) take(launch *model.Launch) string {
	pool, ok := h.pools[launch.NodePool]
	if !ok {
		return fmt.Sprintf("NodePool %s is gone", launch.NodePool)
	}
	if len(launch.Offerings) == 0 {
		return "the launch lists no offering"
	}
	usage := h.usage[pool.Name].Add(h.capacity(launch)).Add(model.Resources{observe.NodesLimit: 1})
	limits := translate.Resources(corev1.ResourceList(pool.Spec.Limits))
	for _, name := range limits.Names() {
		if usage[name] > limits[name] {
			return fmt.Sprintf("NodePool %s would exceed its limit of %s: raise spec.limits[%q]", pool.Name, name, name)
		}
	}
	h.usage[pool.Name] = usage
	return ""
}

// capacity is that of the offering asked for first.
func (h *headroom) capacity(launch *model.Launch) model.Resources {
	for _, instanceType := range h.snapshot.Catalogs[h.class[launch.NodePool]].InstanceTypes {
		if instanceType.Name == launch.Offerings[0].InstanceType {
			return instanceType.Capacity
		}
	}
	return nil
}
