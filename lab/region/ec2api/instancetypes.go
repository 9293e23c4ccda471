package ec2api

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/world"
)

// DescribeInstanceTypes describes what the region sells. What the catalogue does
// not know is left out.
func (e *EC2) DescribeInstanceTypes(_ context.Context, in *ec2.DescribeInstanceTypesInput) (*ec2.DescribeInstanceTypesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Filters", "InstanceTypes", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var infos []types.InstanceTypeInfo
	for _, t := range e.world.Catalog.Offered(e.world.Options.Region) {
		infos = append(infos, typeInfo(t))
	}
	infos, err := byTypes(infos, in.InstanceTypes)
	if err != nil {
		return nil, err
	}
	if infos, err = typeFilters().Select(infos, in.Filters); err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstanceTypesOutput{}
	out.InstanceTypes, out.NextToken, err = page(infos, in.NextToken, cmp.Or(in.MaxResults, aws.Int32(mostTypes)), fewer(mostTypes))
	return out, err
}

// mostTypes is how many types EC2 describes at once.
const mostTypes = 100

func byTypes(infos []types.InstanceTypeInfo, names []types.InstanceType) ([]types.InstanceTypeInfo, error) {
	if len(names) == 0 {
		return infos, nil
	}
	index := map[types.InstanceType]types.InstanceTypeInfo{}
	for _, info := range infos {
		index[info.InstanceType] = info
	}
	var found []types.InstanceTypeInfo
	var unknown []string
	for _, name := range names {
		if info, known := index[name]; known {
			found = append(found, info)
		} else {
			unknown = append(unknown, string(name))
		}
	}
	if len(unknown) > 0 {
		return nil, awserr.New("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", strings.Join(unknown, ", "))
	}
	return found, nil
}

type typeField func(types.InstanceTypeInfo) []string

func typeFilters() ec2filter.Set[types.InstanceTypeInfo] {
	fields := map[string]func(types.InstanceTypeInfo) []string{
		"instance-type":                             func(i types.InstanceTypeInfo) []string { return []string{string(i.InstanceType)} },
		"hypervisor":                                func(i types.InstanceTypeInfo) []string { return set(string(i.Hypervisor)) },
		"supported-usage-class":                     func(i types.InstanceTypeInfo) []string { return texts(i.SupportedUsageClasses) },
		"supported-virtualization-type":             func(i types.InstanceTypeInfo) []string { return texts(i.SupportedVirtualizationTypes) },
		"supported-root-device-type":                func(i types.InstanceTypeInfo) []string { return texts(i.SupportedRootDeviceTypes) },
		"placement-group-info.supported-strategies": func(i types.InstanceTypeInfo) []string { return texts(i.PlacementGroupInfo.SupportedStrategies) },
		"processor-info.supported-architecture":     func(i types.InstanceTypeInfo) []string { return texts(i.ProcessorInfo.SupportedArchitectures) },
		"vcpu-info.default-vcpus":                   number(func(i types.InstanceTypeInfo) *int32 { return i.VCpuInfo.DefaultVCpus }),
		"vcpu-info.default-cores":                   number(func(i types.InstanceTypeInfo) *int32 { return i.VCpuInfo.DefaultCores }),
		"vcpu-info.default-threads-per-core":        number(func(i types.InstanceTypeInfo) *int32 { return i.VCpuInfo.DefaultThreadsPerCore }),
		"network-info.maximum-network-interfaces":   number(func(i types.InstanceTypeInfo) *int32 { return i.NetworkInfo.MaximumNetworkInterfaces }),
		"network-info.maximum-network-cards":        number(func(i types.InstanceTypeInfo) *int32 { return i.NetworkInfo.MaximumNetworkCards }),
		"network-info.ipv4-addresses-per-interface": number(func(i types.InstanceTypeInfo) *int32 { return i.NetworkInfo.Ipv4AddressesPerInterface }),
		"network-info.ena-support":                  func(i types.InstanceTypeInfo) []string { return set(string(i.NetworkInfo.EnaSupport)) },
		"memory-info.size-in-mib": func(i types.InstanceTypeInfo) []string {
			return []string{strconv.FormatInt(*i.MemoryInfo.SizeInMiB, 10)}
		},
	}
	for name, value := range map[string]func(types.InstanceTypeInfo) *bool{
		"bare-metal":                      func(i types.InstanceTypeInfo) *bool { return i.BareMetal },
		"burstable-performance-supported": func(i types.InstanceTypeInfo) *bool { return i.BurstablePerformanceSupported },
		"current-generation":              func(i types.InstanceTypeInfo) *bool { return i.CurrentGeneration },
		"instance-storage-supported":      func(i types.InstanceTypeInfo) *bool { return i.InstanceStorageSupported },
	} {
		fields[name] = func(i types.InstanceTypeInfo) []string {
			if v := value(i); v != nil {
				return []string{strconv.FormatBool(*v)}
			}
			return nil
		}
	}
	return ec2filter.Set[types.InstanceTypeInfo]{Fields: fields}
}

func number(value func(types.InstanceTypeInfo) *int32) typeField {
	return func(i types.InstanceTypeInfo) []string {
		if v := value(i); v != nil {
			return []string{strconv.Itoa(int(*v))}
		}
		return nil
	}
}

func set(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func texts[T ~string](values []T) (list []string) {
	for _, v := range values {
		list = append(list, string(v))
	}
	return list
}

// DescribeInstanceTypeOfferings says where types are sold.
func (e *EC2) DescribeInstanceTypeOfferings(_ context.Context, in *ec2.DescribeInstanceTypeOfferingsInput) (*ec2.DescribeInstanceTypeOfferingsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Filters", "LocationType", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	offerings, err := e.offerings(in.LocationType)
	if err != nil {
		return nil, err
	}
	offerings, err = ec2filter.Set[types.InstanceTypeOffering]{Fields: map[string]func(types.InstanceTypeOffering) []string{
		"instance-type": func(o types.InstanceTypeOffering) []string { return []string{string(o.InstanceType)} },
		"location":      func(o types.InstanceTypeOffering) []string { return []string{*o.Location} },
	}}.Select(offerings, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstanceTypeOfferingsOutput{}
	out.InstanceTypeOfferings, out.NextToken, err = page(offerings, in.NextToken, cmp.Or(in.MaxResults, aws.Int32(mostResults)), usual())
	return out, err
}

func (e *EC2) offerings(by types.LocationType) ([]types.InstanceTypeOffering, error) {
	if by == "" {
		by = types.LocationTypeRegion
	}
	location := map[types.LocationType]func(world.Zone) string{
		types.LocationTypeAvailabilityZone:   func(z world.Zone) string { return z.Name },
		types.LocationTypeAvailabilityZoneId: func(z world.Zone) string { return z.ID },
		types.LocationTypeRegion:             func(world.Zone) string { return e.world.Options.Region },
	}[by]
	if location == nil {
		return nil, invalid("Invalid value '%s' for LocationType. Use region, availability-zone or availability-zone-id", by)
	}
	var offerings []types.InstanceTypeOffering
	for _, t := range e.world.Catalog.Offered(e.world.Options.Region) {
		for _, z := range e.world.Network.Zones {
			if !e.world.Offered(t.Name, z.Name) {
				continue
			}
			offerings = append(offerings, types.InstanceTypeOffering{
				InstanceType: types.InstanceType(t.Name), LocationType: by, Location: aws.String(location(z)),
			})
			if by == types.LocationTypeRegion {
				break
			}
		}
	}
	return offerings, nil
}
