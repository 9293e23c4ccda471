// Package eksctl is the file format of eksctl, ClusterConfig of
// eksctl.io/v1alpha5: its fields, defaults and rules, read strictly. It knows
// neither AWS nor Kubernetes; others act on what the file says.
package eksctl

// APIVersion and Kind that a file must have.
const (
	APIVersion = "eksctl.io/v1alpha5"
	Kind       = "ClusterConfig"
)

// Labels that eksctl gives to nodes, which are tags of groups too.
const (
	ClusterNameLabel   = "alpha.eksctl.io/cluster-name"
	NodeGroupNameLabel = "alpha.eksctl.io/nodegroup-name"
)
