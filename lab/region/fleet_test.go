package region_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region"
)

const (
	onDemand = types.DefaultTargetCapacityTypeOnDemand
	spot     = types.DefaultTargetCapacityTypeSpot
)

func TestOnDemandFleetStrategies(t *testing.T) {
	t.Parallel()
	pools := []pool{{"m5.xlarge", "a", 0}, {"m5.large", "b", 2}, {"c5.large", "c", 1}}
	for name, c := range map[string]struct {
		strategy types.FleetOnDemandAllocationStrategy
		limits   map[string]int64 // by type, in every zone
		want     map[string]int
		errors   []string
	}{
		"lowest price is the default": {want: map[string]int{"c5.large/c": 3}},
		"lowest price":                {strategy: "lowest-price", want: map[string]int{"c5.large/c": 3}},
		"prioritized":                 {strategy: "prioritized", want: map[string]int{"m5.xlarge/a": 3}},
		"the next cheapest fills up": {limits: map[string]int64{"c5.large": 1}, want: map[string]int{"c5.large/c": 1, "m5.large/b": 2},
			errors: []string{"InsufficientInstanceCapacity c5.large/c"}},
		"the next priority fills up": {strategy: "prioritized", limits: map[string]int64{"m5.xlarge": 0, "c5.large": 2},
			want:   map[string]int{"c5.large/c": 2, "m5.large/b": 1},
			errors: []string{"InsufficientInstanceCapacity m5.xlarge/a", "InsufficientInstanceCapacity c5.large/c"}},
		"partly": {limits: map[string]int64{"m5.xlarge": 0, "m5.large": 1, "c5.large": 1}, want: map[string]int{"c5.large/c": 1, "m5.large/b": 1},
			errors: []string{"InsufficientInstanceCapacity c5.large/c", "InsufficientInstanceCapacity m5.large/b", "InsufficientInstanceCapacity m5.xlarge/a"}},
		"nothing": {limits: map[string]int64{"m5.xlarge": 0, "m5.large": 0, "c5.large": 0}, want: map[string]int{},
			errors: []string{"InsufficientInstanceCapacity c5.large/c", "InsufficientInstanceCapacity m5.large/b", "InsufficientInstanceCapacity m5.xlarge/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			l.template("nodes", "x86_64")
			for instanceType, available := range c.limits {
				l.limit(instanceType, "*", "on-demand", available)
			}
			in := l.fleet("nodes", onDemand, 3, pools...)
			if c.strategy != "" {
				in.OnDemandOptions = &types.OnDemandOptionsRequest{AllocationStrategy: c.strategy}
			}
			out := l.launchFleet(in)
			if got := launched(out); !maps.Equal(got, c.want) || !slices.Equal(failures(out), c.errors) {
				t.Errorf("launched %v, errors %v; want %v, %v", got, failures(out), c.want, c.errors)
			}
			if all := l.instances(&ec2.DescribeInstancesInput{}); len(all) != len(fleetIDs(out)) {
				t.Errorf("%d instances exist, the answer names %d", len(all), len(fleetIDs(out)))
			}
			if !strings.HasPrefix(aws.ToString(out.FleetId), "fleet-") {
				t.Errorf("fleet id %q", aws.ToString(out.FleetId))
			}
		})
	}
}

// spotPrices are the current Spot prices by "type/zone".
func (l *lab) spotPrices(instanceTypes ...types.InstanceType) map[string]string {
	l.t.Helper()
	now := l.clock.Now()
	out := must[*ec2.DescribeSpotPriceHistoryOutput](l)(l.DescribeSpotPriceHistory(ctx(), &ec2.DescribeSpotPriceHistoryInput{
		StartTime: &now, InstanceTypes: instanceTypes,
	}))
	prices := map[string]string{}
	for _, p := range out.SpotPriceHistory {
		zone := *p.AvailabilityZone
		prices[string(p.InstanceType)+"/"+zone[len(zone)-1:]] = *p.SpotPrice
	}
	return prices
}

