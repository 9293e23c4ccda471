package observe

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/model"
)

// Priorities of the classes that every cluster has.
const (
	clusterCritical = 2_000_000_000
	nodeCritical    = 2_000_001_000
)

// priorities resolves the class of pods that no API server has admitted; the
// others carry their priority. The classes are read at most once.
type priorities struct {
	reader    client.Reader
	byName    map[string]int32
	byDefault int32
}

// of returns the pod's priority, and what is wrong with its class.
func (p *priorities) of(ctx context.Context, pod *corev1.Pod) (int32, []model.Reason, error) {
	if pod.Spec.Priority != nil {
		return *pod.Spec.Priority, nil, nil
	}
	if p.byName == nil {
		if err := p.read(ctx); err != nil {
			return 0, nil, err
		}
	}
	name := pod.Spec.PriorityClassName
	if name == "" {
		return p.byDefault, nil, nil
	}
	value, known := p.byName[name]
	if !known {
		return 0, []model.Reason{{Code: model.CodeUnsupported, Message: fmt.Sprintf("PriorityClass %s does not exist: create it or name another", name)}}, nil
	}
	return value, nil, nil
}

// read lists the classes. Of several defaults the lowest counts.
func (p *priorities) read(ctx context.Context) error {
	var classes schedulingv1.PriorityClassList
	if err := p.reader.List(ctx, &classes, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing PriorityClasses: %w", err)
	}
	p.byName = map[string]int32{"system-cluster-critical": clusterCritical, "system-node-critical": nodeCritical}
	found := false
	for i := range classes.Items {
		class := &classes.Items[i]
		p.byName[class.Name] = class.Value
		if class.GlobalDefault && (!found || class.Value < p.byDefault) {
			p.byDefault, found = class.Value, true
		}
	}
	return nil
}
