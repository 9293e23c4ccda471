// Package capacity computes what a node reports: the capacity its kernel sees
// and what of it is left for pods.
package capacity

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/userdata"
)

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// defaultRootVolumeGiB is the root volume of an image that says nothing else.
const defaultRootVolumeGiB = 20

// PodENI is the resource of branch network interfaces.
const PodENI corev1.ResourceName = "vpc.amazonaws.com/pod-eni"

// VisibleMemory is how many bytes of memory the kernel of a machine reports.
//
// The kernel loses a share that falls with size, from 4.6 % up to 8 GiB (a
// t3.large with 8 GiB shows 7.63 GiB, a t3.small with 2 GiB shows 1953 MiB)
// towards 3.2 %; arm64 machines lose 64 MiB more. It is deliberately not the
// flat share that a planner estimates with: real nodes differ from estimates.
func VisibleMemory(hardware machine.Hardware) int64 {
	advertised := hardware.MemoryMiB * mib
	share := 0.032 + 0.014*math.Min(1, float64(8*gib)/float64(advertised))
	visible := advertised - int64(share*float64(advertised))
	if hardware.Arch == "arm64" {
		visible -= 64 * mib
	}
	return visible / (4 * kib) * (4 * kib)
}

// Of returns a node's capacity and allocatable. Devices that a plugin
// announces later, such as GPUs, are not in it (see Devices).
func Of(m machine.Machine, config userdata.Config) (capacity, allocatable corev1.ResourceList, err error) {
	root := m.RootVolumeGiB
	if root == 0 {
		root = defaultRootVolumeGiB
	}
	capacity = corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewQuantity(m.Hardware.VCPU, resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(VisibleMemory(m.Hardware), resource.BinarySI),
		corev1.ResourceEphemeralStorage: *resource.NewQuantity(root*gib-fileSystemLoss, resource.BinarySI),
		corev1.ResourcePods:             *resource.NewQuantity(maxPods(m.Hardware, config), resource.DecimalSI),
		"hugepages-1Gi":                 *resource.NewQuantity(0, resource.BinarySI),
		"hugepages-2Mi":                 *resource.NewQuantity(0, resource.BinarySI),
	}
	if m.Hardware.BranchENIs > 0 {
		capacity[PodENI] = *resource.NewQuantity(m.Hardware.BranchENIs, resource.DecimalSI)
	}
	reserved, err := reservations(m.Hardware, config, capacity)
	if err != nil {
		return nil, nil, err
	}
	return capacity, subtract(capacity, reserved), nil
}

// fileSystemLoss is what partitions and file system take of a root volume:
// 20 GiB show as 20959212Ki.
const fileSystemLoss = 12308 * kib

func maxPods(hardware machine.Hardware, config userdata.Config) int64 {
	if config.MaxPods > 0 {
		return config.MaxPods
	}
	return hardware.MaxPodsENI
}

// reservations sums what is kept from pods, one list per reason.
func reservations(hardware machine.Hardware, config userdata.Config, capacity corev1.ResourceList) ([]corev1.ResourceList, error) {
	kube := kubeReserved(hardware)
	if err := override(kube, config.KubeReserved); err != nil {
		return nil, fmt.Errorf("kubeReserved: %w", err)
	}
	system := corev1.ResourceList{}
	if err := override(system, config.SystemReserved); err != nil {
		return nil, fmt.Errorf("systemReserved: %w", err)
	}
	eviction, err := evictionHard(config.EvictionHard, capacity)
	if err != nil {
		return nil, fmt.Errorf("evictionHard: %w", err)
	}
	return []corev1.ResourceList{kube, system, eviction}, nil
}

