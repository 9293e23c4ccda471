package groups

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/fleet"
	"github.com/drover-project/drover/lab/region/world"
)

// place is a zone of the group with the subnet to launch in.
type place struct {
	zone, subnet string
}

// places are the group's zones, each with one of its subnets there: the one
// with the most free addresses.
func (r *Round) places() []place {
	var places []place
	for _, zone := range r.Group.Zones {
		best, free := place{zone: zone}, -1
		for _, id := range r.Group.Subnets {
			s, exists := r.world.Network.Subnet(id)
			if exists && s.Zone.Name == zone && r.world.FreeAddresses(s) > free {
				best.subnet, free = id, r.world.FreeAddresses(s)
			}
		}
		places = append(places, best)
	}
	return places
}

// launch launches units of capacity, each purchase option its share, and
// reports whether that was all.
func (r *Round) launch(units int) bool {
	l := &launching{Round: r, cause: r.launchCause(units)}
	if r.Group.Mixed == nil {
		return l.market(ec2api.AsTemplate, units) <= 0
	}
	onDemand := min(max(onDemandOf(r.Group, r.Group.Desired)-r.units(false), 0), units)
	left := l.market(ec2api.OnDemand, onDemand)
	// An on-demand instance that weighs more than was missing spares Spot.
	spot := units - onDemand + min(left, 0)
	return max(left, 0)+l.market(ec2api.Spot, spot) <= 0
}

func (r *Round) launchCause(units int) string {
	if r.replacing > 0 {
		return At(r.now()) + " an instance was launched in response to an unhealthy instance needing to be replaced."
	}
	if r.refreshing > 0 {
		return At(r.now()) + " an instance was launched in response to an instance refresh."
	}
	before := r.Actual()
	return r.because("an instance was started in response to a difference between desired and actual capacity, "+
		"increasing the capacity from %d to %d.", before, before+units)
}

// launching is one attempt to launch.
type launching struct {
	*Round
	cause string
	extra bool // see world.Member.Extra
	// replaces is the instance that what is launched is for.
	replaces string
	// warm says that what is launched is for the warm pool.
	warm bool
}

// market launches units of one purchase option over the group's zones and gives
// what is still missing, below zero when weights brought more.
func (l *launching) market(market string, units int) (missing int) {
	if units <= 0 {
		return units
	}
	options, err := l.keeper.Options(l.Group, market)
	if err != nil {
		l.report(market, place{}, err)
		return units
	}
	places := l.places()
	for units > 0 && len(places) > 0 {
		var short []place
		split := shares(units, l.load(places), smallest(options))
		for i, p := range places {
			want := min(split[i], units)
			if want <= 0 {
				continue
			}
			got, complete := l.in(p, market, want, options)
			units -= got
			if !complete {
				short = append(short, p)
			}
		}
		if len(short) == 0 {
			break
		}
		places = slices.DeleteFunc(places, func(p place) bool { return slices.Contains(short, p) })
	}
	return units
}

// load is the capacity that the group has in places.
func (r *Round) load(places []place) []int {
	load := make([]int, len(places))
	for i, p := range places {
		for _, m := range r.Members {
			if m.Zone == p.zone && (Counts(m) || m.Extra) {
				load[i] += m.Weight
			}
		}
	}
	return load
}

// in launches units in one zone and reports whether it had all of them.
func (l *launching) in(p place, market string, units int, options []ec2api.Option) (got int, complete bool) {
	launched, short, err := l.keeper.ec2.Fill(l.tx, l.order(p, market, units, options))
	if err != nil {
		l.fail(err)
		return 0, false
	}
	for _, one := range launched {
		m := l.join(one)
		got += m.Weight
	}
	if got >= units {
		return got, true
	}
	l.failedLaunch(p.zone)
	if len(short) == 0 {
		short = []error{awserr.New("UnfulfillableCapacity", "There is no instance type that fits the group's requirements.")}
	}
	l.report(market, p, short[0])
	return got, false
}

func (l *launching) order(p place, market string, units int, options []ec2api.Option) ec2api.Order {
	o := ec2api.Order{Options: options, SubnetID: p.subnet, Market: market, Units: units, Strategy: fleet.Prioritized, Tags: l.tags()}
	if l.Group.Mixed == nil {
		return o
	}
	d := l.Group.Mixed.InstancesDistribution
	o.Strategy = fleet.Strategy(aws.ToString(d.OnDemandAllocationStrategy))
	if market == ec2api.Spot {
		o.Strategy, o.Pools = fleet.Strategy(aws.ToString(d.SpotAllocationStrategy)), int(aws.ToInt32(d.SpotInstancePools))
		o.MaxPrice = aws.ToString(d.SpotMaxPrice)
	}
	return o
}

// GroupTag is the tag of every instance of a group.
const GroupTag = "aws:autoscaling:groupName"

func (r *Round) tags() world.Tags {
	tags := world.Tags{GroupTag: r.Group.Name}
	for _, t := range r.Group.Tags {
		if t.Propagate {
			tags[t.Key] = t.Value
		}
	}
	return tags
}

// join makes a launched instance one of the group.
func (l *launching) join(one ec2api.Launched) *world.Member {
	i := one.Instance
	subnet, _ := l.world.Network.Subnet(i.SubnetID)
	m := &world.Member{
		InstanceID: i.ID, Group: l.Group.Name, Type: i.Type, Zone: subnet.Zone.Name, ZoneID: subnet.Zone.ID, Image: i.ImageID, Spot: i.Spot,
		State: types.LifecycleStatePending, Since: l.now(), Joined: l.now(), Weight: max(one.Option.Weight, 1), Weighted: weighted(l.Group),
		Protected: l.Group.ProtectNew, Extra: l.extra, Replaces: l.replaces, LaunchConfiguration: l.Group.LaunchConfiguration,
	}
	if t := one.Option.Template; t.ID != "" {
		m.Template = &t
	}
	into := ""
	if l.warm {
		m.State, m.Protected, m.Rests, into = types.LifecycleStateWarmedPending, false, l.restState(), " into warm pool"
	}
	m.Activity = l.begin(world.Activity{
		Cause: l.cause, Description: launchingInstance + into + ": " + i.ID,
		Status: types.ScalingActivityStatusCodePreInService, Progress: 30, Zone: m.Zone, Subnet: i.SubnetID,
	})
	l.keep(m)
	l.Members = append(l.Members, m)
	return m
}

// weighted reports whether a group gives its types weights.
func weighted(g world.Group) bool {
	return g.Mixed != nil && slices.ContainsFunc(g.Mixed.LaunchTemplate.Overrides, func(o types.LaunchTemplateOverrides) bool { return o.WeightedCapacity != nil })
}

// report stores the activity of a launch that fell short.
func (l *launching) report(market string, p place, err error) {
	text := err.Error()
	var known *awserr.Error
	if errors.As(err, &known) {
		text = known.Message
		switch market {
		case ec2api.Spot:
			text = fmt.Sprintf("Could not launch Spot Instances. %s - %s", known.Code, text)
		case ec2api.OnDemand:
			text = fmt.Sprintf("Could not launch On-Demand Instances. %s - %s", known.Code, text)
		}
	}
	l.failed(l.cause, p.zone, p.subnet, text+" Launching EC2 instance failed.")
}

// zoneRests is how long a zone that fell short is not tried for balance.
const zoneRests = 15 * time.Minute

// rests reports whether a zone fell short lately, and asks for a look when that
// is over.
func (r *Round) rests(zone string) bool {
	at, failed := r.Group.ZoneFailed[zone]
	return failed && !r.over(at, zoneRests)
}
