package ec2api

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
)

// checkLaunchData refuses what the region does not do with an instance. It is
// the one list for launch templates and RunInstances.
func checkLaunchData(d types.RequestLaunchTemplateData) error {
	if err := awswire.Supported(d, "BlockDeviceMappings", "CapacityReservationSpecification", "CreditSpecification", "EbsOptimized",
		"EnclaveOptions", "IamInstanceProfile", "ImageId", "InstanceMarketOptions", "InstanceType", "KeyName", "MetadataOptions",
		"Monitoring", "NetworkInterfaces", "Placement", "SecurityGroupIds", "TagSpecifications", "UserData"); err != nil {
		return err
	}
	if d.EnclaveOptions != nil && aws.ToBool(d.EnclaveOptions.Enabled) {
		return unsupported("EnclaveOptions.Enabled")
	}
	if r := d.CapacityReservationSpecification; r != nil && (r.CapacityReservationTarget != nil ||
		r.CapacityReservationPreference == types.CapacityReservationPreferenceCapacityReservationsOnly) {
		return unsupported("CapacityReservationSpecification with a reservation: there are none, leave it out or prefer none or open")
	}
	if err := checkMarket(d.InstanceMarketOptions); err != nil {
		return err
	}
	if d.Placement != nil {
		if err := awswire.Supported(d.Placement, "AvailabilityZone", "AvailabilityZoneId", "GroupName", "Tenancy"); err != nil {
			return err
		}
		if d.Placement.Tenancy != "" && d.Placement.Tenancy != types.TenancyDefault {
			return unsupported("Placement.Tenancy " + string(d.Placement.Tenancy))
		}
	}
	for _, m := range d.BlockDeviceMappings {
		if err := awswire.Supported(m, "DeviceName", "Ebs"); err != nil {
			return err
		}
	}
	return checkInterfaces(d)
}

func checkMarket(m *types.LaunchTemplateInstanceMarketOptionsRequest) error {
	if m == nil {
		return nil
	}
	if m.MarketType != "" && m.MarketType != types.MarketTypeSpot {
		return unsupported("InstanceMarketOptions.MarketType " + string(m.MarketType))
	}
	if m.SpotOptions == nil {
		return nil
	}
	s := *m.SpotOptions
	if err := awswire.Supported(s, "MaxPrice", "SpotInstanceType", "InstanceInterruptionBehavior"); err != nil {
		return err
	}
	return checkBehavior(s.SpotInstanceType == types.SpotInstanceTypePersistent, string(s.InstanceInterruptionBehavior))
}

func checkInterfaces(d types.RequestLaunchTemplateData) error {
	for _, n := range d.NetworkInterfaces {
		if err := awswire.Supported(n, "AssociatePublicIpAddress", "DeleteOnTermination", "Description", "DeviceIndex", "Groups",
			"InterfaceType", "NetworkCardIndex", "SubnetId"); err != nil {
			return err
		}
	}
	if len(d.NetworkInterfaces) > 0 && len(d.SecurityGroupIds) > 0 {
		return invalidCombination("Network interfaces and an instance-level security groups may not be specified on the same request")
	}
	return nil
}

// overlay lays the set fields of over, a struct with fields of the same names,
// over data, as RunInstances does with its launch template. A field is replaced
// as a whole; tags are joined by resource type when they are read.
func overlay(data types.RequestLaunchTemplateData, over any) (types.RequestLaunchTemplateData, error) {
	fields, err := setFields(data)
	if err != nil {
		return data, err
	}
	replaced, err := setFields(over)
	if err != nil {
		return data, err
	}
	for name, value := range replaced {
		fields[name] = value
	}
	both, err := json.Marshal(fields)
	if err != nil {
		return data, err
	}
	var merged types.RequestLaunchTemplateData
	if err := json.Unmarshal(both, &merged); err != nil {
		return data, fmt.Errorf("joining launch parameters: %w", err)
	}
	merged.TagSpecifications = append(slices.Clone(data.TagSpecifications), tagSpecificationsOf(replaced)...)
	return merged, nil
}

func tagSpecificationsOf(fields map[string]json.RawMessage) []types.LaunchTemplateTagSpecificationRequest {
	var specifications []types.LaunchTemplateTagSpecificationRequest
	if raw, set := fields["TagSpecifications"]; set {
		if err := json.Unmarshal(raw, &specifications); err != nil {
			return nil // it was marshalled from the same shape
		}
	}
	return specifications
}

// setFields are the fields of a struct that say something.
func setFields(from any) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(from)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	for name, value := range fields {
		switch string(value) {
		case "null", `""`, "[]", "{}":
			delete(fields, name)
		}
	}
	return fields, nil
}
