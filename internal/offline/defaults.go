package offline

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/translate"
)

// defaultPod gives a pod what the API server gives it when it is created. It
// returns why the API server would refuse it, empty when it would not. A pod
// that comes from a cluster has it all already, and stays as it is.
func (c *Cluster) defaultPod(pod *corev1.Pod) (refusal string) {
	translate.DefaultContainers(pod)
	if pod.UID != "" {
		translate.DefaultWhole(pod)
		return ""
	}
	c.limit(pod)
	c.admit(pod)
	translate.DefaultWhole(pod)
	return c.refusal(pod)
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
