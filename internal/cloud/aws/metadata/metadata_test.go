package metadata_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/aws/metadata"
)

// serve serves paths below /latest to those who have a token.
func serve(t *testing.T, paths map[string]string) (*metadata.Client, *atomic.Int64) {
	t.Helper()
	var tokens atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const ttl, header = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "X-Aws-Ec2-Metadata-Token"
		content, found := paths[strings.TrimPrefix(r.URL.Path, "/latest/")]
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get(ttl) != "":
			tokens.Add(1)
			w.Header().Set(ttl, r.Header.Get(ttl))
			fmt.Fprintf(w, "token-%d", tokens.Load())
		case r.Header.Get(header) != fmt.Sprintf("token-%d", tokens.Load()) || tokens.Load() == 0:
			w.WriteHeader(http.StatusUnauthorized)
		case !found:
			w.WriteHeader(http.StatusNotFound)
		default:
			fmt.Fprint(w, content)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true") // is not about this client
	return metadata.New(metadata.Options{Endpoint: server.URL + "/", Tries: 1}), &tokens
}

func at(hour, minute int) time.Time { return time.Date(2026, 9, 18, hour, minute, 0, 0, time.UTC) }

func TestWhatIsAnnounced(t *testing.T) {
	client, tokens := serve(t, map[string]string{
		"meta-data/spot/instance-action":             `{"action": "terminate", "time": "2026-09-18T08:22:00Z"}`,
		"meta-data/events/recommendations/rebalance": `{"noticeTime":"2026-09-18T08:10:00Z"}`,
		"meta-data/events/maintenance/scheduled": `[ {
  "NotBefore" : "8 Sep 2026 09:00:43 GMT", "Code" : "system-reboot", "Description" : "scheduled reboot",
  "EventId" : "instance-event-1", "NotAfter" : "18 Sep 2026 09:17:23 GMT", "State" : "active", "Unheard" : 1 } ]`,
		"meta-data/events/maintenance/history":         `[{"NotBefore":"01 Sep 2026 09:00:00 GMT","Code":"instance-stop","EventId":"instance-event-0","State":"canceled"}]`,
		"meta-data/autoscaling/target-lifecycle-state": "Terminated\n",
	})
	spot, err := client.SpotInterruption(t.Context())
	if want := (cloud.SpotInterruption{Action: "terminate", At: at(8, 22)}); err != nil || spot != want {
		t.Errorf("%+v, %v", spot, err)
	}
	if advised, err := client.Rebalance(t.Context()); err != nil || !advised.Equal(at(8, 10)) {
		t.Errorf("%s, %v", advised, err)
	}
	if state, err := client.TargetLifecycle(t.Context()); err != nil || state != "Terminated" {
		t.Errorf("%q, %v", state, err)
	}
	events, err := client.Maintenance(t.Context())
	want := []cloud.MaintenanceEvent{
		{
			ID: "instance-event-1", Code: "system-reboot", Description: "scheduled reboot",
			NotBefore: time.Date(2026, 9, 8, 9, 0, 43, 0, time.UTC), NotAfter: time.Date(2026, 9, 18, 9, 17, 23, 0, time.UTC),
		},
		{ID: "instance-event-0", Code: "instance-stop", NotBefore: time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC), Over: true},
	}
	if err != nil || !reflect.DeepEqual(events, want) {
		t.Errorf("%+v, %v", events, err)
	}
	if n := tokens.Load(); n != 1 {
		t.Errorf("%d tokens for five requests", n)
	}
	tokens.Add(1) // the token holds no more
	if _, err := client.Rebalance(t.Context()); err == nil {
		if n := tokens.Load(); n != 3 {
			t.Errorf("%d tokens", n)
		}
	} else if _, err := client.Rebalance(t.Context()); err != nil {
		t.Errorf("after a 401 no new token is asked for: %v", err)
	}
}

