package ec2api

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/fleet"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// fleetRun fills one fleet within the transaction of its call.
type fleetRun struct {
	ec2       *EC2
	tx        *store.Tx
	order     fleetOrder
	overrides []override
	out       *ec2.CreateFleetOutput

	possible []int // places in overrides of those that can launch
	failure  error // of the state itself, which fails the call
}

func (r *fleetRun) fill() error {
	request := fleet.Request{Target: r.order.target, Strategy: r.order.strategy, PoolsToUse: r.order.poolsToUse}
	for i := range r.overrides {
		if err := r.check(i); err != nil {
			r.report(i, err)
			continue
		}
		r.possible = append(r.possible, i)
		request.Candidates = append(request.Candidates, r.candidate(i))
	}
	for _, s := range request.Fill(r.take) {
		r.report(r.possible[s.Candidate], s.Err)
	}
	return r.failure
}

// tagFleet gives the fleet its tags, which go with its last instance: a fleet
// that has none is over already.
func (r *fleetRun) tagFleet() error {
	if len(r.out.Instances) == 0 {
		return nil
	}
	return r.ec2.world.SetTags(r.tx, r.order.id, r.order.fleetTags)
}

// check gives the reason why an override can never launch, nil when it can.
func (r *fleetRun) check(i int) error {
	o := r.overrides[i]
	if o.err != nil {
		return o.err
	}
	if err := r.ec2.checkOffered(o.launch); err != nil {
		return err
	}
	if !o.launch.Spot {
		return nil
	}
	return r.ec2.checkSpot(o.launch, o.maxPrice)
}

// checkOffered refuses a type that the zone does not sell.
func (e *EC2) checkOffered(l world.Launch) error {
	zone := l.Subnet.Zone.Name
	if e.world.Offered(l.Type, zone) {
		return nil
	}
	var elsewhere []string
	for _, z := range e.world.Network.Zones {
		if e.world.Offered(l.Type, z.Name) {
			elsewhere = append(elsewhere, z.Name)
		}
	}
	return awserr.New("Unsupported", "Your requested instance type (%s) is not supported in your requested Availability Zone (%s). "+
		"Please retry your request by not specifying an Availability Zone or choosing %s.", l.Type, zone, strings.Join(elsewhere, ", "))
}

// checkSpot refuses a type without Spot and a price below the market's.
func (e *EC2) checkSpot(l world.Launch, maxPrice string) error {
	if !world.SpotOffered(l.Type) {
		return awserr.New("UnfulfillableCapacity", "Unable to fulfill capacity due to your request configuration. Please adjust your request and try again.")
	}
	if maxPrice == "" {
		return nil
	}
	most, err := strconv.ParseFloat(maxPrice, 64)
	if err != nil || most <= 0 {
		return invalid("Value (%s) for parameter price is invalid. %q is not a valid price", maxPrice, maxPrice)
	}
	if price, _ := e.world.Price(l.Pool()); most < price {
		return awserr.New("SpotMaxPriceTooLow", "Your Spot request price of %s is lower than the minimum required Spot request fulfillment price of %s.", maxPrice, spotPrice(price))
	}
	return nil
}

func (r *fleetRun) candidate(i int) fleet.Candidate {
	c := r.ec2.candidate(r.overrides[i].launch)
	c.Priority = r.overrides[i].priority
	return c
}

// candidate is a pool as the allocation strategies see it, without a priority.
func (e *EC2) candidate(l world.Launch) fleet.Candidate {
	price, _ := e.world.Price(l.Pool())
	return fleet.Candidate{USD: price, Depth: e.world.Depth(l.Pool())}
}

// take launches as many instances of a candidate as there is room for.
func (r *fleetRun) take(candidate, want int) (int, error) {
	if r.failure != nil {
		return 0, r.failure
	}
	o := r.overrides[r.possible[candidate]]
	got, short := r.ec2.room(o.launch, want)
	if got == 0 {
		return 0, short
	}
	l := o.launch
	if l.Reservation, r.failure = r.ec2.world.NewID(r.tx, "r-"); r.failure != nil {
		return 0, r.failure
	}
	l.SpotMaxPrice, l.FleetID = o.maxPrice, r.order.id
	l.Tags.Instance = l.Tags.Instance.With(world.Tags{"aws:ec2:fleet-id": r.order.id})
	launched, err := r.ec2.world.Launch(r.tx, l, got)
	if err != nil {
		r.failure = err
		return 0, err
	}
	r.add(o, launched)
	return got, short
}

// room is how many instances can be launched now, and what is in the way of the
// rest: capacity, the account's quota, or the subnet's addresses.
func (e *EC2) room(l world.Launch, want int) (got int, short error) {
	got = want
	if available, finite := e.world.Available(l.Pool()); finite && available < int64(got) {
		got, short = int(available), e.world.Insufficient(l.Pool())
	}
	if left, limited := e.world.QuotaLeft(l.Pool().CapacityType); limited {
		t, _ := e.world.Catalog.Type(l.Type)
		if fits := int(max(left, 0) / t.VCPU); fits < got {
			got, short = fits, e.quotaExceeded(l.Spot)
		}
	}
	if free := e.world.FreeAddresses(l.Subnet); free < got {
		got, short = free, awserr.New("InsufficientFreeAddressesInSubnet",
			"There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", l.Subnet.ID)
	}
	return got, short
}

func (e *EC2) quotaExceeded(isSpot bool) error {
	if isSpot {
		return awserr.New("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
	}
	return awserr.New("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of %d allows for the instance bucket "+
		"that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
		e.world.Options.Quota.OnDemandVCPU)
}

// add puts launched instances into the answer, with those of the same override.
func (r *fleetRun) add(o override, launched []world.Instance) {
	zone := o.launch.Subnet.Zone.Name
	at := slices.IndexFunc(r.out.Instances, func(g types.CreateFleetInstance) bool {
		return string(g.InstanceType) == o.launch.Type && aws.ToString(g.LaunchTemplateAndOverrides.Overrides.AvailabilityZone) == zone
	})
	if at < 0 {
		echo := o.echo
		r.out.Instances = append(r.out.Instances, types.CreateFleetInstance{
			InstanceType: types.InstanceType(o.launch.Type), Lifecycle: r.lifecycle(), LaunchTemplateAndOverrides: &echo,
			AvailabilityZone: aws.String(zone), AvailabilityZoneId: aws.String(o.launch.Subnet.Zone.ID), SubnetId: aws.String(o.launch.Subnet.ID),
		})
		at = len(r.out.Instances) - 1
	}
	for _, i := range launched {
		r.out.Instances[at].InstanceIds = append(r.out.Instances[at].InstanceIds, i.ID)
	}
}

func (r *fleetRun) report(i int, err error) {
	code, text := "InternalError", err.Error()
	var known *awserr.Error
	if errors.As(err, &known) {
		code, text = known.Code, known.Message
	}
	echo := r.overrides[i].echo
	r.out.Errors = append(r.out.Errors, types.CreateFleetError{
		ErrorCode: aws.String(code), ErrorMessage: aws.String(text), Lifecycle: r.lifecycle(), LaunchTemplateAndOverrides: &echo,
	})
}

func (r *fleetRun) lifecycle() types.InstanceLifecycle {
	if r.order.spot {
		return types.InstanceLifecycleSpot
	}
	return types.InstanceLifecycleOnDemand
}

// spotPrice is a price as EC2 writes it.
func spotPrice(usd float64) string { return strconv.FormatFloat(usd, 'f', 6, 64) }
