package region_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"pgregory.net/rapid"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/weather"
)

// groupHistory is a region whose groups are asked for all sorts of things.
type groupHistory struct {
	*lab
	counts map[string]int // instances that start or serve, at the last check
}

// TestGroupsBecomeWhatTheyAreAskedToBe: whatever happened, with capacity and
// time a group has what it is to have, and nothing else is left over.
func TestGroupsBecomeWhatTheyAreAskedToBe(t *testing.T) {
	t.Parallel()
	dirs := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir := ""
		if rapid.SampledFrom([]bool{false, false, false, false, true}).Draw(rt, "on disk") {
			var err error
			if dir, err = os.MkdirTemp(dirs, ""); err != nil {
				rt.Fatal(err)
			}
		}
		h := &groupHistory{counts: map[string]int{}, lab: openOn(rt, clock.NewManual(start()), options(func(o *region.Options) { o.DataDir = dir }))}
		defer func() { _ = h.Close() }()
		h.withNodes("m5.large")
		rt.Repeat(map[string]func(*rapid.T){
			"create": h.create, "set desired": h.resize, "update": h.update, "delete": h.delete, "end an instance": h.endOne, "end in group": h.endInGroup,
			"protect": h.protect, "detach": h.detach, "standby": h.standby, "health": h.health, "warm pool": h.warmPool, "refresh": h.refresh, "capacity": h.capacity, "recommend": h.recommendOne, "interrupt": h.interruptOne, "zone": h.failZone, "advance": h.advance, "reopen": h.restart,
			"": h.check,
		})
		h.settle(rt)
	})
}

func (h *groupHistory) restart(rt *rapid.T) {
	if h.options.DataDir == "" {
		rt.Skip("in memory")
	}
	h.reopen()
}

func (h *groupHistory) names() (names []string) {
	for _, g := range h.groups() {
		if g.Status == nil {
			names = append(names, *g.AutoScalingGroupName)
		}
	}
	return names
}

func (h *groupHistory) groups() []asgtypes.AutoScalingGroup {
	return must[*autoscaling.DescribeAutoScalingGroupsOutput](h.lab)(h.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{})).AutoScalingGroups
}

func (h *groupHistory) any(rt *rapid.T) string {
	names := h.names()
	if len(names) == 0 {
		rt.Skip("no group")
	}
	return rapid.SampledFrom(names).Draw(rt, "group")
}

// anyMember is an instance of a group that serves.
func (h *groupHistory) anyMember(rt *rapid.T) (group, id string) {
	group = h.any(rt)
	ids := h.memberIDs(group, asgtypes.LifecycleStateInService)
	if len(ids) == 0 {
		rt.Skip("no instance")
	}
	return group, rapid.SampledFrom(ids).Draw(rt, "instance")
}

func (h *groupHistory) create(rt *rapid.T) {
	if len(h.groups()) >= 3 {
		rt.Skip("enough groups")
	}
	in := h.groupInput(fmt.Sprint("group-", h.clock.Now().Sub(start()), "-", len(h.groups())), 0, int32(rapid.IntRange(0, 6).Draw(rt, "desired")), 8)
	if rapid.Bool().Draw(rt, "mixed") {
		mixed := h.mixedInput("", 0, int32(rapid.IntRange(0, 3).Draw(rt, "base")), int32(rapid.SampledFrom([]int{0, 30, 50, 100}).Draw(rt, "percent")), "m5.large", "c5.large")
		in.MixedInstancesPolicy, in.LaunchTemplate = mixed.MixedInstancesPolicy, nil
		in.MixedInstancesPolicy.InstancesDistribution.SpotAllocationStrategy = aws.String(rapid.SampledFrom([]string{"lowest-price", "price-capacity-optimized", "capacity-optimized"}).Draw(rt, "strategy"))
	}
	in.CapacityRebalance = aws.Bool(rapid.Bool().Draw(rt, "rebalances"))
	if rapid.Bool().Draw(rt, "hooks") {
		in.LifecycleHookSpecificationList = []asgtypes.LifecycleHookSpecification{hook("up", launching, "CONTINUE", 30), hook("down", terminating, "CONTINUE", 60)}
	}
	_, err := h.AutoScaling().CreateAutoScalingGroup(ctx(), in)
	if err != nil && codeOf(err) != "AlreadyExists" {
		rt.Fatal(err)
	}
}

