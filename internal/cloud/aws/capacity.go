package aws

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/aws/amazon-vpc-resource-controller-k8s/pkg/aws/vpc"
	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
	gigabyte = 1_000_000_000
)

// shape is what the settings of a NodeClass make of any instance type: they
// decide how much of the machine pods may use.
type shape struct {
	family             string
	overhead           float64 // share of memory the node does not get
	reservedENIs       int64
	maxPods            *int32
	podsPerCore        int64
	kubeReserved       model.Resources
	systemReserved     model.Resources
	evictionHard       map[string]string
	rootVolume         int64 // bytes
	blockDevices       int   // volumes that the class gives each node
	localStorage       bool  // instance store disks hold pods and images
	networkInterfaces  []*ec2v1.NetworkInterface
	nestedVirtual      bool
	connectionTracking bool
}

// newShape reads a class's settings; an amount that is not a quantity is a
// TerminalError that names the field.
func newShape(class *ec2v1.EC2NodeClass, options Options) (shape, error) {
	s := shape{
		family:             familyOfClass(class),
		overhead:           options.VMMemoryOverheadPercent,
		reservedENIs:       int64(options.ReservedENIs),
		localStorage:       class.Spec.InstanceStorePolicy != nil && *class.Spec.InstanceStorePolicy == ec2v1.InstanceStorePolicyRAID0,
		networkInterfaces:  class.Spec.NetworkInterfaces,
		nestedVirtual:      class.Spec.CPUOptions != nil && sdk.ToString(class.Spec.CPUOptions.NestedVirtualization) == "enabled",
		connectionTracking: class.Spec.ConnectionTracking != nil,
	}
	s.rootVolume = rootVolumeSize(class, s.family)
	s.blockDevices = len(class.Spec.BlockDeviceMappings)
	kubelet := class.Spec.Kubelet
	if kubelet == nil {
		return s, nil
	}
	s.maxPods = kubelet.MaxPods
	s.podsPerCore = int64(sdk.ToInt32(kubelet.PodsPerCore))
	s.evictionHard = kubelet.EvictionHard
	var err, otherErr error
	s.kubeReserved, err = quantities("kubeReserved", kubelet.KubeReserved)
	s.systemReserved, otherErr = quantities("systemReserved", kubelet.SystemReserved)
	if err = errors.Join(err, otherErr); err != nil {
		return shape{}, &cloud.TerminalError{Reason: "KubeletInvalid", Err: err}
	}
	return s, nil
}

func quantities(field string, values map[string]string) (model.Resources, error) {
	amounts := model.Resources{}
	for name, text := range values {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, fmt.Errorf("spec.kubelet.%s[%s]: %q is not a quantity such as 100m or 512Mi: %w", field, name, text, err)
		}
		amounts[name] = quantity.Value()
		if name == model.CPU {
			amounts[name] = quantity.MilliValue()
		}
	}
	return amounts, nil
}

// capacity is what a node of the type reports.
func (s shape) capacity(info types.InstanceTypeInfo) model.Resources {
	capacity := model.Resources{
		model.CPU:              vCPUs(info) * 1000,
		model.Memory:           s.memory(info),
		model.EphemeralStorage: s.storage(info),
		model.PodCount:         s.pods(info),
	}
	for name, count := range extendedResources(info, s.networkInterfaces) {
		if count > 0 {
			capacity[name] = count
		}
	}
	return capacity
}

// allocatable is the capacity less what the kubelet keeps for the system and
// for itself, and less the hard eviction thresholds.
func (s shape) allocatable(info types.InstanceTypeInfo, capacity model.Resources) model.Resources {
	rest := capacity.Sub(s.reserved(info)).Sub(s.systemReserved).Sub(s.eviction(capacity))
	for name := range rest {
		rest[name] = max(rest[name], 0)
		if _, known := capacity[name]; !known {
			delete(rest, name)
		}
	}
	return rest
}

// memory is the advertised size without what firmware and hypervisor keep,
// estimated in whole MiB; Graviton's kernels set another 64 MiB aside.
func (s shape) memory(info types.InstanceTypeInfo) int64 {
	size := memoryMiB(info)
	if architecture(info) == "arm64" {
		size -= 64
	}
	return (size - int64(math.Ceil(float64(size)*s.overhead))) * mebibyte
}

func (s shape) storage(info types.InstanceTypeInfo) int64 {
	if disks := info.InstanceStorageInfo; s.localStorage && disks != nil && disks.TotalSizeInGB != nil {
		return *disks.TotalSizeInGB * gigabyte
	}
	return s.rootVolume
}

func (s shape) pods(info types.InstanceTypeInfo) int64 {
	pods := s.eniPods(info, s.reservedENIs)
	if s.maxPods != nil {
		pods = int64(*s.maxPods)
	}
	// Bottlerocket has no setting for pods per core.
	if s.podsPerCore > 0 && s.family != ec2v1.AMIFamilyBottlerocket {
		pods = min(pods, s.podsPerCore*vCPUs(info))
	}
	return pods
}