// TestSpotFleetStrategies makes pools deep or shallow by their limits: a pool
// is never deeper than what is left of it.
func TestSpotFleetStrategies(t *testing.T) {
	t.Parallel()
	pools := []pool{{"m5.large", "a", 3}, {"m5.large", "b", 2}, {"m5.large", "c", 1}, {"m5.2xlarge", "a", 0}}
	for name, c := range map[string]struct {
		strategy types.SpotAllocationStrategy
		use      *int32
		check    func(l *lab, got map[string]int) string
	}{
		"lowest price": {strategy: types.SpotAllocationStrategyLowestPrice, check: func(l *lab, got map[string]int) string {
			return wantAll(got, cheapest(l.spotPrices("m5.large"), 1), 4)
		}},
		"lowest price over two": {strategy: types.SpotAllocationStrategyLowestPrice, use: aws.Int32(2), check: func(l *lab, got map[string]int) string {
			return wantAll(got, cheapest(l.spotPrices("m5.large"), 2), 2)
		}},
		"diversified": {strategy: types.SpotAllocationStrategyDiversified, check: func(_ *lab, got map[string]int) string {
			return wantAll(got, []string{"m5.large/a", "m5.large/b", "m5.large/c", "m5.2xlarge/a"}, 1)
		}},
		"capacity optimized prioritized": {strategy: types.SpotAllocationStrategyCapacityOptimizedPrioritized, check: oneDeepPool},
		"capacity optimized":             {strategy: types.SpotAllocationStrategyCapacityOptimized, check: oneDeepPool},
		"price capacity optimized":       {strategy: types.SpotAllocationStrategyPriceCapacityOptimized, check: oneDeepPool},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			l.template("nodes", "x86_64")
			l.limit("m5.2xlarge", "a", "spot", 1)
			in := l.fleet("nodes", spot, 4, pools...)
			in.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: c.strategy, InstancePoolsToUseCount: c.use}
			out := l.launchFleet(in)
			if problem := c.check(l, launched(out)); problem != "" || len(out.Errors) > 0 {
				t.Errorf("launched %v, errors %v: %s", launched(out), failures(out), problem)
			}
			for _, i := range l.instances(&ec2.DescribeInstancesInput{}) {
				if i.InstanceLifecycle != types.InstanceLifecycleTypeSpot || aws.ToString(i.SpotInstanceRequestId) == "" {
					t.Errorf("%s is %q with Spot request %q", *i.InstanceId, i.InstanceLifecycle, aws.ToString(i.SpotInstanceRequestId))
				}
			}
		})
	}
}

// TestShallowPoolsComeLast: with all pools but one nearly empty, the strategies
// that look at capacity take the one, though it is the dearest.
func TestShallowPoolsComeLast(t *testing.T) {
	t.Parallel()
	for _, strategy := range []types.SpotAllocationStrategy{
		types.SpotAllocationStrategyCapacityOptimized, types.SpotAllocationStrategyPriceCapacityOptimized, types.SpotAllocationStrategyCapacityOptimizedPrioritized,
	} {
		t.Run(string(strategy), func(t *testing.T) {
			t.Parallel()
			l := open(t)
			l.template("nodes", "x86_64")
			deep := l.deepPool("m5.24xlarge", 9)
			for _, zone := range []string{"a", "b", "c"} {
				l.limit("m5.large", zone, "spot", 1)
			}
			in := l.fleet("nodes", spot, 1, pool{"m5.large", "a", 0}, pool{"m5.large", "b", 0}, pool{"m5.large", "c", 0}, pool{deep.instanceType, deep.zone, 9})
			in.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: strategy}
			if got := launched(l.launchFleet(in)); got[deep.instanceType+"/"+deep.zone] != 1 {
				t.Errorf("launched %v, want the deep pool %v", got, deep)
			}
		})
	}
}

