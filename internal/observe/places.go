package observe

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// Mark is translate.Mark of a pod as Kubernetes has it.
func Mark(pod *corev1.Pod) string {
	translated := podTranslator{}.pod(pod)
	return translate.Mark(&translated)
}

// Requests is what kube-scheduler counts for a pod.
func Requests(pod *corev1.Pod) model.Resources { return podTranslator{}.pod(pod).Requests }

// places says where pods are that have no node yet.
type places struct {
	nodes    map[string]*model.Node // that take pods, by name
	promises map[model.PodKey]promise
}

// promise is a node that is meant for a pod.
type promise struct {
	node *model.Node
	mark string
}

// places reads the promises on the NodeClaims whose nodes take pods. Where two
// have the same pod, the younger one counts: it was made because the older one
// did not hold.
func (v *view) places(nodes []model.Node) places {
	known := places{nodes: map[string]*model.Node{}, promises: map[model.PodKey]promise{}}
	byClaim := map[string]*model.Node{}
	for i := range nodes {
		if node := &nodes[i]; !node.Unschedulable {
			known.nodes[node.Name] = node
			byClaim[node.NodeClaim] = node
		}
	}
	made := map[model.PodKey]int64{}
	for i := range v.claims {
		claim := &v.claims[i]
		promises, err := translate.PromisesOf(claim)
		node := byClaim[claim.Name]
		if err != nil || node == nil {
			continue // an annotation that nobody can read promises nothing
		}
		at := claim.CreationTimestamp.Unix()
		for key, mark := range promises {
			if _, twice := known.promises[key]; !twice || at >= made[key] {
				known.promises[key], made[key] = promise{node: node, mark: mark}, at
			}
		}
	}
	return known
}

// of returns the node that a pod without one, or one that leaves its node, is
// promised to, nil when it has to ask: the scheduler's nomination, or what the pod
// was planned for. Either counts as long as the node takes pods.
func (p places) of(pod *corev1.Pod, leaving bool) *model.Node {
	if node := p.nodes[pod.Status.NominatedNodeName]; node != nil && !leaving {
		return node
	}
	made, ok := p.promises[model.PodKey{Namespace: pod.Namespace, Name: pod.Name}]
	if ok && (leaving || IsWaiting(pod)) && made.mark == Mark(pod) {
		return made.node
	}
	return nil
}

// mustMove reports whether a pod runs on a node that goes, and will be needed
// elsewhere. Where nothing presses, a pod that may not be disturbed stays as long
// as it likes, and a place for it would stand empty.
func mustMove(pod *corev1.Pod, leaving map[string]*corev1.Node) bool {
	node := leaving[pod.Spec.NodeName]
	if node == nil || !ComesBack(pod) {
		return false
	}
	return isTakenBack(node) || pod.Annotations[karpv1.DoNotDisruptAnnotationKey] != "true"
}

// leavingNodes are the nodes whose pods need another place, by name.
func (v *view) leavingNodes() map[string]*corev1.Node {
	claims := make(map[string]*karpv1.NodeClaim, len(v.claims))
	for i := range v.claims {
		if id := v.claims[i].Status.ProviderID; id != "" {
			claims[id] = &v.claims[i]
		}
	}
	leaving := map[string]*corev1.Node{}
	for i := range v.nodes {
		if node := &v.nodes[i]; IsLeaving(node, claims[node.Spec.ProviderID]) {
			leaving[node.Name] = node
		}
	}
	return leaving
}

// sortPods puts each pod where it is: on a node, promised to one, or among those
// that ask. A pod whose node is on its way out asks as if it had none, before it
// is evicted: its next place is planned, and launched, while it still runs. When
// it has been told to go, its successor asks in its stead.
func (v *view) sortPods(ctx context.Context, pods podTranslator, snapshot *model.Snapshot) error {
	places, leavingNodes := v.places(snapshot.Nodes), v.leavingNodes()
	onNode := make(map[string]*model.Node, len(snapshot.Nodes))
	for i := range snapshot.Nodes {
		onNode[snapshot.Nodes[i].Name] = &snapshot.Nodes[i]
	}
	for i := range v.pods {
		pod := &v.pods[i]
		if isOver(pod) {
			continue
		}
		node, promised := onNode[pod.Spec.NodeName], false
		leaving := mustMove(pod, leavingNodes)
		if pod.Spec.NodeName == "" || leaving {
			node = places.of(pod, leaving)
			promised = node != nil
		}
		switch {
		case node == nil && leaving:
			translated, err := pods.pending(ctx, pod)
			if err != nil {
				return err
			}
			translated.Leaving = pod.Spec.NodeName
			snapshot.Pending = append(snapshot.Pending, translated)
		case node != nil:
			translated, err := pods.bound(ctx, pod)
			if err != nil {
				return err
			}
			translated.Promised = promised
			if leaving {
				translated.Leaving = pod.Spec.NodeName
			}
			node.Pods = append(node.Pods, translated)
		case wantsNode(pod) && (v.waits == nil || !v.waits(pod)):
			translated, err := pods.pending(ctx, pod)
			if err != nil {
				return err
			}
			snapshot.Pending = append(snapshot.Pending, translated)
		}
	}
	return nil
}
