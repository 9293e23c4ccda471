package region_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/catalog"
)

// describedTypes are all instance types of a region.
func (l *lab) describedTypes() map[string]types.InstanceTypeInfo {
	l.t.Helper()
	all := map[string]types.InstanceTypeInfo{}
	for in := (&ec2.DescribeInstanceTypesInput{}); ; {
		out := must[*ec2.DescribeInstanceTypesOutput](l)(l.DescribeInstanceTypes(ctx(), in))
		for _, info := range out.InstanceTypes {
			all[string(info.InstanceType)] = info
		}
		if out.NextToken == nil {
			return all
		}
		in.NextToken = out.NextToken
	}
}

func facts(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryTypeIsDescribed(t *testing.T) {
	t.Parallel()
	c := facts(t)
	for _, name := range c.Regions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			described := openNamed(t, name).describedTypes()
			for _, known := range c.Types() {
				info, found := described[known.Name]
				if _, priced := c.Price(name, known.Name); priced != found {
					t.Errorf("%s: priced %v, described %v", known.Name, priced, found)
				}
				if found {
					checkInfo(t, info)
				}
			}
		})
	}
}

// checkInfo checks what must be so for every type there is.
func checkInfo(t *testing.T, i types.InstanceTypeInfo) {
	t.Helper()
	name := string(i.InstanceType)
	bad := func(what string, value any) {
		t.Helper()
		t.Errorf("%s: %s is %v", name, what, value)
	}
	if n := *i.VCpuInfo.DefaultVCpus; n < 1 || n > 2000 {
		bad("vCPUs", n)
	}
	if c, p := i.VCpuInfo.DefaultCores, i.VCpuInfo.DefaultThreadsPerCore; c != nil && *c**p != *i.VCpuInfo.DefaultVCpus {
		bad("cores times threads", *c**p)
	}
	if m := *i.MemoryInfo.SizeInMiB; m < 512 || m > 64<<20 {
		bad("MiB", m)
	}
	n := i.NetworkInfo
	if *n.MaximumNetworkInterfaces < 1 || *n.Ipv4AddressesPerInterface < 2 || *n.MaximumNetworkCards < 1 || *n.DefaultNetworkCardIndex >= *n.MaximumNetworkCards {
		bad("network", *n)
	}
	sum := int32(0)
	for _, card := range n.NetworkCards {
		sum += *card.MaximumNetworkInterfaces
	}
	if len(n.NetworkCards) > 0 && (sum != *n.MaximumNetworkInterfaces || len(n.NetworkCards) != int(*n.MaximumNetworkCards)) {
		bad("interfaces over its cards", sum)
	}
	arch := i.ProcessorInfo.SupportedArchitectures
	if len(arch) != 1 || (arch[0] != "x86_64" && arch[0] != "arm64") {
		bad("architecture", arch)
	}
	if !slices.Contains(i.SupportedUsageClasses, types.UsageClassTypeOnDemand) {
		bad("usage classes", i.SupportedUsageClasses)
	}
	if *i.BareMetal != (i.Hypervisor == "") || *i.BareMetal != strings.Contains(name, "metal") {
		bad("bare metal", *i.BareMetal)
	}
	checkDevices(t, i)
}

func checkDevices(t *testing.T, i types.InstanceTypeInfo) {
	t.Helper()
	if g := i.GpuInfo; g != nil {
		if len(g.Gpus) != 1 || *g.Gpus[0].Count < 1 || aws.ToString(g.Gpus[0].Name) == "" || aws.ToString(g.Gpus[0].Manufacturer) == "" {
			t.Errorf("%s: GPUs %+v", i.InstanceType, g.Gpus)
		}
		if m := g.Gpus[0].MemoryInfo; m != nil && *m.SizeInMiB**g.Gpus[0].Count != *g.TotalGpuMemoryInMiB {
			t.Errorf("%s: GPU memory %d in all", i.InstanceType, *g.TotalGpuMemoryInMiB)
		}
	}
	if s := i.InstanceStorageInfo; s != nil && (*s.TotalSizeInGB < 1 || !*i.InstanceStorageSupported || *s.Disks[0].SizeInGB*int64(*s.Disks[0].Count) != *s.TotalSizeInGB) {
		t.Errorf("%s: instance storage %+v", i.InstanceType, *s)
	}
}

