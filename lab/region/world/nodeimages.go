package world

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// NodeImage is an image as EKS's managed node groups speak of it.
type NodeImage struct {
	Image
	Release string // 1.37.2-20261120, 1.53.0-5f1d0e3a for Bottlerocket
}

// imageNames are the beginnings and ends of the names of an AMI type's images,
// around the Kubernetes version.
func imageNames() map[types.AMITypes][2]string {
	return map[types.AMITypes][2]string{
		types.AMITypesAl2023X8664Standard:     {"amazon-eks-node-al2023-x86_64-standard-", "-v"},
		types.AMITypesAl2023Arm64Standard:     {"amazon-eks-node-al2023-arm64-standard-", "-v"},
		types.AMITypesAl2023X8664Nvidia:       {"amazon-eks-node-al2023-x86_64-nvidia-", "-v"},
		types.AMITypesAl2023Arm64Nvidia:       {"amazon-eks-node-al2023-arm64-nvidia-", "-v"},
		types.AMITypesAl2023X8664Neuron:       {"amazon-eks-node-al2023-x86_64-neuron-", "-v"},
		types.AMITypesBottlerocketX8664:       {"bottlerocket-aws-k8s-", "-x86_64-v"},
		types.AMITypesBottlerocketArm64:       {"bottlerocket-aws-k8s-", "-arm64-v"},
		types.AMITypesBottlerocketX8664Nvidia: {"bottlerocket-aws-k8s-", "-nvidia-x86_64-v"},
		types.AMITypesBottlerocketArm64Nvidia: {"bottlerocket-aws-k8s-", "-nvidia-arm64-v"},
	}
}

// AMITypes are the AMI types that there are images of, in order.
func AMITypes() []types.AMITypes {
	var list []types.AMITypes
	for amiType := range imageNames() {
		list = append(list, amiType)
	}
	slices.Sort(list)
	return list
}

// NodeImages are the images of an AMI type for a Kubernetes version such as
// 1.37, the latest first; none when there are no such images.
func (w *World) NodeImages(amiType types.AMITypes, version string) []NodeImage {
	around, known := imageNames()[amiType]
	if !known {
		return nil
	}
	var list []NodeImage
	for _, image := range w.Images {
		if strings.HasPrefix(image.Name, around[0]+version+around[1]) {
			list = append(list, NodeImage{Image: image, Release: image.release})
		}
	}
	slices.SortFunc(list, func(a, b NodeImage) int { return b.Created.Compare(a.Created) })
	return list
}

// KubernetesVersions are the versions that there are images of, oldest first,
// such as 1.37.
func KubernetesVersions() []string { return kubernetesVersions() }

// KubernetesPatches are the same versions in full, such as 1.37.2.
func KubernetesPatches() []string { return patches() }

// MaxPods is what EKS tells the kubelets of a group with these instance types:
// the smallest that one of them can have, at most what large ones should.
func (w *World) MaxPods(instanceTypes []string) int64 {
	const manyCPUs, ofSmall, ofLarge = 30, 110, 250
	var most int64 = ofLarge
	for _, name := range instanceTypes {
		t, known := w.Catalog.Type(name)
		if !known {
			continue
		}
		most = min(most, t.MaxPods)
		if t.VCPU < manyCPUs {
			most = min(most, ofSmall)
		}
	}
	return most
}

// ClusterDNS is the address of the cluster's DNS service.
func (w *World) ClusterDNS() string { return w.clusterDNS() }
