package region_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/weather"
)

func TestRecommendationsComeEarlyTogetherOrFalsely(t *testing.T) {
	t.Parallel()
	l := open(t)
	early, together, falsely := l.runSpot("m5.large", 1)[0], l.runSpot("m5.large", 1)[0], l.runSpot("m5.large", 1)[0]
	begin := l.clock.Now()
	must[[]weather.Affected](l)(l.Weather.Recommend(weather.Recommendation{Selection: those(early), Lead: lasting(15 * time.Minute)}))
	must[[]weather.Affected](l)(l.Weather.Recommend(weather.Recommendation{Selection: those(falsely), False: true}))
	l.interrupt(weather.Interruption{Selection: those(together), Recommend: lasting(2 * time.Minute)})
	for _, id := range []string{early, together, falsely} {
		check(t, "recommended", l.notices(id).Rebalance, begin)
	}
	if _, err := l.Weather.Recommend(weather.Recommendation{Selection: those(falsely), False: true}); err == nil {
		t.Error("a recommendation was made twice")
	}
	check(t, "together", l.notices(together).Interruption.Noticed, begin)
	check(t, "coming", len(l.Weather.Status().Coming), 1)
	l.clock.Advance(13*time.Minute - time.Second)
	if n := l.notices(early).Interruption; n != nil {
		t.Errorf("its notice came early: %+v", n)
	}
	l.clock.Advance(time.Second)
	check(t, "noticed", l.notices(early).Interruption.Noticed, begin.Add(13*time.Minute))
	check(t, "at", l.notices(early).Interruption.At, begin.Add(15*time.Minute))
	l.clock.Advance(2 * time.Minute)
	check(t, "early", l.stateOf(early), types.InstanceStateNameShuttingDown)
	late := l.runSpot("m5.large", 1)[0]
	l.interrupt(weather.Interruption{Selection: those(late), Notice: lasting(time.Hour)})
	l.recommendFalsely(late)
	check(t, "late", l.notices(late).Rebalance.After(l.notices(late).Interruption.Noticed.Add(-1)), true)
	l.clock.Advance(24 * time.Hour)
	check(t, "falsely", l.stateOf(falsely), types.InstanceStateNameRunning)
	if _, err := l.Weather.Recommend(weather.Recommendation{Selection: those(falsely), False: true, Lead: lasting(time.Minute)}); err == nil {
		t.Error("a false recommendation with a lead was taken")
	}
}

func (l *lab) status(id string) types.InstanceStatus {
	l.t.Helper()
	out := must[*ec2.DescribeInstanceStatusOutput](l)(l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{InstanceIds: []string{id}, IncludeAllInstances: aws.Bool(true)}))
	return out.InstanceStatuses[0]
}

func (l *lab) scheduled(id, code string, in, lasts time.Duration) weather.Affected {
	l.t.Helper()
	m := weather.Maintenance{Selection: those(id), Code: code, In: lasting(in)}
	if lasts > 0 {
		m.For = lasting(lasts)
	}
	return must[[]weather.Affected](l)(l.Weather.Schedule(m))[0]
}

