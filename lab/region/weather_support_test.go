package region_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/weather"
)

// runSpot launches Spot instances of a type in the first zone and gives their
// ids; change sets what differs in the request.
func (l *lab) runSpot(instanceType string, count int32, change ...func(*types.SpotMarketOptions)) []string {
	l.t.Helper()
	in := l.runInput(count)
	in.InstanceType = types.InstanceType(instanceType)
	options := &types.SpotMarketOptions{}
	for _, c := range change {
		c(options)
	}
	in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot, SpotOptions: options}
	ids := instanceIDs(must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), in)).Instances)
	l.clock.Advance(boot)
	return ids
}

// persistently is for of a persistent request.
func persistently(behavior types.InstanceInterruptionBehavior) func(*types.SpotMarketOptions) {
	return func(o *types.SpotMarketOptions) {
		o.SpotInstanceType, o.InstanceInterruptionBehavior = types.SpotInstanceTypePersistent, behavior
	}
}

func upTo(usd string) func(*types.SpotMarketOptions) {
	return func(o *types.SpotMarketOptions) { o.MaxPrice = &usd }
}

// interrupt gives instances their notice.
func (l *lab) interrupt(in weather.Interruption) []weather.Affected {
	l.t.Helper()
	return must[[]weather.Affected](l)(l.Weather.Interrupt(in))
}

func those(targets ...string) weather.Selection { return weather.Selection{Targets: targets} }

func lasting(d time.Duration) *weather.Duration {
	duration := weather.Duration(d)
	return &duration
}

// spotRequestOf is the Spot request of an instance.
func (l *lab) spotRequestOf(id string) types.SpotInstanceRequest {
	l.t.Helper()
	out := must[*ec2.DescribeSpotInstanceRequestsOutput](l)(l.DescribeSpotInstanceRequests(ctx(), &ec2.DescribeSpotInstanceRequestsInput{
		Filters: []types.Filter{filter("instance-id", id)},
	}))
	if len(out.SpotInstanceRequests) != 1 {
		l.t.Fatalf("%d Spot requests have instance %s", len(out.SpotInstanceRequests), id)
	}
	return out.SpotInstanceRequests[0]
}

// spotStatus is the state and status code of an instance's Spot request.
func (l *lab) spotStatus(id string) string {
	l.t.Helper()
	r := l.spotRequestOf(id)
	return string(r.State) + " " + *r.Status.Code
}

// notices are what an instance was told.
func (l *lab) notices(id string) machine.Notices {
	l.t.Helper()
	return l.machine(id).Notices
}

// runningSpot counts the Spot instances that run.
func (l *lab) runningSpot() int {
	l.t.Helper()
	return len(l.instances(&ec2.DescribeInstancesInput{Filters: []types.Filter{filter("instance-lifecycle", "spot"), filter("instance-state-name", "pending", "running")}}))
}

// history is every Spot instance with its state, reason and notices, as text.
func (l *lab) spotStory() string {
	l.t.Helper()
	var lines []string
	for _, i := range l.instances(&ec2.DescribeInstancesInput{Filters: []types.Filter{filter("instance-lifecycle", "spot")}}) {
		line := fmt.Sprint(*i.InstanceId, " ", i.InstanceType, " ", *i.Placement.AvailabilityZone, " ", i.State.Name, " ", aws.ToString(i.StateTransitionReason))
		if i.State.Name == types.InstanceStateNameRunning {
			notices, err := json.Marshal(l.notices(*i.InstanceId))
			if err != nil {
				l.t.Fatal(err)
			}
			line += " " + string(notices)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// contains fails unless a text has a part.
func contains(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s: %q does not say %q", what, text, part)
	}
}
