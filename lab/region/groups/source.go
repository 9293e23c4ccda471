package groups

import (
	"math"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/requirements"
	"github.com/drover-project/drover/lab/region/world"
)

// Desired capacity types.
const (
	Units     = "units"
	VCPU      = "vcpu"
	MemoryMiB = "memory-mib"
)

// Templates are the launch templates that a group uses, its own first.
func Templates(g world.Group) []world.TemplateUse {
	if g.Template != nil {
		return []world.TemplateUse{*g.Template}
	}
	if g.Mixed == nil {
		return nil
	}
	uses := []world.TemplateUse{use(g.Mixed.LaunchTemplate.LaunchTemplateSpecification)}
	for _, o := range g.Mixed.LaunchTemplate.Overrides {
		if o.LaunchTemplateSpecification != nil {
			uses = append(uses, use(o.LaunchTemplateSpecification))
		}
	}
	return uses
}

func use(s *types.LaunchTemplateSpecification) world.TemplateUse {
	return world.TemplateUse{ID: aws.ToString(s.LaunchTemplateId), Name: aws.ToString(s.LaunchTemplateName), Version: aws.ToString(s.Version)}
}

// Options are the ways to launch an instance of a market for a group as things
// are now, by priority. Use it within View or Update.
func (k *Keeper) Options(g world.Group, market string) ([]ec2api.Option, error) {
	switch {
	case g.Mixed != nil:
		return k.mixedOptions(g, market)
	case g.Template != nil:
		o, err := k.ec2.TemplateData(g.Template.ID, "", g.Template.Version)
		o.Weight = k.weight(g, string(o.Data.InstanceType), "")
		return []ec2api.Option{o}, err
	}
	c, found := k.world.LaunchConfigurations.Get(g.LaunchConfiguration)
	if !found {
		return nil, awserr.New("ValidationError", "Launch configuration name not found - A launch configuration with the name: %s does not exist", g.LaunchConfiguration)
	}
	return []ec2api.Option{{Data: configurationData(c.Input), Weight: k.weight(g, aws.ToString(c.Input.InstanceType), "")}}, nil
}

func (k *Keeper) mixedOptions(g world.Group, market string) ([]ec2api.Option, error) {
	own, err := k.optionOf(g.Mixed.LaunchTemplate.LaunchTemplateSpecification)
	if err != nil {
		return nil, err
	}
	overrides := g.Mixed.LaunchTemplate.Overrides
	if len(overrides) == 0 {
		overrides = []types.LaunchTemplateOverrides{{}}
	}
	var options []ec2api.Option
	for _, o := range overrides {
		base := own
		if s := o.LaunchTemplateSpecification; s != nil {
			if base, err = k.optionOf(s); err != nil {
				return nil, err
			}
		}
		if o.ImageId != nil {
			base.Data.ImageId = o.ImageId
		}
		names := []string{aws.ToString(o.InstanceType)}
		if o.InstanceRequirements != nil {
			names = k.typesFor(g, base, *o.InstanceRequirements, market)
		}
		options = append(options, k.overridden(g, base, aws.ToString(o.WeightedCapacity), names)...)
	}
	return options, nil
}

func (k *Keeper) optionOf(s *types.LaunchTemplateSpecification) (ec2api.Option, error) {
	return k.ec2.TemplateData(aws.ToString(s.LaunchTemplateId), "", aws.ToString(s.Version))
}

// overridden is launch data once for each type; an empty name is its own.
func (k *Keeper) overridden(g world.Group, base ec2api.Option, weight string, names []string) []ec2api.Option {
	var options []ec2api.Option
	for _, name := range names {
		one := base
		if name != "" {
			one.Data.InstanceType = ec2types.InstanceType(name)
		}
		one.Weight = k.weight(g, string(one.Data.InstanceType), weight)
		options = append(options, one)
	}
	return options
}

// typesFor are the types that fit requirements and the image, the cheapest first.
func (k *Keeper) typesFor(g world.Group, base ec2api.Option, wanted types.InstanceRequirements, market string) []string {
	arch := k.ec2.ImageArchitecture(aws.ToString(base.Data.ImageId))
	onDemand := func(t catalog.Type) float64 {
		usd, _ := k.world.Catalog.Price(k.world.Options.Region, t.Name)
		return usd
	}
	m := requirements.Market{USD: onDemand, OnDemandUSD: onDemand, Spot: market == ec2api.Spot}
	if m.Spot {
		m.USD = func(t catalog.Type) float64 { return k.lowestSpotPrice(g, t) }
	}
	for _, t := range k.world.Catalog.Offered(k.world.Options.Region) {
		if ec2api.Architecture(t) == arch && (!m.Spot || world.SpotOffered(t.Name)) && k.sold(g, t.Name) {
			m.Types = append(m.Types, t)
		}
	}
	return requirements.Match(wanted, m)
}

