package ec2api

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// override is one way to launch an instance of a fleet: a launch template with
// an override over it.
type override struct {
	launch   world.Launch
	err      error // why it cannot launch at all
	priority *float64
	maxPrice string
	echo     types.LaunchTemplateAndOverridesResponse
}

// overrides joins every launch template of the request with its overrides. A
// template that does not exist fails the call; what is wrong with one override
// fails only that one.
func (e *EC2) overrides(in *ec2.CreateFleetInput, o fleetOrder) ([]override, error) {
	var all []override
	for _, c := range in.LaunchTemplateConfigs {
		t, v, err := e.templateOf(c.LaunchTemplateSpecification)
		if err != nil {
			return nil, err
		}
		data, err := dataOf(v)
		if err != nil {
			return nil, err
		}
		list := c.Overrides
		if len(list) == 0 {
			list = []types.FleetLaunchTemplateOverridesRequest{{}}
		}
		for _, request := range list {
			one, err := e.override(data, request, o)
			if err != nil {
				return nil, err
			}
			one.echo.LaunchTemplateSpecification = &types.FleetLaunchTemplateSpecification{
				LaunchTemplateId: aws.String(t.ID), LaunchTemplateName: aws.String(t.Name), Version: aws.String(strconv.FormatInt(v.Number, 10)),
			}
			one.launch.Tags.Instance = one.launch.Tags.Instance.With(world.Tags{
				"aws:ec2launchtemplate:id": t.ID, "aws:ec2launchtemplate:version": strconv.FormatInt(v.Number, 10),
			})
			all = append(all, one)
		}
	}
	if len(all) > mostOverrides {
		return nil, awserr.New("InvalidFleetConfig", "The fleet has %d launch template overrides, more than %d", len(all), mostOverrides)
	}
	return all, checkDuplicates(all)
}

// checkDuplicates refuses two overrides for the same pool, as EC2 does.
func checkDuplicates(all []override) error {
	seen := map[world.Pool]bool{}
	for _, o := range all {
		if o.err != nil {
			continue
		}
		if seen[o.launch.Pool()] {
			return awserr.New("InvalidFleetConfig", "The fleet configuration contains duplicate instance pools: %s in %s. Name an instance type once for each Availability Zone.",
				o.launch.Type, o.launch.Subnet.Zone.Name)
		}
		seen[o.launch.Pool()] = true
	}
	return nil
}

func (e *EC2) templateOf(s *types.FleetLaunchTemplateSpecificationRequest) (t world.LaunchTemplate, v world.TemplateVersion, err error) {
	if s == nil {
		return t, v, missing("LaunchTemplateConfigs.LaunchTemplateSpecification")
	}
	if t, err = e.findTemplate(s.LaunchTemplateId, s.LaunchTemplateName); err != nil {
		return t, v, err
	}
	if aws.ToString(s.Version) == "" {
		return t, v, missing("LaunchTemplateConfigs.LaunchTemplateSpecification.Version")
	}
	v, err = versionOf(t, *s.Version)
	return t, v, err
}

func (e *EC2) override(data types.RequestLaunchTemplateData, r types.FleetLaunchTemplateOverridesRequest, o fleetOrder) (override, error) {
	if err := awswire.Supported(r, "AvailabilityZone", "AvailabilityZoneId", "ImageId", "InstanceType", "MaxPrice", "Priority", "SubnetId"); err != nil {
		return override{}, err
	}
	if data.InstanceMarketOptions != nil && data.InstanceMarketOptions.MarketType == types.MarketTypeSpot && !o.spot {
		return override{}, invalid("The launch template asks for Spot Instances, the fleet for On-Demand capacity. Leave InstanceMarketOptions out of launch templates for fleets.")
	}
	if r.InstanceType != "" {
		data.InstanceType = r.InstanceType
	}
	if r.ImageId != nil {
		data.ImageId = r.ImageId
	}
	one := override{priority: r.Priority}
	one.launch, one.err = e.launchFrom(data, place{aws.ToString(r.SubnetId), aws.ToString(r.AvailabilityZone), aws.ToString(r.AvailabilityZoneId)})
	one.launch.Spot, one.launch.ClientToken = o.spot, o.token
	one.launch.Persistent, one.launch.Behavior = false, "" // a fleet of type instant asks once
	one.maxPrice = first(aws.ToString(r.MaxPrice), one.launch.SpotMaxPrice)
	tags, err := launchTags(append(templateTagSpecs(data.TagSpecifications), o.specs...))
	if err != nil {
		return one, err
	}
	one.launch.Tags = tags
	one.echo.Overrides = &types.FleetLaunchTemplateOverrides{
		AvailabilityZone: r.AvailabilityZone, AvailabilityZoneId: r.AvailabilityZoneId, ImageId: r.ImageId, InstanceType: data.InstanceType,
		MaxPrice: r.MaxPrice, Priority: r.Priority, SubnetId: r.SubnetId,
	}
	if one.err == nil {
		zone := one.launch.Subnet.Zone
		one.echo.Overrides.SubnetId = aws.String(one.launch.Subnet.ID)
		one.echo.Overrides.AvailabilityZone, one.echo.Overrides.AvailabilityZoneId = aws.String(zone.Name), aws.String(zone.ID)
	}
	return one, nil
}
