package aws

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type fakeEKS struct{ calls int }

func (f *fakeEKS) DescribeCluster(_ context.Context, in *eks.DescribeClusterInput, _ ...func(*eks.Options)) (*eks.DescribeClusterOutput, error) {
	f.calls++
	if *in.Name != "demo" {
		return nil, apiError("ResourceNotFoundException", "No cluster found for name: "+*in.Name)
	}
	return &eks.DescribeClusterOutput{Cluster: &ekstypes.Cluster{
		Endpoint: sdk.String("https://demo.eks.example"), Version: sdk.String("1.37"),
		CertificateAuthority:    &ekstypes.Certificate{Data: sdk.String("Q0E=")},
		KubernetesNetworkConfig: &ekstypes.KubernetesNetworkConfigResponse{ServiceIpv4Cidr: sdk.String("10.100.0.0/16")},
	}}, nil
}

type fakeSSM struct{ parameters map[string]string }

func (f *fakeSSM) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	value, ok := f.parameters[*in.Name]
	if !ok {
		return nil, apiError("ParameterNotFound", *in.Name)
	}
	return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Value: &value}}, nil
}

type fakePricing struct {
	prices map[string]string
	inputs []*pricing.GetProductsInput
}

func (f *fakePricing) GetProducts(_ context.Context, in *pricing.GetProductsInput, _ ...func(*pricing.Options)) (*pricing.GetProductsOutput, error) {
	f.inputs = append(f.inputs, in)
	metal := false
	for _, filter := range in.Filters {
		metal = metal || strings.Contains(*filter.Value, "bare metal")
	}
	var list []string
	for name, price := range f.prices {
		if strings.HasSuffix(name, ".metal") == metal {
			list = append(list, fmt.Sprintf(`{"product":{"attributes":{"instanceType":%q}},"terms":{"OnDemand":{"a":{"priceDimensions":{"b":{"pricePerUnit":{"USD":%q}}}}}}}`, name, price))
		}
	}
	slices.Sort(list)
	out := &pricing.GetProductsOutput{}
	out.PriceList, out.NextToken = page(list, in.NextToken)
	return out, nil
}

// fakeIAM knows the role node-role and keeps instance profiles.
type fakeIAM struct {
	mu       sync.Mutex
	profiles map[string]*iamtypes.InstanceProfile
	// hidden makes the next GetInstanceProfile miss, as a race would.
	hidden bool
}

func newFakeIAM() *fakeIAM { return &fakeIAM{profiles: map[string]*iamtypes.InstanceProfile{}} }

func (f *fakeIAM) GetInstanceProfile(_ context.Context, in *iam.GetInstanceProfileInput, _ ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := f.profiles[*in.InstanceProfileName]
	if found == nil || f.hidden {
		f.hidden = false
		return nil, apiError("NoSuchEntity", "Instance Profile "+*in.InstanceProfileName+" cannot be found.")
	}
	copied := *found
	return &iam.GetInstanceProfileOutput{InstanceProfile: &copied}, nil
}

func (f *fakeIAM) CreateInstanceProfile(_ context.Context, in *iam.CreateInstanceProfileInput, _ ...func(*iam.Options)) (*iam.CreateInstanceProfileOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.profiles[*in.InstanceProfileName] != nil {
		return nil, apiError("EntityAlreadyExists", *in.InstanceProfileName)
	}
	f.profiles[*in.InstanceProfileName] = &iamtypes.InstanceProfile{InstanceProfileName: in.InstanceProfileName, Path: in.Path, Tags: in.Tags}
	copied := *f.profiles[*in.InstanceProfileName]
	return &iam.CreateInstanceProfileOutput{InstanceProfile: &copied}, nil
}

