package offline

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"

	"github.com/drover-project/drover/internal/translate"
)

// limitRanges are those of a namespace, by name.
func (c *Cluster) limitRanges(namespace string) []*corev1.LimitRange {
	return slices.DeleteFunc(all[*corev1.LimitRange](c.store), func(l *corev1.LimitRange) bool { return l.Namespace != namespace })
}

// defaultLimitRanges completes LimitRanges as the API server stores them: what
// has a maximum is limited to it by default, and what has a limit or a minimum
// is requested by default.
func (c *Cluster) defaultLimitRanges() {
	for _, limits := range all[*corev1.LimitRange](c.store) {
		for i := range limits.Spec.Limits {
			if item := &limits.Spec.Limits[i]; item.Type == corev1.LimitTypeContainer {
				item.Default = translate.Fill(item.Default, item.Max)
				item.DefaultRequest = translate.Fill(translate.Fill(item.DefaultRequest, item.Default), item.Min)
			}
		}
	}
}

// limit gives the pod's containers what the LimitRanges of its namespace set by
// default, as the admission plugin LimitRanger does.
func (c *Cluster) limit(pod *corev1.Pod) {
	for _, limits := range c.limitRanges(pod.Namespace) {
		byDefault := corev1.ResourceRequirements{Limits: corev1.ResourceList{}, Requests: corev1.ResourceList{}}
		for i := range limits.Spec.Limits {
			if item := &limits.Spec.Limits[i]; item.Type == corev1.LimitTypeContainer {
				maps.Copy(byDefault.Limits, item.Default)
				maps.Copy(byDefault.Requests, item.DefaultRequest)
			}
		}
		for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
			for i := range containers {
				own := &containers[i].Resources
				own.Limits = translate.Fill(own.Limits, byDefault.Limits)
				own.Requests = translate.Fill(own.Requests, byDefault.Requests)
			}
		}
	}
}

// refusal is why the API server would not create the pod, empty when it would.
func (c *Cluster) refusal(pod *corev1.Pod) string {
	for _, limits := range c.limitRanges(pod.Namespace) {
		if problem := beyond(limits, pod); problem != "" {
			return fmt.Sprintf("refused by LimitRange %s/%s: %s", limits.Namespace, limits.Name, problem)
		}
	}
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			own := containers[i].Resources
			for _, name := range names(own.Requests) {
				request, limit := own.Requests[name], own.Limits[name]
				if _, limited := own.Limits[name]; limited && request.Cmp(limit) > 0 {
					return fmt.Sprintf("refused by the API server: container %s requests %s of %s, above its limit of %s", containers[i].Name, &request, name, &limit)
				}
			}
		}
	}
	return ""
}

// beyond says which limit the pod breaks.
func beyond(limits *corev1.LimitRange, pod *corev1.Pod) string {
	for i := range limits.Spec.Limits {
		item := &limits.Spec.Limits[i]
		var held []corev1.ResourceRequirements
		switch item.Type {
		case corev1.LimitTypeContainer:
			for _, container := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
				held = append(held, container.Resources)
			}
		case corev1.LimitTypePod:
			// What a runtime class adds is not counted.
			options := resource.PodResourcesOptions{ExcludeOverhead: true}
			held = append(held, corev1.ResourceRequirements{Requests: resource.PodRequests(pod, options), Limits: resource.PodLimits(pod, options)})
		}
		for _, each := range held {
			if problem := check(item, each); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// check holds requests and limits against one item of a LimitRange.
func check(item *corev1.LimitRangeItem, held corev1.ResourceRequirements) string {
	for _, name := range names(item.Min) {
		least, request, limit := item.Min[name], held.Requests[name], held.Limits[name]
		_, requested := held.Requests[name]
		_, limited := held.Limits[name]
		if !requested || request.Cmp(least) < 0 || (limited && limit.Cmp(least) < 0) {
			return fmt.Sprintf("at least %s of %s for each %s, but %s", &least, name, item.Type, told(held, name))
		}
	}
	for _, name := range names(item.Max) {
		most, request, limit := item.Max[name], held.Requests[name], held.Limits[name]
		if _, limited := held.Limits[name]; !limited || limit.Cmp(most) > 0 || request.Cmp(most) > 0 {
			return fmt.Sprintf("at most %s of %s for each %s, but %s", &most, name, item.Type, told(held, name))
		}
	}
	for _, name := range names(item.MaxLimitRequestRatio) {
		most, request, limit := item.MaxLimitRequestRatio[name], held.Requests[name], held.Limits[name]
		if request.IsZero() || limit.IsZero() || limit.AsApproximateFloat64()/request.AsApproximateFloat64() > most.AsApproximateFloat64() {
			return fmt.Sprintf("a limit of at most %s times the request of %s for each %s, but %s", &most, name, item.Type, told(held, name))
		}
	}
	return ""
}

// told is what is requested of a resource and what is its limit.
func told(held corev1.ResourceRequirements, name corev1.ResourceName) string {
	of := func(list corev1.ResourceList) string {
		amount, set := list[name]
		if !set {
			return "not set"
		}
		return amount.String()
	}
	return "the request is " + of(held.Requests) + " and the limit " + of(held.Limits)
}

// claimRefusal is why the API server would not create a claim, by what people
// call it.
func (c *Cluster) claimRefusal(name string, claim *corev1.PersistentVolumeClaim) string {
	for _, limits := range c.limitRanges(claim.Namespace) {
		for i := range limits.Spec.Limits {
			item := &limits.Spec.Limits[i]
			if item.Type != corev1.LimitTypePersistentVolumeClaim {
				continue
			}
			asked := claim.Spec.Resources.Requests[corev1.ResourceStorage]
			least, most := item.Min[corev1.ResourceStorage], item.Max[corev1.ResourceStorage]
			if outside(asked, least, most) {
				return fmt.Sprintf("refused by LimitRange %s/%s: PersistentVolumeClaim %s asks for %s, outside of %s",
					limits.Namespace, limits.Name, name, &asked, span(least, most))
			}
		}
	}
	return ""
}

func outside(asked, least, most quantity.Quantity) bool {
	return asked.Cmp(least) < 0 || (!most.IsZero() && asked.Cmp(most) > 0)
}

func span(least, most quantity.Quantity) string {
	if most.IsZero() {
		return least.String() + " and more"
	}
	return least.String() + " to " + most.String()
}

// defaultDaemonSets admits what DaemonSets make as if it were made now.
func (c *Cluster) defaultDaemonSets() {
	for _, set := range all[*appsv1.DaemonSet](c.store) {
		pod := newPod("DaemonSet", set, &set.Spec.Template)
		if refusal := c.defaultPod(pod); refusal != "" {
			c.notice(fmt.Sprintf("DaemonSet %s/%s takes no room: its pods are %s", set.Namespace, set.Name, refusal))
			c.store.remove(set)
			continue
		}
		set.Spec.Template.Spec = pod.Spec
	}
}

func names(list corev1.ResourceList) []corev1.ResourceName { return slices.Sorted(maps.Keys(list)) }
