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

func TestInterruptedInstanceEndsTwoMinutesAfterItsNotice(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.runSpot("m5.large", 1)[0]
	check(t, "request", l.spotStatus(id), "active fulfilled")
	noticed := l.clock.Now()
	affected := l.interrupt(weather.Interruption{Selection: those(id)})
	check(t, "when", *affected[0].At, noticed.Add(2*time.Minute))
	n := l.notices(id).Interruption
	if n == nil || n.Action != "terminate" || !n.At.Equal(noticed.Add(2*time.Minute)) || !n.Noticed.Equal(noticed) {
		t.Fatalf("the notice is %+v", n)
	}
	check(t, "request", l.spotStatus(id), "active marked-for-termination")
	l.clock.Advance(2*time.Minute - time.Nanosecond)
	check(t, "state before", l.stateOf(id), types.InstanceStateNameRunning)
	l.clock.Advance(time.Nanosecond)
	check(t, "state then", l.stateOf(id), types.InstanceStateNameShuttingDown)
	i := l.instance(id)
	check(t, "code", *i.StateReason.Code, "Server.SpotInstanceTermination")
	check(t, "transition", *i.StateTransitionReason, "Server.SpotInstanceTermination")
	check(t, "request", l.spotStatus(id), "closed instance-terminated-no-capacity")
	l.clock.Advance(shutdown)
	check(t, "state after", l.stateOf(id), types.InstanceStateNameTerminated)
	check(t, "request", l.spotStatus(id), "closed instance-terminated-no-capacity")
}

func TestNodesAreInterruptedByTheirNames(t *testing.T) {
	t.Parallel()
	l := open(t)
	ids := l.runSpot("m5.large", 2)
	name := *l.instance(ids[0]).PrivateDnsName
	affected := l.interrupt(weather.Interruption{Selection: those("node/"+name, ids[0], ids[1]), Notice: lasting(0)})
	check(t, "affected", len(affected), 2)
	check(t, "node", affected[0].Node, *l.instance(affected[0].InstanceID).PrivateDnsName)
	for _, id := range ids {
		check(t, "state", l.stateOf(id), types.InstanceStateNameShuttingDown)
	}
}

func TestWhoCannotBeInterrupted(t *testing.T) {
	t.Parallel()
	l := open(t)
	onDemand, twice, ended := l.run(1)[0], l.runSpot("m5.large", 1)[0], l.runSpot("m5.large", 1)[0]
	l.terminate(ended)
	l.interrupt(weather.Interruption{Selection: those(twice)})
	for _, c := range []struct {
		in   weather.Interruption
		says string
	}{
		{weather.Interruption{Selection: those(onDemand)}, "is on-demand: only Spot instances are interrupted"},
		{weather.Interruption{Selection: those(twice)}, "has its notice already, for 2026-11-24T08:"},
		{weather.Interruption{Selection: those(ended)}, "is shutting-down: only instances that run"},
		{weather.Interruption{Selection: those("ip-10-0-0-1.us-west-2.compute.internal")}, `"ip-10-0-0-1.us-west-2.compute.internal" is neither a node nor an instance`},
		{weather.Interruption{}, "nobody is named"},
		{weather.Interruption{Selection: weather.Selection{Targets: []string{twice}, All: true}}, "nodes are named"},
		{weather.Interruption{Selection: weather.Selection{Fraction: 1.5}}, "use more than 0 and at most 1"},
		{weather.Interruption{Selection: weather.Selection{Pool: "m5.large"}}, "use TYPE/ZONE"},
		{weather.Interruption{Selection: weather.Selection{Pool: "m5.large/us-west-2z"}}, "no pool fits"},
		{weather.Interruption{Selection: weather.Selection{All: true}, Action: "explode"}, "use terminate, stop or hibernate"},
	} {
		_, err := l.Weather.Interrupt(c.in)
		if err == nil {
			t.Errorf("%+v was done", c.in)
			continue
		}
		contains(t, "error", err.Error(), c.says)
	}
	both := l.runSpot("m5.large", 1)[0]
	if _, err := l.Weather.Interrupt(weather.Interruption{Selection: those(both, onDemand)}); err == nil || l.notices(both).Interruption != nil {
		t.Errorf("half of a request was done: %v", err)
	}
}

func TestFractionsAreTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	var chosen [2][]weather.Affected
	for n := range chosen {
		l := open(t)
		l.run(3)
		l.runSpot("m5.large", 10)
		chosen[n] = l.interrupt(weather.Interruption{Selection: weather.Selection{Fraction: 0.3, Seed: 5}, DryRun: true})
		check(t, "noticed after a dry run", len(l.Weather.Status().Noticed), 0)
		other := l.interrupt(weather.Interruption{Selection: weather.Selection{Fraction: 0.3, Seed: 6}})
		check(t, "others", len(other), 3)
		if other[0].InstanceID == chosen[n][0].InstanceID && other[1].InstanceID == chosen[n][1].InstanceID && other[2].InstanceID == chosen[n][2].InstanceID {
			t.Error("another seed chose the same")
		}
		check(t, "of the rest", len(l.interrupt(weather.Interruption{Selection: weather.Selection{All: true}})), 7)
	}
	check(t, "chosen", len(chosen[0]), 3)
	for n := range chosen[0] {
		check(t, "chosen", chosen[0][n].InstanceID, chosen[1][n].InstanceID)
	}
}

func TestPoolsAreInterrupted(t *testing.T) {
	t.Parallel()
	l := open(t)
	m5, c5 := l.runSpot("m5.large", 2), l.runSpot("c5.large", 2)
	check(t, "affected", len(l.interrupt(weather.Interruption{Selection: weather.Selection{Pool: "m5.*/us-west-2a"}})), 2)
	l.clock.Advance(2 * time.Minute)
	check(t, "m5", l.stateOf(m5[0]), types.InstanceStateNameShuttingDown)
	check(t, "c5", l.stateOf(c5[0]), types.InstanceStateNameRunning)
}

func TestPersistentRequestsStopAndStartAgain(t *testing.T) {
	t.Parallel()
	l := open(t)
	stops := l.runSpot("m5.large", 1, persistently("stop"))[0]
	sleeps := l.runSpot("c5.large", 1, persistently("hibernate"))[0]
	l.limit("m5.large", "a", "spot", 0)
	l.limit("c5.large", "a", "spot", 0)
	l.interrupt(weather.Interruption{Selection: those(stops, sleeps)})
	check(t, "one that hibernates at once", l.stateOf(sleeps), types.InstanceStateNameStopping)
	check(t, "request", l.spotStatus(stops), "active marked-for-stop")
	l.clock.Advance(2*time.Minute + 20*time.Second)
	check(t, "state", l.stateOf(stops), types.InstanceStateNameStopped)
	check(t, "reason", *l.instance(stops).StateReason.Code, "Server.SpotInstanceShutdown")
	check(t, "request", l.spotStatus(stops), "open instance-stopped-no-capacity")
	l.clock.Advance(time.Minute)
	check(t, "without capacity", l.stateOf(stops), types.InstanceStateNameStopped)
	l.limit("m5.large", "a", "spot", 1)
	l.clock.Advance(time.Minute)
	check(t, "with capacity", l.stateOf(stops), types.InstanceStateNameRunning)
	check(t, "request", l.spotStatus(stops), "active fulfilled")
	if n := l.notices(stops); n.Interruption != nil {
		t.Errorf("it still has its notice: %+v", n)
	}
	check(t, "the other", l.stateOf(sleeps), types.InstanceStateNameStopped)
	must[*ec2.StopInstancesOutput](l)(l.StopInstances(ctx(), &ec2.StopInstancesInput{InstanceIds: []string{stops}}))
	check(t, "request", l.spotStatus(stops), "disabled instance-stopped-by-user")
}

