package instancetype

import ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

// ebsDriver is the CSI driver that attaches EBS volumes.
const ebsDriver = "ebs.csi.aws.com"

// How many devices an instance attaches when EC2 does not say, see
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/volume_limits.html
const (
	nitroAttachments = 28
	xenAttachments   = 39
	// earlyInterfaces are the network interfaces that the VPC CNI has attached
	// by the time the driver counts what is left.
	earlyInterfaces = 2
)

// AttachLimits is how many volumes the driver will say that a new node of the
// type attaches, by driver: what EC2 allows less what the node starts with.
func (s Shape) AttachLimits(f Facts) map[string]int64 {
	limit, shared := int64(nitroAttachments), !f.EBSAttachmentsDedicated
	if f.Hypervisor == "xen" {
		limit, shared = xenAttachments, false
	}
	if f.EBSAttachments > 0 {
		limit = f.EBSAttachments
	}
	if shared {
		limit -= f.devices()
	}
	return map[string]int64{ebsDriver: max(limit-s.ownVolumes(), 1)}
}

// devices counts what shares the limit with volumes: interfaces, local disks
// and accelerators.
func (f Facts) devices() int64 {
	count := min(earlyInterfaces, f.ENIs)
	if f.LocalNVMe {
		count += f.LocalDisks
	}
	for _, device := range f.GPUs {
		count += device.Count
	}
	for _, device := range f.Neuron {
		count += device.Count
	}
	return count
}

// ownVolumes are those of the node itself; Bottlerocket has one for the system
// and one for data.
func (s Shape) ownVolumes() int64 {
	own := int64(1)
	if s.family == ec2v1.AMIFamilyBottlerocket {
		own = 2
	}
	return max(own, s.blockDevices)
}
