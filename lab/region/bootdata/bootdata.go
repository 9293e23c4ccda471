// Package bootdata writes the user data with which EKS lets the instances of a
// managed node group join, together with what the user's launch template has.
package bootdata

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Cluster is what a node has to know of its cluster.
type Cluster struct {
	Name, Endpoint string
	CA             []byte // PEM
	ServiceCIDR    string // 10.100.0.0/16
	DNS            string // 10.100.0.10
}

// Node is what EKS tells the kubelet of a node.
type Node struct {
	Cluster Cluster
	Labels  map[string]string
	Taints  []Taint
	MaxPods int64
}

// Taint is a taint that a node registers with.
type Taint struct {
	Key, Value string
	Effect     string // NoSchedule, PreferNoSchedule or NoExecute
}

func (t Taint) String() string { return t.Key + "=" + t.Value + ":" + t.Effect }

// NodeConfig is the document that nodeadm reads on Amazon Linux 2023. A MaxPods
// of 0 leaves it to nodeadm.
func (n Node) NodeConfig() string {
	text := &strings.Builder{}
	c := n.Cluster
	fmt.Fprintf(text, `---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    apiServerEndpoint: %s
    certificateAuthority: %s
    cidr: %s
    name: %s
  kubelet:
    config:
`, c.Endpoint, base64.StdEncoding.EncodeToString(c.CA), c.ServiceCIDR, c.Name)
	if n.MaxPods > 0 {
		fmt.Fprintf(text, "      maxPods: %d\n", n.MaxPods)
	}
	fmt.Fprintf(text, "      clusterDNS:\n      - %s\n    flags:\n    - \"--node-labels=%s\"\n", c.DNS, strings.Join(n.labels(), ","))
	if len(n.Taints) > 0 {
		fmt.Fprintf(text, "    - \"--register-with-taints=%s\"\n", strings.Join(n.taints(), ","))
	}
	return text.String()
}

func (n Node) labels() []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(n.Labels)) {
		list = append(list, key+"="+n.Labels[key])
	}
	return list
}

func (n Node) taints() []string {
	var list []string
	for _, t := range n.Taints {
		list = append(list, t.String())
	}
	return list
}
