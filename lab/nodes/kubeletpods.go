package nodes

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/kubelet"
)

// podsOfNode answers the kubelet server from what the API knows.
type podsOfNode struct{ simulator *Simulator }

func (p podsOfNode) Pod(node kubelet.Node, namespace, name string) *corev1.Pod {
	object, err := p.simulator.podLister.Pods(namespace).Get(name)
	if err != nil || object.Spec.NodeName != node.Name {
		return nil
	}
	return object
}

func (p podsOfNode) Pods(node kubelet.Node) []corev1.Pod {
	bound, err := p.simulator.podIndex.ByIndex(byNode, node.Name)
	if err != nil {
		return nil
	}
	pods := make([]corev1.Pod, 0, len(bound))
	for _, object := range bound {
		if pod, ok := object.(*corev1.Pod); ok {
			pods = append(pods, *pod)
		}
	}
	return pods
}

func (p podsOfNode) LogFile(pod *corev1.Pod, container string, attempt int32) string {
	return p.simulator.logs.File(pod, container, attempt)
}

// endpoint is the node as its kubelet server knows it, if it is up.
func (n *node) endpoint() (kubelet.Node, bool) {
	if n.power == nil || !n.power.registered {
		return kubelet.Node{}, false
	}
	return kubelet.Node{Name: n.power.name, IP: n.machine.PrivateIP, DNS: n.machine.PrivateDNSName}, true
}