// deepPool finds the zone in which a type's Spot pool is deepest: the one that
// capacity-optimized takes. It ends what it launched to find out.
func (l *lab) deepPool(instanceType string, priority float64) pool {
	l.t.Helper()
	in := l.fleet("nodes", spot, 1, anyOrder(instanceType, "a"), anyOrder(instanceType, "b"), anyOrder(instanceType, "c"))
	in.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: types.SpotAllocationStrategyCapacityOptimized}
	out := l.launchFleet(in)
	l.terminate(fleetIDs(out)...)
	for key := range launched(out) {
		return pool{instanceType, key[len(key)-1:], priority}
	}
	l.t.Fatal("nothing was launched")
	return pool{}
}

// oneDeepPool: everything comes from one pool, and not from the 2xlarge's, which
// a limit makes shallow.
func oneDeepPool(_ *lab, got map[string]int) string {
	if got["m5.2xlarge/a"] > 0 || len(got) != 1 {
		return "the shallow pool was taken, or several"
	}
	return ""
}

func cheapest(prices map[string]string, n int) []string {
	keys := slices.SortedFunc(maps.Keys(prices), func(a, b string) int { return strings.Compare(prices[a], prices[b]) })
	return keys[:n]
}

func wantAll(got map[string]int, keys []string, each int) string {
	want := map[string]int{}
	for _, key := range keys {
		want[key] = each
	}
	if !maps.Equal(got, want) {
		return fmt.Sprintf("want %v", want)
	}
	return ""
}

// TestFleetErrorsEchoTheOverride: a provisioner learns from an error which
// offering to leave alone for a while, so type, zone and subnet must be there.
func TestFleetErrorsEchoTheOverride(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.template("nodes", "x86_64")
	l.limit("m5.large", "b", "on-demand", 0)
	out := l.launchFleet(l.fleet("nodes", onDemand, 1, pool{"m5.large", "b", 7}))
	if len(out.Errors) != 1 || len(out.Instances) != 0 {
		t.Fatalf("instances %v, errors %v", launched(out), failures(out))
	}
	e := out.Errors[0]
	o, s := e.LaunchTemplateAndOverrides.Overrides, e.LaunchTemplateAndOverrides.LaunchTemplateSpecification
	if *e.ErrorCode != "InsufficientInstanceCapacity" || e.Lifecycle != types.InstanceLifecycleOnDemand {
		t.Errorf("code %s, lifecycle %s", *e.ErrorCode, e.Lifecycle)
	}
	if o.InstanceType != "m5.large" || *o.AvailabilityZone != "us-west-2b" || *o.AvailabilityZoneId != "usw2-az2" || *o.SubnetId != l.subnets()[1] || *o.Priority != 7 {
		t.Errorf("override %+v", *o)
	}
	if *s.LaunchTemplateId != id || *s.LaunchTemplateName != "nodes" || *s.Version != "1" {
		t.Errorf("launch template %+v", *s)
	}
	if text := *e.ErrorMessage; !strings.Contains(text, "us-west-2a, us-west-2c") || strings.Contains(text, "choosing us-west-2b") {
		t.Errorf("the message does not say which zones have capacity: %s", text)
	}
}

