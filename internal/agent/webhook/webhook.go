// Package webhook tells an HTTP endpoint of a node that was taken out of use,
// with a body made from a Go template, as aws-node-termination-handler does.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"

	"github.com/drover-project/drover/internal/agent"
	"github.com/drover-project/drover/internal/interruption"
)

// DefaultTemplate and DefaultHeaders are what is sent unless told otherwise.
const (
	DefaultTemplate = `{"text":"[drover][Instance Interruption] EventID: {{ .EventID }} - Kind: {{ .Kind }} - Instance: {{ .InstanceID }} - Node: {{ .NodeName }} - Description: {{ .Description }} - Start Time: {{ .StartTime }}"}`
	DefaultHeaders  = `{"Content-type":"application/json"}`
)

const timeout = 5 * time.Second

// Options of a Webhook. URL is required.
type Options struct {
	URL string
	// Headers is a JSON object of strings; empty means DefaultHeaders.
	Headers string
	// Template is a Go template with sprig's functions over Data; empty means
	// DefaultTemplate.
	Template string
	// Proxy is the URL of an HTTP proxy, empty for that of the environment.
	Proxy string
}

// Webhook posts reports. It implements agent.Poster.
type Webhook struct {
	url     string
	headers map[string]string
	body    *template.Template
	client  *http.Client
}

var _ agent.Poster = (*Webhook)(nil)

// Data is what a template can use: the fields that aws-node-termination-handler
// has there.
type Data struct {
	AccountId, InstanceID, InstanceLifeCycle, InstanceType string
	AvailabilityZone, Region                               string
	LocalHostname, LocalIP, PublicHostname, PublicIP       string
	EventID, Kind, Monitor, Description, State, ProviderID string
	NodeName                                               string
	NodeLabels                                             map[string]string
	Pods                                                   []string
	StartTime, EndTime                                     time.Time
	AutoScalingGroupName                                   string
	IsManaged                                              bool
}

// New checks the options: a template that cannot be read or does not fit Data is
// an error, and so is a header that is none.
func New(o Options) (*Webhook, error) {
	target, err := url.Parse(o.URL)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, errors.New("the webhook's URL must be like https://host/path")
	}
	w := &Webhook{url: o.URL, headers: map[string]string{}}
	if err := json.Unmarshal([]byte(orElse(o.Headers, DefaultHeaders)), &w.headers); err != nil {
		return nil, fmt.Errorf("the webhook's headers must be a JSON object of strings, such as %s: %w", DefaultHeaders, err)
	}
	if w.body, err = template.New("webhook").Funcs(sprig.TxtFuncMap()).Parse(orElse(o.Template, DefaultTemplate)); err != nil {
		return nil, fmt.Errorf("the webhook's template: %w", err)
	}
	if err := w.body.Execute(io.Discard, Data{}); err != nil {
		return nil, fmt.Errorf("the webhook's template: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if o.Proxy != "" {
		proxy, err := url.Parse(o.Proxy)
		if err != nil || proxy.Host == "" {
			return nil, errors.New("the webhook's proxy must be a URL like http://host:3128")
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	w.client = &http.Client{Transport: transport, Timeout: timeout}
	return w, nil
}

func orElse(given, usual string) string {
	if given == "" {
		return usual
	}
	return given
}

// Post implements agent.Poster. The URL, which may be a secret, is not part of
// the error.
func (w *Webhook) Post(ctx context.Context, report agent.Report) error {
	var body bytes.Buffer
	if err := w.body.Execute(&body, dataOf(report)); err != nil {
		return fmt.Errorf("making the body: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, &body)
	if err != nil {
		return errors.New("the request cannot be made")
	}
	for name, value := range w.headers {
		request.Header.Set(name, value)
	}
	response, err := w.client.Do(request)
	if err != nil {
		var about *url.Error
		if errors.As(err, &about) {
			err = about.Err
		}
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("it answered %s", response.Status)
	}
	return nil
}

// dataOf is a report as templates see it.
func dataOf(r agent.Report) Data {
	n, i := r.Notice, r.Identity
	start := n.Deadline
	if start.IsZero() {
		start = n.Noticed
	}
	kind := kindOf(n.Kind)
	return Data{
		AccountId: i.Account, InstanceID: n.InstanceID, InstanceLifeCycle: i.LifeCycle, InstanceType: i.Type,
		AvailabilityZone: i.Zone, Region: i.Region, LocalHostname: i.LocalHostname, LocalIP: i.LocalIPv4,
		PublicHostname: i.PublicHostname, PublicIP: i.PublicIPv4,
		EventID: strings.ReplaceAll(n.ID, "/", "_"), Kind: kind, Monitor: kind + "_MONITOR", State: n.Detail, ProviderID: r.Node.Spec.ProviderID,
		Description: agent.Describe(n), NodeName: r.Node.Name, NodeLabels: r.Node.Labels, Pods: r.Pods, StartTime: start, IsManaged: true,
	}
}

// kindOf is the name that aws-node-termination-handler has for a kind.
func kindOf(kind interruption.Kind) string {
	switch kind {
	case interruption.SpotInterruption:
		return "SPOT_ITN"
	case interruption.ScheduledEvent:
		return "SCHEDULED_EVENT"
	case interruption.RebalanceRecommendation:
		return "REBALANCE_RECOMMENDATION"
	case interruption.GroupTermination:
		return "ASG_LIFECYCLE"
	}
	return strings.ToUpper(string(kind))
}
