package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/drover-project/drover/internal/eksctl"
)

// groupFlags describe one node group by eksctl's flags.
type groupFlags struct {
	nodeType                         string
	nodes, nodesMin, nodesMax        int
	volumeSize, maxPods              int
	volumeType, ami, family          string
	sshAccess                        bool
	sshKey                           string
	private                          bool
	securityGroups, zones, subnets   []string
	labels, tags                     map[string]string
	prefix, instanceName             string
	disablePodIMDS, managed, spot    bool
	instanceTypes                    []string
	asgAccess, dnsAccess, ecrAccess  bool
	albAccess, nodeRepair, propagate bool
}

func (g *groupFlags) flags(flags *pflag.FlagSet) {
	flags.StringVarP(&g.nodeType, "node-type", "t", "", "instance type; default: m5.large")
	flags.IntVarP(&g.nodes, "nodes", "N", 2, "number of nodes")
	flags.IntVarP(&g.nodesMin, "nodes-min", "m", 2, "least number of nodes")
	flags.IntVarP(&g.nodesMax, "nodes-max", "M", 2, "most nodes")
	flags.IntVar(&g.volumeSize, "node-volume-size", eksctl.DefaultVolumeSize, "size of the volume of each node, GiB")
	flags.StringVar(&g.volumeType, "node-volume-type", eksctl.DefaultVolumeType, "type of that volume: gp2, gp3, io1, io2, sc1 or st1")
	flags.IntVar(&g.maxPods, "max-pods-per-node", 0, "most pods of a node; default: what the instance type allows")
	flags.BoolVar(&g.sshAccess, "ssh-access", false, "let SSH in")
	flags.StringVar(&g.sshKey, "ssh-public-key", "", "public key for SSH: a file, an EC2 key pair, or the key itself")
	flags.StringVar(&g.ami, "node-ami", "", "AMI to use instead of EKS's own")
	flags.StringVar(&g.family, "node-ami-family", eksctl.AmazonLinux2023, "family of the AMI, such as AmazonLinux2023 or Bottlerocket")
	flags.BoolVarP(&g.private, "node-private-networking", "P", false, "put the nodes into private subnets")
	flags.StringSliceVar(&g.securityGroups, "node-security-groups", nil, "more security groups of the nodes")
	flags.StringToStringVar(&g.labels, "node-labels", nil, "labels of the nodes, KEY=VALUE,...")
	flags.StringToStringVar(&g.tags, "tags", nil, "tags of what is made, KEY=VALUE,...")
	flags.StringSliceVar(&g.zones, "node-zones", nil, "zones of the nodes; default: all of the cluster's")
	flags.StringSliceVar(&g.subnets, "subnet-ids", nil, "subnets of the nodes")
	flags.StringVar(&g.prefix, "instance-prefix", "", "goes before the Name of each instance")
	flags.StringVar(&g.instanceName, "instance-name", "", "Name of each instance")
	flags.BoolVar(&g.disablePodIMDS, "disable-pod-imds", false, "keep pods from the instance metadata service")
	flags.BoolVar(&g.managed, "managed", true, "make a group that EKS keeps; --managed=false makes a self-managed one")
	flags.BoolVar(&g.spot, "spot", false, "buy Spot instances")
	flags.StringSliceVar(&g.instanceTypes, "instance-types", nil, "instance types, for Spot or in order of preference")
	flags.BoolVar(&g.asgAccess, "asg-access", false, "let nodes change Auto Scaling groups, and tag the group for Cluster Autoscaler")
	flags.BoolVar(&g.dnsAccess, "external-dns-access", false, "let nodes change Route 53 for external-dns")
	flags.BoolVar(&g.ecrAccess, "full-ecr-access", false, "let nodes push to ECR")
	flags.BoolVar(&g.albAccess, "alb-ingress-access", false, "let nodes run the AWS Load Balancer Controller")
	flags.BoolVar(&g.nodeRepair, "enable-node-repair", false, "let EKS replace nodes that are unwell")
	flags.BoolVar(&g.propagate, "asg-propagate-tags", false, "tag the Auto Scaling group with the labels and taints of the nodes")
}

// names are the flags that a file decides.
func (g *groupFlags) names() []string {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&groupFlags{}).flags(set)
	var names []string
	set.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return names
}

