package nodes

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/kubelet"
)

// podsOfNode answers the kubelet server from the pods that the API knows, with
// the node's own word on those that it runs.
type podsOfNode struct{ simulator *Simulator }

func (p podsOfNode) Pod(node kubelet.Node, namespace, name string) *corev1.Pod {
	object, err := p.simulator.podLister.Pods(namespace).Get(name)
	if err != nil || object.Spec.NodeName != node.Name {
		return nil
	}
	return p.simulator.asTold(object)
}

func (p podsOfNode) Pods(node kubelet.Node) []corev1.Pod {
	bound, err := p.simulator.podIndex.ByIndex(byNode, node.Name)
	if err != nil {
		return nil
	}
	pods := make([]corev1.Pod, 0, len(bound))
	for _, object := range bound {
		if pod, ok := object.(*corev1.Pod); ok {
			pods = append(pods, *p.simulator.asTold(pod))
		}
	}
	return pods
}

// asTold is the pod with the status that its node has given it last.
func (s *Simulator) asTold(watched *corev1.Pod) *corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pods[keyOf(watched)]
	if p == nil || p.uid != watched.UID {
		return watched
	}
	told := *watched
	told.Status = p.status
	return &told
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
