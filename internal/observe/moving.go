package observe

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/model"
)

// Moving translates pods that run as if they had to be placed anew: with what
// their volumes and owners ask of a node.
func (o *Observer) Moving(ctx context.Context, pods []*corev1.Pod) ([]model.Pod, error) {
	var (
		services   corev1.ServiceList
		namespaces corev1.NamespaceList
	)
	for _, list := range []client.ObjectList{&services, &namespaces} {
		if err := o.Reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing %T: %w", list, err)
		}
	}
	labels := make(map[string]map[string]string, len(namespaces.Items))
	for i := range namespaces.Items {
		labels[namespaces.Items[i].Name] = namespaces.Items[i].Labels
	}
	return o.moving(ctx, labels, byName(services.Items, func(s *corev1.Service) string { return s.Namespace + "/" + s.Name }), pods)
}

// moving translates pods as their successors will ask. Claims that are made for one
// pod are not those of the next.
func (o *Observer) moving(ctx context.Context, namespaces map[string]map[string]string, services []corev1.Service, pods []*corev1.Pod) ([]model.Pod, error) {
	translator := o.translator(namespaces, services)
	translator.volumes.anew = true
	moving := make([]model.Pod, 0, len(pods))
	for _, pod := range pods {
		translated, err := translator.pending(ctx, pod)
		if err != nil {
			return nil, err
		}
		moving = append(moving, translated)
	}
	return moving, nil
}

// movingFrom are the pods of each node that need a place when it goes.
func (o *Observer) movingFrom(ctx context.Context, seen *view, nodes []string) (map[string][]model.Pod, error) {
	on := make(map[string][]*corev1.Pod, len(nodes))
	for _, name := range nodes {
		on[name] = []*corev1.Pod{}
	}
	for i := range seen.pods {
		pod := &seen.pods[i]
		pods, wanted := on[pod.Spec.NodeName]
		if owner := metav1.GetControllerOfNoCopy(pod); wanted && !isOver(pod) && (owner == nil || owner.Kind != "DaemonSet" && owner.Kind != "Node") {
			on[pod.Spec.NodeName] = append(pods, pod)
		}
	}
	moving := make(map[string][]model.Pod, len(nodes))
	for name, pods := range on {
		translated, err := o.moving(ctx, seen.namespaces, seen.services, pods)
		if err != nil {
			return nil, err
		}
		moving[name] = translated
	}
	return moving, nil
}

func (o *Observer) translator(namespaces map[string]map[string]string, services []corev1.Service) podTranslator {
	return podTranslator{
		namespaces: namespaces, volumes: volumes{reader: o.Reader},
		groups: &podGroups{reader: o.Reader, known: map[string]group{}}, spreading: newSpreading(o.Reader, services),
		priorities: &priorities{reader: o.Reader},
	}
}
