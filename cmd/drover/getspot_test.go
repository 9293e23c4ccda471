package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/internal/spot"
)

func runGetSpot(t *testing.T, state spot.State, err error, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := newGetSpotCommand(func(context.Context, controllerOptions, string) (spot.State, error) { return state, err })
	command.SetArgs(append([]string{}, args...)) // none would be those of the process
	command.SetOut(&out)
	command.SetErr(&out)
	failure := command.ExecuteContext(t.Context())
	return out.String(), failure
}

func TestGetSpot(t *testing.T) {
	state := spot.State{Nodes: 4, PricePerHour: 0.4, Pools: []spot.Pool{{
		InstanceType: "m5.large", Zone: "us-west-2a", Nodes: 3, Leaving: 1, Price: 0.031, OnDemand: 0.096, Saving: 0.677, NodeShare: 0.75, CostShare: 0.4,
		Seen: spot.Seen{Interruptions: 2, Recommendations: 1, Last: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)},
	}}, Unavailable: []spot.Unavailable{{InstanceType: "c5.large", Zone: "us-west-2b", CapacityType: "spot", Reason: "UnfulfillableCapacity at 12:00"}}}
	for output, want := range map[string][]string{
		"table": {"INSTANCE TYPE", "m5.large", "$0.0310", "$0.0960", "68%", "75%", "40%"},
		"wide":  {"LAST NOTICE", "2026-09-01T12:00:00Z", "c5.large", "UnfulfillableCapacity at 12:00"},
		"json":  {`"interruptions": 2`, `"saving": 0.677`},
		"yaml":  {"instanceType: m5.large", "recommendations: 1"},
	} {
		text, err := runGetSpot(t, state, nil, "-o", output)
		for _, each := range want {
			if err != nil || !strings.Contains(text, each) {
				t.Errorf("-o %s lacks %q: %v\n%s", output, each, err, text)
			}
		}
	}
	if text, err := runGetSpot(t, spot.State{}, nil); err != nil || !strings.Contains(text, "No Spot pools") {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := runGetSpot(t, state, nil, "-o", "xml"); err == nil || !strings.Contains(err.Error(), "wide") {
		t.Errorf("an unknown format: %v", err)
	}
	if _, err := runGetSpot(t, state, errors.New("no controller")); err == nil {
		t.Error("a failure is not told")
	}
}