func (h *groupHistory) resize(rt *rapid.T) {
	name := h.any(rt)
	g := h.group(name)
	h.setDesired(name, int32(rapid.IntRange(int(*g.MinSize), int(*g.MaxSize)).Draw(rt, "desired")))
}

func (h *groupHistory) update(rt *rapid.T) {
	in := &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String(h.any(rt))}
	least := rapid.IntRange(0, 4).Draw(rt, "min")
	in.MinSize, in.MaxSize = aws.Int32(int32(least)), aws.Int32(int32(least+rapid.IntRange(0, 5).Draw(rt, "more")))
	zones := rapid.SliceOfNDistinct(rapid.SampledFrom(h.subnets()), 1, 3, rapid.ID).Draw(rt, "subnets")
	in.VPCZoneIdentifier = aws.String(strings.Join(zones, ","))
	h.updateGroup(in)
}

func (h *groupHistory) delete(rt *rapid.T) {
	must[*autoscaling.DeleteAutoScalingGroupOutput](h.lab)(h.AutoScaling().DeleteAutoScalingGroup(ctx(),
		&autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String(h.any(rt)), ForceDelete: aws.Bool(true)}))
}

func (h *groupHistory) endOne(rt *rapid.T) {
	_, id := h.anyMember(rt)
	h.terminate(id)
}

func (h *groupHistory) endInGroup(rt *rapid.T) {
	_, id := h.anyMember(rt)
	_, err := h.AutoScaling().TerminateInstanceInAutoScalingGroup(ctx(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: &id, ShouldDecrementDesiredCapacity: aws.Bool(rapid.Bool().Draw(rt, "decrement"))})
	if code := codeOf(err); code != "" && code != "ValidationError" {
		rt.Fatal(err)
	}
}

func (h *groupHistory) protect(rt *rapid.T) {
	group, id := h.anyMember(rt)
	h.setProtection(group, []string{id}, rapid.Bool().Draw(rt, "protected"))
}

func (h *groupHistory) setProtection(group string, ids []string, protected bool) {
	must[*autoscaling.SetInstanceProtectionOutput](h.lab)(h.AutoScaling().SetInstanceProtection(ctx(), &autoscaling.SetInstanceProtectionInput{
		AutoScalingGroupName: &group, InstanceIds: ids, ProtectedFromScaleIn: &protected}))
}

func (h *groupHistory) detach(rt *rapid.T) {
	group, id := h.anyMember(rt)
	_, err := h.AutoScaling().DetachInstances(ctx(), &autoscaling.DetachInstancesInput{AutoScalingGroupName: &group, InstanceIds: []string{id},
		ShouldDecrementDesiredCapacity: aws.Bool(rapid.Bool().Draw(rt, "decrement"))})
	if code := codeOf(err); code != "" && code != "ValidationError" {
		rt.Fatal(err)
	}
}

// standby puts instances into Standby, and those that are there back.
func (h *groupHistory) standby(rt *rapid.T) {
	group := h.any(rt)
	var err error
	if resting := h.memberIDs(group, asgtypes.LifecycleStateStandby); len(resting) > 0 {
		_, err = h.AutoScaling().ExitStandby(ctx(), &autoscaling.ExitStandbyInput{AutoScalingGroupName: &group, InstanceIds: resting})
	} else if serving := h.memberIDs(group, asgtypes.LifecycleStateInService); len(serving) > 0 {
		_, err = h.AutoScaling().EnterStandby(ctx(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: &group, InstanceIds: serving[:1], ShouldDecrementDesiredCapacity: aws.Bool(true)})
	}
	if code := codeOf(err); code != "" && code != "ValidationError" {
		rt.Fatal(err)
	}
}

func (h *groupHistory) health(rt *rapid.T) {
	_, id := h.anyMember(rt)
	must[*autoscaling.SetInstanceHealthOutput](h.lab)(h.AutoScaling().SetInstanceHealth(ctx(), &autoscaling.SetInstanceHealthInput{InstanceId: &id, HealthStatus: aws.String("Unhealthy")}))
}

