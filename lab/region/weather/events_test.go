package weather_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/weather"
	"github.com/drover-project/drover/lab/region/world"
)

// region is a world whose events are written down.
type region struct {
	t       *testing.T
	clock   *clock.Manual
	world   *world.World
	ec2     *ec2api.EC2
	weather *weather.Keeper
	events  []world.Event
}

// scaled is a clock on which work takes a part of its time.
type scaled struct {
	*clock.Manual
	by time.Duration
}

func (s scaled) Scaled(d time.Duration) time.Duration { return d / s.by }

func (s scaled) AfterFunc(d time.Duration, f func()) (cancel func()) {
	return s.Manual.AfterFunc(d/s.by, f)
}

func open(t *testing.T, scale time.Duration) *region {
	t.Helper()
	r := &region{t: t, clock: clock.NewManual(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC))}
	var err error
	r.world, err = world.Open(world.Options{Clock: scaled{r.clock, scale}, Seed: 1, Cluster: world.ClusterInfo{Name: "blue", Endpoint: "https://127.0.0.1:6443"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.world.Close() })
	r.world.OnEvent(func(_ *store.Tx, e world.Event) error {
		r.events = append(r.events, e)
		return nil
	})
	r.ec2 = ec2api.New(r.world)
	if r.weather, err = weather.New(r.world, r.ec2); err != nil {
		t.Fatal(err)
	}
	return r
}

// launch starts a Spot instance in the first zone.
func (r *region) launch() string {
	r.t.Helper()
	ctx := context.Background()
	subnets, err := r.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []types.Filter{{Name: aws.String("availability-zone"), Values: []string{"us-west-2a"}}}})
	if err != nil {
		r.t.Fatal(err)
	}
	at := slices.IndexFunc(r.world.Images, func(i world.Image) bool { return i.Arch == "x86_64" })
	out, err := r.ec2.RunInstances(ctx, &ec2.RunInstancesInput{
		ImageId: &r.world.Images[at].ID, InstanceType: "m5.large", MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: subnets.Subnets[0].SubnetId,
		InstanceMarketOptions: &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot},
		TagSpecifications:     []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.clock.Advance(8 * time.Second)
	return *out.Instances[0].InstanceId
}

// told are the events as "detail-type source resources detail", without the ids
// of the instance and of events.
func (r *region) told(id string) string {
	var lines []string
	for _, e := range r.events {
		if e.DetailType == "EC2 Instance State-change Notification" && !strings.Contains(string(e.Detail), "shutting-down") {
			continue
		}
		lines = append(lines, strings.ReplaceAll(fmt.Sprint(e.DetailType, " | ", e.Source, " | ", e.Resources, " | ", string(e.Detail)), id, "ID"))
	}
	r.events = nil
	return strings.Join(lines, "\n")
}

