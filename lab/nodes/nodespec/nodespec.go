// Package nodespec builds the Node object that a machine's kubelet registers.
package nodespec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/capacity"
	"github.com/drover-project/drover/lab/nodes/userdata"
)

// KubeletPort is where a kubelet serves.
const KubeletPort = 10250

// Labels beyond the well-known ones.
const (
	labelCloudProvider = "k8s.io/cloud-provider-aws"
	labelZoneID        = "topology.k8s.aws/zone-id"
	labelEBSZone       = "topology.ebs.csi.aws.com/zone"
	labelTrunk         = "vpc.amazonaws.com/has-trunk-attached"
)

// Name is the name under which a machine registers.
func Name(m machine.Machine, config userdata.Config) string {
	if config.NameIsInstanceID {
		return m.ID
	}
	return m.PrivateDNSName
}

// ProviderID ties a Node to its instance.
func ProviderID(m machine.Machine) string {
	return fmt.Sprintf("aws:///%s/%s", m.Zone, m.ID)
}

// BootID is the same as long as the machine is not started anew.
func BootID(m machine.Machine) string {
	start := m.LaunchTime.UTC().String()
	if !m.Rebooted.IsZero() {
		start += m.Rebooted.UTC().String()
	}
	return uuid.NewSHA1(uuid.Nil, []byte(m.ID+start)).String()
}

// Build returns the Node of a machine, without conditions.
func Build(m machine.Machine, config userdata.Config, cluster Cluster) (*corev1.Node, error) {
	total, free, err := capacity.Of(m, config)
	if err != nil {
		return nil, fmt.Errorf("kubelet configuration in user data: %w", err)
	}
	name := Name(m, config)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Labels:      labels(m, config, cluster, name),
			Annotations: map[string]string{"alpha.kubernetes.io/provided-node-ip": m.PrivateIP},
		},
		Spec: corev1.NodeSpec{ProviderID: ProviderID(m), Taints: config.Taints},
		Status: corev1.NodeStatus{
			Capacity: total, Allocatable: free,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: m.PrivateIP},
				{Type: corev1.NodeInternalDNS, Address: m.PrivateDNSName},
				{Type: corev1.NodeHostName, Address: m.PrivateDNSName},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: KubeletPort}},
			NodeInfo:        info(m, cluster),
		},
	}, nil
}

// Cluster is what a node takes from its cluster.
type Cluster struct {
	Name    string
	Version string // 1.37 or 1.37.2
}

func labels(m machine.Machine, config userdata.Config, cluster Cluster, name string) map[string]string {
	result := map[string]string{
		corev1.LabelArchStable:              m.Hardware.Arch,
		"beta.kubernetes.io/arch":           m.Hardware.Arch,
		corev1.LabelOSStable:                "linux",
		"beta.kubernetes.io/os":             "linux",
		corev1.LabelHostname:                name,
		corev1.LabelInstanceTypeStable:      m.Type,
		corev1.LabelInstanceType:            m.Type,
		corev1.LabelTopologyZone:            m.Zone,
		corev1.LabelFailureDomainBetaZone:   m.Zone,
		corev1.LabelTopologyRegion:          m.Region,
		corev1.LabelFailureDomainBetaRegion: m.Region,
		labelZoneID:                         m.ZoneID,
		labelEBSZone:                        m.Zone,
		labelCloudProvider:                  digest("cluster", cluster.Name)[:32],
	}
	if m.Hardware.BranchENIs > 0 {
		result[labelTrunk] = "true"
	}
	maps.Copy(result, config.Labels)
	return result
}

var imageVersion = regexp.MustCompile(`(?:^|-)(1\.\d+)(?:-|$)`)

// KubeletVersion is vX.Y.Z-eks-HASH: the minor version of the image, the
// cluster's where the image's name does not tell.
func KubeletVersion(imageName string, cluster Cluster) string {
	version := strings.TrimPrefix(cluster.Version, "v")
	if found := imageVersion.FindStringSubmatch(imageName); found != nil && !strings.HasPrefix(version+".", found[1]+".") {
		version = found[1]
	}
	if strings.Count(version, ".") < 2 {
		version += ".0"
	}
	return fmt.Sprintf("v%s-eks-%s", version, digest("kubelet", version)[:7])
}

func info(m machine.Machine, cluster Cluster) corev1.NodeSystemInfo {
	system := corev1.NodeSystemInfo{
		MachineID:               "ec2" + digest("machine", m.ID)[:29],
		SystemUUID:              systemUUID(m.ID),
		BootID:                  BootID(m),
		KubeletVersion:          KubeletVersion(m.ImageName, cluster),
		Architecture:            m.Hardware.Arch,
		OperatingSystem:         "linux",
		ContainerRuntimeVersion: "containerd://2.1.5",
	}
	// Field KubeProxyVersion is deprecated and empty on current nodes.
	switch userdata.FamilyOf(m.ImageName) {
	case userdata.Bottlerocket:
		system.OSImage, system.KernelVersion = bottlerocketName(m.ImageName), "6.12.55"
		system.ContainerRuntimeVersion += "+bottlerocket"
	case userdata.AL2:
		system.OSImage, system.KernelVersion = "Amazon Linux 2", "5.10.245-241.978.amzn2.x86_64"
		system.ContainerRuntimeVersion = "containerd://1.7.29"
	default:
		system.OSImage, system.KernelVersion = "Amazon Linux 2023"+releaseDate(m.ImageName), "6.12.53-69.119.amzn2023.x86_64"
	}
	if m.Hardware.Arch == "arm64" {
		system.KernelVersion = strings.Replace(system.KernelVersion, "x86_64", "aarch64", 1)
	}
	return system
}

var imageDate = regexp.MustCompile(`-v(\d{8})$`)

// releaseDate is .9.20261105 for an image whose name ends in -v20261105.
func releaseDate(imageName string) string {
	if found := imageDate.FindStringSubmatch(imageName); found != nil {
		return ".9." + found[1]
	}
	return ""
}

var bottlerocketImage = regexp.MustCompile(`^bottlerocket-(aws-k8s-[\d.]+\S*?)-(?:x86_64|aarch64)-v([\d.]+)`)

func bottlerocketName(imageName string) string {
	if found := bottlerocketImage.FindStringSubmatch(imageName); found != nil {
		return fmt.Sprintf("Bottlerocket OS %s (%s)", found[2], found[1])
	}
	return "Bottlerocket OS"
}

// systemUUID begins with ec2, as that of every instance does.
func systemUUID(id string) string {
	sum := digest("system", id)
	return fmt.Sprintf("ec2%s-%s-%s-%s-%s", sum[:5], sum[5:9], sum[9:13], sum[13:17], sum[17:29])
}

func digest(kind, text string) string {
	sum := sha256.Sum256([]byte(kind + "/" + text))
	return hex.EncodeToString(sum[:])
}
