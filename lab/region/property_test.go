package region_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"pgregory.net/rapid"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/region"
)

// everything is what can be asked of a region, as JSON by what it is.
func (l *lab) everything() map[string]string {
	l.t.Helper()
	instances := must[*ec2.DescribeInstancesOutput](l)(l.DescribeInstances(ctx(), &ec2.DescribeInstancesInput{}))
	templates := must[*ec2.DescribeLaunchTemplatesOutput](l)(l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{}))
	tags := must[*ec2.DescribeTagsOutput](l)(l.DescribeTags(ctx(), &ec2.DescribeTagsInput{}))
	subnets := must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{}))
	profiles := must[*iam.ListInstanceProfilesOutput](l)(l.IAM().ListInstanceProfiles(ctx(), &iam.ListInstanceProfilesInput{}))
	texts := map[string]string{}
	for what, value := range map[string]any{
		"instances": instances.Reservations, "launch templates": templates.LaunchTemplates, "tags": tags.Tags,
		"subnets": subnets.Subnets, "instance profiles": profiles.InstanceProfiles, "capacity": l.Capacity(),
	} {
		b, err := json.MarshalIndent(value, "", " ")
		if err != nil {
			l.t.Fatal(err)
		}
		texts[what] = string(b)
	}
	return texts
}

// history is a region with what must be so after all that was done to it.
type history struct {
	*lab
	ended   map[string]time.Time           // instances by id; zero: not ended
	set     map[region.Pool]int64          // what each limit was set to
	counted map[region.Pool]map[string]int // instances launched since then
	fleets  map[string]*ec2.CreateFleetInput
	answers map[string]*ec2.CreateFleetOutput
}

func TestRegionKeepsItsBooks(t *testing.T) {
	t.Parallel()
	dirs := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		// A disk is slow, so only some histories have one.
		dir := ""
		if rapid.SampledFrom([]bool{false, false, false, false, false, false, false, true}).Draw(rt, "on disk") {
			var err error
			if dir, err = os.MkdirTemp(dirs, ""); err != nil {
				rt.Fatal(err)
			}
		}
		l := openOn(rt, clock.NewManual(start()), options(func(o *region.Options) { o.DataDir = dir }))
		h := &history{lab: l, ended: map[string]time.Time{}, set: map[region.Pool]int64{}, counted: map[region.Pool]map[string]int{},
			fleets: map[string]*ec2.CreateFleetInput{}, answers: map[string]*ec2.CreateFleetOutput{}}
		defer func() { _ = h.Close() }()
		h.template("nodes", "x86_64")
		rt.Repeat(map[string]func(*rapid.T){
			"launch": h.launch, "launch again": h.launchAgain, "terminate": h.end, "advance": h.advance,
			"set capacity": h.setCapacity, "free capacity": h.freeCapacity, "reopen": h.restart,
			"": h.check,
		})
	})
}

func anyPool(capacityTypes ...string) *rapid.Generator[region.Pool] {
	return rapid.Custom(func(rt *rapid.T) region.Pool {
		return region.Pool{
			InstanceType: rapid.SampledFrom([]string{"m5.large", "c5.large", "m5.xlarge"}).Draw(rt, "type"),
			Zone:         "us-west-2" + rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "zone"),
			CapacityType: rapid.SampledFrom(capacityTypes).Draw(rt, "capacity type"),
		}
	})
}

func (h *history) launch(rt *rapid.T) {
	capacity := rapid.SampledFrom([]types.DefaultTargetCapacityType{onDemand, spot}).Draw(rt, "capacity type")
	pools := rapid.SliceOfNDistinct(anyPool(string(capacity)), 1, 4, rapid.ID).Draw(rt, "pools")
	var overrides []pool
	for _, p := range pools {
		overrides = append(overrides, anyOrder(p.InstanceType, p.Zone[len(p.Zone)-1:]))
	}
	in := h.fleet("nodes", capacity, int32(rapid.IntRange(1, 6).Draw(rt, "target")), overrides...)
	if capacity == spot {
		in.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: rapid.SampledFrom(types.SpotAllocationStrategy("").Values()).Draw(rt, "strategy")}
	}
	token := fmt.Sprint("token-", len(h.fleets))
	in.ClientToken = &token
	out := h.launchFleet(in)
	h.fleets[token], h.answers[token] = in, out
	for _, i := range out.Instances {
		p := region.Pool{InstanceType: string(i.InstanceType), Zone: *i.LaunchTemplateAndOverrides.Overrides.AvailabilityZone, CapacityType: string(capacity)}
		for _, id := range i.InstanceIds {
			if _, known := h.ended[id]; known {
				rt.Fatalf("%s was launched twice", id)
			}
			h.ended[id] = time.Time{}
			if counted, finite := h.counted[p]; finite {
				counted[id] = 1
			}
		}
	}
	if got := len(fleetIDs(out)); got > int(*in.TargetCapacitySpecification.TotalTargetCapacity) || (got < int(*in.TargetCapacitySpecification.TotalTargetCapacity) && len(out.Errors) == 0) {
		rt.Fatalf("%d instances of %d, errors %v", got, *in.TargetCapacitySpecification.TotalTargetCapacity, failures(out))
	}
}

