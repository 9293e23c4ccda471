package inventory

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/translate"
)

// NodeClaim is one machine that was decided on.
type NodeClaim struct {
	Name         string    `json:"name"`
	NodePool     string    `json:"nodePool"`
	NodeClass    string    `json:"nodeClass,omitempty"`
	InstanceType string    `json:"instanceType,omitempty"`
	CapacityType string    `json:"capacityType,omitempty"`
	Zone         string    `json:"zone,omitempty"`
	Node         string    `json:"node,omitempty"`
	ProviderID   string    `json:"providerID,omitempty"`
	ImageID      string    `json:"imageID,omitempty"`
	Created      time.Time `json:"created"`
	Ready        string    `json:"ready"` // True, False or Unknown
	Drifted      string    `json:"drifted,omitempty"`
	// PricePerHour in USD, as planned; 0 is not known.
	PricePerHour float64 `json:"pricePerHour,omitempty"`
	// WaitsFor is what keeps it from being ready, or what it does on its way out.
	WaitsFor string `json:"waitsFor,omitempty"`
	// Pods are those that its node is kept for and that have not come.
	Pods int `json:"promisedPods,omitempty"`
	// Reason is why it exists; SpotFallback which Spot pool had nothing, if that is why it
	// is on demand.
	Reason       string `json:"reason,omitempty"`
	SpotFallback string `json:"spotFallback,omitempty"`
}

// NodeClaims are those that the query wants, by name.
func NodeClaims(ctx context.Context, reader client.Reader, q Query, now time.Time) ([]NodeClaim, error) {
	claims, err := readClaims(ctx, reader, &q)
	if err != nil {
		return nil, err
	}
	if claims, err = chosen(&q, "NodeClaim", claims, func(c *karpv1.NodeClaim) string { return c.Name }); err != nil {
		return nil, err
	}
	found := make([]NodeClaim, len(claims))
	for i := range claims {
		found[i] = nodeClaim(&claims[i], now)
	}
	return found, nil
}

func nodeClaim(claim *karpv1.NodeClaim, now time.Time) NodeClaim {
	found := NodeClaim{
		Name: claim.Name, NodePool: claim.Labels[karpv1.NodePoolLabelKey], Node: claim.Status.NodeName, Created: claim.CreationTimestamp.UTC(),
		InstanceType: claim.Labels[corev1.LabelInstanceTypeStable], CapacityType: claim.Labels[karpv1.CapacityTypeLabelKey],
		Zone: claim.Labels[corev1.LabelTopologyZone], ProviderID: claim.Status.ProviderID, ImageID: claim.Status.ImageID,
		Ready: status(conditionOf(claim, "Ready")), PricePerHour: priceOf(claim), WaitsFor: waitsFor(claim, now),
		Reason: claim.Annotations[translate.ReasonAnnotation], SpotFallback: claim.Annotations[translate.SpotFallbackAnnotation],
	}
	if claim.Spec.NodeClassRef != nil {
		found.NodeClass = claim.Spec.NodeClassRef.Name
	}
	if drifted := conditionOf(claim, karpv1.ConditionTypeDrifted); drifted != nil {
		found.Drifted = status(drifted)
	}
	if promises, err := translate.PromisesOf(claim); err == nil {
		found.Pods = len(promises)
	}
	return found
}

func conditionOf(claim *karpv1.NodeClaim, kind string) *metav1.Condition {
	for i := range claim.Status.Conditions {
		if claim.Status.Conditions[i].Type == kind {
			return &metav1.Condition{
				Status: claim.Status.Conditions[i].Status, Reason: claim.Status.Conditions[i].Reason, Message: claim.Status.Conditions[i].Message,
				LastTransitionTime: claim.Status.Conditions[i].LastTransitionTime,
			}
		}
	}
	return nil
}

func status(condition *metav1.Condition) string {
	if condition == nil {
		return string(metav1.ConditionUnknown)
	}
	return string(condition.Status)
}

// steps of a NodeClaim's life, and what each waits for as long as nobody has said more.
func steps() []struct{ condition, otherwise string } {
	return []struct{ condition, otherwise string }{
		{karpv1.ConditionTypeLaunched, "AWS to launch an instance"},
		{karpv1.ConditionTypeRegistered, "the instance to join the cluster"},
		{karpv1.ConditionTypeInitialized, "the node to be ready"},
	}
}

// waitsFor is the first step that is not done, and for how long it has been waited for.
func waitsFor(claim *karpv1.NodeClaim, now time.Time) string {
	if claim.DeletionTimestamp != nil {
		return leaving(claim, now)
	}
	since := claim.CreationTimestamp.Time
	for _, step := range steps() {
		condition := conditionOf(claim, step.condition)
		if condition != nil && condition.Status == metav1.ConditionTrue {
			since = condition.LastTransitionTime.Time
			continue
		}
		text := step.otherwise
		if condition != nil && condition.Message != "" && condition.Message != "object is awaiting reconciliation" && condition.Message != condition.Reason {
			text = condition.Message
		}
		return fmt.Sprintf("%s: %s (for %s)", step.condition, text, duration.HumanDuration(now.Sub(since)))
	}
	return ""
}

// leaving says why a claim goes and what its end waits for.
func leaving(claim *karpv1.NodeClaim, now time.Time) string {
	why := "deleted"
	if disrupted := conditionOf(claim, karpv1.ConditionTypeDisruptionReason); disrupted != nil {
		why = cmp.Or(disrupted.Message, disrupted.Reason, why)
	}
	text := fmt.Sprintf("leaving: %s (for %s)", why, duration.HumanDuration(now.Sub(claim.DeletionTimestamp.Time)))
	for _, kind := range []string{karpv1.ConditionTypeDrained, karpv1.ConditionTypeVolumesDetached, karpv1.ConditionTypeInstanceTerminating} {
		condition := conditionOf(claim, kind)
		if condition != nil && condition.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%s; %s: %s", text, kind, cmp.Or(condition.Message, condition.Reason))
		}
	}
	return text
}