func TestFleetOverridesThatCannotLaunch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		capacity types.DefaultTargetCapacityType
		change   func(l *lab, o *types.FleetLaunchTemplateOverridesRequest)
		want     string
	}{
		"unknown type": {onDemand, func(_ *lab, o *types.FleetLaunchTemplateOverridesRequest) { o.InstanceType = "m5.huge" }, "InvalidParameterValue"},
		"unknown subnet": {onDemand, func(_ *lab, o *types.FleetLaunchTemplateOverridesRequest) {
			o.SubnetId = aws.String("subnet-0123456789abcdef0")
		}, "InvalidSubnetID.NotFound"},
		"another zone than the subnet's": {onDemand, func(_ *lab, o *types.FleetLaunchTemplateOverridesRequest) {
			o.AvailabilityZone = aws.String("us-west-2c")
		}, "InvalidParameterValue"},
		"image of another architecture": {onDemand, func(_ *lab, o *types.FleetLaunchTemplateOverridesRequest) { o.InstanceType = "m7g.large" }, "InvalidParameterValue"},
		"unknown image": {onDemand, func(_ *lab, o *types.FleetLaunchTemplateOverridesRequest) {
			o.ImageId = aws.String("ami-0123456789abcdef0")
		}, "InvalidAMIID.NotFound"},
		"price below the market": {spot, func(_ *lab, o *types.FleetLaunchTemplateOverridesRequest) { o.MaxPrice = aws.String("0.0001") }, "SpotMaxPriceTooLow"},
		"price that is none":     {spot, func(_ *lab, o *types.FleetLaunchTemplateOverridesRequest) { o.MaxPrice = aws.String("cheap") }, "InvalidParameterValue"},
		"type without Spot": {spot, func(_ *lab, o *types.FleetLaunchTemplateOverridesRequest) {
			o.InstanceType = "u-3tb1.56xlarge"
		}, "UnfulfillableCapacity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			l.template("nodes", "x86_64")
			in := l.fleet("nodes", c.capacity, 2, anyOrder("m5.large", "a"), anyOrder("m5.large", "b"))
			c.change(l, &in.LaunchTemplateConfigs[0].Overrides[0])
			out := l.launchFleet(in)
			if len(out.Errors) != 1 || *out.Errors[0].ErrorCode != c.want {
				t.Errorf("errors %v, want %s", failures(out), c.want)
			}
			if got := launched(out); got["m5.large/b"] != 2 || len(got) != 1 {
				t.Errorf("launched %v: the good override takes over", got)
			}
		})
	}
}

func TestSpotMaxPrice(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.template("nodes", "x86_64")
	price := l.spotPrices("m5.large")["m5.large/a"]
	in := l.fleet("nodes", spot, 1, anyOrder("m5.large", "a"))
	in.LaunchTemplateConfigs[0].Overrides[0].MaxPrice = aws.String("0.096")
	if out := l.launchFleet(in); len(fleetIDs(out)) != 1 {
		t.Errorf("with the on-demand price as limit, market price %s: %v", price, failures(out))
	}
}

// TestTemplateMaxPriceCounts: a price in the launch template is as good as one
// in the override.
func TestTemplateMaxPriceCounts(t *testing.T) {
	t.Parallel()
	l := open(t)
	must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("frugal"), LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String(l.imageOf("x86_64")),
			InstanceMarketOptions: &types.LaunchTemplateInstanceMarketOptionsRequest{
				MarketType: types.MarketTypeSpot, SpotOptions: &types.LaunchTemplateSpotMarketOptionsRequest{MaxPrice: aws.String("0.0001")},
			},
		},
	}))
	out := l.launchFleet(l.fleet("frugal", spot, 1, anyOrder("m5.large", "a")))
	if got := failures(out); !slices.Equal(got, []string{"SpotMaxPriceTooLow m5.large/a"}) {
		t.Errorf("launched %v, errors %v", launched(out), got)
	}
	_, err := l.CreateFleet(ctx(), l.fleet("frugal", onDemand, 1, anyOrder("m5.large", "a")))
	refused(t, err, "InvalidParameterValue")
}

// notOffered finds a type with a zone that does not sell it.
func (l *lab) notOffered() (instanceType, zone string) {
	l.t.Helper()
	out := must[*ec2.DescribeInstanceTypeOfferingsOutput](l)(l.DescribeInstanceTypeOfferings(ctx(), &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZone, Filters: []types.Filter{filter("instance-type", "g5.xlarge")},
	}))
	zones := map[string]bool{"a": true, "b": true, "c": true}
	for _, o := range out.InstanceTypeOfferings {
		delete(zones, (*o.Location)[len(*o.Location)-1:])
	}
	for zone := range zones {
		return "g5.xlarge", zone
	}
	l.t.Fatal("g5.xlarge is sold in every zone")
	return "", ""
}

func TestFleetWhereATypeIsNotSold(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.template("nodes", "x86_64")
	instanceType, zone := l.notOffered()
	out := l.launchFleet(l.fleet("nodes", onDemand, 1, anyOrder(instanceType, zone)))
	if got := failures(out); !slices.Equal(got, []string{"Unsupported " + instanceType + "/" + zone}) || len(fleetIDs(out)) > 0 {
		t.Errorf("launched %v, errors %v", launched(out), got)
	}
}