// launchAgain repeats a call, as a client does whose process was killed.
func (h *history) launchAgain(rt *rapid.T) {
	if len(h.fleets) == 0 {
		rt.Skip("no fleet so far")
	}
	token := rapid.SampledFrom(slices.Sorted(maps.Keys(h.fleets))).Draw(rt, "token")
	if again := h.launchFleet(h.fleets[token]); !reflect.DeepEqual(again, h.answers[token]) {
		rt.Fatalf("%s was answered %v, now %v", token, fleetIDs(h.answers[token]), fleetIDs(again))
	}
}

func (h *history) end(rt *rapid.T) {
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(h.ended)), func(id string) bool { return !h.ended[id].IsZero() })
	if len(ids) == 0 {
		rt.Skip("no instance to end")
	}
	chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, len(ids), rapid.ID).Draw(rt, "instances")
	h.terminate(chosen...)
	for _, id := range chosen {
		h.ended[id] = h.clock.Now()
	}
}

func (h *history) advance(rt *rapid.T) {
	h.clock.Advance(rapid.SampledFrom([]time.Duration{time.Second, boot, shutdown, 20 * time.Minute, 45 * time.Minute}).Draw(rt, "time"))
}

func (h *history) setCapacity(rt *rapid.T) {
	p, available := anyPool("on-demand", "spot").Draw(rt, "pool"), rapid.Int64Range(0, 5).Draw(rt, "available")
	if n, err := h.SetCapacity(p, available); err != nil || n != 1 {
		rt.Fatalf("%d pools, %v", n, err)
	}
	h.set[p], h.counted[p] = available, map[string]int{}
}

func (h *history) freeCapacity(rt *rapid.T) {
	p := anyPool("on-demand", "spot").Draw(rt, "pool")
	if _, err := h.FreeCapacity(p); err != nil {
		rt.Fatal(err)
	}
	delete(h.set, p)
	delete(h.counted, p)
}

func (h *history) restart(rt *rapid.T) {
	if h.options.DataDir == "" {
		rt.Skip("in memory")
	}
	h.reopen()
}

// check is what must always be so.
func (h *history) check(rt *rapid.T) {
	present := map[string]types.Instance{}
	for _, i := range h.instances(&ec2.DescribeInstancesInput{}) {
		present[*i.InstanceId] = i
	}
	h.checkInstances(rt, present)
	h.checkLimits(rt, present)
	h.checkAddresses(rt, present)
}

func (h *history) checkInstances(rt *rapid.T, present map[string]types.Instance) {
	for id, ended := range h.ended {
		i, here := present[id]
		age := h.clock.Now().Sub(ended)
		switch {
		case ended.IsZero() && (!here || (i.State.Name != "pending" && i.State.Name != "running")):
			rt.Fatalf("%s is lost: %+v", id, i.State)
		case !ended.IsZero() && here && age > forgotten:
			rt.Fatalf("%s ended %s ago and is %s still", id, age, i.State.Name)
		case !ended.IsZero() && !here && age < time.Hour:
			rt.Fatalf("%s ended %s ago and is forgotten", id, age)
		}
	}
	for id := range present {
		if _, known := h.ended[id]; !known {
			rt.Fatalf("%s was never launched", id)
		}
	}
}

func (h *history) checkLimits(rt *rapid.T, present map[string]types.Instance) {
	limits := h.Capacity()
	if len(limits) != len(h.set) {
		rt.Fatalf("%d limits, %d were set", len(limits), len(h.set))
	}
	for _, limit := range limits {
		alive := int64(0)
		for id := range h.counted[limit.Pool] {
			if i, here := present[id]; here && i.State.Name != "terminated" {
				alive++
			}
		}
		if limit.Available < 0 || limit.Available+alive != h.set[limit.Pool] {
			rt.Fatalf("%+v: %d available and %d instances, but %d were set", limit.Pool, limit.Available, alive, h.set[limit.Pool])
		}
	}
}

func (h *history) checkAddresses(rt *rapid.T, present map[string]types.Instance) {
	used, bySubnet := map[string]string{}, map[string]int32{}
	out := must[*ec2.DescribeSubnetsOutput](h.lab)(h.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{}))
	ranges := map[string]netip.Prefix{}
	for _, s := range out.Subnets {
		ranges[*s.SubnetId] = netip.MustParsePrefix(*s.CidrBlock)
	}
	for id, i := range present {
		if i.State.Name == "terminated" {
			continue
		}
		address := aws.ToString(i.PrivateIpAddress)
		if other, taken := used[address]; taken {
			rt.Fatalf("%s and %s have the address %s", id, other, address)
		}
		if a, err := netip.ParseAddr(address); err != nil || !ranges[*i.SubnetId].Contains(a) {
			rt.Fatalf("%s has the address %s in %s", id, address, ranges[*i.SubnetId])
		}
		used[address] = id
		bySubnet[*i.SubnetId]++
	}
	managed := must[*ec2.DescribeNetworkInterfacesOutput](h.lab)(h.DescribeNetworkInterfaces(ctx(), &ec2.DescribeNetworkInterfacesInput{
		Filters: []types.Filter{filter("requester-managed", "true")},
	}))
	for _, i := range managed.NetworkInterfaces {
		bySubnet[*i.SubnetId]++
	}
	for _, s := range out.Subnets {
		if want := 1<<13 - 5 - bySubnet[*s.SubnetId]; *s.AvailableIpAddressCount != want {
			rt.Fatalf("%s has %d addresses left, want %d", *s.SubnetId, *s.AvailableIpAddressCount, want)
		}
	}
}
