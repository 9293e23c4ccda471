package metadata_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/aws/metadata"
)

// FuzzAnswers: whatever the service says, it is understood, or an error that
// says so; what is understood is complete.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"action":"terminate","time":"2026-09-18T08:22:00Z"}`, `{"noticeTime":"2026-09-18T08:10:00Z"}`, "Terminated", "", "[]", "null", "[null]", "{}",
		`[{"NotBefore":"8 Sep 2026 09:00:43 GMT","Code":"system-reboot","EventId":"instance-event-1","State":"active"}]`,
		`{"action":["terminate"],"time":0}`, `[{"EventId":1}]`, "\xff\xfe", `{"action":"terminate","time":"9999-99-99T99:99:99Z"}`,
	} {
		f.Add(seed)
	}
	var content atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		}
		_, _ = w.Write([]byte(content.Load().(string)))
	}))
	f.Cleanup(server.Close)
	content.Store("token")
	client := metadata.New(metadata.Options{Endpoint: server.URL, Tries: 1})
	if _, err := client.TargetLifecycle(f.Context()); err != nil { // the token is kept from here on
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, said string) {
		content.Store(said)
		spot, err := client.SpotInterruption(t.Context())
		understood(t, err, spot.Action != "" && !spot.At.IsZero())
		at, err := client.Rebalance(t.Context())
		understood(t, err, !at.IsZero())
		events, err := client.Maintenance(t.Context())
		complete := true
		for _, e := range events {
			complete = complete && e.ID != "" && e.Code != "" && !e.NotBefore.IsZero()
		}
		understood(t, err, complete)
		_, err = client.TargetLifecycle(t.Context())
		understood(t, err, true)
	})
}

func understood(t *testing.T, err error, complete bool) {
	t.Helper()
	if err != nil && !errors.Is(err, cloud.ErrUnreadable) {
		t.Fatalf("it is not said that the answer is no good: %v", err)
	}
	if err == nil && !complete {
		t.Fatal("an answer is taken that says nothing")
	}
}
