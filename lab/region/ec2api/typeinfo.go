package ec2api

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/catalog"
	"github.com/drover-project/drover/lab/region/world"
)

// typeInfo is a type as EC2 describes it.
func typeInfo(t catalog.Type) types.InstanceTypeInfo {
	info := types.InstanceTypeInfo{
		InstanceType:                  types.InstanceType(t.Name),
		CurrentGeneration:             aws.Bool(t.CurrentGeneration()),
		BareMetal:                     aws.Bool(t.BareMetal),
		BurstablePerformanceSupported: aws.Bool(burstable(t)),
		Hypervisor:                    types.InstanceTypeHypervisor(t.Hypervisor),
		SupportedUsageClasses:         []types.UsageClassType{types.UsageClassTypeOnDemand},
		SupportedVirtualizationTypes:  virtualization(t),
		SupportedRootDeviceTypes:      []types.RootDeviceType{types.RootDeviceTypeEbs},
		ProcessorInfo: &types.ProcessorInfo{
			SupportedArchitectures: []types.ArchitectureType{types.ArchitectureType(architecture(t))}, Manufacturer: manufacturer(t),
		},
		VCpuInfo:   &types.VCpuInfo{DefaultVCpus: aws.Int32(int32(t.VCPU)), DefaultCores: cores(t), DefaultThreadsPerCore: threads(t)},
		MemoryInfo: &types.MemoryInfo{SizeInMiB: aws.Int64(t.MemoryMiB)},
		PlacementGroupInfo: &types.PlacementGroupInfo{
			SupportedStrategies: []types.PlacementGroupStrategy{types.PlacementGroupStrategyPartition, types.PlacementGroupStrategySpread},
		},
		NetworkInfo: networkInfo(t),
	}
	if world.SpotOffered(t.Name) {
		info.SupportedUsageClasses = append(info.SupportedUsageClasses, types.UsageClassTypeSpot)
	}
	if nitro(t) {
		info.EbsInfo = &types.EbsInfo{
			EbsOptimizedSupport: types.EbsOptimizedSupportDefault, EncryptionSupport: types.EbsEncryptionSupportSupported, NvmeSupport: types.EbsNvmeSupportRequired,
		}
		if !burstable(t) {
			info.PlacementGroupInfo.SupportedStrategies = append(info.PlacementGroupInfo.SupportedStrategies, types.PlacementGroupStrategyCluster)
		}
	}
	addDevices(&info, t)
	return info
}

func addDevices(info *types.InstanceTypeInfo, t catalog.Type) {
	if t.GPU.Count > 0 {
		gpu := types.GpuDeviceInfo{Name: aws.String(t.GPU.Name), Count: aws.Int32(int32(t.GPU.Count)), Manufacturer: optional(t.GPU.Manufacturer)}
		info.GpuInfo = &types.GpuInfo{}
		if t.GPU.MemoryMiB > 0 {
			gpu.MemoryInfo = &types.GpuDeviceMemoryInfo{SizeInMiB: aws.Int32(int32(t.GPU.MemoryMiB))}
			info.GpuInfo.TotalGpuMemoryInMiB = aws.Int32(int32(t.GPU.MemoryMiB * t.GPU.Count))
		}
		info.GpuInfo.Gpus = []types.GpuDeviceInfo{gpu}
	}
	if n := t.Neuron; n.Devices > 0 {
		info.NeuronInfo = &types.NeuronInfo{
			TotalNeuronDeviceMemoryInMiB: aws.Int32(int32(n.MemoryMiB * n.Devices)),
			NeuronDevices: []types.NeuronDeviceInfo{{
				Name: aws.String(n.Name), Count: aws.Int32(int32(n.Devices)),
				CoreInfo:   &types.NeuronDeviceCoreInfo{Count: aws.Int32(int32(n.CoresPerDevice)), Version: aws.Int32(int32(n.CoreVersion))},
				MemoryInfo: &types.NeuronDeviceMemoryInfo{SizeInMiB: aws.Int32(int32(n.MemoryMiB))},
			}},
		}
	}
	if s := t.LocalStorage; s.Disks > 0 {
		info.InstanceStorageSupported = aws.Bool(true)
		info.InstanceStorageInfo = &types.InstanceStorageInfo{
			TotalSizeInGB: aws.Int64(s.Disks * s.DiskGB), NvmeSupport: types.EphemeralNvmeSupportUnsupported,
			Disks: []types.DiskInfo{{Count: aws.Int32(int32(s.Disks)), SizeInGB: aws.Int64(s.DiskGB), Type: types.DiskType(s.Kind)}},
		}
		if s.NVMe {
			info.InstanceStorageInfo.NvmeSupport = types.EphemeralNvmeSupportRequired
		}
	}
}

