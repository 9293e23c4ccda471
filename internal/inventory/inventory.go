// Package inventory is what a cluster has of nodes and what they are for, as `drover get
// nodeclaims`, `nodepools` and `nodes` show it: with prices, what each waits for, and why
// it exists. It only reads.
package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// Query says which objects are wanted.
type Query struct {
	// Names, when there are any, must all exist.
	Names []string
	// Selector chooses by labels; nil takes all.
	Selector labels.Selector
}

func (q *Query) options() []client.ListOption {
	if q.Selector == nil {
		return nil
	}
	return []client.ListOption{client.MatchingLabelsSelector{Selector: q.Selector}}
}

// chosen are the objects that the query names, all if it names none, by name.
func chosen[T any](q *Query, kind string, objects []T, name func(*T) string) ([]T, error) {
	slices.SortFunc(objects, func(a, b T) int { return strings.Compare(name(&a), name(&b)) })
	if len(q.Names) == 0 {
		return objects, nil
	}
	var found []T
	for _, wanted := range q.Names {
		at := slices.IndexFunc(objects, func(object T) bool { return name(&object) == wanted })
		if at < 0 {
			return nil, fmt.Errorf("the cluster has no %s %q", kind, wanted)
		}
		found = append(found, objects[at])
	}
	return found, nil
}

// Counted is an amount that is used of one that there is, both as Kubernetes writes
// them; Limit is empty where nothing bounds it.
type Counted struct {
	Used  string `json:"used"`
	Limit string `json:"limit,omitempty"`
}

func readClaims(ctx context.Context, reader client.Reader, q *Query) ([]karpv1.NodeClaim, error) {
	var list karpv1.NodeClaimList
	if err := reader.List(ctx, &list, q.options()...); err != nil {
		return nil, unread("NodeClaims", err)
	}
	return list.Items, nil
}

// unread explains why objects of drover's kinds cannot be read.
func unread(kind string, err error) error {
	if meta.IsNoMatchError(err) {
		return fmt.Errorf("the cluster does not know %s of karpenter.sh/v1: drover's CustomResourceDefinitions are not installed (`drover manifests` has them); nodes of node groups are in `drover get nodes`: %w", kind, err)
	}
	return fmt.Errorf("reading %s: %w", kind, err)
}

// priceOf is what the machine of a claim was to cost when it was chosen, in USD per hour;
// before it is launched, what the first choice costs.
func priceOf(claim *karpv1.NodeClaim) float64 {
	offerings, err := translate.Offerings(claim)
	if err != nil || len(offerings) == 0 {
		return 0
	}
	key := model.OfferingKey{
		InstanceType: claim.Labels[corev1.LabelInstanceTypeStable], Zone: claim.Labels[corev1.LabelTopologyZone],
		CapacityType: model.CapacityType(claim.Labels[karpv1.CapacityTypeLabelKey]),
	}
	for _, offering := range offerings {
		if offering.OfferingKey == key {
			return offering.PricePerHour
		}
	}
	if claim.Status.ProviderID == "" {
		return offerings[0].PricePerHour
	}
	return 0
}
