package clustertest

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Running is a finalizer for pods whose end takes a kubelet: an eviction makes
// them terminate, and Reap ends them.
const Running = "drover.test/kubelet"

// evictions is what the Eviction API was asked.
type evictions struct {
	mu      sync.Mutex
	granted map[types.UID]int
}

// evict is the Eviction API: it keeps PodDisruptionBudgets that say minAvailable.
func (c *Cluster) evict(ctx context.Context, underlying client.Client, object client.Object, eviction *policyv1.Eviction) error {
	c.evictions.mu.Lock()
	defer c.evictions.mu.Unlock()
	pod := &corev1.Pod{}
	if err := underlying.Get(ctx, client.ObjectKeyFromObject(object), pod); err != nil {
		return err
	}
	if wanted := eviction.DeleteOptions; wanted != nil && wanted.Preconditions != nil && wanted.Preconditions.UID != nil && *wanted.Preconditions.UID != pod.UID {
		return apierrors.NewConflict(corev1.Resource("pods"), pod.Name, nil)
	}
	if pod.DeletionTimestamp == nil && !c.mayGo(ctx, underlying, pod) {
		return apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	}
	if c.evictions.granted == nil {
		c.evictions.granted = map[types.UID]int{}
	}
	c.evictions.granted[pod.UID]++
	return underlying.Delete(ctx, pod)
}

func (c *Cluster) mayGo(ctx context.Context, reader client.Reader, pod *corev1.Pod) bool {
	var budgets policyv1.PodDisruptionBudgetList
	if reader.List(ctx, &budgets, client.InNamespace(pod.Namespace)) != nil {
		return false
	}
	for i := range budgets.Items {
		selector, err := metav1.LabelSelectorAsSelector(budgets.Items[i].Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(pod.Labels)) {
			continue
		}
		if healthy(ctx, reader, pod.Namespace, selector)-1 < budgets.Items[i].Spec.MinAvailable.IntValue() {
			return false
		}
	}
	return true
}

// healthy counts pods that run and are not on their way out.
func healthy(ctx context.Context, reader client.Reader, namespace string, selector labels.Selector) int {
	var pods corev1.PodList
	if reader.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selector}) != nil {
		return 0
	}
	count := 0
	for i := range pods.Items {
		if pods.Items[i].Status.Phase == corev1.PodRunning && pods.Items[i].DeletionTimestamp == nil {
			count++
		}
	}
	return count
}

// Evictions is how often the eviction of each pod was granted.
func (c *Cluster) Evictions() map[types.UID]int {
	c.evictions.mu.Lock()
	defer c.evictions.mu.Unlock()
	granted := map[types.UID]int{}
	for uid, count := range c.evictions.granted {
		granted[uid] = count
	}
	return granted
}

// Reap ends the pods that are terminating, as their kubelets do in time.
func (c *Cluster) Reap() {
	c.t.Helper()
	for _, pod := range c.Pods() {
		if pod.DeletionTimestamp == nil {
			continue
		}
		pod.Finalizers = nil
		if err := c.Client.Update(c.t.Context(), &pod); client.IgnoreNotFound(err) != nil {
			c.t.Fatalf("ending pod %s: %v", pod.Name, err)
		}
	}
}
