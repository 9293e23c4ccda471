package main

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	"github.com/drover-project/drover/internal/model"
)

// instanceTypes brings a catalog into Karpenter's form. Overhead is none, since
// the amounts are allocatable already.
func instanceTypes(catalog model.Catalog) []*cloudprovider.InstanceType {
	offerings := map[string]cloudprovider.Offerings{}
	zones := map[string][]string{}
	for _, offering := range catalog.Offerings {
		name := offering.InstanceType
		offerings[name] = append(offerings[name], &cloudprovider.Offering{
			Available: true, Price: offering.PricePerHour,
			Requirements: scheduling.NewLabelRequirements(map[string]string{
				corev1.LabelTopologyZone: offering.Zone, karpv1.CapacityTypeLabelKey: string(offering.CapacityType),
			}),
		})
		if !slices.Contains(zones[name], offering.Zone) {
			zones[name] = append(zones[name], offering.Zone)
		}
	}
	var all []*cloudprovider.InstanceType
	for i := range catalog.InstanceTypes {
		t := &catalog.InstanceTypes[i]
		requirements := scheduling.NewLabelRequirements(t.Labels)
		requirements.Add(
			scheduling.NewRequirement(corev1.LabelTopologyZone, corev1.NodeSelectorOpIn, zones[t.Name]...),
			scheduling.NewRequirement(karpv1.CapacityTypeLabelKey, corev1.NodeSelectorOpIn, karpv1.CapacityTypeOnDemand),
		)
		// It expects every well-known label of types, even if only to say that it
		// is not there.
		for _, key := range slices.Sorted(maps.Keys(karpv1.WellKnownLabels)) {
			if !requirements.Has(key) && key != karpv1.NodePoolLabelKey {
				requirements.Add(scheduling.NewRequirement(key, corev1.NodeSelectorOpDoesNotExist))
			}
		}
		all = append(all, &cloudprovider.InstanceType{
			Name: t.Name, Requirements: requirements, Offerings: offerings[t.Name], Capacity: quantities(t.Allocatable),
			Overhead: &cloudprovider.InstanceTypeOverhead{},
		})
	}
	return all
}

// kubernetesPod brings the rules that workloads use into Kubernetes' form.
func kubernetesPod(number int, pod *model.Pod) *corev1.Pod {
	requests := quantities(pod.Requests)
	delete(requests, corev1.ResourcePods)
	k := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: pod.Name, Labels: pod.Labels, UID: types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", number)),
		},
		Spec: corev1.PodSpec{
			NodeSelector: pod.NodeSelector,
			Containers:   []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{Requests: requests}}},
		},
	}
	for _, spread := range pod.TopologySpread {
		k.Spec.TopologySpreadConstraints = append(k.Spec.TopologySpreadConstraints, corev1.TopologySpreadConstraint{
			TopologyKey: spread.TopologyKey, MaxSkew: spread.MaxSkew, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: selector(spread.Selector),
		})
	}
	if len(pod.PodAffinity)+len(pod.PodAntiAffinity) > 0 {
		k.Spec.Affinity = &corev1.Affinity{
			PodAffinity:     &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: terms(pod.PodAffinity)},
			PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: terms(pod.PodAntiAffinity)},
		}
	}
	return k
}

func terms(from []model.PodAffinityTerm) []corev1.PodAffinityTerm {
	var converted []corev1.PodAffinityTerm
	for _, term := range from {
		converted = append(converted, corev1.PodAffinityTerm{TopologyKey: term.TopologyKey, LabelSelector: selector(term.Selector)})
	}
	return converted
}

func selector(from *model.LabelSelector) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: from.MatchLabels}
}
