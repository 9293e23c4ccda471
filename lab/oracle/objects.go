package oracle

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drover-project/drover/internal/model"
)

// oldNames are labels that kubelet, cloud provider and CSI driver give a node
// beside the present-day ones.
func oldNames() map[string]string {
	return map[string]string{
		"failure-domain.beta.kubernetes.io/zone":   corev1.LabelTopologyZone,
		"topology.ebs.csi.aws.com/zone":            corev1.LabelTopologyZone,
		"failure-domain.beta.kubernetes.io/region": corev1.LabelTopologyRegion,
		"beta.kubernetes.io/instance-type":         corev1.LabelInstanceTypeStable,
		"beta.kubernetes.io/arch":                  corev1.LabelArchStable,
		"beta.kubernetes.io/os":                    corev1.LabelOSStable,
	}
}

// nodeObject is a Node that is ready for pods.
func nodeObject(name string, labels map[string]string, taints []model.Taint, allocatable model.Resources) *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("node/" + name), Labels: map[string]string{}}}
	node.Labels[corev1.LabelHostname] = name
	for key, value := range labels {
		node.Labels[key] = value
	}
	for old, key := range oldNames() {
		if value, ok := node.Labels[key]; ok {
			node.Labels[old] = value
		}
	}
	for _, taint := range taints {
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: taint.Key, Value: taint.Value, Effect: corev1.TaintEffect(taint.Effect)})
	}
	node.Status.Allocatable = quantities(allocatable)
	node.Status.Capacity = node.Status.Allocatable
	return node
}

func quantities(amounts model.Resources) corev1.ResourceList {
	list := corev1.ResourceList{}
	for name, amount := range amounts {
		if name == model.CPU {
			list[corev1.ResourceCPU] = *resource.NewMilliQuantity(amount, resource.DecimalSI)
		} else {
			list[corev1.ResourceName(name)] = *resource.NewQuantity(amount, resource.DecimalSI)
		}
	}
	return list
}

// lasting are the taints that are still there when pods come.
func lasting(taints, startup []model.Taint) []model.Taint {
	var rest []model.Taint
	for _, taint := range taints {
		passing := false
		for _, s := range startup {
			passing = passing || s.Key == taint.Key && s.Effect == taint.Effect
		}
		if !passing {
			rest = append(rest, taint)
		}
	}
	return rest
}

// podObject is a Pod with one container that asks for all of the pod's
// requests and ports.
func podObject(pod *model.Pod) *corev1.Pod {
	object := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: types.UID(pod.String()), Labels: pod.Labels}}
	spec := &object.Spec
	spec.SchedulerName = corev1.DefaultSchedulerName
	spec.Priority = &pod.Priority
	spec.NodeSelector = pod.NodeSelector
	container := corev1.Container{Name: "main"}
	container.Resources.Requests = quantities(pod.Requests)
	delete(container.Resources.Requests, corev1.ResourcePods)
	for _, port := range pod.HostPorts {
		container.Ports = append(container.Ports, corev1.ContainerPort{HostIP: port.IP, HostPort: port.Port, ContainerPort: port.Port, Protocol: corev1.Protocol(port.Protocol)})
	}
	spec.Containers = []corev1.Container{container}
	for _, t := range pod.Tolerations {
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{Key: t.Key, Operator: corev1.TolerationOperator(t.Operator), Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
	}
	spec.Affinity = affinity(pod)
	if pod.Terminating {
		object.DeletionTimestamp = &metav1.Time{}
	}
	for _, s := range pod.TopologySpread {
		if s.ClusterDefault {
			continue // the scheduler adds it by itself
		}
		spec.TopologySpreadConstraints = append(spec.TopologySpreadConstraints, spread(s, pod.Labels))
	}
	return object
}

func daemonSetObject(daemon *model.DaemonSet) *appsv1.DaemonSet {
	pod := podObject(&daemon.Template)
	object := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: daemon.Namespace, Name: daemon.Name, UID: types.UID("daemonset/" + daemon.String())}}
	object.Spec.Template.Labels = pod.Labels
	object.Spec.Template.Spec = pod.Spec
	return object
}

// belongsTo tells by the name that the DaemonSet controller generates.
func belongsTo(pod *model.Pod, daemon *model.DaemonSet) bool {
	rest, found := strings.CutPrefix(pod.Name, daemon.Name+"-")
	return found && pod.OwnedByDaemonSet && pod.Namespace == daemon.Namespace && !strings.Contains(rest, "-")
}
