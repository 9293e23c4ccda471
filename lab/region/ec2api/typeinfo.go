package ec2api

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/catalog"
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
			SupportedArchitectures: []types.ArchitectureType{types.ArchitectureType(Architecture(t))}, Manufacturer: optional(t.Manufacturer()),
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
	if t.Nitro() {
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
	if t.Nitro() {
		n.EnaSupport = types.EnaSupportRequired
	}
	for _, card := range t.NetworkCards {
		n.NetworkCards = append(n.NetworkCards, types.NetworkCardInfo{
			NetworkCardIndex: aws.Int32(int32(card.Index)), MaximumNetworkInterfaces: aws.Int32(int32(card.ENIs)),
		})
	}
	return n
}

func burstable(t catalog.Type) bool {
	switch t.Family() {
	case "t1", "t2", "t3", "t3a", "t4g":
		return true
	}
	return false
}

func virtualization(t catalog.Type) []types.VirtualizationType {
	var kinds []types.VirtualizationType
	for _, kind := range t.Virtualization() {
		kinds = append(kinds, types.VirtualizationType(kind))
	}
	return kinds
}

// threads is 1 on Graviton and 2 on Intel's Nitro types; elsewhere it differs
// by size and is not known.
func threads(t catalog.Type) *int32 {
	switch {
	case t.Arch == "arm64":
		return aws.Int32(1)
	case t.Hypervisor == "nitro" && t.Manufacturer() == "Intel" && t.VCPU%2 == 0 && !strings.HasPrefix(t.Name, "u"):
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
