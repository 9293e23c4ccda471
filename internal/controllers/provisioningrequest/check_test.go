package provisioningrequest_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/provreq"
)

// askSets creates a request with a PodSet of so many pods for each "NAME COUNT CPU".
func (w *world) askSets(sets []set, parameters map[string]provreq.Parameter) {
	w.t.Helper()
	request := &provreq.ProvisioningRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "job"}}
	request.Spec = provreq.Spec{ProvisioningClassName: provreq.CheckCapacity, Parameters: parameters}
	made := map[string]bool{}
	for _, each := range sets {
		if !made[each.name] {
			w.create(&corev1.PodTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: each.name}, Template: corev1.PodTemplateSpec{Spec: podSpec(each.cpu)}})
		}
		made[each.name] = true
		request.Spec.PodSets = append(request.Spec.PodSets, provreq.PodSet{PodTemplateRef: provreq.Reference{Name: each.name}, Count: each.count})
	}
	w.create(request)
}

type set struct {
	name  string
	count int32
	cpu   string
}

// One node of 1930m cpu.
func TestPodSetsAreCheckedOneByOne(t *testing.T) {
	var (
		some = []set{{"workers", 2, "600m"}, {"large", 2, "700m"}, {"small", 2, "100m"}}
		all  = some[:1]
		none = []set{{"huge", 2, "4"}, {"large", 3, "900m"}}
	)
	for name, test := range map[string]struct {
		sets                []set
		parameters          map[string]provreq.Parameter
		state, sets2, count string
		booked              int
	}{
		"whole, all":         {all, nil, granted, `["workers"]`, "", 2},
		"whole, some":        {some, nil, refused, "", "", 0},
		"whole, no mode":     {some, map[string]provreq.Parameter{provreq.PartialCheck: "true"}, refused, "", "", 0},
		"bookPartial, all":   {all, map[string]provreq.Parameter{provreq.PartialCheck: provreq.BookPartial}, granted, `["workers"]`, `{"workers":2}`, 2},
		"bookPartial, some":  {some, map[string]provreq.Parameter{provreq.PartialCheck: provreq.BookPartial}, "Accepted=True/Accepted Provisioned=True/PartialCapacityIsFound", `["workers","small"]`, `{"large":1,"small":2,"workers":2}`, 4},
		"checkOnly, some":    {some, map[string]provreq.Parameter{provreq.PartialCheck: provreq.CheckOnly}, "Accepted=True/Accepted Provisioned=False/PartialCapacityIsFound", `["workers","small"]`, `{"large":1,"small":2,"workers":2}`, 0},
		"checkOnly, all":     {all, map[string]provreq.Parameter{provreq.PartialCheck: provreq.CheckOnly}, granted, `["workers"]`, `{"workers":2}`, 2},
		"bookPartial, none":  {none, map[string]provreq.Parameter{provreq.PartialCheck: provreq.BookPartial}, refused, `[]`, `{"huge":0,"large":2}`, 0},
		"none, and the last": {none, map[string]provreq.Parameter{provreq.PartialCheck: provreq.CheckOnly, provreq.NoRetry: "true"}, "Accepted=True/Accepted Failed=True/CapacityIsNotFound", `[]`, `{"huge":0,"large":2}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, 1)
			w.askSets(test.sets, test.parameters)
			w.round()
			w.want("job", test.state)
			details := w.request("job").Status.ProvisioningClassDetails
			if got := string(details[provreq.SchedulableSets]); got != test.sets2 {
				t.Errorf("PodSets that fit are %s, want %s", got, test.sets2)
			}
			if got := string(details[provreq.SchedulableCounts]); got != test.count {
				t.Errorf("pods that fit are %s, want %s", got, test.count)
			}
			if got := w.booked(); got != test.booked {
				t.Errorf("room is kept for %d pods, want %d", got, test.booked)
			}
			isUnknown := test.parameters[provreq.PartialCheck] == "true"
			if said := strings.Contains(w.log.String(), "it is bookPartial or checkOnly"); said != isUnknown {
				t.Errorf("the log speaks of an unknown mode: %t, want %t", said, isUnknown)
			}
		})
	}
}

func TestAPartHasItsReason(t *testing.T) {
	w := newWorld(t, 1, 1)
	w.askSets([]set{{"workers", 2, "600m"}, {"large", 2, "700m"}}, map[string]provreq.Parameter{provreq.PartialCheck: provreq.BookPartial})
	w.round()
	text := w.message("job", provreq.Provisioned)
	for _, part := range []string{"Partial capacity is found in the cluster. Schedulable podsets: workers", "PodSet 1 (large): 1 of its pods have no room: no node of the cluster has room"} {
		if !strings.Contains(text, part) {
			t.Errorf("the message is %q, want %q in it", text, part)
		}
	}
	w.restart()
	if got := w.booked(); got != 2 {
		t.Errorf("another process keeps room for %d pods, want 2", got)
	}
}
