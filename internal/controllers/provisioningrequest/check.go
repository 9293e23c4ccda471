package provisioningrequest

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/provreq"
)

// check answers a request that only asks what has room on the nodes there are.
func (c *Controller) check(request *provreq.ProvisioningRequest, snapshot *model.Snapshot, pods []model.Pod) metav1.Condition {
	mode, known := request.Partial()
	if !known {
		c.Log.Info("the parameter "+provreq.PartialCheck+" is left out of account: it is "+provreq.BookPartial+" or "+provreq.CheckOnly,
			"provisioning-request", nameOf(request), "value", string(request.Spec.Parameters[provreq.PartialCheck]))
	}
	if mode != "" {
		return c.checkBySet(request, snapshot, pods, mode)
	}
	trial := *snapshot
	report := c.Bookings.settle(&trial, pods)
	request.Detail(provreq.SchedulableCounts, nil)
	if len(report.Unplaced) == 0 {
		request.Detail(provreq.SchedulableSets, request.Names())
		return c.found()
	}
	request.Detail(provreq.SchedulableSets, nil)
	return c.notFound(request, noRoom(report))
}

// checkBySet looks at one PodSet after the other: one that has room for all of its
// pods takes it from those after it.
func (c *Controller) checkBySet(request *provreq.ProvisioningRequest, snapshot *model.Snapshot, pods []model.Pod, mode provreq.Parameter) metav1.Condition {
	fitting, counts, why := []string{}, map[string]int{}, ""
	taken, names := *snapshot, request.Names()
	for i, set := range provreq.BySet(request, pods) {
		trial := taken
		report := c.Bookings.settle(&trial, set)
		without := unplaced(report)
		counts[names[i]] += len(set) - without
		switch {
		case without == 0:
			taken = trial
			fitting = append(fitting, names[i])
		case why == "":
			why = fmt.Sprintf("PodSet %d (%s): %s", i, names[i], noRoom(report))
		}
	}
	request.Detail(provreq.SchedulableSets, fitting)
	request.Detail(provreq.SchedulableCounts, counts)
	switch len(fitting) {
	case len(names):
		return c.found()
	case 0:
		return c.notFound(request, why)
	}
	text := fmt.Sprintf("Partial capacity is found in the cluster. Schedulable podsets: %s. %s", strings.Join(fitting, ","), why)
	return c.condition(provreq.Provisioned, mode == provreq.BookPartial, provreq.PartialCapacityIsFound, text)
}

// notFound is the answer where nothing has room: the last one if the request says so.
func (c *Controller) notFound(request *provreq.ProvisioningRequest, why string) metav1.Condition {
	if request.Spec.Parameters[provreq.NoRetry] == "true" {
		return c.condition(provreq.Failed, true, "CapacityIsNotFound", "CA could not find requested capacity: "+why)
	}
	return c.refusal(why)
}

// unplaced is how many pods have no room.
func unplaced(report model.Report) int {
	count := 0
	for _, reason := range report.Unplaced {
		count += len(reason.Pods)
	}
	return count
}