func networkInfo(t catalog.Type) *types.NetworkInfo {
	n := &types.NetworkInfo{
		MaximumNetworkInterfaces: aws.Int32(int32(t.ENIs)), Ipv4AddressesPerInterface: aws.Int32(int32(t.IPv4PerENI)),
		DefaultNetworkCardIndex: aws.Int32(int32(t.DefaultNetworkCard)), MaximumNetworkCards: aws.Int32(int32(max(len(t.NetworkCards), 1))),
	}
	if nitro(t) {
		n.EnaSupport = types.EnaSupportRequired
	}
	for _, card := range t.NetworkCards {
		n.NetworkCards = append(n.NetworkCards, types.NetworkCardInfo{
			NetworkCardIndex: aws.Int32(int32(card.Index)), MaximumNetworkInterfaces: aws.Int32(int32(card.ENIs)),
		})
	}
	return n
}

// nitro reports whether the type runs on the Nitro System, with a hypervisor or
// bare metal.
func nitro(t catalog.Type) bool { return t.Hypervisor == "nitro" || t.BareMetal }

func burstable(t catalog.Type) bool {
	switch t.Family() {
	case "t1", "t2", "t3", "t3a", "t4g":
		return true
	}
	return false
}

// virtualization is hvm; the oldest families can do, or only do, paravirtual.
func virtualization(t catalog.Type) []types.VirtualizationType {
	switch t.Family() {
	case "c1", "m1", "m2", "t1":
		return []types.VirtualizationType{types.VirtualizationTypeParavirtual}
	case "c3", "m3":
		return []types.VirtualizationType{types.VirtualizationTypeHvm, types.VirtualizationTypeParavirtual}
	}
	return []types.VirtualizationType{types.VirtualizationTypeHvm}
}

// manufacturer follows from the letters after the generation: a is AMD, g is
// AWS's Graviton, none or i is Intel. nil when the name does not say.
func manufacturer(t catalog.Type) *string {
	if t.Arch == "arm64" {
		return aws.String("AWS")
	}
	family, _, _ := strings.Cut(t.Family(), "-")
	attributes := strings.TrimLeft(strings.TrimLeft(family, "abcdefghijklmnopqrstuvwxyz"), "0123456789")
	switch {
	case strings.HasPrefix(t.Family(), "u"):
		return aws.String("Intel")
	case strings.HasPrefix(attributes, "a"), t.Family() == "g5", t.Family() == "g6", t.Family() == "g6e", t.Family() == "gr6", t.Family() == "inf2":
		return aws.String("AMD")
	case strings.ContainsAny(family[:1], "cmrtixz"):
		return aws.String("Intel")
	}
	return nil
}

// threads is 1 on Graviton and 2 on Intel's Nitro types; elsewhere it differs
// by size and is not known.
func threads(t catalog.Type) *int32 {
	switch {
	case t.Arch == "arm64":
		return aws.Int32(1)
	case t.Hypervisor == "nitro" && aws.ToString(manufacturer(t)) == "Intel" && t.VCPU%2 == 0 && !strings.HasPrefix(t.Name, "u"):
		return aws.Int32(2)
	}
	return nil
}

func cores(t catalog.Type) *int32 {
	perCore := threads(t)
	if perCore == nil {
		return nil
	}
	return aws.Int32(int32(t.VCPU) / *perCore)
}