// warmPool puts a warm pool or deletes it; a group that launches Spot has none.
func (h *groupHistory) warmPool(rt *rapid.T) {
	group := h.any(rt)
	var err error
	if rapid.Bool().Draw(rt, "delete") {
		_, err = h.AutoScaling().DeleteWarmPool(ctx(), &autoscaling.DeleteWarmPoolInput{AutoScalingGroupName: &group, ForceDelete: aws.Bool(rapid.Bool().Draw(rt, "force"))})
	} else {
		_, err = h.AutoScaling().PutWarmPool(ctx(), &autoscaling.PutWarmPoolInput{
			AutoScalingGroupName: &group, MinSize: aws.Int32(int32(rapid.IntRange(0, 2).Draw(rt, "min"))), MaxGroupPreparedCapacity: aws.Int32(int32(rapid.IntRange(2, 8).Draw(rt, "prepared"))),
			PoolState:           rapid.SampledFrom([]asgtypes.WarmPoolState{"Stopped", "Running"}).Draw(rt, "state"),
			InstanceReusePolicy: &asgtypes.InstanceReusePolicy{ReuseOnScaleIn: aws.Bool(rapid.Bool().Draw(rt, "reuse"))},
		})
	}
	if code := codeOf(err); code != "" && code != "ValidationError" {
		rt.Fatal(err)
	}
}

func (h *groupHistory) refresh(rt *rapid.T) {
	_, err := h.AutoScaling().StartInstanceRefresh(ctx(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String(h.any(rt)),
		Preferences: &asgtypes.RefreshPreferences{MinHealthyPercentage: aws.Int32(int32(rapid.SampledFrom([]int{0, 50, 100}).Draw(rt, "healthy")))}})
	if code := codeOf(err); code != "" && code != "InstanceRefreshInProgress" {
		rt.Fatal(err)
	}
}

func (h *groupHistory) capacity(rt *rapid.T) {
	p := anyPool("on-demand", "spot").Draw(rt, "pool")
	if _, err := h.SetCapacity(p, rapid.Int64Range(0, 3).Draw(rt, "available")); err != nil {
		rt.Fatal(err)
	}
}

func (h *groupHistory) recommendOne(rt *rapid.T) {
	_, id := h.anyMember(rt)
	if marketOf(h.instance(id)) == "spot" {
		_, _ = h.Weather.Recommend(weather.Recommendation{Selection: those(id), False: true}) // refused for one that ends
	}
}

func (h *groupHistory) interruptOne(rt *rapid.T) {
	_, id := h.anyMember(rt)
	if marketOf(h.instance(id)) == "spot" {
		_, _ = h.Weather.Interrupt(weather.Interruption{Selection: those(id), Recommend: lasting(rapid.SampledFrom([]time.Duration{0, 10 * time.Minute}).Draw(rt, "lead"))})
	}
}

func (h *groupHistory) failZone(rt *rapid.T) {
	if _, err := h.Weather.FailZone(weather.ZoneFailure{Zone: "us-west-2" + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "zone"),
		For: lasting(rapid.SampledFrom([]time.Duration{time.Minute, 10 * time.Minute}).Draw(rt, "for"))}); err != nil {
		rt.Fatal(err)
	}
}

func (h *groupHistory) advance(rt *rapid.T) {
	h.clock.Advance(rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Second, soon, 2 * time.Minute, 20 * time.Minute}).Draw(rt, "time"))
}

// check is what holds at every moment: a group never grows above its maximum
// but for one instance that replaces another, and every instance that has a
// group's tag and is not about to end is in it.
func (h *groupHistory) check(rt *rapid.T) {
	members := map[string]string{}
	for _, g := range h.groups() {
		serving := 0
		for _, i := range g.Instances {
			members[*i.InstanceId] = *g.AutoScalingGroupName
			if i.LifecycleState == asgtypes.LifecycleStateInService || strings.HasPrefix(string(i.LifecycleState), "Pending") {
				serving++
			}
		}
		name := *g.AutoScalingGroupName
		for _, i := range h.pool(name).Instances {
			members[*i.InstanceId] = name
		}
		if before := h.counts[name]; serving > before && serving > int(*g.MaxSize)+1 {
			rt.Fatalf("%s grew from %d to %d instances, its maximum is %d", name, before, serving, *g.MaxSize)
		}
		h.counts[name] = serving
		if d := *g.DesiredCapacity; d < *g.MinSize || d > *g.MaxSize {
			rt.Fatalf("%s wants %d, within %d and %d", name, d, *g.MinSize, *g.MaxSize)
		}
	}
	for _, i := range h.instances(&ec2.DescribeInstancesInput{Filters: []types.Filter{filter("instance-state-name", "pending", "running")}}) {
		if group := h.tagsOf(*i.InstanceId)[groups.GroupTag]; group != "" && members[*i.InstanceId] != group {
			rt.Fatalf("%s has the tag of group %s, but is in %q", *i.InstanceId, group, members[*i.InstanceId])
		}
	}
}

