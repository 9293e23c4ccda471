package world

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/catalog"
)

// Zone is an availability zone.
type Zone = catalog.Zone

// Subnet is one subnet of the cluster's VPC.
type Subnet struct {
	ID     string
	Zone   Zone
	CIDR   netip.Prefix
	Public bool
}

// SecurityGroup is one security group of the VPC.
type SecurityGroup struct {
	ID, Name, Description string
}

// Network is what the cluster's infrastructure stack made. It follows from the
// options, so only its tags are stored.
type Network struct {
	VPCID          string
	VPCCIDR        netip.Prefix
	Zones          []Zone
	Subnets        []Subnet
	SecurityGroups []SecurityGroup
}

// Places of the security groups in Network.SecurityGroups.
const (
	clusterSG = iota
	controlPlaneSG
	sharedNodeSG
	defaultSG
)

// reservedAddresses are the first four and the last address of every subnet.
const reservedAddresses = 5

// Regions are the regions that can be simulated.
func Regions() []string { return []string{"us-west-2", "us-east-1", "eu-west-1", "ap-northeast-2"} }

func (w *World) newNetwork() Network {
	n := Network{
		VPCID:   w.fixedID("vpc-", "vpc"),
		VPCCIDR: netip.MustParsePrefix("192.168.0.0/16"),
	}
	n.Zones = catalog.Zones(w.Options.Region)
	for i := range 2 * len(n.Zones) {
		n.Subnets = append(n.Subnets, Subnet{
			ID:     w.fixedID("subnet-", fmt.Sprint("subnet", i)),
			Zone:   n.Zones[i%len(n.Zones)],
			CIDR:   netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(32 * i), 0}), 19),
			Public: i < len(n.Zones),
		})
	}
	n.SecurityGroups = w.securityGroups()
	return n
}

func (w *World) securityGroups() []SecurityGroup {
	stack := w.StackName()
	number := fnvNumber(w.Options.Cluster.Name) % 9_000_000_000
	return []SecurityGroup{
		clusterSG: {Name: fmt.Sprintf("eks-cluster-sg-%s-%d", w.Options.Cluster.Name, 1_000_000_000+number),
			ID:          w.fixedID("sg-", "cluster"),
			Description: "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads."},
		controlPlaneSG: {Name: stack + "-ControlPlaneSecurityGroup-" + w.suffix("control-plane"),
			ID: w.fixedID("sg-", "control-plane"), Description: "Communication between the control plane and worker nodegroups"},
		sharedNodeSG: {Name: stack + "-ClusterSharedNodeSecurityGroup-" + w.suffix("shared-node"),
			ID: w.fixedID("sg-", "shared-node"), Description: "Communication between all nodes in the cluster"},
		defaultSG: {Name: "default", ID: w.fixedID("sg-", "default"), Description: "default VPC security group"},
	}
}

// networkTags are the tags that resources have from the beginning, by id.
func (w *World) networkTags() map[string]Tags {
	cluster := w.Options.Cluster.Name
	fromStack := func(name string, more Tags) Tags {
		tags := Tags{
			"Name":                          w.StackName() + "/" + name,
			"alpha.eksctl.io/cluster-name":  cluster,
			"aws:cloudformation:stack-name": w.StackName(),
			"eksctl.cluster.k8s.io/v1alpha1/cluster-name": cluster,
		}
		return tags.With(more)
	}
	tags := map[string]Tags{w.Network.VPCID: fromStack("VPC", nil)}
	for _, s := range w.Network.Subnets {
		zone := strings.ToUpper(strings.ReplaceAll(s.Zone.Name, "-", ""))
		if s.Public {
			tags[s.ID] = fromStack("SubnetPublic"+zone, Tags{"kubernetes.io/role/elb": "1"})
		} else {
			tags[s.ID] = fromStack("SubnetPrivate"+zone, Tags{"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": cluster})
		}
	}
	groups := w.Network.SecurityGroups
	tags[groups[clusterSG].ID] = Tags{"Name": groups[clusterSG].Name, "aws:eks:cluster-name": cluster,
		"kubernetes.io/cluster/" + cluster: "owned", "karpenter.sh/discovery": cluster}
	tags[groups[controlPlaneSG].ID] = fromStack("ControlPlaneSecurityGroup", nil)
	tags[groups[sharedNodeSG].ID] = fromStack("ClusterSharedNodeSecurityGroup", Tags{"karpenter.sh/discovery": cluster})
	return tags
}

// StackName is the name of the cluster's CloudFormation stack, as eksctl has it.
func (w *World) StackName() string { return "eksctl-" + w.Options.Cluster.Name + "-cluster" }

// Subnet finds a subnet by id.
func (n Network) Subnet(id string) (Subnet, bool) {
	i := slices.IndexFunc(n.Subnets, func(s Subnet) bool { return s.ID == id })
	if i < 0 {
		return Subnet{}, false
	}
	return n.Subnets[i], true
}

// SecurityGroup finds a security group by id.
func (n Network) SecurityGroup(id string) (SecurityGroup, bool) {
	i := slices.IndexFunc(n.SecurityGroups, func(g SecurityGroup) bool { return g.ID == id })
	if i < 0 {
		return SecurityGroup{}, false
	}
	return n.SecurityGroups[i], true
}

// HasZone reports whether the region has a zone of that name.
func (n Network) HasZone(name string) bool {
	return slices.ContainsFunc(n.Zones, func(z Zone) bool { return z.Name == name })
}

// ClusterSecurityGroup is the one that EKS makes and every node has.
func (n Network) ClusterSecurityGroup() SecurityGroup { return n.SecurityGroups[clusterSG] }

// ControlPlaneSecurityGroup is the one between control plane and nodes.
func (n Network) ControlPlaneSecurityGroup() SecurityGroup { return n.SecurityGroups[controlPlaneSG] }

// DefaultSecurityGroup is what an instance gets that names none.
func (n Network) DefaultSecurityGroup() SecurityGroup { return n.SecurityGroups[defaultSG] }

// Size is the number of addresses that instances can have.
func (s Subnet) Size() int { return 1<<(32-s.CIDR.Bits()) - reservedAddresses }