// kubeReserved is nodeadm's default. The memory goes by the ENI formula's pod
// count even where maxPods is set to something else.
func kubeReserved(hardware machine.Hardware) corev1.ResourceList {
	memory := (11*hardware.MaxPodsENI + 255) * mib
	return corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewMilliQuantity(reservedMillicores(hardware.VCPU), resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(memory, resource.BinarySI),
		corev1.ResourceEphemeralStorage: *resource.NewQuantity(gib, resource.BinarySI),
	}
}

// reservedMillicores is 6 % of the first core, 1 % of the second, 0.5 % of the
// next two and 0.25 % of the rest.
func reservedMillicores(cores int64) int64 {
	hundredths := int64(0) // of a millicore
	for core := int64(1); core <= cores; core++ {
		switch {
		case core == 1:
			hundredths += 6000
		case core == 2:
			hundredths += 1000
		case core <= 4:
			hundredths += 500
		default:
			hundredths += 250
		}
	}
	return hundredths / 100
}

func override(base corev1.ResourceList, with map[string]string) error {
	for name, text := range with {
		amount, err := resource.ParseQuantity(text)
		if err != nil {
			return fmt.Errorf("%s: %q is not an amount such as 500Mi: %w", name, text, err)
		}
		base[corev1.ResourceName(name)] = amount
	}
	return nil
}

// evictionHard is what eviction thresholds keep free: 100Mi of memory and 10 %
// of the disk unless user data says otherwise.
func evictionHard(with map[string]string, capacity corev1.ResourceList) (corev1.ResourceList, error) {
	thresholds := map[string]string{"memory.available": "100Mi", "nodefs.available": "10%"}
	for signal, text := range with {
		thresholds[signal] = text
	}
	kept := corev1.ResourceList{}
	signals := map[string]corev1.ResourceName{
		"memory.available": corev1.ResourceMemory,
		"nodefs.available": corev1.ResourceEphemeralStorage,
	}
	for signal, name := range signals {
		total := capacity[name]
		amount, err := threshold(thresholds[signal], total.Value())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", signal, err)
		}
		kept[name] = *resource.NewQuantity(amount, resource.BinarySI)
	}
	return kept, nil
}

func threshold(text string, total int64) (int64, error) {
	if share, isShare := strings.CutSuffix(text, "%"); isShare {
		percent, err := strconv.ParseFloat(share, 64)
		if err != nil || percent < 0 || percent > 100 {
			return 0, fmt.Errorf("%q is not a percentage between 0%% and 100%%", text)
		}
		return int64(percent / 100 * float64(total)), nil
	}
	amount, err := resource.ParseQuantity(text)
	if err != nil {
		return 0, fmt.Errorf("%q is neither an amount such as 100Mi nor a percentage: %w", text, err)
	}
	return amount.Value(), nil
}

func subtract(capacity corev1.ResourceList, reserved []corev1.ResourceList) corev1.ResourceList {
	rest := capacity.DeepCopy()
	for _, list := range reserved {
		for name, amount := range list {
			left, known := rest[name]
			if !known {
				continue
			}
			left.Sub(amount)
			if left.Sign() < 0 {
				left = *resource.NewQuantity(0, left.Format)
			}
			rest[name] = left
		}
	}
	return rest
}

// Devices is what device plugins announce once their pods run.
func Devices(hardware machine.Hardware) corev1.ResourceList {
	devices := corev1.ResourceList{}
	if hardware.GPUs > 0 {
		devices[gpuResource(hardware.GPUName)] = *resource.NewQuantity(hardware.GPUs, resource.DecimalSI)
	}
	if hardware.Accelerators > 0 {
		devices["aws.amazon.com/neuron"] = *resource.NewQuantity(hardware.Accelerators, resource.DecimalSI)
	}
	return devices
}

func gpuResource(name string) corev1.ResourceName {
	lower := strings.ToLower(name)
	switch {
	case strings.Contains(lower, "radeon"):
		return "amd.com/gpu"
	case strings.Contains(lower, "gaudi"):
		return "habana.ai/gaudi"
	}
	return "nvidia.com/gpu"
}
