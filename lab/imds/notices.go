package imds

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/drover-project/drover/lab/machine"
)

// maintenanceTime is how scheduled events write a time.
const maintenanceTime = "2 Jan 2006 15:04:05 GMT"

// addNotices shows what EC2 announces. Of it only the maintenance events are
// always there.
func (t tree) addNotices(n machine.Notices) {
	if i := n.Interruption; i != nil {
		at := i.At.UTC().Format(timestamp)
		t.add("meta-data/spot/instance-action", compact(struct {
			Action string `json:"action"`
			Time   string `json:"time"`
		}{i.Action, at}))
		if i.Action == "terminate" {
			t.add("meta-data/spot/termination-time", at)
		}
	}
	if !n.Rebalance.IsZero() {
		t.add("meta-data/events/recommendations/rebalance", compact(struct {
			NoticeTime string `json:"noticeTime"`
		}{n.Rebalance.UTC().Format(timestamp)}))
	}
	t.addIfAny("meta-data/autoscaling/target-lifecycle-state", n.TargetLifecycle)
	t.add("meta-data/events/maintenance/scheduled", maintenance(n.Scheduled, func(state string) bool { return state == "active" }))
	t.add("meta-data/events/maintenance/history", maintenance(n.Scheduled, func(state string) bool { return state != "active" }))
}

func compact(v any) string {
	content, err := json.Marshal(v)
	if err != nil {
		panic(err) // only plain structs are given
	}
	return string(content)
}

// event is a maintenance event as it is served.
type event struct {
	NotBefore   string
	Code        string
	Description string
	EventID     string `json:"EventId"`
	NotAfter    string `json:",omitempty"`
	State       string
}

// maintenance lists the events whose state is wanted.
func maintenance(scheduled []machine.ScheduledEvent, wanted func(state string) bool) string {
	events := []event{}
	for _, e := range scheduled {
		if !wanted(e.State) {
			continue
		}
		events = append(events, event{
			NotBefore: e.NotBefore.UTC().Format(maintenanceTime), Code: e.Code, Description: described(e), EventID: e.ID,
			NotAfter: orNone(e.NotAfter), State: e.State,
		})
	}
	if len(events) == 0 {
		return "[]"
	}
	return spaced(events)
}

// described is an event's description, which says when it is over.
func described(e machine.ScheduledEvent) string {
	over := map[string]string{"completed": "[Completed] ", "canceled": "[Canceled] "}[e.State]
	return over + strings.TrimPrefix(e.Description, over)
}

func orNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(maintenanceTime)
}
