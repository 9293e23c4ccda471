package ec2api

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/fleet"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// mostConfigs and mostOverrides are the limits of a fleet request.
const (
	mostConfigs   = 50
	mostOverrides = 300
	mostInstances = 1000
)

// CreateFleet makes a fleet of type instant: it launches what there is capacity
// for and reports, next to it, which overrides failed and why.
func (e *EC2) CreateFleet(_ context.Context, in *ec2.CreateFleetInput) (*ec2.CreateFleetOutput, error) {
	order, err := readFleet(in)
	if err != nil {
		return nil, err
	}
	token := tokenOf("CreateFleet", in.ClientToken, *in)
	out := &ec2.CreateFleetOutput{}
	err = e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(token, in.DryRun, out); found || err != nil {
			return err
		}
		overrides, err := e.overrides(in, order)
		if err != nil {
			return err
		}
		if err := dryRun(in.DryRun); err != nil {
			return err
		}
		id, err := e.world.NewUUID(tx, "fleet")
		if err != nil {
			return err
		}
		order.id = "fleet-" + id
		out.FleetId = aws.String(order.id)
		run := &fleetRun{ec2: e, tx: tx, order: order, overrides: overrides, out: out}
		if err := run.fill(); err != nil {
			return err
		}
		if err := run.tagFleet(); err != nil {
			return err
		}
		return e.world.Remember(tx, token, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fleetOrder is what a fleet request wants in total.
type fleetOrder struct {
	id         string
	spot       bool
	target     int
	strategy   fleet.Strategy
	poolsToUse int
	token      string
	specs      []tagSpec // without the fleet's own
	fleetTags  world.Tags
}

// readFleet checks the request as far as that is possible without the state.
func readFleet(in *ec2.CreateFleetInput) (o fleetOrder, err error) {
	if err := awswire.Supported(in, "LaunchTemplateConfigs", "TargetCapacitySpecification", "ClientToken", "Context", "DryRun",
		"OnDemandOptions", "SpotOptions", "TagSpecifications", "Type"); err != nil {
		return o, err
	}
	if in.Type != types.FleetTypeInstant {
		return o, unsupported("fleet type " + first(string(in.Type), "maintain (the default)") + ", only instant")
	}
	if len(in.LaunchTemplateConfigs) == 0 {
		return o, missing("LaunchTemplateConfigs")
	}
	if len(in.LaunchTemplateConfigs) > mostConfigs {
		return o, awserr.New("InvalidFleetConfig", "The fleet has %d launch template configurations, more than %d", len(in.LaunchTemplateConfigs), mostConfigs)
	}
	if in.TargetCapacitySpecification == nil {
		return o, missing("TargetCapacitySpecification")
	}
	if err := o.readTarget(*in.TargetCapacitySpecification); err != nil {
		return o, err
	}
	if err := o.readStrategy(in); err != nil {
		return o, err
	}
	return o, o.readTags(in)
}

func (o *fleetOrder) readTarget(t types.TargetCapacitySpecificationRequest) error {
	if err := awswire.Supported(t, "TotalTargetCapacity", "DefaultTargetCapacityType", "OnDemandTargetCapacity", "SpotTargetCapacity"); err != nil {
		return err
	}
	if t.TotalTargetCapacity == nil {
		return missing("TargetCapacitySpecification.TotalTargetCapacity")
	}
	o.target = int(*t.TotalTargetCapacity)
	if o.target < 1 || o.target > mostInstances {
		return invalid("TotalTargetCapacity %d is invalid: it must be between 1 and %d", o.target, mostInstances)
	}
	onDemand, spot := aws.ToInt32(t.OnDemandTargetCapacity), aws.ToInt32(t.SpotTargetCapacity)
	switch t.DefaultTargetCapacityType {
	case types.DefaultTargetCapacityTypeOnDemand, "":
	case types.DefaultTargetCapacityTypeSpot:
		o.spot = true
	default:
		return unsupported("DefaultTargetCapacityType " + string(t.DefaultTargetCapacityType))
	}
	if onDemand > 0 && spot > 0 {
		return unsupported("on-demand and Spot capacity in one fleet")
	}
	if onDemand+spot > 0 {
		o.spot = spot > 0
		if int(onDemand+spot) != o.target {
			return unsupported("OnDemandTargetCapacity or SpotTargetCapacity other than TotalTargetCapacity")
		}
	}
	return nil
}

func (o *fleetOrder) readStrategy(in *ec2.CreateFleetInput) error {
	if s := in.OnDemandOptions; s != nil {
		if err := awswire.Supported(s, "AllocationStrategy"); err != nil {
			return err
		}
	}
	if s := in.SpotOptions; s != nil {
		plain := *s
		if plain.InstanceInterruptionBehavior == types.SpotInstanceInterruptionBehaviorTerminate {
			plain.InstanceInterruptionBehavior = ""
		}
		if err := awswire.Supported(plain, "AllocationStrategy", "InstancePoolsToUseCount"); err != nil {
			return err
		}
	}
	asked, known := "", []fleet.Strategy{fleet.LowestPrice, fleet.Prioritized}
	if !o.spot && in.OnDemandOptions != nil {
		asked = string(in.OnDemandOptions.AllocationStrategy)
	}
	if o.spot {
		known = []fleet.Strategy{fleet.LowestPrice, fleet.Diversified, fleet.CapacityOptimized, fleet.CapacityOptimizedPrioritized, fleet.PriceCapacityOptimized}
		if in.SpotOptions != nil {
			asked, o.poolsToUse = string(in.SpotOptions.AllocationStrategy), int(aws.ToInt32(in.SpotOptions.InstancePoolsToUseCount))
		}
	}
	o.strategy = fleet.LowestPrice
	if asked == "" {
		return nil
	}
	for _, s := range known {
		if strategyName(asked) == s {
			o.strategy = s
			return nil
		}
	}
	return invalid("Invalid value '%s' for AllocationStrategy. Use one of %v", asked, known)
}

// strategyName takes the older spelling without hyphens, too.
func strategyName(s string) fleet.Strategy {
	switch s {
	case "lowestPrice":
		return fleet.LowestPrice
	case "capacityOptimized":
		return fleet.CapacityOptimized
	case "capacityOptimizedPrioritized":
		return fleet.CapacityOptimizedPrioritized
	case "priceCapacityOptimized":
		return fleet.PriceCapacityOptimized
	}
	return fleet.Strategy(s)
}

func (o *fleetOrder) readTags(in *ec2.CreateFleetInput) (err error) {
	specs := tagSpecs(in.TagSpecifications)
	if err := checkTagSpecs(specs, types.ResourceTypeFleet, types.ResourceTypeInstance, types.ResourceTypeVolume,
		types.ResourceTypeNetworkInterface, types.ResourceTypeSpotInstancesRequest); err != nil {
		return err
	}
	o.token, o.specs = aws.ToString(in.ClientToken), specs
	o.fleetTags, err = tagsFor(types.ResourceTypeFleet, specs)
	return err
}