// sold reports whether one of the group's zones offers a type.
func (k *Keeper) sold(g world.Group, instanceType string) bool {
	return slices.ContainsFunc(g.Zones, func(zone string) bool { return k.world.Offered(instanceType, zone) })
}

func (k *Keeper) lowestSpotPrice(g world.Group, t catalog.Type) float64 {
	lowest := math.Inf(1)
	for _, zone := range g.Zones {
		usd, known := k.world.Price(world.Pool{InstanceType: t.Name, Zone: zone, CapacityType: world.Spot})
		if known && k.world.Offered(t.Name, zone) {
			lowest = min(lowest, usd)
		}
	}
	return lowest
}

// override is the weight that a group's overrides give a type, empty for none.
func override(g world.Group, instanceType string) string {
	if g.Mixed == nil {
		return ""
	}
	for _, o := range g.Mixed.LaunchTemplate.Overrides {
		if aws.ToString(o.InstanceType) == instanceType {
			return aws.ToString(o.WeightedCapacity)
		}
	}
	return ""
}

// weight is how many units of a group's capacity an instance is.
func (k *Keeper) weight(g world.Group, instanceType, override string) int {
	if n, err := strconv.Atoi(override); err == nil {
		return n
	}
	t, _ := k.world.Catalog.Type(instanceType)
	switch g.DesiredType {
	case VCPU:
		return int(max(t.VCPU, 1))
	case MemoryMiB:
		return int(max(t.MemoryMiB, 1))
	}
	return 1
}

// configurationData is a launch configuration as launch template data.
func configurationData(c types.LaunchConfiguration) ec2types.RequestLaunchTemplateData {
	d := ec2types.RequestLaunchTemplateData{
		ImageId: c.ImageId, InstanceType: ec2types.InstanceType(aws.ToString(c.InstanceType)), KeyName: optional(aws.ToString(c.KeyName)),
		UserData: optional(aws.ToString(c.UserData)), EbsOptimized: c.EbsOptimized, SecurityGroupIds: c.SecurityGroups,
	}
	if profile := aws.ToString(c.IamInstanceProfile); profile != "" {
		d.IamInstanceProfile = &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: &profile}
		if len(profile) > len("arn:") && profile[:len("arn:")] == "arn:" {
			d.IamInstanceProfile = &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Arn: &profile}
		}
	}
	if c.InstanceMonitoring != nil {
		d.Monitoring = &ec2types.LaunchTemplatesMonitoringRequest{Enabled: c.InstanceMonitoring.Enabled}
	}
	if c.AssociatePublicIpAddress != nil {
		d.SecurityGroupIds = nil
		d.NetworkInterfaces = []ec2types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{
			DeviceIndex: aws.Int32(0), AssociatePublicIpAddress: c.AssociatePublicIpAddress, Groups: c.SecurityGroups,
		}}
	}
	if m := c.MetadataOptions; m != nil {
		d.MetadataOptions = &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{
			HttpTokens: ec2types.LaunchTemplateHttpTokensState(m.HttpTokens), HttpPutResponseHopLimit: m.HttpPutResponseHopLimit,
			HttpEndpoint: ec2types.LaunchTemplateInstanceMetadataEndpointState(m.HttpEndpoint),
		}
	}
	if price := aws.ToString(c.SpotPrice); price != "" {
		d.InstanceMarketOptions = &ec2types.LaunchTemplateInstanceMarketOptionsRequest{
			MarketType: ec2types.MarketTypeSpot, SpotOptions: &ec2types.LaunchTemplateSpotMarketOptionsRequest{MaxPrice: &price},
		}
	}
	for _, m := range c.BlockDeviceMappings {
		d.BlockDeviceMappings = append(d.BlockDeviceMappings, blockDevice(m))
	}
	return d
}

func blockDevice(m types.BlockDeviceMapping) ec2types.LaunchTemplateBlockDeviceMappingRequest {
	request := ec2types.LaunchTemplateBlockDeviceMappingRequest{DeviceName: m.DeviceName}
	if e := m.Ebs; e != nil {
		request.Ebs = &ec2types.LaunchTemplateEbsBlockDeviceRequest{
			DeleteOnTermination: e.DeleteOnTermination, Encrypted: e.Encrypted, Iops: e.Iops, Throughput: e.Throughput,
			VolumeSize: e.VolumeSize, VolumeType: ec2types.VolumeType(aws.ToString(e.VolumeType)),
		}
	}
	return request
}

// ConfigurationOption is a launch configuration as a way to launch.
func ConfigurationOption(c types.LaunchConfiguration) ec2api.Option {
	return ec2api.Option{Data: configurationData(c)}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