func TestFleetQuota(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		capacity types.DefaultTargetCapacityType
		code     string
	}{
		"on-demand": {onDemand, "VcpuLimitExceeded"}, "spot": {spot, "MaxSpotInstanceCountExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t, quota(6, 6))
			l.template("nodes", "x86_64")
			out := l.launchFleet(l.fleet("nodes", c.capacity, 5, anyOrder("m5.large", "a")))
			if got := launched(out); got["m5.large/a"] != 3 || !slices.Equal(failures(out), []string{c.code + " m5.large/a"}) {
				t.Fatalf("launched %v, errors %v: 6 vCPUs are three m5.large", got, failures(out))
			}
			l.terminate(fleetIDs(out)[0])
			out = l.launchFleet(l.fleet("nodes", c.capacity, 2, anyOrder("m5.large", "b")))
			if got := launched(out); got["m5.large/b"] != 1 {
				t.Errorf("one ended, so one fits; launched %v", got)
			}
			other := map[types.DefaultTargetCapacityType]types.DefaultTargetCapacityType{onDemand: spot, spot: onDemand}[c.capacity]
			if got := launched(l.launchFleet(l.fleet("nodes", other, 3, anyOrder("m5.large", "c")))); got["m5.large/c"] != 3 {
				t.Errorf("the other capacity type has a quota of its own; launched %v", got)
			}
		})
	}
}

func TestFleetFillsTheSubnet(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.template("nodes", "x86_64")
	free := l.freeAddresses(0)
	in := l.fleet("nodes", onDemand, 1000, anyOrder("m5.large", "a"))
	for free > 0 {
		out := l.launchFleet(in)
		got := len(fleetIDs(out))
		if want := min(free, 1000); got != want {
			t.Fatalf("with %d addresses left %d were launched, want %d", free, got, want)
		}
		free -= got
		if free == 0 && !slices.Equal(failures(out), []string{"InsufficientFreeAddressesInSubnet m5.large/a"}) {
			t.Errorf("errors %v", failures(out))
		}
	}
	addresses := map[string]bool{}
	for _, i := range l.instances(&ec2.DescribeInstancesInput{}) {
		addresses[*i.PrivateIpAddress] = true
	}
	if want := 1<<13 - 5; len(addresses) != want || l.freeAddresses(0) != 0 {
		t.Errorf("%d different addresses in use, %d free; want %d and none", len(addresses), l.freeAddresses(0), want)
	}
}

func (l *lab) freeAddresses(subnet int) int {
	l.t.Helper()
	out := must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{SubnetIds: l.subnets()[subnet : subnet+1]}))
	return int(*out.Subnets[0].AvailableIpAddressCount)
}

func TestCapacityComesBack(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	l.template("nodes", "x86_64")
	l.limit("m5.large", "a", "on-demand", 2)
	out := l.launchFleet(l.fleet("nodes", onDemand, 2, anyOrder("m5.large", "a")))
	l.terminate(fleetIDs(out)...)
	if got := l.Capacity(); got[0].Available != 0 {
		t.Errorf("while they shut down, %d are available", got[0].Available)
	}
	l.clock.Advance(shutdown)
	l.reopen()
	if got := l.Capacity(); len(got) != 1 || got[0].Available != 2 {
		t.Errorf("after the end: %+v, want 2 available", got)
	}
}

// TestNewLimitForgetsOlderInstances: a pool that is set says how many more can
// be launched, whatever was launched before.
func TestNewLimitForgetsOlderInstances(t *testing.T) {
	t.Parallel()
	l := open(t)
	ids := l.run(2)
	l.limit("m5.large", "a", "on-demand", 1)
	l.terminate(ids...)
	l.clock.Advance(shutdown)
	if got := l.Capacity(); got[0].Available != 1 {
		t.Errorf("%d available, want the 1 that was set", got[0].Available)
	}
	if _, err := l.FreeCapacity(region.Pool{InstanceType: "m5.large"}); err != nil || len(l.Capacity()) != 0 {
		t.Errorf("after freeing: %v, %v", l.Capacity(), err)
	}
}
