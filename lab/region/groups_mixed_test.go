package region_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestOnDemandFollowsTheOrderOfOverrides(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.limit("r5.large", "*", "on-demand", 1)
	l.createGroup(l.mixedInput("mixed", 4, 0, 100, "r5.large", "m5.large", "c5.large"))
	l.clock.Advance(soon)
	check(t, "types", l.kinds("mixed", typeOf), "m5.large 1, r5.large 3")
	l.setDesired("mixed", 6)
	l.clock.Advance(soon)
	check(t, "types", l.kinds("mixed", typeOf), "m5.large 3, r5.large 3")
	check(t, "failures", slices.ContainsFunc(l.activities("mixed"), isFailed), false)
}

func isFailed(a asgtypes.Activity) bool {
	return a.StatusCode == asgtypes.ScalingActivityStatusCodeFailed
}

func TestSpotWithoutCapacityIsNotMadeOnDemand(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.limit("*", "*", "spot", 0)
	l.createGroup(l.mixedInput("mixed", 4, 1, 0, "m5.large", "c5.large"))
	l.clock.Advance(10 * time.Minute)
	check(t, "markets", l.kinds("mixed", marketOf), "on-demand 1")
	failed := l.activities("mixed")[0]
	check(t, "status", failed.StatusCode, asgtypes.ScalingActivityStatusCodeFailed)
	check(t, "message", *failed.StatusMessage, "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity available that matches your request. Launching EC2 instance failed.")
	l.limit("*", "*", "spot", 1)
	l.clock.Advance(10 * time.Minute)
	check(t, "markets", l.kinds("mixed", marketOf), "on-demand 1, spot 3")
}

// spotGroup makes a group of Spot instances with an allocation strategy.
func (l *lab) spotGroup(strategy string, desired int32, instanceTypes ...string) *autoscaling.CreateAutoScalingGroupInput {
	in := l.mixedInput("mixed", desired, 0, 0, instanceTypes...)
	in.MixedInstancesPolicy.InstancesDistribution.SpotAllocationStrategy = &strategy
	return in
}

func TestSpotStrategies(t *testing.T) {
	t.Parallel()
	typesOf := func(l *lab) string { return l.kinds("mixed", typeOf) }
	kinds := []string{"m5.large", "c5.large", "r5.large", "m4.large"}
	t.Run("lowest-price takes the two cheapest pools of a zone", func(t *testing.T) {
		t.Parallel()
		l := open(t).withNodes("m5.large")
		in := l.spotGroup("lowest-price", 6, kinds...)
		in.VPCZoneIdentifier = aws.String(l.subnets()[0])
		l.createGroup(in)
		l.clock.Advance(soon)
		prices := l.spotPrices("m5.large", "c5.large", "r5.large", "m4.large") // of the same number of digits
		byPrice := slices.SortedFunc(slices.Values(kinds), func(a, b string) int { return strings.Compare(prices[a+"/a"], prices[b+"/a"]) })
		want := slices.Sorted(slices.Values([]string{byPrice[0] + " 3", byPrice[1] + " 3"}))
		check(t, "types", typesOf(l), strings.Join(want, ", "))
		check(t, "pools", *l.group("mixed").MixedInstancesPolicy.InstancesDistribution.SpotInstancePools, 2)
	})
	t.Run("capacity-optimized-prioritized avoids a pool that runs dry", func(t *testing.T) {
		t.Parallel()
		l := open(t).withNodes("m5.large")
		l.limit("m5.large", "*", "spot", 3)
		in := l.spotGroup("capacity-optimized-prioritized", 3, append(kinds, "c4.large", "r4.large", "t3.large", "m5a.large")...)
		in.VPCZoneIdentifier = aws.String(l.subnets()[0])
		l.createGroup(in)
		l.clock.Advance(soon)
		check(t, "states", l.states("mixed"), "InService 3")
		check(t, "m5.large in "+typesOf(l), strings.Contains(typesOf(l), "m5.large"), false)
	})
	t.Run("a maximum price below the market launches nothing", func(t *testing.T) {
		t.Parallel()
		l := open(t).withNodes("m5.large")
		in := l.spotGroup("price-capacity-optimized", 1, "m5.large")
		in.MixedInstancesPolicy.InstancesDistribution.SpotMaxPrice = aws.String("0.001")
		l.createGroup(in)
		l.clock.Advance(soon)
		check(t, "states", l.states("mixed"), "")
		check(t, "message", strings.HasPrefix(*l.activities("mixed")[0].StatusMessage, "Could not launch Spot Instances. SpotMaxPriceTooLow - Your Spot request price of 0.001 is lower than"), true)
	})
}

func TestWeightsAreUnitsOfCapacity(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	in := l.mixedInput("mixed", 6, 0, 100, "m5.xlarge", "m5.large")
	for i, weight := range []string{"4", "2"} {
		in.MixedInstancesPolicy.LaunchTemplate.Overrides[i].WeightedCapacity = aws.String(weight)
	}
	l.limit("m5.xlarge", "b", "on-demand", 0)
	l.createGroup(in)
	l.clock.Advance(soon)
	check(t, "types", l.kinds("mixed", typeOf), "m5.large 1, m5.xlarge 1")
	var weights []string
	for _, i := range l.group("mixed").Instances {
		weights = append(weights, *i.InstanceType+" "+*i.WeightedCapacity)
	}
	slices.Sort(weights)
	check(t, "weights", strings.Join(weights, ", "), "m5.large 2, m5.xlarge 4")
	l.setDesired("mixed", 5) // nothing can go: 6 - 2 is less than 5
	l.clock.Advance(2 * time.Minute)
	check(t, "states", l.states("mixed"), "InService 2")
	l.setDesired("mixed", 4)
	l.clock.Advance(2 * time.Minute)
	check(t, "types", l.kinds("mixed", typeOf), "m5.xlarge 1")
	id := l.run(1)[0]
	l.clock.Advance(boot)
	must[*autoscaling.AttachInstancesOutput](l)(l.AutoScaling().AttachInstances(ctx(), &autoscaling.AttachInstancesInput{AutoScalingGroupName: aws.String("mixed"), InstanceIds: []string{id}}))
	l.clock.Advance(soon)
	check(t, "types", l.kinds("mixed", typeOf), "m5.large 1, m5.xlarge 1")
	check(t, "desired", *l.group("mixed").DesiredCapacity, 6)
}

