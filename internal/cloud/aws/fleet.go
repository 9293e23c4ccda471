package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// maxInstanceTypes bounds the types one CreateFleet call names, as Karpenter
// does: more only make the call slow.
const maxInstanceTypes = 60

// maxOverrides is EC2's limit for the overrides of one fleet.
const maxOverrides = 300

// order is one CreateFleet call in the making.
type order struct {
	request      cloud.LaunchRequest
	capacityType model.CapacityType
	offerings    []model.Offering
	templates    []orderTemplate
	subnets      map[string]string // by zone
}

// orderTemplate is a launch template with the offerings its AMI runs on.
type orderTemplate struct {
	name, ami string
	input     *ec2.CreateLaunchTemplateInput
	offerings []rankedOffering
}

// rankedOffering keeps an offering's place in the plan.
type rankedOffering struct {
	model.Offering
	rank int
}

// fleetInput asks for one instance.
//
// On-demand: strategy prioritized, with the plan's order as priority. The plan
// has weighed more than EC2 can see (what fits, what is wanted, what an outage
// taught), so EC2 is to make no choice; lowest-price would reorder by EC2's own
// prices and decide ties between zones itself.
//
// Spot: strategy price-capacity-optimized, which does not look at priorities.
// Here EC2 knows what no plan can: which pools are deep enough not to be
// reclaimed soon. Every offering of the plan holds its pods, so the choice
// stays within the plan.
func (p *Provider) fleetInput(o order, token string) *ec2.CreateFleetInput {
	tags := p.instanceTags(o.request)
	input := &ec2.CreateFleetInput{
		Type:        types.FleetTypeInstant,
		ClientToken: &token,
		Context:     o.request.NodeClass.Spec.Context,
		TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity:       sdk.Int32(1),
			DefaultTargetCapacityType: types.DefaultTargetCapacityType(o.capacityType),
		},
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeInstance, Tags: ec2Tags(tags)},
			{ResourceType: types.ResourceTypeVolume, Tags: ec2Tags(tags)},
			{ResourceType: types.ResourceTypeFleet, Tags: ec2Tags(tags)},
		},
	}
	if o.capacityType == model.Spot {
		input.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: types.SpotAllocationStrategyPriceCapacityOptimized}
	} else {
		input.OnDemandOptions = &types.OnDemandOptionsRequest{AllocationStrategy: types.FleetOnDemandAllocationStrategyPrioritized}
	}
	for _, template := range o.templates {
		input.LaunchTemplateConfigs = append(input.LaunchTemplateConfigs, o.launchTemplateConfig(template))
	}
	return input
}

func (o order) launchTemplateConfig(template orderTemplate) types.FleetLaunchTemplateConfigRequest {
	config := types.FleetLaunchTemplateConfigRequest{
		LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{
			LaunchTemplateName: sdk.String(template.name), Version: sdk.String("$Latest"),
		},
	}
	for _, offering := range template.offerings {
		override := types.FleetLaunchTemplateOverridesRequest{
			InstanceType: types.InstanceType(offering.InstanceType),
			SubnetId:     sdk.String(o.subnets[offering.Zone]),
			// Says nothing that the subnet does not; EC2 repeats it in errors.
			AvailabilityZone: sdk.String(offering.Zone),
		}
		if o.capacityType != model.Spot {
			override.Priority = sdk.Float64(float64(offering.rank))
		}
		config.Overrides = append(config.Overrides, override)
	}
	return config
}

// instanceTags mark an instance with its owners.
func (p *Provider) instanceTags(request cloud.LaunchRequest) map[string]string {
	tags := map[string]string{ec2v1.NameTagKey: request.NodeClaim}
	maps.Copy(tags, p.classTags(request.NodeClass))
	tags[ec2v1.NodeClaimTagKey] = request.NodeClaim
	tags[ec2v1.NodePoolTagKey] = request.NodePool
	return tags
}

// byCapacityType splits offerings, since a fleet buys in one way only. The way
// of the best offering comes first.
func byCapacityType(offerings []model.Offering) [][]model.Offering {
	var groups [][]model.Offering
	for _, offering := range offerings {
		at := slices.IndexFunc(groups, func(group []model.Offering) bool { return group[0].CapacityType == offering.CapacityType })
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], offering)
	}
	return groups
}

