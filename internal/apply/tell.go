package apply

import (
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/model"
)

// Teller tells people what was decided and why: events on pods, and a log line
// when something new is to be said. It is not for concurrent use.
type Teller struct {
	Events *events.Recorder
	Log    logr.Logger
	// said is what the log last said of each pod without a place, so that a
	// pod that waits for hours is not in every line.
	said map[types.UID]string
	// leaving are the nodes that pods still run on which are planned elsewhere.
	leaving map[model.PodKey]string
	// groups and pools say of what there is something to tell.
	groups, pools bool
}

// Tell publishes the outcome of one decision.
func (t *Teller) Tell(decision *Decision, outcome Outcome) {
	snapshot, plan := decision.Snapshot, &decision.Plan
	uids := make(map[model.PodKey]types.UID, len(snapshot.Pending))
	t.leaving = map[model.PodKey]string{}
	for i := range snapshot.Pending {
		uids[snapshot.Pending[i].PodKey] = types.UID(snapshot.Pending[i].UID)
		if from := snapshot.Pending[i].Leaving; from != "" {
			t.leaving[snapshot.Pending[i].PodKey] = from
		}
	}
	for _, placement := range plan.Placements {
		t.nominated(placement.Pod, uids, placement.Node)
	}
	waiting := map[types.UID]string{}
	t.groups = len(snapshot.NodeGroups) > 0
	t.pools = len(snapshot.NodePools) > 0
	for i, launch := range plan.Launches {
		if outcome.Created[i] == "" {
			t.unplaced(launch.Pods, uids, outcome.Refused[i], waiting)
			continue
		}
		if launch.NodeGroup != "" {
			note := fmt.Sprintf("pod triggered scale-up: [%s]; %s", sizeText(launch.NodeGroup, snapshot, outcome), decision.why(i))
			for _, key := range launch.Pods {
				t.Events.Normal(pod(key, uids), events.TriggeredScaleUp, note)
			}
			continue
		}
		note := fmt.Sprintf("nodeclaim/%s; %s", outcome.Created[i], decision.why(i))
		for _, key := range launch.Pods {
			t.nominated(key, uids, note)
		}
	}
	for _, group := range decision.Report.Unplaced {
		t.unplaced(group.Pods, uids, Explain(group), waiting)
	}
	t.said = waiting
}

// nominated tells a pod of its place. One whose node goes does not move there,
// its successor does, and hears of it: thousands of events would take from the
// seconds in which pods can still be moved.
func (t *Teller) nominated(key model.PodKey, uids map[model.PodKey]types.UID, place string) {
	if t.leaving[key] != "" {
		return
	}
	t.Events.Normal(pod(key, uids), events.Nominated, "Pod should schedule on: "+place)
}

// unplaced says why the pods have no place: to each by an event, and in the log
// once for all of those of whom it has not been said.
func (t *Teller) unplaced(keys []model.PodKey, uids map[model.PodKey]types.UID, why string, waiting map[types.UID]string) {
	var fresh []string
	for _, key := range keys {
		uid := uids[key]
		waiting[uid] = why
		if from := t.leaving[key]; from != "" {
			t.Events.Warning(pod(key, uids), events.FailedScheduling, "Node "+from+" is on its way out, and the pod has no other place yet: "+why)
			continue
		}
		if t.groups {
			t.Events.Normal(pod(key, uids), events.NotTriggerScaleUp, "pod didn't trigger scale-up: "+why)
		}
		if t.pools || !t.groups {
			t.Events.Warning(pod(key, uids), events.FailedScheduling, why)
		}
		if t.said[uid] != why {
			fresh = append(fresh, key.String())
		}
	}
	if len(fresh) > 0 {
		t.Log.Error(nil, "could not schedule pod", "Pods", Sample(fresh), "pod-count", len(fresh), "reason", why)
	}
}

// Explain is one sentence for a group of pods without a place: the reason with
// the nearest way to place them, or what the nearest NodePools had against it
// when no single change would do.
func Explain(group model.PodReason) string {
	var text strings.Builder
	text.WriteString(group.Message)
	if group.Remedy != nil {
		return text.String()
	}
	for _, alternative := range group.Alternatives {
		switch {
		case strings.Contains(group.Message, alternative.Message):
		case alternative.NodeGroup != "":
			fmt.Fprintf(&text, "; node group %q: %s", alternative.NodeGroup, alternative.Message)
		default:
			fmt.Fprintf(&text, "; nodepool %q: %s", alternative.NodePool, alternative.Message)
		}
	}
	return text.String()
}

// ExplainLaunch is one sentence for a launch: why this offering, and what kept
// cheaper ones from being chosen.
func ExplainLaunch(launch model.LaunchReason) string {
	var text strings.Builder
	text.WriteString(launch.Chosen.Message)
	for i, offering := range launch.Rejected {
		separator := ", "
		if i == 0 {
			separator = "; cheaper but ruled out: "
		}
		fmt.Fprintf(&text, "%s%s at %g $/h (%s)", separator, offeringText(offering.OfferingKey), offering.PricePerHour, offering.Message)
	}
	if launch.RejectedMore > 0 {
		fmt.Fprintf(&text, " and %d more", launch.RejectedMore)
	}
	return text.String()
}

// offeringText leaves out the zone when the reason is the same in all of them.
func offeringText(key model.OfferingKey) string {
	text := string(key.CapacityType) + " " + key.InstanceType
	if key.Zone != "" {
		text += " in " + key.Zone
	}
	return text
}

// sizeText is a group's growth the way cluster-autoscaler writes it.
func sizeText(name string, snapshot *model.Snapshot, outcome Outcome) string {
	for _, size := range outcome.Grown {
		if size.Name == name {
			return SizeText(size, snapshot)
		}
	}
	return "{" + name + "}"
}

// SizeText writes {NAME FROM->TO (max: MAX)}.
func SizeText(size model.GroupSize, snapshot *model.Snapshot) string {
	most := 0
	for i := range snapshot.NodeGroups {
		if snapshot.NodeGroups[i].Name == size.Name {
			most = snapshot.NodeGroups[i].Max
		}
	}
	return fmt.Sprintf("{%s %d->%d (max: %d)}", size.Name, size.From, size.To, most)
}

// Sample is the first few names of a list.
func Sample(names []string) string {
	const shown = 5
	if len(names) > shown {
		return fmt.Sprintf("%s and %d other(s)", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

func pod(key model.PodKey, uids map[model.PodKey]types.UID) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: uids[key]}}
}