func TestPersistentRequestsLaunchAgain(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	first := l.runSpot("m5.large", 1, persistently(""))[0]
	request := *l.spotRequestOf(first).SpotInstanceRequestId
	l.interrupt(weather.Interruption{Selection: those(first)})
	l.reopen()
	l.clock.Advance(4 * time.Minute)
	check(t, "first", l.stateOf(first), types.InstanceStateNameTerminated)
	again := must[*ec2.DescribeSpotInstanceRequestsOutput](l)(l.DescribeSpotInstanceRequests(ctx(), &ec2.DescribeSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{request}})).SpotInstanceRequests[0]
	check(t, "state", again.State, types.SpotInstanceStateActive)
	check(t, "instance", l.stateOf(*again.InstanceId), types.InstanceStateNameRunning)
	must[*ec2.CancelSpotInstanceRequestsOutput](l)(l.CancelSpotInstanceRequests(ctx(), &ec2.CancelSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{request}}))
	check(t, "request", l.spotStatus(*again.InstanceId), "cancelled request-canceled-and-instance-running")
	l.terminate(*again.InstanceId)
	l.clock.Advance(10 * time.Minute)
	check(t, "running", l.runningSpot(), 0)
	l.clock.Advance(2 * time.Hour)
	left := must[*ec2.DescribeSpotInstanceRequestsOutput](l)(l.DescribeSpotInstanceRequests(ctx(), &ec2.DescribeSpotInstanceRequestsInput{}))
	check(t, "requests left", len(left.SpotInstanceRequests), 0)
}

func TestSpotRequestsWaitForCapacityAndPrice(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.limit("m5.large", "a", "spot", 0)
	ask := func(price string) string {
		in := &ec2.RequestSpotInstancesInput{LaunchSpecification: &types.RequestSpotLaunchSpecification{
			ImageId: aws.String(l.imageOf("x86_64")), InstanceType: "m5.large", SubnetId: aws.String(l.subnets()[0]),
		}}
		if price != "" {
			in.SpotPrice = &price
		}
		r := must[*ec2.RequestSpotInstancesOutput](l)(l.RequestSpotInstances(ctx(), in)).SpotInstanceRequests[0]
		return *r.SpotInstanceRequestId
	}
	status := func(id string) string {
		r := must[*ec2.DescribeSpotInstanceRequestsOutput](l)(l.DescribeSpotInstanceRequests(ctx(), &ec2.DescribeSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{id}})).SpotInstanceRequests[0]
		return string(r.State) + " " + *r.Status.Code
	}
	waits, cheap := ask(""), ask("0.001")
	check(t, "without capacity", status(waits), "open capacity-not-available")
	check(t, "too cheap", status(cheap), "open price-too-low")
	l.limit("m5.large", "a", "spot", 1)
	l.clock.Advance(time.Minute)
	check(t, "with capacity", status(waits), "active fulfilled")
	check(t, "still too cheap", status(cheap), "open price-too-low")
	must[*ec2.CancelSpotInstanceRequestsOutput](l)(l.CancelSpotInstanceRequests(ctx(), &ec2.CancelSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{cheap}}))
	check(t, "cancelled", status(cheap), "cancelled canceled-before-fulfillment")
	check(t, "running", l.runningSpot(), 1)
	ask("0.001")
	l.clock.Advance(2 * time.Hour)
	left := must[*ec2.DescribeSpotInstanceRequestsOutput](l)(l.DescribeSpotInstanceRequests(ctx(), &ec2.DescribeSpotInstanceRequestsInput{}))
	check(t, "requests left", len(left.SpotInstanceRequests), 2) // the active one, and the one that waits
}