// firstTypes keeps the offerings of the first instance types, as many as the
// two limits allow.
func firstTypes(offerings []model.Offering, maxTypes, maxOfferings int) []model.Offering {
	seen := map[string]bool{}
	var kept []model.Offering
	for _, offering := range offerings {
		if len(kept) == maxOfferings {
			break
		}
		if !seen[offering.InstanceType] && len(seen) == maxTypes {
			continue
		}
		seen[offering.InstanceType] = true
		kept = append(kept, offering)
	}
	return kept
}

// verdict is what an answer of CreateFleet without an API error means.
type verdict struct {
	// instance is nil when nothing was bought.
	instance *types.CreateFleetInstance
	// refused are the pools without capacity, with the error code as reason.
	refused []model.Offering
	// exhausted are subnets without addresses.
	exhausted []string
	// noSpot is set when the account may not buy Spot at all.
	noSpot bool
	// templateMissing asks for the templates to be made again.
	templateMissing bool
	// failure is the error to report when nothing was bought, other than for
	// want of capacity or of a template.
	failure error
}

// judge reads the answer. Fleets of type instant report most errors inside a
// successful answer, one for each override that was tried.
func judge(output *ec2.CreateFleetOutput, o order) verdict {
	var v verdict
	for i := range output.Instances {
		if len(output.Instances[i].InstanceIds) > 0 && v.instance == nil {
			v.instance = &output.Instances[i]
		}
	}
	for _, failed := range output.Errors {
		v.add(failed, o)
	}
	if v.instance == nil && v.failure == nil && len(v.refused) == 0 && !v.templateMissing {
		v.failure = fmt.Errorf("CreateFleet %s bought nothing and gave no reason", sdk.ToString(output.FleetId))
	}
	return v
}

func (v *verdict) add(failed types.CreateFleetError, o order) {
	code, message := sdk.ToString(failed.ErrorCode), sdk.ToString(failed.ErrorMessage)
	switch {
	case code == codeTemplateMissing || code == "InvalidLaunchTemplateId.NotFound":
		v.templateMissing = true
	case isCapacityCode(code):
		v.noSpot = v.noSpot || code == codeNoSpotRole
		override := overridesOf(failed)
		if code == codeNoAddresses && sdk.ToString(override.SubnetId) != "" {
			v.exhausted = append(v.exhausted, *override.SubnetId)
		}
		v.refused = append(v.refused, o.refused(override, code)...)
	case isRetryableCode(code) || isNewProfile(message):
		v.fail(fmt.Errorf("CreateFleet: %s: %s", code, message))
	default:
		v.fail(&cloud.TerminalError{Reason: reasonOf(code), Err: fmt.Errorf("CreateFleet: %s: %s", code, message)})
	}
}

// fail keeps the first failure: the others say the same of other overrides.
func (v *verdict) fail(err error) {
	if v.failure == nil {
		v.failure = err
	}
}

// isNewProfile recognises what EC2 says of an instance profile that IAM has
// made but not yet shown everywhere; it takes seconds.
func isNewProfile(message string) bool {
	return strings.Contains(message, "Invalid IAM Instance Profile")
}

func overridesOf(failed types.CreateFleetError) types.FleetLaunchTemplateOverrides {
	if failed.LaunchTemplateAndOverrides == nil || failed.LaunchTemplateAndOverrides.Overrides == nil {
		return types.FleetLaunchTemplateOverrides{}
	}
	return *failed.LaunchTemplateAndOverrides.Overrides
}

// refused are the order's offerings that an error is about; all of them when it
// names no override.
func (o order) refused(override types.FleetLaunchTemplateOverrides, code string) []model.Offering {
	zone := o.zoneOf(override.AvailabilityZone, override.SubnetId)
	var refused []model.Offering
	for _, offering := range o.offerings {
		if override.InstanceType != "" && string(override.InstanceType) != offering.InstanceType {
			continue
		}
		if zone != "" && zone != offering.Zone {
			continue
		}
		offering.UnavailableReason = code
		refused = append(refused, offering)
	}
	return refused
}

// zoneOf is the zone named, or that of the subnet named.
func (o order) zoneOf(zone, subnet *string) string {
	if named := sdk.ToString(zone); named != "" {
		return named
	}
	for zone, id := range o.subnets {
		if id == sdk.ToString(subnet) {
			return zone
		}
	}
	return ""
}
