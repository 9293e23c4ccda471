package instancetype

import (
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

// DefaultRootVolume is the size of the volume that holds pods and images when
// the class does not say.
const DefaultRootVolume = 20 * gibibyte

// aliasFamilies are the AMI families that an alias can name, by its spelling.
func aliasFamilies() map[string]string {
	families := map[string]string{}
	for _, family := range []string{ec2v1.AMIFamilyAL2023, ec2v1.AMIFamilyBottlerocket, ec2v1.AMIFamilyAL2} {
		families[strings.ToLower(family)] = family
	}
	return families
}

// Family is spec.amiFamily, or the family of the alias, or Custom.
// The class's own method would end the program on an alias it cannot read.
func Family(class *ec2v1.EC2NodeClass) string {
	if family := value(class.Spec.AMIFamily); family != "" {
		return family
	}
	for _, term := range class.Spec.AMISelectorTerms {
		name, _, _ := strings.Cut(term.Alias, "@")
		if family, known := aliasFamilies()[name]; known {
			return family
		}
	}
	return ec2v1.AMIFamilyCustom
}

// PodDevice is the volume of a family that holds pods and images.
func PodDevice(family string) string {
	if family == ec2v1.AMIFamilyBottlerocket {
		return "/dev/xvdb"
	}
	return "/dev/xvda"
}

// RootVolumeSize is the size in bytes of the volume that holds pods and images.
func RootVolumeSize(class *ec2v1.EC2NodeClass, family string) int64 {
	size := int64(0)
	for _, mapping := range class.Spec.BlockDeviceMappings {
		if mapping == nil || mapping.EBS == nil || mapping.EBS.VolumeSize == nil {
			continue
		}
		if mapping.RootVolume {
			return mapping.EBS.VolumeSize.Value()
		}
		// A custom image may use any device; its last one is taken, as Karpenter does.
		if family == ec2v1.AMIFamilyCustom || value(mapping.DeviceName) == PodDevice(family) {
			size = mapping.EBS.VolumeSize.Value()
		}
	}
	if size == 0 {
		return DefaultRootVolume
	}
	return size
}
