package offline

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/resource"
)

// defaultPod gives a pod what the API server gives it when it is created. A pod
// that comes from a cluster has it all already, and stays as it is.
func (c *Cluster) defaultPod(pod *corev1.Pod) {
	defaultRequests(pod)
	if pod.Spec.HostNetwork {
		hostPorts(pod.Spec.Containers)
		hostPorts(pod.Spec.InitContainers)
	}
	if pod.UID == "" {
		mergeLabelKeys(pod)
		c.admit(pod)
	}
}

// defaultRequests: what has a limit and no request requests its limit.
func defaultRequests(pod *corev1.Pod) {
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			r := &containers[i].Resources
			r.Requests = fill(r.Requests, r.Limits, func(corev1.ResourceName) bool { return true })
		}
	}
	defaultWhole(pod)
}

// defaultWhole completes what a pod requests as a whole: huge pages that only
// containers limit count for it too, the sum of the containers comes before its
// limit, except for what cannot be overcommitted.
func defaultWhole(pod *corev1.Pod) {
	whole := pod.Spec.Resources
	if whole == nil || len(whole.Requests)+len(whole.Limits) == 0 {
		return
	}
	whole.Limits = fill(whole.Limits, resource.AggregateContainerLimits(pod, resource.PodResourcesOptions{}), func(name corev1.ResourceName) bool {
		_, requested := whole.Requests[name]
		return isHugePages(name) && !requested && resource.IsSupportedPodLevelResource(name)
	})
	whole.Requests = fill(whole.Requests, resource.AggregateContainerRequests(pod, resource.PodResourcesOptions{}), func(name corev1.ResourceName) bool {
		return !isHugePages(name) && resource.IsSupportedPodLevelResource(name)
	})
	whole.Requests = fill(whole.Requests, whole.Limits, resource.IsSupportedPodLevelResource)
}

func isHugePages(name corev1.ResourceName) bool {
	return strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

func fill(into, from corev1.ResourceList, wanted func(corev1.ResourceName) bool) corev1.ResourceList {
	for name, amount := range from {
		if _, set := into[name]; !set && wanted(name) {
			if into == nil {
				into = corev1.ResourceList{}
			}
			into[name] = amount.DeepCopy()
		}
	}
	return into
}

// hostPorts: on the host's network a container's port is the host's.
func hostPorts(containers []corev1.Container) {
	for i := range containers {
		for j := range containers[i].Ports {
			if port := &containers[i].Ports[j]; port.HostPort == 0 {
				port.HostPort = port.ContainerPort
			}
		}
	}
}

// mergeLabelKeys writes matchLabelKeys and mismatchLabelKeys of pod affinity
// into the selectors, with the values of the pod's own labels.
func mergeLabelKeys(pod *corev1.Pod) {
	affinity := pod.Spec.Affinity
	if affinity == nil {
		return
	}
	if together := affinity.PodAffinity; together != nil {
		mergeTerms(pod, together.RequiredDuringSchedulingIgnoredDuringExecution, together.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if apart := affinity.PodAntiAffinity; apart != nil {
		mergeTerms(pod, apart.RequiredDuringSchedulingIgnoredDuringExecution, apart.PreferredDuringSchedulingIgnoredDuringExecution)
	}
}

func mergeTerms(pod *corev1.Pod, required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) {
	for i := range required {
		mergeTerm(pod, &required[i])
	}
	for i := range preferred {
		mergeTerm(pod, &preferred[i].PodAffinityTerm)
	}
}

func mergeTerm(pod *corev1.Pod, term *corev1.PodAffinityTerm) {
	if term.LabelSelector == nil {
		return
	}
	add := func(keys []string, operator metav1.LabelSelectorOperator) {
		for _, key := range keys {
			if value, ok := pod.Labels[key]; ok {
				term.LabelSelector.MatchExpressions = append(term.LabelSelector.MatchExpressions,
					metav1.LabelSelectorRequirement{Key: key, Operator: operator, Values: []string{value}})
			}
		}
	}
	add(term.MatchLabelKeys, metav1.LabelSelectorOpIn)
	add(term.MismatchLabelKeys, metav1.LabelSelectorOpNotIn)
}

// admit does what admission plugins do: priority from its class, overhead and
// node selector from the runtime class.
func (c *Cluster) admit(pod *corev1.Pod) {
	c.setPriority(pod)
	name := pod.Spec.RuntimeClassName
	if name == nil {
		return
	}
	class, ok := find[*nodev1.RuntimeClass](c.store, "", *name)
	if !ok {
		c.notice("RuntimeClass " + *name + " is not in the input: its pods are planned without its overhead")
		return
	}
	if class.Overhead != nil && pod.Spec.Overhead == nil {
		pod.Spec.Overhead = class.Overhead.PodFixed
	}
	if class.Scheduling != nil {
		if pod.Spec.NodeSelector == nil {
			pod.Spec.NodeSelector = map[string]string{}
		}
		for key, value := range class.Scheduling.NodeSelector {
			pod.Spec.NodeSelector[key] = value
		}
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, class.Scheduling.Tolerations...)
	}
}

func (c *Cluster) setPriority(pod *corev1.Pod) {
	if pod.Spec.Priority != nil {
		return
	}
	classes := all[*schedulingv1.PriorityClass](c.store)
	i := slices.IndexFunc(classes, func(class *schedulingv1.PriorityClass) bool {
		if pod.Spec.PriorityClassName == "" {
			return class.GlobalDefault
		}
		return class.Name == pod.Spec.PriorityClassName
	})
	switch {
	case i >= 0:
		pod.Spec.Priority, pod.Spec.PreemptionPolicy = &classes[i].Value, classes[i].PreemptionPolicy
		pod.Spec.PriorityClassName = classes[i].Name
	case pod.Spec.PriorityClassName != "":
		pod.Spec.Priority = new(int32)
		c.notice("PriorityClass " + pod.Spec.PriorityClassName + " is not in the input: its pods have priority 0")
		pod.Spec.Priority = new(int32)
	}
}

// builtinPriorities are the classes that every cluster has.
func builtinPriorities() []*schedulingv1.PriorityClass {
	class := func(name string, value int32) *schedulingv1.PriorityClass {
		return &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value}
	}
	const critical = 2_000_000_000
	return []*schedulingv1.PriorityClass{class("system-cluster-critical", critical), class("system-node-critical", critical+1000)}
}
