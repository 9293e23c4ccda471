// Package userdata writes what a new instance reads at boot to join its
// cluster, in the form that each AMI family understands.
package userdata

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

// Node is all that a node needs to know to join.
type Node struct {
	Cluster Cluster
	// Kubelet settings of the NodeClass; nil leaves the AMI's own.
	Kubelet *ec2v1.KubeletConfiguration
	// Labels and Taints to register with. Labels that a kubelet may not set on
	// itself are left out; the controllers set them on the Node.
	Labels map[string]string
	Taints []model.Taint
	// LocalStorageRAID0 joins the instance store disks for pods and images.
	LocalStorageRAID0 bool
	// Custom is spec.userData of the NodeClass.
	Custom string
}

// Cluster is where to join.
type Cluster struct {
	Name     string
	Endpoint string
	// CertificateAuthority is base64 of the PEM bundle.
	CertificateAuthority string
	// ServiceCIDR is the range of Service addresses.
	ServiceCIDR string
}

// Render writes the user data for an AMI family of EC2NodeClass, as plain text
// (EC2 wants it in base64).
func Render(family string, node Node) (string, error) {
	node.Labels = registrable(node.Labels)
	switch family {
	case ec2v1.AMIFamilyAL2023:
		return renderNodeadm(node)
	case ec2v1.AMIFamilyBottlerocket:
		return renderBottlerocket(node)
	case ec2v1.AMIFamilyAL2:
		return renderBootstrap(node)
	case ec2v1.AMIFamilyCustom:
		return node.Custom, nil
	}
	return "", fmt.Errorf("AMI family %q is not supported; use %s, %s, %s or %s", family,
		ec2v1.AMIFamilyAL2023, ec2v1.AMIFamilyBottlerocket, ec2v1.AMIFamilyAL2, ec2v1.AMIFamilyCustom)
}

// kubeletLabels are the labels of the kubernetes.io and k8s.io domains that a
// kubelet may give to its own Node; with any other it does not start. See
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
var kubeletLabels = []string{
	"kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os",
	"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type",
	"failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
	"topology.kubernetes.io/region", "topology.kubernetes.io/zone",
}

func registrable(labels map[string]string) map[string]string {
	allowed := make(map[string]string, len(labels))
	for key, value := range labels {
		if mayRegister(key) {
			allowed[key] = value
		}
	}
	return allowed
}

func mayRegister(label string) bool {
	domain, _, prefixed := strings.Cut(label, "/")
	if !prefixed || !(within(domain, "kubernetes.io") || within(domain, "k8s.io")) {
		return true
	}
	return slices.Contains(kubeletLabels, label) ||
		within(domain, "node.kubernetes.io") || within(domain, "kubelet.kubernetes.io")
}

func within(domain, parent string) bool {
	return domain == parent || strings.HasSuffix(domain, "."+parent)
}

// labelFlag is --node-labels with its labels in order of key.
func labelFlag(labels map[string]string) string {
	pairs := make([]string, 0, len(labels))
	for key, value := range labels {
		pairs = append(pairs, key+"="+value)
	}
	sort.Strings(pairs)
	return "--node-labels=" + strings.Join(pairs, ",")
}

// taintFlag is --register-with-taints.
func taintFlag(taints []model.Taint) string {
	parts := make([]string, 0, len(taints))
	for _, taint := range taints {
		parts = append(parts, fmt.Sprintf("%s=%s:%s", taint.Key, taint.Value, taint.Effect))
	}
	return "--register-with-taints=" + strings.Join(parts, ",")
}

// kubeletFields gives the NodeClass's kubelet settings by the names that a
// KubeletConfiguration file has for them.
func kubeletFields(kubelet *ec2v1.KubeletConfiguration) (map[string]any, error) {
	fields := map[string]any{}
	if kubelet == nil {
		return fields, nil
	}
	text, err := json.Marshal(kubelet)
	if err != nil {
		return nil, fmt.Errorf("writing kubelet settings: %w", err)
	}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("reading kubelet settings back: %w", err)
	}
	return fields, nil
}
