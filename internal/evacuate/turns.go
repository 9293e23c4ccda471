package evacuate

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/drain"
)

// Turns lets evictions that one PodDisruptionBudget decides about happen one
// after the other. The API server writes the budget at each, and those that come
// at once make it try again and again: with very many it does little else. The
// zero value works.
type Turns struct {
	mu      sync.Mutex
	budgets map[client.ObjectKey]*sync.Mutex
}

// take waits for the turn of a budget and gives what ends it.
func (t *Turns) take(budget client.ObjectKey) (done func()) {
	t.mu.Lock()
	if t.budgets == nil {
		t.budgets = map[client.ObjectKey]*sync.Mutex{}
	}
	turn := t.budgets[budget]
	if turn == nil {
		turn = &sync.Mutex{}
		t.budgets[budget] = turn
	}
	t.mu.Unlock()
	turn.Lock()
	return turn.Unlock
}

// turn waits until a pod may be evicted without disturbing others.
func (d *Drainer) turn(ctx context.Context, pod *corev1.Pod) (done func()) {
	var budgets policyv1.PodDisruptionBudgetList
	if d.Turns == nil || d.Client.List(ctx, &budgets, client.InNamespace(pod.Namespace), client.UnsafeDisableDeepCopy) != nil {
		return func() {}
	}
	for i := range budgets.Items {
		// Of several budgets the API server evicts for none.
		if drain.Selects(&budgets.Items[i], pod) {
			return d.Turns.take(client.ObjectKeyFromObject(&budgets.Items[i]))
		}
	}
	return func() {}
}
