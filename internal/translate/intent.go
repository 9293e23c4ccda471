package translate

import (
	"encoding/json"
	"fmt"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

// ReasonAnnotation says, on a NodeClaim, why it is what it is.
const ReasonAnnotation = "drover.sh/reason"

// SpotFallbackAnnotation says, on a NodeClaim that is bought on demand although
// Spot would do for less, which Spot pool has no capacity and since when.
const SpotFallbackAnnotation = "drover.sh/spot-fallback"

// OfferingsAnnotation holds, on a NodeClaim, what it may buy: a JSON list of
// offerings, best first. It is written when the NodeClaim is created, so that
// the whole intent is recorded before the cloud is called, and never changed.
const OfferingsAnnotation = "drover.sh/offerings"

// EncodeOfferings is the annotation's value.
func EncodeOfferings(offerings []model.Offering) (string, error) {
	encoded, err := json.Marshal(offerings)
	if err != nil {
		return "", fmt.Errorf("encoding offerings: %w", err)
	}
	return string(encoded), nil
}

// Offerings reads what a NodeClaim may buy; none when it is not annotated.
func Offerings(claim *karpv1.NodeClaim) ([]model.Offering, error) {
	encoded, ok := claim.Annotations[OfferingsAnnotation]
	if !ok {
		return nil, nil
	}
	var offerings []model.Offering
	if err := json.Unmarshal([]byte(encoded), &offerings); err != nil {
		return nil, fmt.Errorf("NodeClaim %s: annotation %s is not a JSON list of offerings: %w", claim.Name, OfferingsAnnotation, err)
	}
	return offerings, nil
}
