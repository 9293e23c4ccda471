package aws

import (
	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/instancetype"
)

const gibibyte = 1 << 30

// blockDevices are the volumes of a launch template: the class's, or those of
// the family. A custom image without any keeps its own.
func blockDevices(class *ec2v1.EC2NodeClass, family string) []types.LaunchTemplateBlockDeviceMappingRequest {
	var devices []types.LaunchTemplateBlockDeviceMappingRequest
	for _, mapping := range class.Spec.BlockDeviceMappings {
		if mapping != nil {
			devices = append(devices, types.LaunchTemplateBlockDeviceMappingRequest{DeviceName: mapping.DeviceName, Ebs: volume(mapping.EBS)})
		}
	}
	if len(devices) > 0 {
		return devices
	}
	switch family {
	case ec2v1.AMIFamilyCustom:
		return nil
	case ec2v1.AMIFamilyBottlerocket:
		// The system's own volume; pods live on the second.
		devices = append(devices, defaultVolume("/dev/xvda", 4))
	}
	return append(devices, defaultVolume(instancetype.PodDevice(family), instancetype.DefaultRootVolume/gibibyte))
}

func defaultVolume(device string, gib int32) types.LaunchTemplateBlockDeviceMappingRequest {
	return types.LaunchTemplateBlockDeviceMappingRequest{
		DeviceName: sdk.String(device),
		Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{
			Encrypted: sdk.Bool(true), VolumeType: types.VolumeTypeGp3, VolumeSize: sdk.Int32(gib), DeleteOnTermination: sdk.Bool(true),
		},
	}
}

func volume(ebs *ec2v1.BlockDevice) *types.LaunchTemplateEbsBlockDeviceRequest {
	if ebs == nil {
		return nil
	}
	request := &types.LaunchTemplateEbsBlockDeviceRequest{
		DeleteOnTermination:      ebs.DeleteOnTermination,
		Encrypted:                ebs.Encrypted,
		VolumeType:               types.VolumeType(sdk.ToString(ebs.VolumeType)),
		KmsKeyId:                 ebs.KMSKeyID,
		SnapshotId:               ebs.SnapshotID,
		VolumeInitializationRate: ebs.VolumeInitializationRate,
		Iops:                     narrowed(ebs.IOPS),
		Throughput:               narrowed(ebs.Throughput),
	}
	if ebs.VolumeSize != nil {
		// EC2 counts whole GiB; part of one is rounded up.
		request.VolumeSize = sdk.Int32(int32((ebs.VolumeSize.Value() + gibibyte - 1) / gibibyte))
	}
	return request
}

func narrowed(number *int64) *int32 {
	if number == nil || *number == 0 {
		return nil
	}
	return sdk.Int32(int32(*number))
}
