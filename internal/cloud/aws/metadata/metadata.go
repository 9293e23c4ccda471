// Package metadata reads the EC2 instance metadata service, with session tokens
// (IMDSv2) and AWS's own client.
package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"github.com/drover-project/drover/internal/cloud"
)

// Paths below /latest/meta-data.
const (
	spotPath      = "spot/instance-action"
	rebalancePath = "events/recommendations/rebalance"
	scheduledPath = "events/maintenance/scheduled"
	historyPath   = "events/maintenance/history"
	lifecyclePath = "autoscaling/target-lifecycle-state"
)

// maintenanceTime is how scheduled events write a time, in GMT.
const maintenanceTime = "2 Jan 2006 15:04:05 GMT"

// largest is how much of an answer is read: the longest is user data's 16 KiB,
// which is not asked for.
const largest = 64 << 10

// notFound is the HTTP status for what an instance does not have.
const notFound = 404

// Client implements cloud.Metadata.
type Client struct{ imds *imds.Client }

var _ cloud.Metadata = (*Client)(nil)

// Options of a Client.
type Options struct {
	// Endpoint is the service's URL; empty means the one in
	// AWS_EC2_METADATA_SERVICE_ENDPOINT, or else http://169.254.169.254.
	Endpoint string
	// Tries is how often a request is sent before it counts as failed; 0 means 3.
	Tries int
}

// New makes a client. It asks nothing yet.
func New(o Options) *Client {
	if o.Tries == 0 {
		o.Tries = retry.DefaultMaxAttempts
	}
	return &Client{imds: imds.New(imds.Options{
		Endpoint: strings.TrimSuffix(o.Endpoint, "/"),
		// Asking the service is all that this client is for.
		ClientEnableState: imds.ClientEnabled,
		Retryer:           retry.AddWithMaxAttempts(retry.NewStandard(), o.Tries),
	})}
}

// text is the content of a path; found is false where there is none.
func (c *Client) text(ctx context.Context, path string) (content string, found bool, err error) {
	out, err := c.imds.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		if isNotFound(err) {
			return "", false, nil
		}
		return "", false, fmt.Errorf("instance metadata %s: %w", path, err)
	}
	defer out.Content.Close()
	read, err := io.ReadAll(io.LimitReader(out.Content, largest))
	if err != nil {
		return "", false, fmt.Errorf("instance metadata %s: %w", path, err)
	}
	return strings.TrimSpace(string(read)), true, nil
}

func isNotFound(err error) bool {
	var response interface{ HTTPStatusCode() int }
	return errors.As(err, &response) && response.HTTPStatusCode() == notFound
}

// unreadable is ErrUnreadable with where and what.
func unreadable(path, content string, why any) error {
	const most = 200
	return fmt.Errorf("%w: %s is %.*q: %v", cloud.ErrUnreadable, path, most, content, why)
}

// SpotInterruption implements cloud.Metadata.
func (c *Client) SpotInterruption(ctx context.Context) (s cloud.SpotInterruption, err error) {
	content, found, err := c.text(ctx, spotPath)
	if err != nil || !found {
		return s, err
	}
	var body struct{ Action, Time string }
	if err := json.Unmarshal([]byte(content), &body); err != nil {
		return s, unreadable(spotPath, content, err)
	}
	at, err := time.Parse(time.RFC3339, body.Time)
	if err != nil {
		return s, unreadable(spotPath, content, err)
	}
	switch body.Action {
	case "terminate", "stop", "hibernate":
		return cloud.SpotInterruption{Action: body.Action, At: at.UTC()}, nil
	}
	return s, unreadable(spotPath, content, "an action is terminate, stop or hibernate")
}

// Rebalance implements cloud.Metadata.
func (c *Client) Rebalance(ctx context.Context) (at time.Time, err error) {
	content, found, err := c.text(ctx, rebalancePath)
	if err != nil || !found {
		return at, err
	}
	var body struct{ NoticeTime string }
	if err := json.Unmarshal([]byte(content), &body); err != nil {
		return at, unreadable(rebalancePath, content, err)
	}
	if at, err = time.Parse(time.RFC3339, body.NoticeTime); err != nil {
		return time.Time{}, unreadable(rebalancePath, content, err)
	}
	return at.UTC(), nil
}

// Maintenance implements cloud.Metadata.
func (c *Client) Maintenance(ctx context.Context) ([]cloud.MaintenanceEvent, error) {
	var events []cloud.MaintenanceEvent
	for _, path := range []string{scheduledPath, historyPath} {
		content, found, err := c.text(ctx, path)
		if err != nil {
			return nil, err
		}
		if !found || content == "" {
			continue
		}
		some, err := readMaintenance(path, content)
		if err != nil {
			return nil, err
		}
		events = append(events, some...)
	}
	return events, nil
}

func readMaintenance(path, content string) ([]cloud.MaintenanceEvent, error) {
	var bodies []struct {
		NotBefore, NotAfter, Code, Description, State string
		EventID                                       string `json:"EventId"`
	}
	if err := json.Unmarshal([]byte(content), &bodies); err != nil {
		return nil, unreadable(path, content, err)
	}
	var events []cloud.MaintenanceEvent
	for _, body := range bodies {
		e := cloud.MaintenanceEvent{
			ID: body.EventID, Code: body.Code, Description: body.Description, Over: isOver(body.State),
		}
		if e.ID == "" || e.Code == "" {
			return nil, unreadable(path, content, "an event has an EventId and a Code")
		}
		var err error
		if e.NotBefore, err = time.Parse(maintenanceTime, body.NotBefore); err != nil {
			return nil, unreadable(path, content, err)
		}
		if body.NotAfter != "" {
			if e.NotAfter, err = time.Parse(maintenanceTime, body.NotAfter); err != nil {
				return nil, unreadable(path, content, err)
			}
		}
		events = append(events, e)
	}
	return events, nil
}

// isOver knows a state that says so; one that is not known yet is not taken for
// the end of an event.
func isOver(state string) bool {
	switch strings.ToLower(state) {
	case "completed", "canceled", "cancelled":
		return true
	}
	return false
}

// TargetLifecycle implements cloud.Metadata.
func (c *Client) TargetLifecycle(ctx context.Context) (string, error) {
	content, _, err := c.text(ctx, lifecyclePath)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(content, " \n<{") {
		return "", unreadable(lifecyclePath, content, "a state is one word")
	}
	return content, nil
}

// Identity implements cloud.Metadata.
func (c *Client) Identity(ctx context.Context) (cloud.Identity, error) {
	var i cloud.Identity
	for path, into := range map[string]*string{
		"instance-id": &i.InstanceID, "instance-type": &i.Type, "instance-life-cycle": &i.LifeCycle,
		"placement/availability-zone": &i.Zone, "placement/region": &i.Region,
		"local-hostname": &i.LocalHostname, "local-ipv4": &i.LocalIPv4, "public-hostname": &i.PublicHostname, "public-ipv4": &i.PublicIPv4,
	} {
		content, _, err := c.text(ctx, path)
		if err != nil {
			return cloud.Identity{}, err
		}
		*into = content
	}
	if !strings.HasPrefix(i.InstanceID, "i-") {
		return cloud.Identity{}, unreadable("instance-id", i.InstanceID, "an instance's id begins with i-")
	}
	// Whoever mocks the service may leave the document out: the account is only told.
	document, err := c.imds.GetInstanceIdentityDocument(ctx, nil)
	if err == nil {
		i.Account = document.AccountID
	}
	return i, nil
}