func TestWellKnownTypes(t *testing.T) {
	t.Parallel()
	described := open(t).describedTypes()
	for _, c := range []struct {
		name         string
		vcpus        int32
		mib          int64
		enis, ips    int32
		arch         types.ArchitectureType
		manufacturer string
		hypervisor   types.InstanceTypeHypervisor
	}{
		{"m5.large", 2, 8192, 3, 10, "x86_64", "Intel", "nitro"},
		{"c5.large", 2, 4096, 3, 10, "x86_64", "Intel", "nitro"},
		{"m6a.large", 2, 8192, 3, 10, "x86_64", "AMD", "nitro"},
		{"m7g.large", 2, 8192, 3, 10, "arm64", "AWS", "nitro"},
		{"t3.micro", 2, 1024, 2, 2, "x86_64", "Intel", "nitro"},
		{"m5.24xlarge", 96, 393216, 15, 50, "x86_64", "Intel", "nitro"},
		{"m4.large", 2, 8192, 2, 10, "x86_64", "Intel", "xen"},
		{"inf2.xlarge", 4, 16384, 4, 15, "x86_64", "AMD", "nitro"},
	} {
		i, found := described[c.name]
		if !found {
			t.Errorf("%s is not described", c.name)
			continue
		}
		if *i.VCpuInfo.DefaultVCpus != c.vcpus || *i.MemoryInfo.SizeInMiB != c.mib || *i.NetworkInfo.MaximumNetworkInterfaces != c.enis ||
			*i.NetworkInfo.Ipv4AddressesPerInterface != c.ips || i.ProcessorInfo.SupportedArchitectures[0] != c.arch ||
			aws.ToString(i.ProcessorInfo.Manufacturer) != c.manufacturer || i.Hypervisor != c.hypervisor {
			t.Errorf("%s: %d vCPUs, %d MiB, %d x %d addresses, %v %s %s", c.name, *i.VCpuInfo.DefaultVCpus, *i.MemoryInfo.SizeInMiB, *i.NetworkInfo.MaximumNetworkInterfaces,
				*i.NetworkInfo.Ipv4AddressesPerInterface, i.ProcessorInfo.SupportedArchitectures, aws.ToString(i.ProcessorInfo.Manufacturer), i.Hypervisor)
		}
	}
	if g := described["g5.12xlarge"].GpuInfo; g == nil || *g.Gpus[0].Count != 4 || *g.Gpus[0].Name != "A10G" || *g.Gpus[0].Manufacturer != "NVIDIA" {
		t.Errorf("g5.12xlarge has GPUs %+v", g)
	}
	if n := described["inf2.xlarge"].NeuronInfo; n == nil || *n.NeuronDevices[0].Count != 1 || *n.NeuronDevices[0].Name != "Inferentia2" {
		t.Errorf("inf2.xlarge has Neuron devices %+v", n)
	}
	if slices.Contains(described["u-6tb1.56xlarge"].SupportedUsageClasses, types.UsageClassTypeSpot) || !slices.Contains(described["m5.large"].SupportedUsageClasses, types.UsageClassTypeSpot) {
		t.Error("Spot is for m5.large, not for u-6tb1.56xlarge")
	}
}

// TestProvisionersQuestions are the filters with which a provisioner asks.
func TestProvisionersQuestions(t *testing.T) {
	t.Parallel()
	l := open(t)
	out := must[*ec2.DescribeInstanceTypesOutput](l)(l.DescribeInstanceTypes(ctx(), &ec2.DescribeInstanceTypesInput{
		MaxResults: aws.Int32(100), Filters: []types.Filter{
			filter("supported-virtualization-type", "hvm"), filter("processor-info.supported-architecture", "x86_64", "arm64"),
		},
	}))
	if len(out.InstanceTypes) != 100 || out.NextToken == nil {
		t.Errorf("a first page of %d", len(out.InstanceTypes))
	}
	_, err := l.DescribeInstanceTypes(ctx(), &ec2.DescribeInstanceTypesInput{DryRun: aws.Bool(true)})
	refused(t, err, "DryRunOperation")
	out = must[*ec2.DescribeInstanceTypesOutput](l)(l.DescribeInstanceTypes(ctx(), &ec2.DescribeInstanceTypesInput{
		Filters: []types.Filter{filter("vcpu-info.default-vcpus", "2"), filter("memory-info.size-in-mib", "8192"), filter("instance-type", "m5*"), filter("bare-metal", "false")},
	}))
	var names []string
	for _, i := range out.InstanceTypes {
		names = append(names, string(i.InstanceType))
	}
	if !slices.Contains(names, "m5.large") || slices.ContainsFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".large") }) {
		t.Errorf("m5* with 2 vCPUs and 8 GiB: %v", names)
	}
}

func TestOfferings(t *testing.T) {
	t.Parallel()
	l := open(t)
	list := func(by types.LocationType, instanceType string) (locations []string) {
		t.Helper()
		out := must[*ec2.DescribeInstanceTypeOfferingsOutput](l)(l.DescribeInstanceTypeOfferings(ctx(), &ec2.DescribeInstanceTypeOfferingsInput{
			LocationType: by, Filters: []types.Filter{filter("instance-type", instanceType)},
		}))
		for _, o := range out.InstanceTypeOfferings {
			locations = append(locations, *o.Location)
		}
		return locations
	}
	if got := list("", "m5.large"); !slices.Equal(got, []string{"us-west-2"}) {
		t.Errorf("m5.large by region: %v", got)
	}
	if got := list("availability-zone", "m5.large"); !slices.Equal(got, []string{"us-west-2a", "us-west-2b", "us-west-2c"}) {
		t.Errorf("m5.large by zone: %v", got)
	}
	if got := list("availability-zone-id", "m5.large"); !slices.Equal(got, []string{"usw2-az1", "usw2-az2", "usw2-az3"}) {
		t.Errorf("m5.large by zone id: %v", got)
	}
	if got := list("availability-zone", "g5.xlarge"); len(got) != 2 {
		t.Errorf("g5.xlarge is sold in %v, want two zones", got)
	}
	_, err := l.DescribeInstanceTypeOfferings(ctx(), &ec2.DescribeInstanceTypeOfferingsInput{LocationType: "outpost"})
	refused(t, err, "InvalidParameterValue")
}