func TestEventsAreAsEC2Sends(t *testing.T) {
	r := open(t, 1)
	id := r.launch()
	r.events = nil
	two := weather.Duration(2 * time.Minute)
	if _, err := r.weather.Interrupt(weather.Interruption{Selection: weather.Selection{Targets: []string{id}}, Recommend: &two}); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(2 * time.Minute)
	want := `EC2 Instance Rebalance Recommendation | aws.ec2 | [arn:aws:ec2:us-west-2a:instance/ID] | {"instance-id":"ID"}
EC2 Spot Instance Interruption Warning | aws.ec2 | [arn:aws:ec2:us-west-2a:instance/ID] | {"instance-action":"terminate","instance-id":"ID"}
EC2 Instance State-change Notification | aws.ec2 | [arn:aws:ec2:us-west-2:111122223333:instance/ID] | {"instance-id":"ID","state":"shutting-down"}`
	if got := r.told(id); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHealthEventsAreAsAWSSends(t *testing.T) {
	r := open(t, 1)
	id := r.launch()
	r.events = nil
	affected, err := r.weather.Schedule(weather.Maintenance{Selection: weather.Selection{Targets: []string{id}}, Code: "system-reboot"})
	if err != nil || len(r.events) != 1 {
		t.Fatal(err, r.events)
	}
	e := r.events[0]
	if e.DetailType != "AWS Health Event" || e.Source != "aws.health" || len(e.Resources) != 1 || e.Resources[0] != id {
		t.Errorf("%s of %s about %v", e.DetailType, e.Source, e.Resources)
	}
	var detail struct {
		EventARN          string `json:"eventArn"`
		Service           string `json:"service"`
		EventTypeCode     string `json:"eventTypeCode"`
		EventTypeCategory string `json:"eventTypeCategory"`
		StartTime         string `json:"startTime"`
		EventDescription  []struct {
			Language          string `json:"language"`
			LatestDescription string `json:"latestDescription"`
		} `json:"eventDescription"`
		AffectedEntities []struct {
			EntityValue string            `json:"entityValue"`
			Tags        map[string]string `json:"tags"`
		} `json:"affectedEntities"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(e.Detail)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&detail); err != nil {
		t.Fatal(err)
	}
	if detail.Service != "EC2" || detail.EventTypeCategory != "scheduledChange" || detail.EventTypeCode != "AWS_EC2_SYSTEM_REBOOT_MAINTENANCE_SCHEDULED" ||
		detail.StartTime != "Tue, 24 Nov 2026 08:05:08 GMT" || !strings.HasPrefix(detail.EventARN, "arn:aws:health:us-west-2::event/") || !strings.Contains(detail.EventARN, affected[0].EventID) {
		t.Errorf("%+v", detail)
	}
	if len(detail.AffectedEntities) != 1 || detail.AffectedEntities[0].EntityValue != id || detail.AffectedEntities[0].Tags["team"] != "blue" || len(detail.EventDescription) != 1 {
		t.Errorf("%+v", detail)
	}
}

// TestNoticesAreTrueOfTheLabsClock: an agent compares the notice with its own
// clock, which does not run faster; so two minutes are twelve seconds at scale 10.
func TestNoticesAreTrueOfTheLabsClock(t *testing.T) {
	r := open(t, 10)
	id := r.launch()
	now := r.clock.Now()
	affected, err := r.weather.Interrupt(weather.Interruption{Selection: weather.Selection{Targets: []string{id}}})
	if err != nil {
		t.Fatal(err)
	}
	if at := *affected[0].At; !at.Equal(now.Add(12 * time.Second)) {
		t.Errorf("the notice is for %s, %s from now", at, at.Sub(now))
	}
	stateOf := func() (state string) {
		r.world.Store.View(func() {
			i, _ := r.world.Instances.Get(id)
			state = string(i.State)
		})
		return state
	}
	r.clock.Advance(12*time.Second - 1)
	if stateOf() != "running" {
		t.Errorf("it is %s before its time", stateOf())
	}
	r.clock.Advance(time.Millisecond)
	if stateOf() != "shutting-down" {
		t.Errorf("it is %s after its time", stateOf())
	}
}

// TestTheWarningsTimeSaysWhenTheInstanceGoes: the event has no such field, and every
// client adds two minutes to its time.
func TestTheWarningsTimeSaysWhenTheInstanceGoes(t *testing.T) {
	for _, notice := range []time.Duration{2 * time.Minute, 12 * time.Second, 5 * time.Minute} {
		r := open(t, 1)
		id := r.launch()
		r.events = nil
		given := weather.Duration(notice)
		if _, err := r.weather.Interrupt(weather.Interruption{Selection: weather.Selection{Targets: []string{id}}, Notice: &given}); err != nil {
			t.Fatal(err)
		}
		now := r.clock.Now()
		if len(r.events) != 1 {
			t.Fatalf("%d events, want the warning", len(r.events))
		}
		at := r.events[0].Time
		if goes := at.Add(2 * time.Minute); notice <= 2*time.Minute && !goes.Equal(now.Add(notice)) {
			t.Errorf("with a notice of %s the event's time is %s, by which the instance goes at %s, want %s", notice, at, goes, now.Add(notice))
		}
		if at.After(now) || (notice > 2*time.Minute && !at.Equal(now)) {
			t.Errorf("with a notice of %s the event is of %s at %s", notice, at, now)
		}
	}
}
