package evacuate

import (
	"context"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/drain"
)

// askAgain is how long a budget's refusal is believed although nothing has
// changed on it since.
const askAgain = 5 * time.Second

// Turns lets evictions that one PodDisruptionBudget decides about happen one
// after the other, and not at all while it is known to refuse. The API server
// writes the budget at each, and those that come at once make it try again and
// again: with very many it does little else. The zero value works.
type Turns struct {
	mu      sync.Mutex
	budgets map[client.ObjectKey]*turn
}

// turn is the state of one budget; holding mu is having the turn.
type turn struct {
	mu sync.Mutex
	// refused is the version of the budget that refused last, and when.
	refused   string
	refusedAt time.Time
}

func (t *Turns) of(budget client.ObjectKey) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.budgets == nil {
		t.budgets = map[client.ObjectKey]*turn{}
	}
	if t.budgets[budget] == nil {
		t.budgets[budget] = &turn{}
	}
	return t.budgets[budget]
}

// place is a pod's place in its budget's turn; the zero value is that of a pod
// without a budget.
type place struct {
	turn   *turn
	budget *policyv1.PodDisruptionBudget
}

// wait waits until a pod may be evicted without disturbing others. Leave the
// place when that is done.
func (d *Drainer) wait(ctx context.Context, pod *corev1.Pod) place {
	var budgets policyv1.PodDisruptionBudgetList
	if d.Turns == nil || d.Client.List(ctx, &budgets, client.InNamespace(pod.Namespace), client.UnsafeDisableDeepCopy) != nil {
		return place{}
	}
	for i := range budgets.Items {
		// Of several budgets the API server evicts for none.
		if budget := &budgets.Items[i]; drain.Selects(budget, pod) {
			taken := d.Turns.of(client.ObjectKeyFromObject(budget))
			taken.mu.Lock()
			return place{turn: taken, budget: budget}
		}
	}
	return place{}
}

// refuses reports whether the budget has just refused another ready pod and has
// not changed since. A pod that is not ready may be evicted all the same.
func (p place) refuses(pod *corev1.Pod, now time.Time) bool {
	return p.turn != nil && p.budget.Status.DisruptionsAllowed < 1 && isReady(pod) &&
		p.turn.refused == p.budget.ResourceVersion && now.Sub(p.turn.refusedAt) < askAgain
}

// leave ends the turn; refused says that the budget did not let the pod go.
func (p place) leave(refused bool, now time.Time) {
	if p.turn == nil {
		return
	}
	if refused {
		p.turn.refused, p.turn.refusedAt = p.budget.ResourceVersion, now
	}
	p.turn.mu.Unlock()
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
