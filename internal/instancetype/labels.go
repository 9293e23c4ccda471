package instancetype

import (
	"regexp"
	"strconv"
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"
)

// labelInstancePods is an old label of Karpenter's that tutorials still show.
const labelInstancePods = "karpenter.k8s.aws/instance-pods"

// familyPattern splits the family of a type name: letters, generation, the rest.
var familyPattern = regexp.MustCompile(`^([a-z]+)(?:-[0-9]+tb)?([0-9]+).*\.`)

// Labels are the labels that a node of the type has whatever its zone and
// capacity type; pods is the number of pods its node takes. A label whose value
// is not known is left out.
func (f Facts) Labels(region string, pods int64) map[string]string {
	family, size, _ := strings.Cut(f.Name, ".")
	labels := map[string]string{
		corev1.LabelInstanceTypeStable:    f.Name,
		corev1.LabelArchStable:            f.Arch,
		corev1.LabelOSStable:              string(corev1.Linux),
		corev1.LabelTopologyRegion:        region,
		ec2v1.LabelInstanceFamily:         family,
		ec2v1.LabelInstanceSize:           size,
		ec2v1.LabelInstanceCapabilityFlex: strconv.FormatBool(strings.Contains(family, "-flex")),
		ec2v1.LabelInstanceTenancy:        "default",
		ec2v1.LabelInstanceCPU:            decimal(f.VCPUs),
		ec2v1.LabelInstanceMemory:         decimal(f.MemoryMiB),
		labelInstancePods:                 decimal(pods),
	}
	if parts := familyPattern.FindStringSubmatch(f.Name); parts != nil {
		labels[ec2v1.LabelInstanceCategory] = parts[1]
		labels[ec2v1.LabelInstanceGeneration] = parts[2]
	}
	setIf(labels, ec2v1.LabelInstanceHypervisor, f.Hypervisor)
	setIf(labels, ec2v1.LabelInstanceCPUManufacturer, kebab(f.Manufacturer))
	setKnown(labels, ec2v1.LabelInstanceCPUSustainedClockSpeedMhz, f.ClockMHz)
	if f.EncryptionInTransit != nil {
		labels[ec2v1.LabelInstanceEncryptionInTransitSupported] = strconv.FormatBool(*f.EncryptionInTransit)
	}
	setKnown(labels, ec2v1.LabelInstanceNetworkBandwidth, f.BandwidthMbps)
	if f.LocalNVMe {
		setKnown(labels, ec2v1.LabelInstanceLocalNVME, f.LocalStorageGB)
	}
	setKnown(labels, ec2v1.LabelInstanceEBSBandwidth, f.EBSBandwidthMbps)
	f.acceleratorLabels(labels)
	return labels
}

func setKnown(labels map[string]string, key string, number int64) {
	if number > 0 {
		labels[key] = decimal(number)
	}
}

func setIf(labels map[string]string, key, value string) {
	if value != "" {
		labels[key] = value
	}
}

func decimal(number int64) string { return strconv.FormatInt(number, 10) }

// kebab writes a maker's name as a label value: "Tesla M60" as tesla-m60.
func kebab(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "-")) }

// acceleratorLabels describe GPUs and accelerators of types with one kind of them.
func (f Facts) acceleratorLabels(labels map[string]string) {
	if len(f.GPUs) == 1 {
		gpu := f.GPUs[0]
		setIf(labels, ec2v1.LabelInstanceGPUName, kebab(gpu.Name))
		setIf(labels, ec2v1.LabelInstanceGPUManufacturer, kebab(gpu.Manufacturer))
		labels[ec2v1.LabelInstanceGPUCount] = decimal(gpu.Count)
		setKnown(labels, ec2v1.LabelInstanceGPUMemory, gpu.MemoryMiB)
	}
	switch {
	case len(f.Neuron) == 1:
		device := f.Neuron[0]
		setIf(labels, ec2v1.LabelInstanceAcceleratorName, kebab(device.Name))
		labels[ec2v1.LabelInstanceAcceleratorManufacturer] = "aws"
		labels[ec2v1.LabelInstanceAcceleratorCount] = decimal(device.Count)
	case len(f.Neuron) == 0 && len(f.Accelerators) == 1:
		accelerator := f.Accelerators[0]
		setIf(labels, ec2v1.LabelInstanceAcceleratorName, kebab(accelerator.Name))
		setIf(labels, ec2v1.LabelInstanceAcceleratorManufacturer, kebab(accelerator.Manufacturer))
		labels[ec2v1.LabelInstanceAcceleratorCount] = decimal(accelerator.Count)
	}
}
