package region_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region/weather"
)

// market sets depth and price of pools in all zones: "m5.large 3 0.04".
func (l *lab) market(pools ...string) {
	l.t.Helper()
	for _, p := range pools {
		var instanceType string
		var depth int
		var usd float64
		if _, err := fmt.Sscan(p, &instanceType, &depth, &usd); err != nil {
			l.t.Fatal(err)
		}
		if _, err := l.Weather.SetDepth(weather.DepthChange{Pool: instanceType + "/*", Depth: &depth}); err != nil {
			l.t.Fatal(err)
		}
		if _, err := l.Weather.SetPrice(weather.PriceChange{Pool: instanceType + "/*", USD: usd}); err != nil {
			l.t.Fatal(err)
		}
	}
}

// TestStrategiesFollowDepthAndPrice: m4 is the cheapest and has nothing spare, m5
// is cheap and shallow, c5 deep and dear, r5 deepest and dearest, c4 deep and
// cheaper than c5. The overrides are in the order m4, r5, m5, c5, c4.
func TestStrategiesFollowDepthAndPrice(t *testing.T) {
	t.Parallel()
	pools := []string{"m4.large 0 0.01", "m5.large 2 0.02", "c4.large 6 0.03", "c5.large 7 0.04", "r5.large 9 0.05"}
	kinds := []string{"m4.large", "r5.large", "m5.large", "c5.large", "c4.large"}
	for strategy, want := range map[string]struct{ group, fleet string }{
		"lowest-price":                   {"m4.large 3, m5.large 3", "m4.large 6"},
		"capacity-optimized":             {"r5.large 6", "r5.large 6"},
		"capacity-optimized-prioritized": {"r5.large 6", "r5.large 6"},
		"price-capacity-optimized":       {"c4.large 6", "c4.large 6"},
		"diversified":                    {"", "c4.large 1, c5.large 1, m4.large 1, m5.large 1, r5.large 2"},
	} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			l := open(t).withNodes("m5.large")
			l.market(pools...)
			if want.group != "" {
				l.createGroup(l.spotGroup(strategy, 6, kinds...))
				l.clock.Advance(soon)
				check(t, "group", l.kinds("mixed", typeOf), want.group)
			}
			var overrides []pool
			for n, kind := range kinds {
				overrides = append(overrides, pool{kind, "a", float64(n)})
			}
			l.template("fleet", "x86_64")
			in := l.fleet("fleet", types.DefaultTargetCapacityTypeSpot, 6, overrides...)
			in.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: types.SpotAllocationStrategy(strategy)}
			counts := map[string]int{}
			for _, id := range fleetIDs(l.launchFleet(in)) {
				counts[typeOf(l.instance(id))]++
			}
			if strategy == "diversified" { // which pool gets the odd one is not said
				odd := slices.Sorted(func(yield func(int) bool) {
					for _, n := range counts {
						if !yield(n) {
							return
						}
					}
				})
				check(t, "fleet", fmt.Sprint(odd), "[1 1 1 1 2]")
				return
			}
			check(t, "fleet", countText(counts), want.fleet)
		})
	}
}

// TestDepthFollowsFiniteCapacity: a deep pool that is nearly empty is not deep.
func TestDepthFollowsFiniteCapacity(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.market("m5.large 9 0.02", "c5.large 6 0.05")
	l.limit("m5.large", "*", "spot", 2)
	l.createGroup(l.spotGroup("capacity-optimized", 3, "m5.large", "c5.large"))
	l.clock.Advance(soon)
	check(t, "types", l.kinds("mixed", typeOf), "c5.large 3")
	check(t, "failures", slices.ContainsFunc(l.activities("mixed"), isFailed), false)
}

// rebalanced is a group of Spot instances with capacity rebalancing.
func (l *lab) rebalanced(desired, most int32, hooks ...asgtypes.LifecycleHookSpecification) {
	l.t.Helper()
	in := l.spotGroup("price-capacity-optimized", desired, "m5.large", "c5.large")
	in.MaxSize, in.CapacityRebalance, in.LifecycleHookSpecificationList = &most, aws.Bool(true), hooks
	l.createGroup(in)
	l.clock.Advance(soon)
}

func (l *lab) recommendFalsely(ids ...string) {
	l.t.Helper()
	must[[]weather.Affected](l)(l.Weather.Recommend(weather.Recommendation{Selection: those(ids...), False: true}))
}

// causes are those of a group's activities, the latest first.
func (l *lab) causes(name string) string {
	var texts []string
	for _, a := range l.activities(name) {
		texts = append(texts, *a.Cause)
	}
	return strings.Join(texts, "\n")
}