func TestScheduledEventsHappen(t *testing.T) {
	t.Parallel()
	l := open(t)
	reboots, stops, kept, serviced := l.run(1)[0], l.run(1)[0], l.run(1)[0], l.run(1)[0]
	spot := l.runSpot("m5.large", 1)[0]
	l.clock.Advance(boot)
	begin := l.clock.Now()
	l.scheduled(reboots, "system-reboot", 10*time.Minute, time.Hour)
	l.scheduled(stops, "instance-stop", 10*time.Minute, 0)
	l.scheduled(spot, "instance-retirement", 10*time.Minute, 0)
	l.scheduled(serviced, "system-maintenance", 10*time.Minute, 5*time.Minute)
	canceled := l.scheduled(kept, "instance-retirement", 10*time.Minute, 0)
	e := l.status(reboots).Events[0]
	check(t, "code", e.Code, types.EventCodeSystemReboot)
	check(t, "from", *e.NotBefore, begin.Add(10*time.Minute))
	check(t, "until", *e.NotAfter, begin.Add(70*time.Minute))
	check(t, "IMDS", l.notices(reboots).Scheduled[0].State, "active")
	found := must[*ec2.DescribeInstanceStatusOutput](l)(l.DescribeInstanceStatus(ctx(), &ec2.DescribeInstanceStatusInput{Filters: []types.Filter{filter("event.code", "instance-stop")}}))
	check(t, "by code", len(found.InstanceStatuses), 1)
	must[[]weather.Affected](l)(l.Weather.CancelEvents([]string{canceled.EventID}, weather.Selection{}))
	check(t, "canceled", *l.status(kept).Events[0].Description, "[Canceled] The instance is running on degraded hardware")
	if _, err := l.Weather.CancelEvents([]string{canceled.EventID}, weather.Selection{}); err == nil {
		t.Error("an event was canceled twice")
	}
	l.clock.Advance(10*time.Minute - time.Nanosecond)
	check(t, "rebooted before", l.machine(reboots).Rebooted, time.Time{})
	l.clock.Advance(time.Nanosecond)
	check(t, "rebooted", l.machine(reboots).Rebooted, begin.Add(10*time.Minute))
	check(t, "state", l.stateOf(reboots), types.InstanceStateNameRunning)
	check(t, "event", l.notices(reboots).Scheduled[0].State, "completed")
	check(t, "stopped", l.stateOf(stops), types.InstanceStateNameStopping)
	check(t, "retired", l.stateOf(spot), types.InstanceStateNameShuttingDown)
	check(t, "canceled", l.stateOf(kept), types.InstanceStateNameRunning)
	check(t, "serviced", l.machine(serviced).Unreachable, true)
	l.clock.Advance(2 * time.Minute)
	check(t, "check", l.status(serviced).InstanceStatus.Status, types.SummaryStatusImpaired)
	l.clock.Advance(3 * time.Minute)
	check(t, "served", l.machine(serviced).Unreachable, false)
	check(t, "check", l.status(serviced).InstanceStatus.Status, types.SummaryStatusOk)
	if _, err := l.Weather.Schedule(weather.Maintenance{Selection: those(kept), Code: "flood"}); err == nil {
		t.Error("an unknown code was taken")
	}
}

func TestRebootInstances(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.run(1)[0]
	l.clock.Advance(boot)
	l.scheduled(id, "instance-reboot", time.Hour, 0)
	must[*ec2.RebootInstancesOutput](l)(l.RebootInstances(ctx(), &ec2.RebootInstancesInput{InstanceIds: []string{id}}))
	check(t, "rebooted", l.machine(id).Rebooted, l.clock.Now())
	check(t, "event", l.notices(id).Scheduled[0].State, "completed")
	check(t, "state", l.stateOf(id), types.InstanceStateNameRunning)
	_, err := l.RebootInstances(ctx(), &ec2.RebootInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}})
	refused(t, err, "InvalidInstanceID.NotFound")
}

