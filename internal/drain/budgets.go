package drain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Hold is a pod that cannot leave its node now, and why.
type Hold struct{ Pod, Node, Reason string }

// Holds lists the pods on nodes whose PodDisruptionBudget allows no disruption
// now: what would hold a drain or an update up.
func (d *Drainer) Holds(ctx context.Context, nodes []corev1.Node) ([]Hold, error) {
	budgets, err := d.Kube.PolicyV1().PodDisruptionBudgets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing PodDisruptionBudgets: %w", err)
	}
	var held []Hold
	for i := range nodes {
		pods, err := d.podsOn(ctx, nodes[i].Name)
		if err != nil {
			return nil, err
		}
		for n := range pods {
			if reason := Blocking(&pods[n], budgets.Items); reason != "" {
				held = append(held, Hold{Pod: key(&pods[n]), Node: nodes[i].Name, Reason: reason})
			}
		}
	}
	return held, nil
}

// Blocking says which budgets allow no disruption of a pod.
func Blocking(pod *corev1.Pod, budgets []policyv1.PodDisruptionBudget) string {
	var reasons []string
	for i := range budgets {
		budget := &budgets[i]
		if budget.Namespace != pod.Namespace || budget.Status.DisruptionsAllowed > 0 || !Selects(budget, pod) {
			continue
		}
		reasons = append(reasons, fmt.Sprintf("PodDisruptionBudget %s/%s allows no disruption: %d of the %d pods it needs are healthy",
			budget.Namespace, budget.Name, budget.Status.CurrentHealthy, budget.Status.DesiredHealthy))
	}
	slices.Sort(reasons)
	return strings.Join(reasons, "; ")
}

// Selects reports whether a budget is about a pod.
func Selects(budget *policyv1.PodDisruptionBudget, pod *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
	return err == nil && selector.Matches(labels.Set(pod.Labels))
}

// reason names the budget behind a refused eviction; the API server's own words
// are for pods of which no budget is found.
func (d *Drainer) reason(ctx context.Context, pod *corev1.Pod, refused error) string {
	budgets, err := d.Kube.PolicyV1().PodDisruptionBudgets(pod.Namespace).List(ctx, metav1.ListOptions{})
	if err == nil {
		if found := Blocking(pod, budgets.Items); found != "" {
			return found
		}
	}
	var status apierrors.APIStatus
	if errors.As(refused, &status) && status.Status().Details != nil && len(status.Status().Details.Causes) > 0 {
		return status.Status().Details.Causes[0].Message
	}
	return refused.Error()
}