func TestInstancesAtRiskAreReplacedFirst(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.rebalanced(3, 3, hook("drain", terminating, "CONTINUE", 600))
	old := l.memberIDs("mixed", asgtypes.LifecycleStateInService)
	l.recommendFalsely(old[0])
	l.clock.Advance(3 * time.Second)
	check(t, "states at first", l.states("mixed"), "InService 3, Pending 1")
	check(t, "the one at risk", l.stateOf(old[0]), types.InstanceStateNameRunning)
	l.clock.Advance(soon)
	check(t, "states then", l.states("mixed"), "InService 3, Terminating:Wait 1")
	check(t, "who goes", l.memberIDs("mixed", asgtypes.LifecycleStateTerminatingWait)[0], old[0])
	contains(t, "causes", l.causes("mixed"), "an instance was launched in response to an EC2 instance rebalance recommendation.")
	contains(t, "causes", l.causes("mixed"), "an instance was taken out of service in response to an EC2 instance rebalance recommendation.")
	l.clock.Advance(11 * time.Minute)
	check(t, "states at last", l.states("mixed"), "InService 3")
	check(t, "markets", l.kinds("mixed", marketOf), "spot 3")
	check(t, "the one at risk", l.stateOf(old[0]), types.InstanceStateNameTerminated)
	check(t, "activities", len(l.activities("mixed")), 5)
}

func TestWithoutRebalancingAGroupWaitsForTheEnd(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.spotGroup("capacity-optimized", 2, "m5.large", "c5.large"))
	l.clock.Advance(soon)
	old := l.memberIDs("mixed", asgtypes.LifecycleStateInService)[0]
	l.interrupt(weather.Interruption{Selection: those(old), Recommend: lasting(10 * time.Minute)})
	l.clock.Advance(10*time.Minute - time.Second)
	check(t, "states", l.states("mixed"), "InService 2")
	l.clock.Advance(3 * time.Minute)
	check(t, "states", l.states("mixed"), "InService 2")
	check(t, "replaced", slices.Contains(l.memberIDs("mixed", asgtypes.LifecycleStateInService), old), false)
	contains(t, "causes", l.causes("mixed"), "in response to an EC2 health check indicating it has been terminated or stopped.")
}

func TestRebalancingWithANoticeAlone(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.rebalanced(4, 4)
	all := l.memberIDs("mixed", asgtypes.LifecycleStateInService)
	l.interrupt(weather.Interruption{Selection: those(all...)})
	most := 0
	for range 300 {
		l.clock.Advance(time.Second)
		most = max(most, len(l.group("mixed").Instances))
	}
	check(t, "states", l.states("mixed"), "InService 4")
	check(t, "replaced", slices.ContainsFunc(l.memberIDs("mixed", asgtypes.LifecycleStateInService), func(id string) bool { return slices.Contains(all, id) }), false)
	launches := strings.Count(l.causes("mixed"), "an instance was launched") + strings.Count(l.causes("mixed"), "was started")
	check(t, "launches", launches, 8)
	if most < 5 {
		t.Errorf("at most %d instances at a time: none came before another went", most)
	}
}

// TestRebalancingDoesNotBuyOnDemand: without Spot capacity the instance at risk
// stays until it is taken, and its place stays empty until there is Spot again.
func TestRebalancingDoesNotBuyOnDemand(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.rebalanced(2, 4)
	l.limit("*", "*", "spot", 0)
	old := l.memberIDs("mixed", asgtypes.LifecycleStateInService)[0]
	l.interrupt(weather.Interruption{Selection: those(old), Recommend: lasting(10 * time.Minute)})
	l.clock.Advance(9 * time.Minute)
	check(t, "markets", l.kinds("mixed", marketOf), "spot 2")
	contains(t, "message", aws.ToString(l.activities("mixed")[0].StatusMessage), "Could not launch Spot Instances. InsufficientInstanceCapacity")
	l.clock.Advance(10 * time.Minute)
	check(t, "markets", l.kinds("mixed", marketOf), "spot 1")
	l.limit("*", "*", "spot", 5)
	l.clock.Advance(6 * time.Minute)
	check(t, "markets", l.kinds("mixed", marketOf), "spot 2")
}

func TestAZoneThatIsOutIsLeft(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 3, 6))
	l.clock.Advance(soon)
	check(t, "zones", l.kinds("workers", zoneOf), "a 1, b 1, c 1")
	must[[]weather.Affected](l)(l.Weather.FailZone(weather.ZoneFailure{Zone: "us-west-2a"}))
	l.clock.Advance(2 * time.Minute)
	check(t, "zones", l.kinds("workers", zoneOf), "a 1, b 1, c 1")
	l.clock.Advance(3 * time.Minute)
	check(t, "zones", l.kinds("workers", zoneOf), "b 2, c 1")
	contains(t, "causes", l.causes("workers"), "in response to an EC2 instance status checks failure.")
	if err := l.Weather.RestoreZone("us-west-2a"); err != nil {
		t.Fatal(err)
	}
	l.setDesired("workers", 4)
	l.clock.Advance(20 * time.Minute)
	check(t, "zones", l.kinds("workers", zoneOf), "a 1, b 2, c 1")
}
