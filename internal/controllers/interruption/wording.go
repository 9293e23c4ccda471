package interruption

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/model"
)

// wording is the event about a kind of notice, with Karpenter's reason.
func wording(kind interruption.Kind, detail string) (reason, note string) {
	switch kind {
	case interruption.SpotInterruption:
		return events.SpotInterrupted, "Spot interruption warning was triggered"
	case interruption.RebalanceRecommendation:
		return events.SpotRebalanceRecommendation, "Spot rebalance recommendation was triggered"
	case interruption.CapacityReservation:
		return events.CapacityReservationInterrupted, "Capacity reservation interruption warning was triggered"
	case interruption.GroupTermination:
		return events.InstanceTerminating, "The instance's Auto Scaling group terminates it"
	case interruption.StateChange:
		if detail == "stopping" || detail == "stopped" {
			return events.InstanceStopping, "Instance is stopping"
		}
		return events.InstanceTerminating, "Instance is terminating"
	}
	note = "An unhealthy warning was triggered for the instance"
	if detail != "" {
		note += ": " + detail
	}
	return events.InstanceUnhealthy, note
}

// spotPool is the Spot pool that a Node or NodeClaim came from, and whether its
// labels say so much.
func spotPool(labels map[string]string) (model.OfferingKey, bool) {
	pool := model.OfferingKey{InstanceType: labels[corev1.LabelInstanceTypeStable], Zone: labels[corev1.LabelTopologyZone], CapacityType: model.Spot}
	return pool, pool.InstanceType != "" && pool.Zone != ""
}
