package inventory

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

// Node is one node, whoever manages it.
type Node struct {
	Name         string `json:"name"`
	Status       string `json:"status"` // as kubectl writes it
	NodePool     string `json:"nodePool,omitempty"`
	NodeGroup    string `json:"nodeGroup,omitempty"`
	NodeClaim    string `json:"nodeClaim,omitempty"`
	InstanceType string `json:"instanceType,omitempty"`
	CapacityType string `json:"capacityType,omitempty"`
	Zone         string `json:"zone,omitempty"`
	ProviderID   string `json:"providerID,omitempty"`
	Version      string `json:"version,omitempty"`
	InternalIP   string `json:"internalIP,omitempty"`
	// PricePerHour in USD: that of the NodeClaim, or the list price on demand; 0 is not
	// known.
	PricePerHour float64   `json:"pricePerHour,omitempty"`
	Created      time.Time `json:"created"`
	// CPU, Memory: the share of what the node has for pods that they request, 0 to 1.
	CPU     float64 `json:"cpuRequested"`
	Memory  float64 `json:"memoryRequested"`
	Pods    int     `json:"pods"`
	MaxPods int     `json:"maxPods"`
	// WaitsFor is why it is not ready, or why it goes.
	WaitsFor string `json:"waitsFor,omitempty"`
}

// Nodes are those that the query wants, by name.
func Nodes(ctx context.Context, reader client.Reader, q Query) ([]Node, error) {
	var list corev1.NodeList
	if err := reader.List(ctx, &list, q.options()...); err != nil {
		return nil, fmt.Errorf("reading nodes: %w", err)
	}
	nodes, err := chosen(&q, "node", list.Items, func(n *corev1.Node) string { return n.Name })
	if err != nil {
		return nil, err
	}
	var pods corev1.PodList
	if err := reader.List(ctx, &pods); err != nil {
		return nil, fmt.Errorf("reading pods: %w", err)
	}
	// A cluster of node groups alone need not know NodeClaims.
	claims, err := readClaims(ctx, reader, &Query{})
	if err != nil && !meta.IsNoMatchError(err) {
		return nil, err
	}
	known, err := catalog.Load()
	if err != nil {
		return nil, fmt.Errorf("reading the catalog: %w", err)
	}
	byID := map[string]*karpv1.NodeClaim{}
	for i := range claims {
		byID[claims[i].Status.ProviderID] = &claims[i]
	}
	on := loads(pods.Items)
	found := make([]Node, len(nodes))
	for i := range nodes {
		found[i] = node(&nodes[i], on[nodes[i].Name])
		if claim := byID[nodes[i].Spec.ProviderID]; claim != nil && nodes[i].Spec.ProviderID != "" {
			found[i].NodeClaim, found[i].PricePerHour = claim.Name, priceOf(claim)
		} else if found[i].CapacityType == string(model.OnDemand) {
			found[i].PricePerHour, _ = known.Price(nodes[i].Labels[corev1.LabelTopologyRegion], found[i].InstanceType)
		}
	}
	return found, nil
}

// load is what pods ask of a node.
type load struct {
	requests model.Resources
	pods     int
}

func loads(pods []corev1.Pod) map[string]load {
	on := map[string]load{}
	for i := range pods {
		pod := &pods[i]
		if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		known := on[pod.Spec.NodeName]
		on[pod.Spec.NodeName] = load{requests: known.requests.Add(observe.Requests(pod)), pods: known.pods + 1}
	}
	return on
}

func node(n *corev1.Node, has load) Node {
	room := translate.Resources(n.Status.Allocatable)
	found := Node{
		Name: n.Name, Status: nodeStatus(n), NodePool: n.Labels[karpv1.NodePoolLabelKey], NodeGroup: groupOf(n), Created: n.CreationTimestamp.UTC(),
		InstanceType: n.Labels[corev1.LabelInstanceTypeStable], CapacityType: capacityType(n), Zone: n.Labels[corev1.LabelTopologyZone],
		ProviderID: n.Spec.ProviderID, Version: n.Status.NodeInfo.KubeletVersion, Pods: has.pods, MaxPods: int(room[model.PodCount]),
		CPU: share(has.requests, room, model.CPU), Memory: share(has.requests, room, model.Memory), WaitsFor: trouble(n),
	}
	for _, address := range n.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			found.InternalIP = cmp.Or(found.InternalIP, address.Address)
		}
	}
	return found
}

func share(requests, room model.Resources, name string) float64 {
	if room[name] == 0 {
		return 0
	}
	return float64(requests[name]) / float64(room[name])
}

func readiness(n *corev1.Node) corev1.NodeCondition {
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition
		}
	}
	return corev1.NodeCondition{Status: corev1.ConditionUnknown, Message: "the kubelet has not reported yet"}
}

func nodeStatus(n *corev1.Node) string {
	text := map[corev1.ConditionStatus]string{corev1.ConditionTrue: "Ready", corev1.ConditionFalse: "NotReady"}[readiness(n).Status]
	text = cmp.Or(text, "Unknown")
	if n.Spec.Unschedulable {
		text += ",SchedulingDisabled"
	}
	return text
}

// groupOf is the node group by the labels of EKS and of eksctl.
func groupOf(n *corev1.Node) string {
	return cmp.Or(n.Labels["eks.amazonaws.com/nodegroup"], n.Labels["alpha.eksctl.io/nodegroup-name"])
}

// capacityType is how a node was bought, by the labels of drover, of EKS, and of those
// that people give to nodes of their own groups; empty where none says it.
func capacityType(n *corev1.Node) string {
	if own := n.Labels[karpv1.CapacityTypeLabelKey]; own != "" {
		return own
	}
	for _, key := range []string{"eks.amazonaws.com/capacityType", "lifecycle", "node-lifecycle", "node.kubernetes.io/lifecycle"} {
		switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(n.Labels[key])) {
		case "spot", "ec2spot":
			return string(model.Spot)
		case "ondemand", "normal":
			return string(model.OnDemand)
		}
	}
	return ""
}

// trouble is why a node goes or is not ready.
func trouble(n *corev1.Node) string {
	for _, taint := range n.Spec.Taints {
		switch taint.Key {
		case observe.InterruptionTaint:
			return "leaving: AWS takes it back" + valueOf(taint)
		case karpv1.DisruptedTaintKey:
			return "leaving: drover takes it away" + valueOf(taint)
		case observe.ToBeDeletedTaint:
			return "leaving: scale-down of its node group"
		}
	}
	switch ready := readiness(n); {
	case n.DeletionTimestamp != nil:
		return "leaving: deleted"
	case ready.Status != corev1.ConditionTrue:
		return cmp.Or(ready.Message, ready.Reason)
	}
	return ""
}

func valueOf(taint corev1.Taint) string {
	if taint.Value == "" {
		return ""
	}
	return " (" + taint.Value + ")"
}