// into adds the group to a file.
func (g *groupFlags) into(config *eksctl.ClusterConfig, name string, set *pflag.FlagSet) error {
	if name == "" {
		name = drawnName()
	}
	config.Metadata.Tags = g.tags
	base := g.base(name, set)
	if !g.managed {
		return g.selfManaged(config, base)
	}
	group := eksctl.ManagedNodeGroup{NodeGroupBase: base, InstanceTypes: g.instanceTypes, Spot: g.spot}
	if g.nodeRepair {
		group.NodeRepairConfig = &eksctl.NodeRepairConfig{Enabled: &g.nodeRepair}
	}
	config.ManagedNodeGroups = []eksctl.ManagedNodeGroup{group}
	return nil
}

func (g *groupFlags) selfManaged(config *eksctl.ClusterConfig, base eksctl.NodeGroupBase) error {
	if g.nodeRepair {
		return fmt.Errorf("--enable-node-repair is only for managed groups")
	}
	group := eksctl.NodeGroup{NodeGroupBase: base}
	if g.spot || len(g.instanceTypes) > 0 {
		types := g.instanceTypes
		if len(types) == 0 {
			types = []string{base.InstanceType}
		}
		if types[0] == "" {
			types = []string{eksctl.DefaultInstanceType}
		}
		group.InstanceType = ""
		group.InstancesDistribution = &eksctl.InstancesDistribution{InstanceTypes: types}
		if g.spot {
			none := 0
			group.InstancesDistribution.OnDemandBaseCapacity = &none
			group.InstancesDistribution.OnDemandPercentageAboveBaseCapacity = &none
			group.InstancesDistribution.SpotAllocationStrategy = "price-capacity-optimized"
		}
	}
	config.NodeGroups = []eksctl.NodeGroup{group}
	return nil
}

func (g *groupFlags) base(name string, set *pflag.FlagSet) eksctl.NodeGroupBase {
	number := func(flag string, value int) *int {
		if !set.Changed(flag) {
			return nil
		}
		return &value
	}
	base := eksctl.NodeGroupBase{
		Name: name, InstanceType: g.nodeType, AMI: g.ami, AMIFamily: g.family,
		DesiredCapacity: number("nodes", g.nodes), MinSize: number("nodes-min", g.nodesMin), MaxSize: number("nodes-max", g.nodesMax),
		VolumeSize: number("node-volume-size", g.volumeSize), MaxPodsPerNode: g.maxPods, PrivateNetworking: g.private,
		AvailabilityZones: g.zones, Subnets: g.subnets, Labels: g.labels, Tags: g.tags, InstancePrefix: g.prefix, InstanceName: g.instanceName,
		DisablePodIMDS: g.disablePodIMDS, PropagateASGTags: g.propagate,
	}
	if set.Changed("node-volume-type") {
		base.VolumeType = g.volumeType
	}
	if len(g.securityGroups) > 0 {
		base.SecurityGroups = &eksctl.SecurityGroups{AttachIDs: g.securityGroups}
	}
	if g.sshAccess || g.sshKey != "" {
		allow := true
		base.SSH = sshOf(g.sshKey)
		base.SSH.Allow = &allow
	}
	if g.asgAccess || g.dnsAccess || g.ecrAccess || g.albAccess {
		base.IAM = &eksctl.NodeIAM{WithAddonPolicies: &eksctl.AddonPolicies{
			AutoScaler: g.asgAccess, ExternalDNS: g.dnsAccess, ImageBuilder: g.ecrAccess, AWSLoadBalancerController: g.albAccess,
		}}
	}
	return base
}

// sshOf tells a key, a file and the name of an EC2 key pair apart.
func sshOf(key string) *eksctl.SSH {
	switch {
	case key == "":
		return &eksctl.SSH{}
	case hasAnyPrefix(key, "ssh-", "ecdsa-"):
		return &eksctl.SSH{PublicKey: key}
	case hasAnyPrefix(key, "/", "./", "~/", "../") || len(key) > 4 && key[len(key)-4:] == ".pub":
		return &eksctl.SSH{PublicKeyPath: key}
	}
	return &eksctl.SSH{PublicKeyName: key}
}

func hasAnyPrefix(text string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if len(text) >= len(prefix) && text[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

// drawnName is a name for a group that nobody named.
func drawnName() string {
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails
	return "ng-" + hex.EncodeToString(random)
}
