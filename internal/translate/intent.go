package translate

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

// ReasonAnnotation says, on a NodeClaim, why it is what it is.
const ReasonAnnotation = "drover.sh/reason"

// SpotFallbackAnnotation says, on a NodeClaim that is bought on demand although
// Spot would do for less, which Spot pool has no capacity and since when.
const SpotFallbackAnnotation = "drover.sh/spot-fallback"

// OfferingsAnnotation holds, on a NodeClaim, what it may buy: offerings, best
// first, as INSTANCETYPE/ZONE/ZONEID/CAPACITYTYPE=PRICE, separated by commas. It
// is written when the NodeClaim is created, so that the whole intent is recorded
// before the cloud is called, and never changed. There may be 60, and the API
// server reads all of them at each change of the claim: hence no JSON.
const OfferingsAnnotation = "drover.sh/offerings"

// EncodeOfferings is the annotation's value.
func EncodeOfferings(offerings []model.Offering) string {
	var text strings.Builder
	for i, o := range offerings {
		if i > 0 {
			text.WriteByte(',')
		}
		for _, part := range []string{o.InstanceType, o.Zone, o.ZoneID} {
			text.WriteString(part)
			text.WriteByte('/')
		}
		text.WriteString(string(o.CapacityType))
		text.WriteByte('=')
		text.WriteString(strconv.FormatFloat(o.PricePerHour, 'g', -1, 64))
	}
	return text.String()
}

// Offerings reads what a NodeClaim may buy; none when it is not annotated.
func Offerings(claim *karpv1.NodeClaim) ([]model.Offering, error) {
	text := claim.Annotations[OfferingsAnnotation]
	if text == "" {
		return nil, nil
	}
	offerings := make([]model.Offering, 0, strings.Count(text, ",")+1)
	for entry := range strings.SplitSeq(text, ",") {
		offering, err := decodeOffering(entry)
		if err != nil {
			return nil, fmt.Errorf("NodeClaim %s: annotation %s: %w", claim.Name, OfferingsAnnotation, err)
		}
		offerings = append(offerings, offering)
	}
	return offerings, nil
}

func decodeOffering(entry string) (model.Offering, error) {
	what, price, _ := strings.Cut(entry, "=")
	amount, err := strconv.ParseFloat(price, 64)
	parts := strings.Split(what, "/")
	if err != nil || len(parts) != 4 || math.IsNaN(amount) || math.IsInf(amount, 0) {
		return model.Offering{}, fmt.Errorf("%q should be INSTANCETYPE/ZONE/ZONEID/CAPACITYTYPE=PRICE", entry)
	}
	key := model.OfferingKey{InstanceType: parts[0], Zone: parts[1], CapacityType: model.CapacityType(parts[3])}
	return model.Offering{OfferingKey: key, ZoneID: parts[2], PricePerHour: amount}, nil
}
