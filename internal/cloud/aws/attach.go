package aws

import (
	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

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

// attachLimits is how many volumes the driver will say that a new node of the
// type attaches: what EC2 allows less what the node starts with.
func (s shape) attachLimits(info types.InstanceTypeInfo) map[string]int64 {
	limit, shared := int64(xenAttachments), false
	if info.Hypervisor != types.InstanceTypeHypervisorXen {
		limit, shared = nitroAttachments, true
	}
	if ebs := info.EbsInfo; ebs != nil {
		if ebs.MaximumEbsAttachments != nil {
			limit = int64(*ebs.MaximumEbsAttachments)
		}
		shared = shared && ebs.AttachmentLimitType != types.AttachmentLimitTypeDedicated
	}
	if shared {
		limit -= attachedDevices(info)
	}
	return map[string]int64{ebsDriver: max(limit-s.ownVolumes(), 1)}
}

// attachedDevices counts what shares the limit with volumes: interfaces, local
// disks and accelerators.
func attachedDevices(info types.InstanceTypeInfo) int64 {
	count := int64(earlyInterfaces)
	if network := info.NetworkInfo; network != nil && network.MaximumNetworkInterfaces != nil {
		count = min(count, int64(*network.MaximumNetworkInterfaces))
	}
	if storage := info.InstanceStorageInfo; storage != nil && storage.NvmeSupport != types.EphemeralNvmeSupportUnsupported {
		for _, disk := range storage.Disks {
			count += int64(sdk.ToInt32(disk.Count))
		}
	}
	if info.GpuInfo != nil {
		for _, gpu := range info.GpuInfo.Gpus {
			count += int64(sdk.ToInt32(gpu.Count))
		}
	}
	if info.NeuronInfo != nil {
		for _, device := range info.NeuronInfo.NeuronDevices {
			count += int64(sdk.ToInt32(device.Count))
		}
	}
	return count
}

// ownVolumes are those of the node itself; Bottlerocket has one for the system
// and one for data.
func (s shape) ownVolumes() int64 {
	own := int64(1)
	if s.family == ec2v1.AMIFamilyBottlerocket {
		own = 2
	}
	return max(own, int64(s.blockDevices))
}
