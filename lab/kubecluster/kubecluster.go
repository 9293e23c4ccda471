// Package kubecluster is the lab's Kubernetes cluster as the region's EKS works
// in it: it looks at nodes, labels, cordons and drains them.
package kubecluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listersv1 "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/util/retry"

	"github.com/drover-project/drover/lab/region/nodegroups"
)

// Cluster implements nodegroups.Cluster.
type Cluster struct {
	client  kubernetes.Interface
	factory informers.SharedInformerFactory
	nodes   listersv1.NodeLister
	synced  func() bool
}

var _ nodegroups.Cluster = (*Cluster)(nil)

// New makes a Cluster; Start lets it follow the nodes.
func New(client kubernetes.Interface) *Cluster {
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes()
	return &Cluster{client: client, factory: factory, nodes: nodes.Lister(), synced: nodes.Informer().HasSynced}
}

// Start follows the nodes until ctx ends. It returns at once.
func (c *Cluster) Start(ctx context.Context) { c.factory.StartWithContext(ctx) }

// Stop waits until nothing follows the nodes any more, once the context of
// Start has ended.
func (c *Cluster) Stop() { c.factory.Shutdown() }

// Nodes implements nodegroups.Cluster.
func (c *Cluster) Nodes(context.Context) ([]nodegroups.Node, error) {
	if !c.synced() {
		return nil, fmt.Errorf("the nodes are not read yet")
	}
	list, err := c.nodes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	var nodes []nodegroups.Node
	for _, n := range list {
		nodes = append(nodes, node(n))
	}
	return nodes, nil
}

func node(n *corev1.Node) nodegroups.Node {
	seen := nodegroups.Node{
		Name: n.Name, InstanceID: n.Spec.ProviderID[strings.LastIndex(n.Spec.ProviderID, "/")+1:],
		Cordoned: n.Spec.Unschedulable, Labels: n.Labels,
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			seen.Ready, seen.ReadySince = condition.Status == corev1.ConditionTrue, condition.LastTransitionTime.Time
		}
	}
	for _, t := range n.Spec.Taints {
		seen.Taints = append(seen.Taints, types.Taint{Key: aws.String(t.Key), Value: aws.String(t.Value), Effect: types.TaintEffect(t.Effect)})
	}
	return seen
}

// Change implements nodegroups.Cluster.
func (c *Cluster) Change(ctx context.Context, name string, change nodegroups.Change) error {
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		n, err := c.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		apply(n, change)
		_, err = c.client.CoreV1().Nodes().Update(ctx, n, metav1.UpdateOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func apply(n *corev1.Node, change nodegroups.Change) {
	n.Spec.Unschedulable = n.Spec.Unschedulable && !change.Uncordon || change.Cordon
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	maps.Copy(n.Labels, change.SetLabels)
	for _, key := range change.RemoveLabels {
		delete(n.Labels, key)
	}
	same := func(t corev1.Taint) func(types.Taint) bool {
		return func(o types.Taint) bool {
			return aws.ToString(o.Key) == t.Key && nodegroups.Effect(o.Effect) == string(t.Effect)
		}
	}
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool {
		return slices.ContainsFunc(change.RemoveTaints, same(t)) || slices.ContainsFunc(change.SetTaints, same(t))
	})
	for _, t := range change.SetTaints {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value), Effect: corev1.TaintEffect(nodegroups.Effect(t.Effect))})
	}
}

// Pods implements nodegroups.Cluster.
func (c *Cluster) Pods(ctx context.Context, node string) ([]nodegroups.Pod, error) {
	list, err := c.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String()})
	if err != nil {
		return nil, err
	}
	var pods []nodegroups.Pod
	for i := range list.Items {
		if leaves(&list.Items[i]) {
			pods = append(pods, nodegroups.Pod{Namespace: list.Items[i].Namespace, Name: list.Items[i].Name})
		}
	}
	return pods, nil
}

// leaves reports whether a drain has to wait for a pod.
func leaves(p *corev1.Pod) bool {
	_, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]
	ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	owner := metav1.GetControllerOf(p)
	return !mirror && !ended && (owner == nil || owner.Kind != "DaemonSet")
}

// Evict implements nodegroups.Cluster.
func (c *Cluster) Evict(ctx context.Context, p nodegroups.Pod) error {
	err := c.client.PolicyV1().Evictions(p.Namespace).Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name}})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsTooManyRequests(err), apierrors.IsInternalError(err):
		return &nodegroups.Blocked{Pod: p, Budgets: c.budgets(ctx, p), Reason: reason(err)}
	}
	return err
}

// reason is what the API server says of a budget, which stands in the causes.
func reason(err error) string {
	var texts []string
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			texts = append(texts, cause.Message)
		}
	}
	if len(texts) == 0 {
		return err.Error()
	}
	return strings.Join(texts, "; ")
}

// budgets are the disruption budgets that select a pod.
func (c *Cluster) budgets(ctx context.Context, p nodegroups.Pod) (names []string) {
	pod, err := c.client.CoreV1().Pods(p.Namespace).Get(ctx, p.Name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	list, err := c.client.PolicyV1().PodDisruptionBudgets(p.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	for _, budget := range list.Items {
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err == nil && selector.Matches(labels.Set(pod.Labels)) {
			names = append(names, budget.Namespace+"/"+budget.Name)
		}
	}
	return names
}

// Delete implements nodegroups.Cluster.
func (c *Cluster) Delete(ctx context.Context, p nodegroups.Pod) error {
	err := c.client.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// ConfigMap is the data of kube-system/aws-auth, nil when there is none.
func (c *Cluster) ConfigMap(ctx context.Context) (map[string]string, error) {
	found, err := c.client.CoreV1().ConfigMaps("kube-system").Get(ctx, "aws-auth", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ConfigMap kube-system/aws-auth: %w", err)
	}
	return found.Data, nil
}