func TestInstancesOutbidAreInterrupted(t *testing.T) {
	t.Parallel()
	l := open(t)
	poor, rich, unbound := l.runSpot("m5.large", 1, upTo("0.05"))[0], l.runSpot("m5.large", 1, upTo("0.2"))[0], l.runSpot("m5.large", 1)[0]
	before := l.clock.Now()
	l.clock.Advance(time.Minute)
	if pools, err := l.Weather.SetPrice(weather.PriceChange{Pool: "m5.large/us-west-2a", USD: 0.06}); pools != 1 || err != nil {
		t.Fatal(pools, err)
	}
	check(t, "request", l.spotStatus(poor), "active marked-for-termination")
	l.clock.Advance(2 * time.Minute)
	check(t, "request", l.spotStatus(poor), "closed instance-terminated-by-price")
	check(t, "rich", l.stateOf(rich), types.InstanceStateNameRunning)
	check(t, "without a maximum", l.stateOf(unbound), types.InstanceStateNameRunning)
	_, err := l.RunInstances(ctx(), func() *ec2.RunInstancesInput {
		in := l.runInput(1)
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot, SpotOptions: &types.SpotMarketOptions{MaxPrice: aws.String("0.05")}}
		return in
	}())
	refused(t, err, "SpotMaxPriceTooLow")
	prices := must[*ec2.DescribeSpotPriceHistoryOutput](l)(l.DescribeSpotPriceHistory(ctx(), &ec2.DescribeSpotPriceHistoryInput{
		StartTime: &before, InstanceTypes: []types.InstanceType{"m5.large"}, AvailabilityZone: aws.String("us-west-2a")})).SpotPriceHistory
	check(t, "prices", len(prices), 2)
	check(t, "price now", *prices[0].SpotPrice, "0.060000")
	check(t, "since", *prices[0].Timestamp, before.Add(time.Minute))
	if *prices[1].SpotPrice == "0.060000" || prices[1].Timestamp.After(before) {
		t.Errorf("before it was %s since %s", *prices[1].SpotPrice, prices[1].Timestamp)
	}
	if _, err := l.Weather.SetPrice(weather.PriceChange{Pool: "m5.large/us-west-2a", Market: true}); err != nil {
		t.Fatal(err)
	}
	now := must[*ec2.DescribeSpotPriceHistoryOutput](l)(l.DescribeSpotPriceHistory(ctx(), &ec2.DescribeSpotPriceHistoryInput{
		StartTime: aws.Time(l.clock.Now()), InstanceTypes: []types.InstanceType{"m5.large"}, AvailabilityZone: aws.String("us-west-2a")})).SpotPriceHistory
	check(t, "prices now", len(now), 1)
	check(t, "price of the model", *now[0].SpotPrice, *prices[1].SpotPrice)
}

func TestATotalTakesTheSurplusBack(t *testing.T) {
	t.Parallel()
	l := open(t)
	spot, onDemand := l.runSpot("m5.large", 5), l.run(2)
	pools, affected, err := l.Weather.SetTotal(region.Pool{InstanceType: "m5.large", Zone: "us-west-2a", CapacityType: "*"}, 1, 3)
	check(t, "error", err, nil)
	check(t, "pools", pools, 2)
	check(t, "taken back", len(affected), 4)
	l.clock.Advance(3 * time.Minute)
	check(t, "left of Spot", l.runningSpot(), 1)
	for _, id := range onDemand {
		check(t, "on-demand", l.stateOf(id), types.InstanceStateNameRunning)
	}
	left := func() (spotLeft, onDemandLeft int64) {
		for _, limit := range l.Capacity() {
			if limit.Pool.CapacityType == "spot" {
				spotLeft = limit.Available
			} else {
				onDemandLeft = limit.Available
			}
		}
		return spotLeft, onDemandLeft
	}
	for range 3 { // what was too many gives nothing back; the last one does
		spotLeft, onDemandLeft := left()
		check(t, "Spot left", spotLeft, 0)
		check(t, "on-demand left", onDemandLeft, 0)
		l.clock.Advance(time.Minute)
	}
	l.terminate(append(spot, onDemand...)...)
	l.clock.Advance(time.Minute)
	spotLeft, onDemandLeft := left()
	check(t, "Spot left at the end", spotLeft, 1)
	check(t, "on-demand left at the end", onDemandLeft, 1)
}
