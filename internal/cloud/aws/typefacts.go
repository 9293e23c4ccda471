package aws

import (
	"math"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/instancetype"
)

// factsOf takes from EC2's description what nodes depend on.
func factsOf(info types.InstanceTypeInfo) instancetype.Facts {
	f := instancetype.Facts{Name: string(info.InstanceType), Hypervisor: string(info.Hypervisor)}
	if info.VCpuInfo != nil {
		f.VCPUs = number(info.VCpuInfo.DefaultVCpus)
	}
	if info.MemoryInfo != nil {
		f.MemoryMiB = sdk.ToInt64(info.MemoryInfo.SizeInMiB)
	}
	if processor := info.ProcessorInfo; processor != nil {
		f.Arch = architecture(processor)
		f.Manufacturer = sdk.ToString(processor.Manufacturer)
		f.ClockMHz = int64(math.Round(sdk.ToFloat64(processor.SustainedClockSpeedInGhz) * 1000))
		f.NestedVirtualization = slices.Contains(processor.SupportedFeatures, types.SupportedAdditionalProcessorFeatureNestedVirtualization)
	}
	addNetwork(&f, info.NetworkInfo)
	addStorage(&f, info)
	addDevices(&f, info)
	return f
}

func number(n *int32) int64 { return int64(sdk.ToInt32(n)) }

// architecture in the words of Kubernetes, empty for one it does not know.
func architecture(processor *types.ProcessorInfo) string {
	for _, supported := range processor.SupportedArchitectures {
		if arch, known := ec2v1.AWSToKubeArchitectures[string(supported)]; known {
			return arch
		}
	}
	return ""
}

func addNetwork(f *instancetype.Facts, network *types.NetworkInfo) {
	if network == nil {
		return
	}
	f.ENIs, f.IPv4PerENI = number(network.MaximumNetworkInterfaces), number(network.Ipv4AddressesPerInterface)
	f.DefaultNetworkCard = int(number(network.DefaultNetworkCardIndex))
	f.EncryptionInTransit = sdk.Bool(sdk.ToBool(network.EncryptionInTransitSupported))
	gigabits := 0.0
	for _, card := range network.NetworkCards {
		f.NetworkCards = append(f.NetworkCards, instancetype.NetworkCard{ENIs: number(card.MaximumNetworkInterfaces)})
		gigabits += sdk.ToFloat64(card.BaselineBandwidthInGbps)
	}
	f.BandwidthMbps = int64(math.Round(gigabits * 1000))
}

func addStorage(f *instancetype.Facts, info types.InstanceTypeInfo) {
	if disks := info.InstanceStorageInfo; disks != nil {
		f.LocalStorageGB = sdk.ToInt64(disks.TotalSizeInGB)
		f.LocalNVMe = disks.NvmeSupport != types.EphemeralNvmeSupportUnsupported
		for _, disk := range disks.Disks {
			f.LocalDisks += number(disk.Count)
		}
	}
	if ebs := info.EbsInfo; ebs != nil {
		f.EBSAttachments = number(ebs.MaximumEbsAttachments)
		f.EBSAttachmentsDedicated = ebs.AttachmentLimitType == types.AttachmentLimitTypeDedicated
	}
	if ebs := info.EbsInfo; ebs != nil && ebs.EbsOptimizedSupport == types.EbsOptimizedSupportDefault && ebs.EbsOptimizedInfo != nil {
		f.EBSBandwidthMbps = number(ebs.EbsOptimizedInfo.MaximumBandwidthInMbps)
	}
}

func addDevices(f *instancetype.Facts, info types.InstanceTypeInfo) {
	if info.GpuInfo != nil {
		for _, gpu := range info.GpuInfo.Gpus {
			device := instancetype.Device{Name: sdk.ToString(gpu.Name), Manufacturer: sdk.ToString(gpu.Manufacturer), Count: number(gpu.Count)}
			if gpu.MemoryInfo != nil {
				device.MemoryMiB = number(gpu.MemoryInfo.SizeInMiB)
			}
			f.GPUs = append(f.GPUs, device)
		}
	}
	if info.NeuronInfo != nil {
		for _, each := range info.NeuronInfo.NeuronDevices {
			device := instancetype.Device{Name: sdk.ToString(each.Name), Count: number(each.Count)}
			if each.CoreInfo != nil {
				device.Cores = number(each.CoreInfo.Count)
			}
			f.Neuron = append(f.Neuron, device)
		}
	}
	if info.InferenceAcceleratorInfo != nil {
		for _, each := range info.InferenceAcceleratorInfo.Accelerators {
			f.Accelerators = append(f.Accelerators, instancetype.Device{
				Name: sdk.ToString(each.Name), Manufacturer: sdk.ToString(each.Manufacturer), Count: number(each.Count),
			})
		}
	}
}