func TestNothingIsAnnounced(t *testing.T) {
	client, _ := serve(t, map[string]string{"meta-data/events/maintenance/scheduled": "[]"})
	spot, err := client.SpotInterruption(t.Context())
	if err != nil || spot != (cloud.SpotInterruption{}) {
		t.Errorf("%+v, %v", spot, err)
	}
	if at, err := client.Rebalance(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("%s, %v", at, err)
	}
	if events, err := client.Maintenance(t.Context()); err != nil || len(events) != 0 {
		t.Errorf("%v, %v", events, err)
	}
	if state, err := client.TargetLifecycle(t.Context()); err != nil || state != "" {
		t.Errorf("%q, %v", state, err)
	}
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	for name, c := range map[string]struct{ path, content string }{
		"no JSON":          {"spot/instance-action", `{"action":"termi`},
		"nothing":          {"spot/instance-action", ``},
		"no time":          {"spot/instance-action", `{"action":"terminate"}`},
		"another time":     {"spot/instance-action", `{"action":"terminate","time":"tomorrow"}`},
		"another action":   {"spot/instance-action", `{"action":"explode","time":"2026-09-18T08:22:00Z"}`},
		"a list":           {"spot/instance-action", `[]`},
		"an HTML page":     {"events/recommendations/rebalance", `<html></html>`},
		"no notice time":   {"events/recommendations/rebalance", `{}`},
		"no list":          {"events/maintenance/scheduled", `{"EventId":"instance-event-1"}`},
		"cut off":          {"events/maintenance/scheduled", `[{"EventId":"instance-event-1","Code":"system-reb`},
		"no id":            {"events/maintenance/scheduled", `[{"Code":"system-reboot","NotBefore":"8 Sep 2026 09:00:43 GMT"}]`},
		"a wrong date":     {"events/maintenance/scheduled", `[{"EventId":"e","Code":"system-reboot","NotBefore":"2026-09-18"}]`},
		"a wrong end":      {"events/maintenance/scheduled", `[{"EventId":"e","Code":"c","NotBefore":"8 Sep 2026 09:00:43 GMT","NotAfter":"x"}]`},
		"a state of words": {"autoscaling/target-lifecycle-state", "<title>502 Bad Gateway</title>"},
		"a huge answer":    {"spot/instance-action", `{"action":"` + strings.Repeat("x", 1<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := serve(t, map[string]string{"meta-data/" + c.path: c.content})
			_, spot := client.SpotInterruption(t.Context())
			_, rebalance := client.Rebalance(t.Context())
			_, maintenance := client.Maintenance(t.Context())
			_, group := client.TargetLifecycle(t.Context())
			err := errors.Join(spot, rebalance, maintenance, group)
			if !errors.Is(err, cloud.ErrUnreadable) || !strings.Contains(err.Error(), c.path) || len(err.Error()) > 1000 {
				t.Errorf("%.2000v", err)
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	paths := map[string]string{
		"meta-data/instance-id": "i-0abc", "meta-data/instance-type": "m5.large", "meta-data/instance-life-cycle": "spot",
		"meta-data/placement/availability-zone": "us-west-2a", "meta-data/placement/region": "us-west-2",
		"meta-data/local-hostname": "ip-192-168-1-2.us-west-2.compute.internal", "meta-data/local-ipv4": "192.168.1.2",
		"dynamic/instance-identity/document": `{"accountId":"111122223333"}`,
	}
	client, _ := serve(t, paths)
	want := cloud.Identity{
		InstanceID: "i-0abc", Type: "m5.large", LifeCycle: "spot", Zone: "us-west-2a", Region: "us-west-2", Account: "111122223333",
		LocalHostname: "ip-192-168-1-2.us-west-2.compute.internal", LocalIPv4: "192.168.1.2",
	}
	if got, err := client.Identity(t.Context()); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	paths["meta-data/instance-id"] = "<html>"
	if _, err := client.Identity(t.Context()); !errors.Is(err, cloud.ErrUnreadable) {
		t.Error(err)
	}
}

func TestAServiceThatIsNotThere(t *testing.T) {
	client := metadata.New(metadata.Options{Endpoint: "http://127.0.0.1:1", Tries: 1})
	if _, err := client.SpotInterruption(t.Context()); err == nil || errors.Is(err, cloud.ErrUnreadable) {
		t.Error(err)
	}
}

// TestAgainstAnotherImplementation reads what amazon-ec2-metadata-mock serves, if
// DROVER_METADATA_MOCK says where one runs: see `make check-metadata`.
func TestAgainstAnotherImplementation(t *testing.T) {
	endpoint := os.Getenv("DROVER_METADATA_MOCK")
	if endpoint == "" {
		t.Skip("DROVER_METADATA_MOCK does not say where amazon-ec2-metadata-mock runs")
	}
	client := metadata.New(metadata.Options{Endpoint: endpoint})
	identity, err := client.Identity(t.Context())
	if err != nil || identity.InstanceID != "i-1234567890abcdef0" || identity.Zone == "" || identity.Account == "" {
		t.Errorf("%+v, %v", identity, err)
	}
	if spot, err := client.SpotInterruption(t.Context()); err != nil || spot.Action != "terminate" || spot.At.IsZero() {
		t.Errorf("%+v, %v", spot, err)
	}
	if at, err := client.Rebalance(t.Context()); err != nil || at.IsZero() {
		t.Errorf("%s, %v", at, err)
	}
	events, err := client.Maintenance(t.Context())
	if err != nil || len(events) == 0 || events[0].NotBefore.IsZero() || events[0].Over {
		t.Errorf("%+v, %v", events, err)
	}
	if state, err := client.TargetLifecycle(t.Context()); err != nil || state == "" {
		t.Errorf("%q, %v", state, err)
	}
}
