package observe

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// How evenly the scheduler by itself wants to spread pods that say nothing.
const (
	defaultHostSkew = 3
	defaultZoneSkew = 5
)

// spreading finds the pods that the scheduler spreads together by itself: those
// of the same services and of the same controller.
type spreading struct {
	reader   client.Reader
	services map[string][]corev1.Service // by namespace
	owners   map[string]*model.LabelSelector
}

func newSpreading(reader client.Reader, services []corev1.Service) *spreading {
	s := &spreading{reader: reader, services: map[string][]corev1.Service{}, owners: map[string]*model.LabelSelector{}}
	for _, service := range services {
		if service.Spec.Selector != nil {
			s.services[service.Namespace] = append(s.services[service.Namespace], service)
		}
	}
	return s
}

// byDefault returns the constraints that the scheduler adds to a pod which has
// none of its own.
func (s *spreading) byDefault(ctx context.Context, pod *corev1.Pod) ([]model.TopologySpread, error) {
	if len(pod.Spec.TopologySpreadConstraints) > 0 {
		return nil, nil
	}
	selector := &model.LabelSelector{MatchLabels: map[string]string{}}
	for i := range s.services[pod.Namespace] {
		wanted := s.services[pod.Namespace][i].Spec.Selector
		if labels.SelectorFromSet(wanted).Matches(labels.Set(pod.Labels)) {
			for key, value := range wanted {
				selector.MatchLabels[key] = value
			}
		}
	}
	owner, err := s.ownerSelector(ctx, pod)
	if err != nil {
		return nil, err
	}
	if owner != nil {
		for key, value := range owner.MatchLabels {
			selector.MatchLabels[key] = value
		}
		selector.Requirements = owner.Requirements
	}
	if len(selector.MatchLabels)+len(selector.Requirements) == 0 {
		return nil, nil
	}
	rule := model.TopologySpread{Selector: selector, ScheduleAnyway: true, ClusterDefault: true}
	host, zone := rule, rule
	host.TopologyKey, host.MaxSkew = corev1.LabelHostname, defaultHostSkew
	zone.TopologyKey, zone.MaxSkew = corev1.LabelTopologyZone, defaultZoneSkew
	return []model.TopologySpread{zone, host}, nil
}

// ownerSelector is the selector of the pod's controller, each looked up once.
func (s *spreading) ownerSelector(ctx context.Context, pod *corev1.Pod) (*model.LabelSelector, error) {
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil {
		return nil, nil
	}
	name := fmt.Sprintf("%s %s %s/%s", owner.APIVersion, owner.Kind, pod.Namespace, owner.Name)
	if known, ok := s.owners[name]; ok {
		return known, nil
	}
	selector, err := s.look(ctx, owner, pod.Namespace)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	s.owners[name] = selector
	return selector, nil
}

func (s *spreading) look(ctx context.Context, owner *metav1.OwnerReference, namespace string) (*model.LabelSelector, error) {
	key := client.ObjectKey{Namespace: namespace, Name: owner.Name}
	var set appsv1.ReplicaSet
	var stateful appsv1.StatefulSet
	var controller corev1.ReplicationController
	var selector *metav1.LabelSelector
	var err error
	switch owner.APIVersion + "/" + owner.Kind {
	case "apps/v1/ReplicaSet":
		err = s.reader.Get(ctx, key, &set)
		selector = set.Spec.Selector
	case "apps/v1/StatefulSet":
		err = s.reader.Get(ctx, key, &stateful)
		selector = stateful.Spec.Selector
	case "v1/ReplicationController":
		err = s.reader.Get(ctx, key, &controller)
		selector = &metav1.LabelSelector{MatchLabels: controller.Spec.Selector}
	}
	if apierrors.IsNotFound(err) || selector == nil {
		return nil, nil
	}
	return translate.LabelSelector(selector), err
}
