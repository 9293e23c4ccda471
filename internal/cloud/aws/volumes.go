package aws

import (
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

// defaultRootVolume is the size of the volume that holds pods and images when
// the class does not say.
const defaultRootVolume = 20 * gibibyte

// aliasFamilies are the AMI families that an alias can name, by its spelling.
func aliasFamilies() map[string]string {
	families := map[string]string{}
	for _, family := range []string{ec2v1.AMIFamilyAL2023, ec2v1.AMIFamilyBottlerocket, ec2v1.AMIFamilyAL2} {
		families[strings.ToLower(family)] = family
	}
	return families
}

// familyOfClass is spec.amiFamily, or the family of the alias, or Custom.
// The class's own method would end the program on an alias it cannot read.
func familyOfClass(class *ec2v1.EC2NodeClass) string {
	if family := sdk.ToString(class.Spec.AMIFamily); family != "" {
		return family
	}
	for _, term := range class.Spec.AMISelectorTerms {
		if family, known := aliasFamilies()[familyOf(term.Alias)]; known {
			return family
		}
	}
	return ec2v1.AMIFamilyCustom
}

// podDevice is the volume of a family that holds pods and images.
func podDevice(family string) string {
	if family == ec2v1.AMIFamilyBottlerocket {
		return "/dev/xvdb"
	}
	return "/dev/xvda"
}

// rootVolumeSize is the size in bytes of the volume that holds pods and images.
func rootVolumeSize(class *ec2v1.EC2NodeClass, family string) int64 {
	size := int64(0)
	for _, mapping := range class.Spec.BlockDeviceMappings {
		if mapping == nil || mapping.EBS == nil || mapping.EBS.VolumeSize == nil {
			continue
		}
		if mapping.RootVolume {
			return mapping.EBS.VolumeSize.Value()
		}
		// A custom image may use any device; its last one is taken, as Karpenter does.
		if family == ec2v1.AMIFamilyCustom || sdk.ToString(mapping.DeviceName) == podDevice(family) {
			size = mapping.EBS.VolumeSize.Value()
		}
	}
	if size == 0 {
		return defaultRootVolume
	}
	return size
}

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
	return append(devices, defaultVolume(podDevice(family), defaultRootVolume/gibibyte))
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
