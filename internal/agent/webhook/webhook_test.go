package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/agent"
	"github.com/drover-project/drover/internal/agent/webhook"
	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/interruption"
)

func report() agent.Report {
	at := time.Date(2026, 9, 18, 8, 22, 0, 0, time.UTC)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{"lifecycle": "Ec2Spot"}}}
	node.Spec.ProviderID = "aws:///us-west-2a/i-0abc"
	return agent.Report{
		Node: node, Identity: cloud.Identity{InstanceID: "i-0abc", Type: "m5.large", Zone: "us-west-2a", Account: "111122223333"},
		Notice: interruption.Spot("i-0abc", "terminate", at.Add(-2*time.Minute), at), Pods: []string{"shop/web-1", "shop/web-2"},
	}
}

// receiver is an endpoint that keeps what it was told.
func receiver(t *testing.T, status int) (url string, last *http.Request, body *string) {
	t.Helper()
	last, body = &http.Request{}, new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		*last, *body = *r, string(content)
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/services/secret", last, body
}

func TestTheUsualBody(t *testing.T) {
	url, last, body := receiver(t, http.StatusOK)
	w, err := webhook.New(webhook.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Post(t.Context(), report()); err != nil {
		t.Fatal(err)
	}
	var told struct{ Text string }
	if err := json.Unmarshal([]byte(*body), &told); err != nil || last.Method != http.MethodPost || last.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%v: %s, headers %v", err, *body, last.Header)
	}
	for _, part := range []string{"EventID: SpotInterruption_i-0abc_terminate", "Kind: SPOT_ITN", "Instance: i-0abc", "Node: node-1", "Start Time: 2026-09-18 08:22:00 +0000 UTC"} {
		if !strings.Contains(told.Text, part) {
			t.Errorf("%q is not in %q", part, told.Text)
		}
	}
}

func TestATemplateOfOnesOwn(t *testing.T) {
	url, last, body := receiver(t, http.StatusNoContent)
	w, err := webhook.New(webhook.Options{
		URL: url, Headers: `{"X-Team":"shop","Content-type":"text/plain"}`,
		Template: `{{ .NodeName | upper }} {{ index .NodeLabels "lifecycle" }} {{ .Pods | join "," }} {{ .AccountId }} {{ .InstanceType }} {{ .AvailabilityZone }} {{ .ProviderID }} {{ .Monitor }} {{ .Kind | trunc 4 }}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Post(t.Context(), report()); err != nil {
		t.Fatal(err)
	}
	if want := "NODE-1 Ec2Spot shop/web-1,shop/web-2 111122223333 m5.large us-west-2a aws:///us-west-2a/i-0abc SPOT_ITN_MONITOR SPOT"; *body != want {
		t.Errorf("%q, want %q", *body, want)
	}
	if last.Header.Get("X-Team") != "shop" || last.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("headers %v", last.Header)
	}
}

func TestKindsHaveTheirKnownNames(t *testing.T) {
	url, _, body := receiver(t, http.StatusOK)
	w, err := webhook.New(webhook.Options{URL: url, Template: "{{ .Kind }}"})
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[interruption.Kind]string{
		interruption.ScheduledEvent: "SCHEDULED_EVENT", interruption.RebalanceRecommendation: "REBALANCE_RECOMMENDATION", interruption.GroupTermination: "ASG_LIFECYCLE",
	} {
		r := report()
		r.Notice.Kind = kind
		if err := w.Post(t.Context(), r); err != nil || *body != want {
			t.Errorf("%s is %q, %v", kind, *body, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	url, _, _ := receiver(t, http.StatusForbidden)
	for _, target := range []string{url, "http://127.0.0.1:1/services/secret"} {
		w, err := webhook.New(webhook.Options{URL: target})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Post(t.Context(), report()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestThroughAProxy(t *testing.T) {
	proxy, last, _ := receiver(t, http.StatusOK)
	w, err := webhook.New(webhook.Options{URL: "http://hooks.invalid/x", Proxy: proxy})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Post(t.Context(), report()); err != nil || last.Host != "hooks.invalid" {
		t.Errorf("%v, host %q", err, last.Host)
	}
}

func TestBadOptions(t *testing.T) {
	for says, o := range map[string]webhook.Options{
		"https://host/path": {URL: "hooks"},
		"JSON object":       {URL: "https://h/", Headers: "X: 1"},
		"template":          {URL: "https://h/", Template: "{{ .NodeName"},
		"can't evaluate":    {URL: "https://h/", Template: "{{ .Nothing }}"},
		"proxy must be":     {URL: "https://h/", Proxy: "proxy"},
		"not defined":       {URL: "https://h/", Template: "{{ nothing }}"},
	} {
		if _, err := webhook.New(o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", o, err, says)
		}
	}
}
