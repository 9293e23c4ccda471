package stacks

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/drover-project/drover/internal/eksctl"
)

// hardware tells instance types apart by what their AMI must hold.
type hardware string

const (
	plain  hardware = ""
	nvidia hardware = "nvidia"
	neuron hardware = "neuron"
)

var (
	gravitonType = regexp.MustCompile(`^(a1|[a-z]+[0-9]+[a-z]*g[a-z]*)\.`)
	nvidiaType   = regexp.MustCompile(`^(p[0-9]|g[0-9])[a-z0-9-]*\.`)
	neuronType   = regexp.MustCompile(`^(inf|trn)[0-9][a-z]*\.`)
)

func isARM(instanceType string) bool { return gravitonType.MatchString(instanceType) }

func hardwareOf(instanceType string) hardware {
	switch {
	case neuronType.MatchString(instanceType):
		return neuron
	case nvidiaType.MatchString(instanceType):
		return nvidia
	}
	return plain
}

// needs is what the instance types of a group have in common; one AMI serves all.
func needs(types []string) (arm bool, special hardware, err error) {
	for i, one := range types {
		if i > 0 && isARM(one) != arm {
			return false, "", fmt.Errorf("instance types %s and %s have different processor architectures; one AMI cannot serve both", types[0], one)
		}
		arm = isARM(one)
		if special == plain {
			special = hardwareOf(one)
		}
	}
	return arm, special, nil
}

// AMIType is EKS's name for the AMIs of a family that the instance types need.
func AMIType(family string, types []string) (string, error) {
	arm, special, err := needs(types)
	if err != nil {
		return "", err
	}
	processor := "x86_64"
	if arm {
		processor = "ARM_64"
	}
	switch {
	case family == eksctl.AmazonLinux2023:
		suffix := map[hardware]string{plain: "STANDARD", nvidia: "NVIDIA", neuron: "NEURON"}[special]
		return fmt.Sprintf("AL2023_%s_%s", processor, suffix), nil
	case family == eksctl.AmazonLinux2 && special != plain:
		return "AL2_x86_64_GPU", nil
	case family == eksctl.AmazonLinux2:
		return "AL2_" + processor, nil
	case eksctl.IsBottlerocket(family):
		name := "BOTTLEROCKET_" + processor
		if special == nvidia {
			name += "_NVIDIA"
		}
		if family == eksctl.BottlerocketFIPS {
			name += "_FIPS"
		}
		return name, nil
	case eksctl.IsWindows(family):
		name := "WINDOWS_CORE_"
		if strings.Contains(family, "Full") {
			name = "WINDOWS_FULL_"
		}
		return name + strings.TrimPrefix(family, "WindowsServer")[:4] + "_x86_64", nil
	}
	return "", fmt.Errorf("EKS has no AMIs of %s for managed groups; name one with ami and overrideBootstrapCommand", family)
}

// ImageParameter is the public SSM parameter with the AMI of a self-managed group.
func ImageParameter(family, version string, types []string) (string, error) {
	arm, special, err := needs(types)
	if err != nil {
		return "", err
	}
	processor := "x86_64"
	if arm {
		processor = "arm64"
	}
	switch {
	case family == eksctl.AmazonLinux2023:
		variant := map[hardware]string{plain: "standard", nvidia: "nvidia", neuron: "neuron"}[special]
		return fmt.Sprintf("/aws/service/eks/optimized-ami/%s/amazon-linux-2023/%s/%s/recommended/image_id", version, processor, variant), nil
	case family == eksctl.AmazonLinux2:
		name := "amazon-linux-2"
		if arm {
			name += "-arm64"
		} else if special != plain {
			name += "-gpu"
		}
		return fmt.Sprintf("/aws/service/eks/optimized-ami/%s/%s/recommended/image_id", version, name), nil
	case eksctl.IsBottlerocket(family):
		variant := "aws-k8s-" + version
		if special == nvidia {
			variant += "-nvidia"
		}
		if family == eksctl.BottlerocketFIPS {
			variant += "-fips"
		}
		return fmt.Sprintf("/aws/service/bottlerocket/%s/%s/latest/image_id", variant, processor), nil
	}
	return "", fmt.Errorf("amiFamily %s is not supported for self-managed groups; use %s or %s", family, eksctl.AmazonLinux2023, eksctl.BottlerocketFamily)
}