// eniPods is how many pods the VPC CNI has addresses for: of each interface on
// the default network card, all addresses but its own, plus two pods on the
// host's network. An interface for EFA only carries no addresses.
func (s shape) eniPods(info types.InstanceTypeInfo, reserved int64) int64 {
	network := info.NetworkInfo
	if network == nil {
		return 0
	}
	interfaces := int64(sdk.ToInt32(network.MaximumNetworkInterfaces))
	if index := int(sdk.ToInt32(network.DefaultNetworkCardIndex)); index < len(network.NetworkCards) {
		interfaces = int64(sdk.ToInt32(network.NetworkCards[index].MaximumNetworkInterfaces))
	}
	for _, each := range s.networkInterfaces {
		if each.NetworkCardIndex == 0 && each.InterfaceType == ec2v1.InterfaceTypeEFAOnly {
			interfaces--
		}
	}
	if interfaces -= reserved; interfaces <= 0 {
		return 0
	}
	return interfaces*(int64(sdk.ToInt32(network.Ipv4AddressesPerInterface))-1) + 2
}

// reserved is kubeReserved as the AMIs compute it; what the class sets replaces
// it resource by resource. nodeadm and bootstrap.sh reserve memory for the pods
// of the ENI formula even when maxPods says otherwise, Bottlerocket for maxPods.
func (s shape) reserved(info types.InstanceTypeInfo) model.Resources {
	pods := s.eniPods(info, 0)
	if s.family == ec2v1.AMIFamilyBottlerocket {
		pods = s.pods(info)
	}
	reserved := model.Resources{
		model.CPU:              reservedCPU(vCPUs(info) * 1000),
		model.Memory:           (11*pods + 255) * mebibyte,
		model.EphemeralStorage: 1 * gibibyte,
	}
	for name, amount := range s.kubeReserved {
		reserved[name] = amount
	}
	return reserved
}

// reservedCPU in millicores: 6 % of the first core, 1 % of the second, 0.5 % of
// the next two, 0.25 % of the others.
func reservedCPU(millicores int64) int64 {
	reserved := int64(0)
	for _, step := range []struct {
		from, to    int64
		perThousand float64
	}{{0, 1000, 60}, {1000, 2000, 10}, {2000, 4000, 5}, {4000, math.MaxInt64, 2.5}} {
		if millicores > step.from {
			reserved += int64(float64(min(millicores, step.to)-step.from) * step.perThousand / 1000)
		}
	}
	return reserved
}

// eviction is what the hard thresholds keep free. Soft thresholds do not count:
// the kubelet does not subtract them.
func (s shape) eviction(capacity model.Resources) model.Resources {
	return model.Resources{
		model.Memory:           threshold(s.evictionHard["memory.available"], capacity[model.Memory], 100*mebibyte),
		model.EphemeralStorage: threshold(s.evictionHard["nodefs.available"], capacity[model.EphemeralStorage], percentOf(10, capacity[model.EphemeralStorage])),
	}
}

// threshold reads a percentage of the capacity or a quantity. 100% switches a
// threshold off. One that cannot be read counts as the default: the kubelet
// would not start with it, and says so itself.
func threshold(text string, capacity, byDefault int64) int64 {
	if percent, isPercent := strings.CutSuffix(text, "%"); isPercent {
		value, err := strconv.ParseFloat(percent, 64)
		switch {
		case err != nil || !(value >= 0 && value <= 100):
			return byDefault
		case value == 100:
			return 0
		}
		return percentOf(value, capacity)
	}
	quantity, err := resource.ParseQuantity(text)
	if err != nil || quantity.Sign() < 0 {
		return byDefault
	}
	return quantity.Value()
}

func percentOf(percent float64, capacity int64) int64 {
	return int64(math.Ceil(float64(capacity) / 100 * percent))
}

// extendedResources are counted by device plugins and the VPC resource
// controller on such a node.
func extendedResources(info types.InstanceTypeInfo, interfaces []*ec2v1.NetworkInterface) model.Resources {
	counts := model.Resources{}
	if limits, known := vpc.Limits[string(info.InstanceType)]; known && limits.IsTrunkingCompatible {
		counts[string(ec2v1.ResourceAWSPodENI)] = int64(limits.BranchInterface)
	}
	if info.GpuInfo != nil {
		for _, gpu := range info.GpuInfo.Gpus {
			if name := gpuResource(sdk.ToString(gpu.Manufacturer)); name != "" {
				counts[name] += int64(sdk.ToInt32(gpu.Count))
			}
		}
	}
	if info.NeuronInfo != nil {
		for _, device := range info.NeuronInfo.NeuronDevices {
			count := int64(sdk.ToInt32(device.Count))
			counts[string(ec2v1.ResourceAWSNeuron)] += count
			if device.CoreInfo != nil {
				counts[string(ec2v1.ResourceAWSNeuronCore)] += count * int64(sdk.ToInt32(device.CoreInfo.Count))
			}
		}
	}
	// Only those that the class has attached: an instance has none by itself.
	for _, each := range interfaces {
		if each.InterfaceType == ec2v1.InterfaceTypeEFAOnly {
			counts[string(ec2v1.ResourceEFA)]++
		}
	}
	return counts
}

func gpuResource(manufacturer string) string {
	switch manufacturer {
	case "NVIDIA":
		return string(ec2v1.ResourceNVIDIAGPU)
	case "AMD":
		return string(ec2v1.ResourceAMDGPU)
	case "Habana":
		return string(ec2v1.ResourceHabanaGaudi)
	}
	return ""
}

func vCPUs(info types.InstanceTypeInfo) int64 {
	if info.VCpuInfo == nil {
		return 0
	}
	return int64(sdk.ToInt32(info.VCpuInfo.DefaultVCpus))
}

func memoryMiB(info types.InstanceTypeInfo) int64 {
	if info.MemoryInfo == nil {
		return 0
	}
	return sdk.ToInt64(info.MemoryInfo.SizeInMiB)
}
