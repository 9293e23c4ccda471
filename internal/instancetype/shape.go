// Package instancetype works out, from what EC2 says of an instance type and
// what a NodeClass says of its nodes, the node that will join: its labels, its
// capacity and how much of that pods may use. It is pure arithmetic, shared by
// the adapter of AWS and by what plans without a cloud.
package instancetype

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/aws/amazon-vpc-resource-controller-k8s/pkg/aws/vpc"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
	gigabyte = 1_000_000_000
)

// Shape is what the settings of a NodeClass make of any instance type: they
// decide how much of the machine pods may use.
type Shape struct {
	family             string
	overhead           float64 // share of memory the node does not get
	reservedENIs       int64
	maxPods            *int32
	podsPerCore        int64
	kubeReserved       model.Resources
	systemReserved     model.Resources
	evictionHard       map[string]string
	rootVolume         int64 // bytes
	blockDevices       int64 // volumes that the class gives each node
	localStorage       bool  // instance store disks hold pods and images
	networkInterfaces  []*ec2v1.NetworkInterface
	nestedVirtual      bool
	connectionTracking bool
}

// Options are the settings of drover itself that bear on a node's room.
type Options struct {
	// VMMemoryOverheadPercent is the share of an instance's memory that its
	// node does not get, as a fraction.
	VMMemoryOverheadPercent float64
	// ReservedENIs are network interfaces of each instance that pods cannot use.
	ReservedENIs int
}

// DefaultVMMemoryOverheadPercent is Karpenter's.
const DefaultVMMemoryOverheadPercent = 0.075

// NewShape reads a class's settings. The error is of an amount that is not a
// quantity and names its field.
func NewShape(class *ec2v1.EC2NodeClass, options Options) (Shape, error) {
	s := Shape{
		family:             Family(class),
		overhead:           options.VMMemoryOverheadPercent,
		reservedENIs:       int64(options.ReservedENIs),
		localStorage:       class.Spec.InstanceStorePolicy != nil && *class.Spec.InstanceStorePolicy == ec2v1.InstanceStorePolicyRAID0,
		networkInterfaces:  class.Spec.NetworkInterfaces,
		nestedVirtual:      class.Spec.CPUOptions != nil && value(class.Spec.CPUOptions.NestedVirtualization) == "enabled",
		connectionTracking: class.Spec.ConnectionTracking != nil,
	}
	s.rootVolume = RootVolumeSize(class, s.family)
	s.blockDevices = int64(len(class.Spec.BlockDeviceMappings))
	kubelet := class.Spec.Kubelet
	if kubelet == nil {
		return s, nil
	}
	s.maxPods = kubelet.MaxPods
	s.podsPerCore = int64(value(kubelet.PodsPerCore))
	s.evictionHard = kubelet.EvictionHard
	var err, otherErr error
	s.kubeReserved, err = quantities("kubeReserved", kubelet.KubeReserved)
	s.systemReserved, otherErr = quantities("systemReserved", kubelet.SystemReserved)
	if err = errors.Join(err, otherErr); err != nil {
		return Shape{}, err
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

// Capacity is what a node of the type reports.
func (s Shape) Capacity(f Facts) model.Resources {
	capacity := model.Resources{
		model.CPU:              f.VCPUs * 1000,
		model.Memory:           s.memory(f),
		model.EphemeralStorage: s.storage(f),
		model.PodCount:         s.pods(f),
	}
	for name, count := range extendedResources(f, s.networkInterfaces) {
		if count > 0 {
			capacity[name] = count
		}
	}
	return capacity
}

// Allocatable is the capacity less what the kubelet keeps for the system and
// for itself, and less the hard eviction thresholds.
func (s Shape) Allocatable(f Facts, capacity model.Resources) model.Resources {
	rest := capacity.Sub(s.reserved(f)).Sub(s.systemReserved).Sub(s.eviction(capacity))
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
func (s Shape) memory(f Facts) int64 {
	size := f.MemoryMiB
	if f.Arch == karpv1.ArchitectureArm64 {
		size -= 64
	}
	return (size - int64(math.Ceil(float64(size)*s.overhead))) * mebibyte
}

func (s Shape) storage(f Facts) int64 {
	if s.localStorage && f.LocalStorageGB > 0 {
		return f.LocalStorageGB * gigabyte
	}
	return s.rootVolume
}

func (s Shape) pods(f Facts) int64 {
	pods := s.eniPods(f, s.reservedENIs)
	if s.maxPods != nil {
		pods = int64(*s.maxPods)
	}
	// Bottlerocket has no setting for pods per core.
	if s.podsPerCore > 0 && s.family != ec2v1.AMIFamilyBottlerocket {
		pods = min(pods, s.podsPerCore*f.VCPUs)
	}
	return pods
}

// eniPods is how many pods the VPC CNI has addresses for: of each interface on
// the default network card, all addresses but its own, plus two pods on the
// host's network. An interface for EFA only carries no addresses.
func (s Shape) eniPods(f Facts, reserved int64) int64 {
	interfaces := f.ENIs
	if f.DefaultNetworkCard < len(f.NetworkCards) {
		interfaces = f.NetworkCards[f.DefaultNetworkCard].ENIs
	}
	for _, each := range s.networkInterfaces {
		if each.NetworkCardIndex == 0 && each.InterfaceType == ec2v1.InterfaceTypeEFAOnly {
			interfaces--
		}
	}
	if interfaces -= reserved; interfaces <= 0 {
		return 0
	}
	return interfaces*(f.IPv4PerENI-1) + 2
}

// reserved is kubeReserved as the AMIs compute it; what the class sets replaces
// it resource by resource. nodeadm and bootstrap.sh reserve memory for the pods
// of the ENI formula even when maxPods says otherwise, Bottlerocket for maxPods.
func (s Shape) reserved(f Facts) model.Resources {
	pods := s.eniPods(f, 0)
	if s.family == ec2v1.AMIFamilyBottlerocket {
		pods = s.pods(f)
	}
	reserved := model.Resources{
		model.CPU:              reservedCPU(f.VCPUs * 1000),
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
func (s Shape) eviction(capacity model.Resources) model.Resources {
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
func extendedResources(f Facts, interfaces []*ec2v1.NetworkInterface) model.Resources {
	counts := model.Resources{}
	if limits, known := vpc.Limits[f.Name]; known && limits.IsTrunkingCompatible {
		counts[string(ec2v1.ResourceAWSPodENI)] = int64(limits.BranchInterface)
	}
	for _, gpu := range f.GPUs {
		if name := gpuResource(gpu.Manufacturer); name != "" {
			counts[name] += gpu.Count
		}
	}
	for _, device := range f.Neuron {
		counts[string(ec2v1.ResourceAWSNeuron)] += device.Count
		counts[string(ec2v1.ResourceAWSNeuronCore)] += device.Count * device.Cores
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
