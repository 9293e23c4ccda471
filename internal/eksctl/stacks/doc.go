// Package stacks writes the CloudFormation stacks of node groups and of roles
// the way eksctl does: one stack for each, the same names, tags, logical ids and
// outputs, so that either program understands what the other has made. It writes
// templates and calls nobody.
package stacks

import (
	"fmt"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
)

// Tags that eksctl reads its stacks by.
const (
	TagCluster        = "alpha.eksctl.io/cluster-name"
	TagNodeGroup      = "alpha.eksctl.io/nodegroup-name"
	TagNodeGroupType  = "alpha.eksctl.io/nodegroup-type"
	TagVersion        = "alpha.eksctl.io/eksctl-version"
	TagServiceAccount = "alpha.eksctl.io/iamserviceaccount-name"
	TagAddon          = "alpha.eksctl.io/addon-name"
	tagOldCluster     = "eksctl.cluster.k8s.io/v1alpha1/cluster-name"
	tagOldNodeGroup   = "eksctl.io/v1alpha2/nodegroup-name"
)

// Version is the release of eksctl whose stacks these are.
const Version = "0.230.0"

// Kinds of node groups, as the tag has them.
const (
	Managed   = "managed"
	Unmanaged = "unmanaged"
)

// NodeGroupStack is the name of a node group's stack.
func NodeGroupStack(cluster, group string) string {
	return fmt.Sprintf("eksctl-%s-nodegroup-%s", cluster, group)
}

// ServiceAccountStack is the name of the stack with a service account's role.
func ServiceAccountStack(cluster, namespace, name string) string {
	return fmt.Sprintf("eksctl-%s-addon-iamserviceaccount-%s-%s", cluster, namespace, name)
}

// AddonStack is the name of the stack with an add-on's role.
func AddonStack(cluster, addon string) string {
	return fmt.Sprintf("eksctl-%s-addon-%s", cluster, addon)
}

// ClusterStack is the name of the stack with the cluster, when eksctl made it.
func ClusterStack(cluster string) string { return fmt.Sprintf("eksctl-%s-cluster", cluster) }

// Tags are the tags of a stack of a cluster, with those of the file's metadata.
func Tags(config *eksctl.ClusterConfig, own map[string]string) map[string]string {
	tags := map[string]string{}
	for key, value := range config.Metadata.Tags {
		tags[key] = value
	}
	tags[TagCluster], tags[tagOldCluster], tags[TagVersion] = config.Metadata.Name, config.Metadata.Name, Version
	for key, value := range own {
		tags[key] = value
	}
	return tags
}

// GroupTags are the tags of a node group's stack.
func GroupTags(group, kind string) map[string]string {
	return map[string]string{TagNodeGroup: group, tagOldNodeGroup: group, TagNodeGroupType: kind}
}

// GroupOf is the node group of a stack by its tags, empty when it has none.
func GroupOf(tags map[string]string) (group, kind string) {
	group = tags[TagNodeGroup]
	if group == "" {
		group = tags[tagOldNodeGroup]
	}
	kind = tags[TagNodeGroupType]
	if kind == "" {
		kind = Unmanaged
	}
	return group, kind
}

// ClusterOf is the cluster of a stack by its tags.
func ClusterOf(tags map[string]string) string {
	if name := tags[TagCluster]; name != "" {
		return name
	}
	return tags[tagOldCluster]
}

// Context is what a group's stack needs to know of its surroundings.
type Context struct {
	Cluster *eks.Cluster
	Config  *eksctl.ClusterConfig
	// SharedSecurityGroup lets the nodes of all groups reach each other.
	SharedSecurityGroup string
	// ControlPlaneSecurityGroup is where the API server calls from.
	ControlPlaneSecurityGroup string
	// Subnets are those that were chosen for the group.
	Subnets []string
	// KeyName is the EC2 key pair for SSH; empty means none.
	KeyName string
	// Image is the AMI of a self-managed group.
	Image string
}

func nodeName(config *eksctl.ClusterConfig, g *eksctl.NodeGroupBase) string {
	name := g.InstanceName
	if name == "" {
		name = fmt.Sprintf("%s-%s-Node", config.Metadata.Name, g.Name)
	}
	if g.InstancePrefix != "" {
		name = g.InstancePrefix + "-" + name
	}
	return name
}
