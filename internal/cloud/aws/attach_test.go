package aws

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

func TestAttachLimitIsWhatTheNodeStartsWithLess(t *testing.T) {
	m5 := func(change func(*types.InstanceTypeInfo)) types.InstanceTypeInfo {
		info := typeInfo("m5.large", "x86_64", 2, 8192, 3, 10)
		change(&info)
		return info
	}
	for _, test := range []struct {
		name  string
		shape shape
		info  types.InstanceTypeInfo
		want  int64
	}{
		{"28 for devices of all kinds: two interfaces and the root volume", shape{}, m5(func(*types.InstanceTypeInfo) {}), 25},
		{"Bottlerocket has a second volume", shape{family: ec2v1.AMIFamilyBottlerocket}, m5(func(*types.InstanceTypeInfo) {}), 24},
		{"the class gives each node three volumes", shape{blockDevices: 3}, m5(func(*types.InstanceTypeInfo) {}), 23},
		{"local disks and GPUs are devices", shape{}, m5(func(i *types.InstanceTypeInfo) {
			i.InstanceStorageInfo = &types.InstanceStorageInfo{NvmeSupport: types.EphemeralNvmeSupportRequired, Disks: []types.DiskInfo{{Count: sdk.Int32(2)}}}
			i.GpuInfo = &types.GpuInfo{Gpus: []types.GpuDeviceInfo{{Count: sdk.Int32(4)}}}
		}), 19},
		{"a limit for volumes alone", shape{}, m5(func(i *types.InstanceTypeInfo) {
			i.EbsInfo.MaximumEbsAttachments, i.EbsInfo.AttachmentLimitType = sdk.Int32(64), types.AttachmentLimitTypeDedicated
		}), 63},
		{"Xen does not count interfaces", shape{}, m5(func(i *types.InstanceTypeInfo) { i.Hypervisor = types.InstanceTypeHypervisorXen }), 38},
		{"one volume always", shape{}, m5(func(i *types.InstanceTypeInfo) { i.EbsInfo.MaximumEbsAttachments = sdk.Int32(2) }), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.shape.attachLimits(test.info)[ebsDriver]; got != test.want {
				t.Errorf("attaches %d volumes, want %d", got, test.want)
			}
		})
	}
}