// settle gives the groups capacity and time, and then looks.
func (h *groupHistory) settle(rt *rapid.T) {
	if _, err := h.FreeCapacity(region.Pool{}); err != nil {
		rt.Fatal(err)
	}
	h.clock.Advance(10 * time.Minute)
	for _, name := range h.names() {
		if ids := h.memberIDs(name, asgtypes.LifecycleStateInService); len(ids) > 0 {
			h.setProtection(name, ids, false)
		}
	}
	h.clock.Advance(4 * time.Hour)
	h.check(rt)
	for _, g := range h.groups() {
		h.checkSettled(rt, g)
	}
}

func (h *groupHistory) checkSettled(rt *rapid.T, g asgtypes.AutoScalingGroup) {
	name, zones, onDemand := *g.AutoScalingGroupName, map[string]int{}, 0
	for _, zone := range g.AvailabilityZones {
		zones[zone] = 0
	}
	for _, i := range g.Instances {
		if i.LifecycleState == asgtypes.LifecycleStateStandby {
			continue
		}
		described := h.instance(*i.InstanceId)
		if i.LifecycleState != asgtypes.LifecycleStateInService || described.State.Name != types.InstanceStateNameRunning {
			rt.Fatalf("%s: %s is %s, the instance %s", name, *i.InstanceId, i.LifecycleState, described.State.Name)
		}
		zones[*i.AvailabilityZone]++
		if marketOf(described) == "on-demand" {
			onDemand++
		}
	}
	total, fewest, most := 0, 1000, 0
	for _, n := range zones {
		total, fewest, most = total+n, min(fewest, n), max(most, n)
	}
	desired := int(*g.DesiredCapacity)
	if total != desired || len(zones) != len(g.AvailabilityZones) || most-fewest > 1 {
		rt.Fatalf("%s: desired %d, got %v in zones %v", name, desired, zones, g.AvailabilityZones)
	}
	if g.MixedInstancesPolicy != nil {
		d := g.MixedInstancesPolicy.InstancesDistribution
		if want := groups.OnDemandShare(desired, int(*d.OnDemandBaseCapacity), int(*d.OnDemandPercentageAboveBaseCapacity)); onDemand != want {
			rt.Fatalf("%s: %d of %d are on-demand, want %d", name, onDemand, desired, want)
		}
	}
	h.checkPool(rt, g)
	if going := slices.IndexFunc(h.activities(name), func(a asgtypes.Activity) bool { return a.EndTime == nil }); going >= 0 {
		rt.Fatalf("%s: an activity never ends: %+v", name, *h.activities(name)[going].Description)
	}
}

// checkPool: the warm pool has what it is to have, all of it ready, and without a
// pool nothing is left of it.
func (h *groupHistory) checkPool(rt *rapid.T, g asgtypes.AutoScalingGroup) {
	pool, want := h.pool(*g.AutoScalingGroupName), 0
	if c := pool.WarmPoolConfiguration; c != nil {
		prepared := g.MaxSize
		if c.MaxGroupPreparedCapacity != nil {
			prepared = c.MaxGroupPreparedCapacity
		}
		want = int(max(*prepared-*g.DesiredCapacity, *c.MinSize, 0))
	}
	for _, i := range pool.Instances {
		state := h.instance(*i.InstanceId).State.Name
		if !(i.LifecycleState == "Warmed:Stopped" && state == types.InstanceStateNameStopped || i.LifecycleState == "Warmed:Running" && state == types.InstanceStateNameRunning) {
			rt.Fatalf("%s: %s of the warm pool is %s, the instance %s", *g.AutoScalingGroupName, *i.InstanceId, i.LifecycleState, state)
		}
	}
	if len(pool.Instances) != want {
		rt.Fatalf("%s: %d instances in the warm pool, want %d", *g.AutoScalingGroupName, len(pool.Instances), want)
	}
}