func TestGroupByRequirements(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	in := l.mixedInput("mixed", 8, 0, 100)
	in.MixedInstancesPolicy.LaunchTemplate.Overrides = []asgtypes.LaunchTemplateOverrides{{InstanceRequirements: &asgtypes.InstanceRequirements{
		VCpuCount: &asgtypes.VCpuCountRequest{Min: aws.Int32(2), Max: aws.Int32(2)}, MemoryMiB: &asgtypes.MemoryMiBRequest{Min: aws.Int32(8192), Max: aws.Int32(8192)},
		CpuManufacturers: []asgtypes.CpuManufacturer{asgtypes.CpuManufacturerIntel}, ExcludedInstanceTypes: []string{"m4*", "m6i*"},
	}}}
	in.DesiredCapacityType = aws.String("vcpu")
	l.createGroup(in)
	l.clock.Advance(soon)
	check(t, "states", l.states("mixed"), "InService 4")
	for _, i := range l.group("mixed").Instances {
		info := l.typeInfo(*i.InstanceType)
		check(t, *i.InstanceType+" vCPUs", *info.VCpuInfo.DefaultVCpus, 2)
		check(t, *i.InstanceType+" memory", *info.MemoryInfo.SizeInMiB, 8192)
		check(t, *i.InstanceType+" excluded", strings.HasPrefix(*i.InstanceType, "m4") || strings.HasPrefix(*i.InstanceType, "m6i"), false)
		check(t, *i.InstanceType+" architecture", info.ProcessorInfo.SupportedArchitectures[0], types.ArchitectureTypeX8664)
	}
	check(t, "strategy", *l.group("mixed").MixedInstancesPolicy.InstancesDistribution.OnDemandAllocationStrategy, "lowest-price")
}

func (l *lab) typeInfo(name string) types.InstanceTypeInfo {
	l.t.Helper()
	return must[*ec2.DescribeInstanceTypesOutput](l)(l.DescribeInstanceTypes(ctx(), &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{types.InstanceType(name)}})).InstanceTypes[0]
}

// TestOverrideWithItsOwnTemplate: an arm64 type beside amd64 ones.
func TestOverrideWithItsOwnTemplate(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	arm := l.template("arm", "arm64")
	in := l.mixedInput("mixed", 3, 0, 100, "m6g.large", "m5.large")
	_, err := l.AutoScaling().CreateAutoScalingGroup(ctx(), in)
	refused(t, err, "ValidationError") // the image is for x86_64
	in.MixedInstancesPolicy.LaunchTemplate.Overrides[0].LaunchTemplateSpecification = &asgtypes.LaunchTemplateSpecification{LaunchTemplateId: &arm}
	l.limit("m6g.large", "*", "on-demand", 2)
	l.limit("m6g.large", "c", "on-demand", 0)
	l.createGroup(in)
	l.clock.Advance(soon)
	check(t, "types", l.kinds("mixed", typeOf), "m5.large 1, m6g.large 2")
	for _, i := range l.group("mixed").Instances {
		want := "nodes"
		if *i.InstanceType == "m6g.large" {
			want = "arm"
		}
		check(t, *i.InstanceType, *i.LaunchTemplate.LaunchTemplateName, want)
	}
}

// TestTemplateThatGoesAway: one activity says so, and a new template ends it.
func TestTemplateThatGoesAway(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.mixedInput("mixed", 0, 0, 0, "m5.large"))
	must[*ec2.DeleteLaunchTemplateOutput](l)(l.DeleteLaunchTemplate(ctx(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: aws.String("nodes")}))
	l.setDesired("mixed", 1)
	l.clock.Advance(10 * time.Second)
	all := l.activities("mixed")
	check(t, "activities", len(all), 1)
	check(t, "message", strings.HasPrefix(*all[0].StatusMessage, "Could not launch Spot Instances. InvalidLaunchTemplateId.NotFound - The specified launch template, with template ID lt-"), true)
	l.typedTemplate("other", "m5.large")
	l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("mixed"), MixedInstancesPolicy: &asgtypes.MixedInstancesPolicy{
		LaunchTemplate: &asgtypes.LaunchTemplate{LaunchTemplateSpecification: &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String("other")}}}})
	l.clock.Advance(soon)
	check(t, "states", l.states("mixed"), "InService 1")
}

// TestCapacityInVCPUs: a group of one template may count vCPUs, too.
func TestCapacityInVCPUs(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.xlarge")
	in := l.groupInput("workers", 0, 6, 20)
	in.DesiredCapacityType = aws.String("vcpu")
	l.createGroup(in)
	l.clock.Advance(soon)
	check(t, "states", l.states("workers"), "InService 2")
	check(t, "failures", slices.ContainsFunc(l.activities("workers"), isFailed), false)
	check(t, "unit", *l.group("workers").DesiredCapacityType, "vcpu")
}