func TestZonesGoOutAndComeBack(t *testing.T) {
	t.Parallel()
	l := open(t)
	there, elsewhere := l.run(1)[0], instanceIDs(must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), func() *ec2.RunInstancesInput {
		in := l.runInput(1)
		in.SubnetId = aws.String(l.subnets()[1])
		return in
	}())).Instances)[0]
	l.clock.Advance(boot)
	check(t, "affected", len(must[[]weather.Affected](l)(l.Weather.FailZone(weather.ZoneFailure{Zone: "us-west-2a", For: lasting(10 * time.Minute)}))), 1)
	check(t, "there", l.machine(there).Unreachable, true)
	check(t, "elsewhere", l.machine(elsewhere).Unreachable, false)
	_, err := l.RunInstances(ctx(), l.runInput(1))
	refused(t, err, "InsufficientInstanceCapacity")
	l.clock.Advance(2 * time.Minute)
	check(t, "check", l.status(there).SystemStatus.Status, types.SummaryStatusImpaired)
	impaired := must[*ec2.DescribeAvailabilityZonesOutput](l)(l.DescribeAvailabilityZones(ctx(), &ec2.DescribeAvailabilityZonesInput{Filters: []types.Filter{filter("state", "impaired")}}))
	check(t, "impaired", *impaired.AvailabilityZones[0].ZoneName, "us-west-2a")
	l.clock.Advance(8 * time.Minute)
	check(t, "back", l.machine(there).Unreachable, false)
	l.run(1)
	if err := l.Weather.RestoreZone("us-west-2a"); err == nil {
		t.Error("a zone was restored that was not out")
	}
	if _, err := l.Weather.FailZone(weather.ZoneFailure{Zone: "us-west-9a"}); err == nil {
		t.Error("an unknown zone went out")
	}
	must[[]weather.Affected](l)(l.Weather.FailZone(weather.ZoneFailure{Zone: "us-west-2b", Instances: "end"}))
	check(t, "lost", l.stateOf(elsewhere), types.InstanceStateNameShuttingDown)
	if err := l.Weather.RestoreZone("us-west-2b"); err != nil {
		t.Error(err)
	}
}

// storm is a region with Spot instances in several pools and a strong reclaim
// process.
func storm(t *testing.T, seed int64, change ...func(*region.Options)) *lab {
	l := open(t, change...)
	for _, instanceType := range []string{"m5.large", "c5.large", "r5.large", "m5.xlarge"} {
		l.runSpot(instanceType, 5)
	}
	shallow := 2
	if _, err := l.Weather.SetDepth(weather.DepthChange{Pool: "*/us-west-2a", Depth: &shallow}); err != nil {
		t.Fatal(err)
	}
	if err := l.Weather.Start(seed, 2); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTheSameSeedIsTheSameWeather(t *testing.T) {
	t.Parallel()
	a, b, c := storm(t, 7), storm(t, 7), storm(t, 8)
	differ := false
	for range 24 {
		for _, l := range []*lab{a, b, c} {
			l.clock.Advance(10 * time.Minute)
		}
		check(t, "the same seed", a.spotStory(), b.spotStory())
		differ = differ || a.spotStory() != c.spotStory()
	}
	if !differ {
		t.Error("another seed is the same weather")
	}
	if left := a.runningSpot(); left == 20 || left == 0 {
		t.Errorf("of 20 instances %d are left after four hours", left)
	}
}

// TestARestartChangesNothing closes and opens the region again and again under
// a storm.
func TestARestartChangesNothing(t *testing.T) {
	t.Parallel()
	through, restarted := storm(t, 7), storm(t, 7, onDisk(t))
	for n := range 90 {
		through.clock.Advance(97 * time.Second)
		restarted.reopen()
		restarted.clock.Advance(97 * time.Second)
		if n%5 == 0 {
			check(t, "what became of them", restarted.spotStory(), through.spotStory())
		}
	}
	check(t, "what became of them", restarted.spotStory(), through.spotStory())
}

func TestWeatherIsCalmUntilItIsStarted(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.runSpot("m5.large", 20)
	l.clock.Advance(24 * time.Hour)
	check(t, "running", l.runningSpot(), 20)
	if _, err := l.Weather.Stop(); err == nil {
		t.Error("weather was stopped that was not there")
	}
	if err := l.Weather.Start(1, 1e6); err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(6 * time.Minute)
	must[[]string](l)(l.Weather.Stop())
	l.clock.Advance(24 * time.Hour)
	if left := l.runningSpot(); left != 20 {
		t.Errorf("%d of 20 are left of weather that was stopped before it announced anything", left)
	}
}
