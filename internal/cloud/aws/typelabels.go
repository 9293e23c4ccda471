package aws

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"
)

// labelInstancePods is an old label of Karpenter's that tutorials still show.
const labelInstancePods = "karpenter.k8s.aws/instance-pods"

// familyPattern splits the family of a type name: letters, generation, the rest.
var familyPattern = regexp.MustCompile(`^([a-z]+)(?:-[0-9]+tb)?([0-9]+).*\.`)

// typeLabels are the labels that a node of the type has whatever its zone and
// capacity type. A label whose value is not known is left out.
func typeLabels(info types.InstanceTypeInfo, region string, pods int64) map[string]string {
	name := string(info.InstanceType)
	family, size, _ := strings.Cut(name, ".")
	labels := map[string]string{
		corev1.LabelInstanceTypeStable:    name,
		corev1.LabelArchStable:            architecture(info),
		corev1.LabelOSStable:              string(corev1.Linux),
		corev1.LabelTopologyRegion:        region,
		ec2v1.LabelInstanceFamily:         family,
		ec2v1.LabelInstanceSize:           size,
		ec2v1.LabelInstanceCapabilityFlex: strconv.FormatBool(strings.Contains(family, "-flex")),
		ec2v1.LabelInstanceTenancy:        string(types.TenancyDefault),
		ec2v1.LabelInstanceCPU:            decimal(vCPUs(info)),
		ec2v1.LabelInstanceMemory:         decimal(memoryMiB(info)),
		labelInstancePods:                 decimal(pods),
	}
	if parts := familyPattern.FindStringSubmatch(name); parts != nil {
		labels[ec2v1.LabelInstanceCategory] = parts[1]
		labels[ec2v1.LabelInstanceGeneration] = parts[2]
	}
	setIf(labels, ec2v1.LabelInstanceHypervisor, string(info.Hypervisor))
	processorLabels(labels, info)
	networkLabels(labels, info)
	storageLabels(labels, info)
	acceleratorLabels(labels, info)
	return labels
}

func setIf(labels map[string]string, key, value string) {
	if value != "" {
		labels[key] = value
	}
}

func decimal(number int64) string { return strconv.FormatInt(number, 10) }

// kebab writes a maker's name as a label value: "Tesla M60" as tesla-m60.
func kebab(name *string) string {
	return strings.ToLower(strings.ReplaceAll(sdk.ToString(name), " ", "-"))
}

// architecture in the words of Kubernetes, empty for one it does not know.
func architecture(info types.InstanceTypeInfo) string {
	if info.ProcessorInfo == nil {
		return ""
	}
	for _, supported := range info.ProcessorInfo.SupportedArchitectures {
		if arch, known := ec2v1.AWSToKubeArchitectures[string(supported)]; known {
			return arch
		}
	}
	return ""
}

func processorLabels(labels map[string]string, info types.InstanceTypeInfo) {
	if info.ProcessorInfo == nil {
		return
	}
	setIf(labels, ec2v1.LabelInstanceCPUManufacturer, kebab(info.ProcessorInfo.Manufacturer))
	if gigahertz := sdk.ToFloat64(info.ProcessorInfo.SustainedClockSpeedInGhz); gigahertz > 0 {
		labels[ec2v1.LabelInstanceCPUSustainedClockSpeedMhz] = decimal(int64(math.Round(gigahertz * 1000)))
	}
}

func networkLabels(labels map[string]string, info types.InstanceTypeInfo) {
	if info.NetworkInfo == nil {
		return
	}
	labels[ec2v1.LabelInstanceEncryptionInTransitSupported] = strconv.FormatBool(sdk.ToBool(info.NetworkInfo.EncryptionInTransitSupported))
	gigabits := 0.0
	for _, card := range info.NetworkInfo.NetworkCards {
		gigabits += sdk.ToFloat64(card.BaselineBandwidthInGbps)
	}
	if gigabits > 0 {
		labels[ec2v1.LabelInstanceNetworkBandwidth] = decimal(int64(math.Round(gigabits * 1000)))
	}
}

func storageLabels(labels map[string]string, info types.InstanceTypeInfo) {
	if disks := info.InstanceStorageInfo; disks != nil && disks.TotalSizeInGB != nil && disks.NvmeSupport != types.EphemeralNvmeSupportUnsupported {
		labels[ec2v1.LabelInstanceLocalNVME] = decimal(*disks.TotalSizeInGB)
	}
	ebs := info.EbsInfo
	if ebs != nil && ebs.EbsOptimizedSupport == types.EbsOptimizedSupportDefault && ebs.EbsOptimizedInfo != nil {
		labels[ec2v1.LabelInstanceEBSBandwidth] = decimal(int64(sdk.ToInt32(ebs.EbsOptimizedInfo.MaximumBandwidthInMbps)))
	}
}

// acceleratorLabels describe GPUs and accelerators of types with one kind of them.
func acceleratorLabels(labels map[string]string, info types.InstanceTypeInfo) {
	if info.GpuInfo != nil && len(info.GpuInfo.Gpus) == 1 {
		gpu := info.GpuInfo.Gpus[0]
		setIf(labels, ec2v1.LabelInstanceGPUName, kebab(gpu.Name))
		setIf(labels, ec2v1.LabelInstanceGPUManufacturer, kebab(gpu.Manufacturer))
		labels[ec2v1.LabelInstanceGPUCount] = decimal(int64(sdk.ToInt32(gpu.Count)))
		if gpu.MemoryInfo != nil {
			labels[ec2v1.LabelInstanceGPUMemory] = decimal(int64(sdk.ToInt32(gpu.MemoryInfo.SizeInMiB)))
		}
	}
	switch {
	case info.NeuronInfo != nil && len(info.NeuronInfo.NeuronDevices) == 1:
		device := info.NeuronInfo.NeuronDevices[0]
		setIf(labels, ec2v1.LabelInstanceAcceleratorName, kebab(device.Name))
		labels[ec2v1.LabelInstanceAcceleratorManufacturer] = "aws"
		labels[ec2v1.LabelInstanceAcceleratorCount] = decimal(int64(sdk.ToInt32(device.Count)))
	case info.NeuronInfo == nil && info.InferenceAcceleratorInfo != nil && len(info.InferenceAcceleratorInfo.Accelerators) == 1:
		accelerator := info.InferenceAcceleratorInfo.Accelerators[0]
		setIf(labels, ec2v1.LabelInstanceAcceleratorName, kebab(accelerator.Name))
		setIf(labels, ec2v1.LabelInstanceAcceleratorManufacturer, kebab(accelerator.Manufacturer))
		labels[ec2v1.LabelInstanceAcceleratorCount] = decimal(int64(sdk.ToInt32(accelerator.Count)))
	}
}