func (f *fakeIAM) AddRoleToInstanceProfile(_ context.Context, in *iam.AddRoleToInstanceProfileInput, _ ...func(*iam.Options)) (*iam.AddRoleToInstanceProfileOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	profile := f.profiles[*in.InstanceProfileName]
	switch {
	case *in.RoleName != "node-role" && *in.RoleName != "other-role":
		return nil, apiError("NoSuchEntity", "The role with name "+*in.RoleName+" cannot be found.")
	case len(profile.Roles) > 0:
		return nil, apiError("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	}
	profile.Roles = []iamtypes.Role{{RoleName: in.RoleName}}
	return &iam.AddRoleToInstanceProfileOutput{}, nil
}

func (f *fakeIAM) RemoveRoleFromInstanceProfile(_ context.Context, in *iam.RemoveRoleFromInstanceProfileInput, _ ...func(*iam.Options)) (*iam.RemoveRoleFromInstanceProfileOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.profiles[*in.InstanceProfileName].Roles = nil
	return &iam.RemoveRoleFromInstanceProfileOutput{}, nil
}

func (f *fakeIAM) DeleteInstanceProfile(_ context.Context, in *iam.DeleteInstanceProfileInput, _ ...func(*iam.Options)) (*iam.DeleteInstanceProfileOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.profiles[*in.InstanceProfileName].Roles) > 0 {
		return nil, apiError("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	}
	delete(f.profiles, *in.InstanceProfileName)
	return &iam.DeleteInstanceProfileOutput{}, nil
}

func (f *fakeIAM) ListInstanceProfiles(_ context.Context, in *iam.ListInstanceProfilesInput, _ ...func(*iam.Options)) (*iam.ListInstanceProfilesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &iam.ListInstanceProfilesOutput{}
	for _, profile := range f.profiles {
		if strings.HasPrefix(*profile.Path, *in.PathPrefix) {
			out.InstanceProfiles = append(out.InstanceProfiles, *profile)
		}
	}
	return out, nil
}

// clock is a time that moves when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a small region with its adapter.
type world struct {
	*Provider
	clock   *clock
	ec2     *fakeEC2
	iam     *fakeIAM
	ssm     *fakeSSM
	pricing *fakePricing
	log     *strings.Builder
}

var discovery = map[string]string{"karpenter.sh/discovery": "demo"}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := &clock{now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	w := &world{clock: clock, ec2: newFakeEC2(clock.Now), iam: newFakeIAM(), ssm: &fakeSSM{}, pricing: &fakePricing{}, log: &strings.Builder{}}
	for i, zone := range []string{"us-west-2a", "us-west-2b", "us-west-2c"} {
		w.ec2.subnets = append(w.ec2.subnets, types.Subnet{
			SubnetId: sdk.String("subnet-" + zone), AvailabilityZone: sdk.String(zone), AvailabilityZoneId: sdk.String("id-of-" + zone),
			AvailableIpAddressCount: sdk.Int32(int32(100 + i)), Tags: ec2Tags(discovery),
		})
	}
	w.ec2.groups = []types.SecurityGroup{
		{GroupId: sdk.String("sg-2"), GroupName: sdk.String("nodes"), Tags: ec2Tags(discovery)},
		{GroupId: sdk.String("sg-1"), GroupName: sdk.String("extra"), Tags: ec2Tags(discovery)},
		{GroupId: sdk.String("sg-3"), GroupName: sdk.String("other")},
	}
	w.addImages()
	w.addTypes()
	w.Provider = w.connect(t)
	return w
}

// connect is a provider of this world without any memory.
func (w *world) connect(t *testing.T) *Provider {
	t.Helper()
	// Outlives the test's own context, so that clean-ups can end instances.
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	provider, err := NewFromClients(ctx, Options{
		ClusterName: "demo", Now: w.clock.Now, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	}, "us-west-2", Clients{EC2: w.ec2, EKS: &fakeEKS{}, IAM: w.iam, Pricing: w.pricing, SSM: w.ssm})
	if err != nil {
		t.Fatal(err)
	}
	return provider
}

func (w *world) addImages() {
	add := func(id, name, arch, created, deprecated string) {
		image := types.Image{
			ImageId: &id, Name: &name, Architecture: types.ArchitectureValues(arch), State: types.ImageStateAvailable,
			CreationDate: &created, ImageOwnerAlias: sdk.String("amazon"),
		}
		if deprecated != "" {
			image.DeprecationTime = &deprecated
		}
		w.ec2.images = append(w.ec2.images, image)
	}
	const day = "2026-11-01T00:00:00.000Z"
	add("ami-x86", "al2023-x86_64", "x86_64", day, "")
	add("ami-arm", "al2023-arm64", "arm64", day, "")
	add("ami-gpu", "al2023-nvidia", "x86_64", day, "")
	add("ami-br-x86", "bottlerocket-x86_64", "x86_64", day, "")
	add("ami-old", "mine", "x86_64", "2026-01-01T00:00:00.000Z", "")
	add("ami-new", "mine", "x86_64", "2026-06-01T00:00:00.000Z", "")
	add("ami-deprecated", "mine", "x86_64", "2026-07-01T00:00:00.000Z", "2026-11-24T08:00:00.000Z")
	const eksPath, bottlerocketPath = "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/", "/aws/service/bottlerocket/aws-k8s-1.37/"
	w.ssm.parameters = map[string]string{
		eksPath + "x86_64/standard/recommended/image_id":                                           "ami-x86",
		eksPath + "arm64/standard/recommended/image_id":                                            "ami-arm",
		eksPath + "x86_64/nvidia/recommended/image_id":                                             "ami-gpu",
		eksPath + "x86_64/standard/amazon-eks-node-al2023-x86_64-standard-1.37-v20261101/image_id": "ami-x86",
		bottlerocketPath + "x86_64/latest/image_id":                                                "ami-br-x86",
		bottlerocketPath + "x86_64/1.50.0/image_id":                                                "ami-br-x86",
		"/mine": "ami-new", "/not-an-image": "hello",
	}
}

// typeInfo is an instance type as DescribeInstanceTypes gives it.
func typeInfo(name, arch string, vcpu int32, memory int64, enis, addresses int32) types.InstanceTypeInfo {
	return types.InstanceTypeInfo{
		InstanceType: types.InstanceType(name), Hypervisor: types.InstanceTypeHypervisorNitro,
		VCpuInfo:              &types.VCpuInfo{DefaultVCpus: &vcpu},
		MemoryInfo:            &types.MemoryInfo{SizeInMiB: &memory},
		ProcessorInfo:         &types.ProcessorInfo{SupportedArchitectures: []types.ArchitectureType{types.ArchitectureType(arch)}, Manufacturer: sdk.String("Intel"), SustainedClockSpeedInGhz: sdk.Float64(3.1)},
		SupportedUsageClasses: []types.UsageClassType{types.UsageClassTypeOnDemand, types.UsageClassTypeSpot},
		NetworkInfo: &types.NetworkInfo{
			DefaultNetworkCardIndex: sdk.Int32(0), Ipv4AddressesPerInterface: &addresses, MaximumNetworkInterfaces: &enis,
			EncryptionInTransitSupported: sdk.Bool(false),
			NetworkCards:                 []types.NetworkCardInfo{{MaximumNetworkInterfaces: &enis, BaselineBandwidthInGbps: sdk.Float64(0.75)}},
		},
		EbsInfo: &types.EbsInfo{EbsOptimizedSupport: types.EbsOptimizedSupportDefault, EbsOptimizedInfo: &types.EbsOptimizedInfo{MaximumBandwidthInMbps: sdk.Int32(4750)}},
	}
}

func (w *world) addTypes() {
	gpu := typeInfo("g4dn.xlarge", "x86_64", 4, 16384, 3, 10)
	gpu.GpuInfo = &types.GpuInfo{Gpus: []types.GpuDeviceInfo{{
		Count: sdk.Int32(1), Manufacturer: sdk.String("NVIDIA"), Name: sdk.String("T4"), MemoryInfo: &types.GpuDeviceMemoryInfo{SizeInMiB: sdk.Int32(16384)},
	}}}
	gpu.InstanceStorageInfo = &types.InstanceStorageInfo{TotalSizeInGB: sdk.Int64(125), NvmeSupport: types.EphemeralNvmeSupportRequired}
	neuron := typeInfo("inf2.xlarge", "x86_64", 4, 16384, 4, 15)
	neuron.NeuronInfo = &types.NeuronInfo{NeuronDevices: []types.NeuronDeviceInfo{{
		Count: sdk.Int32(1), Name: sdk.String("Inferentia2"), CoreInfo: &types.NeuronDeviceCoreInfo{Count: sdk.Int32(2)},
	}}}
	w.ec2.infos = []types.InstanceTypeInfo{
		typeInfo("m5.large", "x86_64", 2, 8192, 3, 10),
		typeInfo("c5.large", "x86_64", 2, 4096, 3, 10),
		typeInfo("r5.large", "x86_64", 2, 16384, 3, 10),
		typeInfo("m5.xlarge", "x86_64", 4, 16384, 4, 15),
		typeInfo("m6g.large", "arm64", 2, 8192, 3, 10),
		typeInfo("a1.large", "arm64", 2, 4096, 3, 10),
		typeInfo("m7i-flex.large", "x86_64", 2, 8192, 3, 10),
		typeInfo("m5.unpriced", "x86_64", 2, 8192, 3, 10),
		typeInfo("m5.metal", "x86_64", 96, 393216, 15, 50),
		gpu, neuron,
	}
	w.pricing.prices = map[string]string{
		"m5.large": "0.0960000000", "c5.large": "0.0850000000", "r5.large": "0.1260000000", "m5.xlarge": "0.1920000000",
		"m6g.large": "0.0770000000", "a1.large": "0.0510000000", "m7i-flex.large": "0.0957600000", "g4dn.xlarge": "0.5260000000",
		"inf2.xlarge": "0.7582000000", "m5.unpriced": "0.0000000000", "m5.metal": "4.6080000000",
	}
	for _, zone := range []string{"us-west-2a", "us-west-2b"} {
		w.ec2.spot = append(w.ec2.spot,
			types.SpotPrice{InstanceType: "m5.large", AvailabilityZone: &zone, SpotPrice: sdk.String("0.0350"), Timestamp: sdk.Time(w.clock.now.Add(-time.Hour))},
			types.SpotPrice{InstanceType: "m5.large", AvailabilityZone: &zone, SpotPrice: sdk.String("0.0300"), Timestamp: sdk.Time(w.clock.now.Add(-2 * time.Hour))},
			types.SpotPrice{InstanceType: "c5.large", AvailabilityZone: &zone, SpotPrice: sdk.String("0.0290"), Timestamp: sdk.Time(w.clock.now)},
		)
	}
}

func nodeClass() *ec2v1.EC2NodeClass {
	return &ec2v1.EC2NodeClass{
		ObjectMeta: metav1.ObjectMeta{Name: "default", UID: "uid-of-default"},
		Spec: ec2v1.EC2NodeClassSpec{
			Role:                       "node-role",
			Tags:                       map[string]string{"team": "a"},
			SubnetSelectorTerms:        []ec2v1.SubnetSelectorTerm{{Tags: discovery}},
			SecurityGroupSelectorTerms: []ec2v1.SecurityGroupSelectorTerm{{Tags: discovery}},
			AMISelectorTerms:           []ec2v1.AMISelectorTerm{{Alias: "al2023@latest"}},
		},
	}
}

// resolved fills the status of a class.
func (w *world) resolved(t *testing.T, class *ec2v1.EC2NodeClass) *ec2v1.EC2NodeClass {
	t.Helper()
	found, err := w.Resolve(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	class.Status.Subnets, class.Status.SecurityGroups, class.Status.AMIs = found.Subnets, found.SecurityGroups, found.AMIs
	class.Status.InstanceProfile = "demo_1"
	return class
}

func staticCredentials(context.Context) (sdk.Credentials, error) {
	return sdk.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
}
