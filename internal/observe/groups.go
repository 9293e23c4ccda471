package observe

import (
	"context"
	"fmt"
	"sort"

	corev1 "k8s.io/api/core/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/model"
)

// coschedulingLabel names the group of a pod for the coscheduling plugin.
const coschedulingLabel = "scheduling.x-k8s.io/pod-group"

// podGroups looks up which groups pods are bound with, each group once.
type podGroups struct {
	reader client.Reader
	known  map[string]group
}

// group is what is known of a pod group; without a minCount its pods are bound
// one by one.
type group struct {
	minCount int
	problem  string
}

// of returns the name of the pod's group and what keeps the pod waiting for it;
// the name is empty when pods of the group are bound one by one.
func (g *podGroups) of(ctx context.Context, pod *corev1.Pod) (string, []model.Reason, error) {
	name, look := groupName(pod)
	if name == "" {
		return "", nil, nil
	}
	key := pod.Namespace + "/" + name
	found, known := g.known[key]
	if !known {
		var err error
		if found, err = look(ctx, g.reader, client.ObjectKey{Namespace: pod.Namespace, Name: name}); err != nil {
			return "", nil, fmt.Errorf("reading PodGroup %s: %w", key, err)
		}
		g.known[key] = found
	}
	switch {
	case found.problem != "":
		return "", []model.Reason{{Code: model.CodePodGroup, Message: found.problem}}, nil
	case found.minCount <= 1:
		return "", nil, nil
	}
	return key, nil, nil
}

type groupLookUp func(context.Context, client.Reader, client.ObjectKey) (group, error)

func groupName(pod *corev1.Pod) (string, groupLookUp) {
	if own := pod.Spec.SchedulingGroup; own != nil && own.PodGroupName != nil {
		return *own.PodGroupName, schedulingGroup
	}
	return pod.Labels[coschedulingLabel], coscheduling
}

// schedulingGroup reads the PodGroup of spec.schedulingGroup. The scheduler
// holds a pod back until its group exists.
func schedulingGroup(ctx context.Context, reader client.Reader, key client.ObjectKey) (group, error) {
	var found schedulingv1beta1.PodGroup
	err := reader.Get(ctx, key, &found)
	switch {
	case apierrors.IsNotFound(err) || meta.IsNoMatchError(err):
		return group{problem: fmt.Sprintf("PodGroup %s of spec.schedulingGroup does not exist: create it", key.Name)}, nil
	case err != nil:
		return group{}, err
	case found.Spec.SchedulingPolicy.Gang == nil:
		return group{}, nil
	}
	return group{minCount: int(found.Spec.SchedulingPolicy.Gang.MinCount)}, nil
}

// coscheduling reads the PodGroup of the coscheduling plugin. Without one the
// label means nothing to anyone.
func coscheduling(ctx context.Context, reader client.Reader, key client.ObjectKey) (group, error) {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(schema.GroupVersionKind{Group: "scheduling.x-k8s.io", Version: "v1alpha1", Kind: "PodGroup"})
	err := reader.Get(ctx, key, found)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) || meta.IsNoMatchError(err) {
		return group{}, nil
	} else if err != nil {
		return group{}, err
	}
	least, _, err := unstructured.NestedInt64(found.Object, "spec", "minMember")
	return group{minCount: int(least)}, err
}

// model lists the groups that were found, by name.
func (g *podGroups) model() []model.PodGroup {
	var list []model.PodGroup
	for name, found := range g.known {
		if found.minCount > 1 {
			list = append(list, model.PodGroup{Name: name, MinCount: found.minCount})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}
