package observe

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
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
	translator := o.translator(labels, byName(services.Items, func(s *corev1.Service) string { return s.Namespace + "/" + s.Name }))
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

func (o *Observer) translator(namespaces map[string]map[string]string, services []corev1.Service) podTranslator {
	return podTranslator{
		namespaces: namespaces, volumes: volumes{reader: o.Reader},
		groups: &podGroups{reader: o.Reader, known: map[string]group{}}, spreading: newSpreading(o.Reader, services),
		priorities: &priorities{reader: o.Reader},
	}
}
