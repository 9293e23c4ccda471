package nodegroup

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// Annotations of cluster-autoscaler.
const (
	safeToEvict       = "cluster-autoscaler.kubernetes.io/safe-to-evict"
	safeLocalVolumes  = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
	scaleDownDisabled = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
	podScaleUpDelay   = "cluster-autoscaler.kubernetes.io/pod-scale-up-delay"
)

// podRules decide whether a pod may be moved off its node.
type podRules struct {
	options ScaleDownOptions
	budgets []policyv1.PodDisruptionBudget
	// replicas of a pod's controller, -1 when not known.
	replicas func(pod *corev1.Pod) int
}

// standing is what a pod means for its node's removal.
type standing int

const (
	staysAnyway standing = iota // goes with the node, and nobody misses it
	mustMove                    // needs a place elsewhere
	blocks                      // keeps the node
)

// judge says what the pod means, and why when it keeps its node.
func (r *podRules) judge(pod *corev1.Pod) (standing, string) {
	owner := metav1.GetControllerOfNoCopy(pod)
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	switch {
	case mirror || owner != nil && (owner.Kind == "Node" || owner.Kind == "DaemonSet"):
		return staysAnyway, ""
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || pod.DeletionTimestamp != nil:
		return staysAnyway, ""
	}
	if why := r.keeps(pod, owner); why != "" {
		return blocks, fmt.Sprintf("pod %s/%s %s", pod.Namespace, pod.Name, why)
	}
	return mustMove, ""
}

func (r *podRules) keeps(pod *corev1.Pod, owner *metav1.OwnerReference) string {
	switch value := pod.Annotations[safeToEvict]; value {
	case "true":
		return r.budgetKeeps(pod)
	case "false", "on-completion":
		return fmt.Sprintf("is annotated %s: %q", safeToEvict, value)
	}
	replicas := -1
	if r.options.MinReplicaCount > 0 {
		replicas = r.replicas(pod)
	}
	switch {
	case pod.Annotations[karpv1.DoNotDisruptAnnotationKey] == "true":
		return "is annotated " + karpv1.DoNotDisruptAnnotationKey
	case owner == nil:
		return "is not replicated: no controller would create it again"
	case r.options.SkipCustomControllers && !isKnownController(owner.Kind):
		return fmt.Sprintf("is controlled by a %s (--skip-nodes-with-custom-controller-pods)", owner.Kind)
	case replicas >= 0 && replicas < r.options.MinReplicaCount:
		return fmt.Sprintf("is one of %d replicas (--min-replica-count=%d)", replicas, r.options.MinReplicaCount)
	case r.options.SkipSystemPods && pod.Namespace == metav1.NamespaceSystem && len(r.budgetsOf(pod)) == 0:
		return "is a system pod without a PodDisruptionBudget (--skip-nodes-with-system-pods)"
	case r.options.SkipLocalStorage && hasLocalStorage(pod):
		return "has local storage (--skip-nodes-with-local-storage)"
	}
	return r.budgetKeeps(pod)
}

func isKnownController(kind string) bool {
	return slices.Contains([]string{"ReplicationController", "ReplicaSet", "StatefulSet", "Job"}, kind)
}

// hasLocalStorage reports whether the pod would lose files on the node's disk.
func hasLocalStorage(pod *corev1.Pod) bool {
	safe := strings.Split(pod.Annotations[safeLocalVolumes], ",")
	return slices.ContainsFunc(pod.Spec.Volumes, func(volume corev1.Volume) bool {
		local := volume.HostPath != nil || volume.EmptyDir != nil && volume.EmptyDir.Medium != corev1.StorageMediumMemory
		return local && !slices.Contains(safe, volume.Name)
	})
}

func (r *podRules) budgetsOf(pod *corev1.Pod) []*policyv1.PodDisruptionBudget {
	var found []*policyv1.PodDisruptionBudget
	for i := range r.budgets {
		budget := &r.budgets[i]
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err == nil && budget.Namespace == pod.Namespace && selector.Matches(labels.Set(pod.Labels)) {
			found = append(found, budget)
		}
	}
	return found
}

func (r *podRules) budgetKeeps(pod *corev1.Pod) string {
	for _, budget := range r.budgetsOf(pod) {
		if budget.Status.DisruptionsAllowed < 1 {
			return fmt.Sprintf("is kept by PodDisruptionBudget %s: it allows no disruption now", budget.Name)
		}
	}
	return ""
}

// allowance is how many pods the budgets let go together.
type allowance struct {
	rules *podRules
	left  map[string]int32
}

func (r *podRules) allowance() *allowance {
	a := &allowance{rules: r, left: map[string]int32{}}
	for i := range r.budgets {
		a.left[r.budgets[i].Namespace+"/"+r.budgets[i].Name] = r.budgets[i].Status.DisruptionsAllowed
	}
	return a
}

// take books the pods, or none of them when a budget has too few left.
func (a *allowance) take(pods []*corev1.Pod) bool {
	need := map[string]int32{}
	for _, pod := range pods {
		for _, budget := range a.rules.budgetsOf(pod) {
			name := budget.Namespace + "/" + budget.Name
			if need[name]++; need[name] > a.left[name] {
				return false
			}
		}
	}
	for name, count := range need {
		a.left[name] -= count
	}
	return true
}
