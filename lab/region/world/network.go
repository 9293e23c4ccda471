package world

import (
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// What the services name of networks.
type (
	// Zone is an availability zone.
	Zone = catalog.Zone
	// Subnet is a part of a VPC in one zone.
	Subnet = network.Subnet
	// SecurityGroup is a security group of a VPC.
	SecurityGroup = network.SecurityGroup
)

// Regions are the regions that can be simulated.
func Regions() []string { return []string{"us-west-2", "us-east-1", "eu-west-1", "ap-northeast-2"} }

// openNetwork opens the networks' tables.
func (w *World) openNetwork() (err error) {
	w.Network, err = network.Open(w.Store, network.Surroundings{
		Region: w.Options.Region, Account: w.Options.Account, Zones: catalog.Zones(w.Options.Region),
		NewID: w.NewID, Now: w.Clock.Now, Instances: w.instanceInterfaces,
	})
	if err == nil {
		w.Network.Cluster = w.clusterNetwork()
	}
	return err
}

func (w *World) instanceInterfaces() []network.Interface {
	var list []network.Interface
	for _, i := range w.Instances.All() {
		if i.State != machine.Terminated {
			list = append(list, w.InterfaceOf(i))
		}
	}
	return list
}

// InterfaceOf is the primary network interface of an instance.
func (w *World) InterfaceOf(i Instance) network.Interface {
	s, _ := w.Network.Subnet(i.SubnetID)
	return network.Interface{
		ID: i.InterfaceID, SubnetID: i.SubnetID, VPCID: s.VPCID, PrivateIP: i.PrivateIP, PublicIP: i.PublicIP,
		Groups: i.Config.SecurityGroups, Kind: "interface", InstanceID: i.ID, Since: i.LaunchTime,
	}
}

// clusterNetwork is what the cluster's infrastructure stack made. Its ids
// follow from the region's identity.
func (w *World) clusterNetwork() network.Cluster {
	c := network.Cluster{
		VPCID: w.fixedID("vpc-", "vpc"), InternetGateway: w.fixedID("igw-", "igw"),
		NATGateway: w.fixedID("nat-", "nat"), NATAddress: w.fixedID("eipalloc-", "nat-address"), NATInterface: w.fixedID("eni-", "nat-interface"),
		MainTable: w.fixedID("rtb-", "main"), PublicTable: w.fixedID("rtb-", "public"),
	}
	zones := catalog.Zones(w.Options.Region)
	for i := range 2 * len(zones) {
		c.Subnets = append(c.Subnets, w.fixedID("subnet-", fmt.Sprint("subnet", i)))
	}
	for _, z := range zones {
		c.PrivateTables = append(c.PrivateTables, w.fixedID("rtb-", "private"+z.Name))
	}
	w.nameGroups(&c)
	return c
}

func (w *World) nameGroups(c *network.Cluster) {
	stack := w.StackName()
	number := fnvNumber(w.Options.Cluster.Name) % 9_000_000_000
	group := func(id, name, description string) SecurityGroup {
		return SecurityGroup{ID: w.fixedID("sg-", id), VPCID: c.VPCID, Name: name, Description: description}
	}
	c.ClusterGroup = group("cluster", fmt.Sprintf("eks-cluster-sg-%s-%d", w.Options.Cluster.Name, 1_000_000_000+number),
		"EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.")
	c.ControlPlaneGroup = group("control-plane", stack+"-ControlPlaneSecurityGroup-"+w.suffix("control-plane"),
		"Communication between the control plane and worker nodegroups")
	c.SharedNodeGroup = group("shared-node", stack+"-ClusterSharedNodeSecurityGroup-"+w.suffix("shared-node"),
		"Communication between all nodes in the cluster")
	c.DefaultGroup = group("default", "default", "default VPC security group")
}

// seedNetwork fills the networks' tables, also those of a region that was there
// before the tables, which keeps the tags that it has by now.
func (w *World) seedNetwork(tx *store.Tx) error {
	if err := w.Network.Seed(tx); err != nil {
		return err
	}
	m, _ := w.meta.Get(metaKey)
	m.Networks = true
	if err := w.meta.Put(tx, metaKey, m); err != nil {
		return err
	}
	return w.setAllTags(tx, w.stackTags())
}

func (w *World) setAllTags(tx *store.Tx, tags map[string]Tags) error {
	for id, t := range tags {
		if err := w.SetTags(tx, id, t); err != nil {
			return err
		}
	}
	return nil
}

// stackTag is the tags of a resource of the cluster's stack.
func (w *World) stackTag(name string, more Tags) Tags {
	cluster := w.Options.Cluster.Name
	tags := Tags{
		"Name":                          w.StackName() + "/" + name,
		"alpha.eksctl.io/cluster-name":  cluster,
		"aws:cloudformation:stack-name": w.StackName(),
		"eksctl.cluster.k8s.io/v1alpha1/cluster-name": cluster,
	}
	return tags.With(more)
}

// networkTags are the tags that the VPC, its subnets and its groups have from
// the beginning, by id.
func (w *World) networkTags() map[string]Tags {
	cluster, c := w.Options.Cluster.Name, w.Network.Cluster
	tags := map[string]Tags{c.VPCID: w.stackTag("VPC", nil)}
	for _, s := range w.Network.ClusterSubnets() {
		if s.Public {
			tags[s.ID] = w.stackTag("SubnetPublic"+zoneSuffix(s.Zone), Tags{"kubernetes.io/role/elb": "1"})
		} else {
			tags[s.ID] = w.stackTag("SubnetPrivate"+zoneSuffix(s.Zone), Tags{"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": cluster})
		}
	}
	tags[c.ClusterGroup.ID] = Tags{"Name": c.ClusterGroup.Name, "aws:eks:cluster-name": cluster,
		"kubernetes.io/cluster/" + cluster: "owned", "karpenter.sh/discovery": cluster}
	tags[c.ControlPlaneGroup.ID] = w.stackTag("ControlPlaneSecurityGroup", nil)
	tags[c.SharedNodeGroup.ID] = w.stackTag("ClusterSharedNodeSecurityGroup", Tags{"karpenter.sh/discovery": cluster})
	return tags
}

// stackTags are the tags of the stack's gateways and route tables, by id.
func (w *World) stackTags() map[string]Tags {
	c := w.Network.Cluster
	tags := map[string]Tags{
		c.InternetGateway: w.stackTag("InternetGateway", nil), c.NATGateway: w.stackTag("NATGateway", nil),
		c.NATAddress: w.stackTag("NATIP", nil), c.PublicTable: w.stackTag("PublicRouteTable", nil),
	}
	for i, id := range c.PrivateTables {
		tags[id] = w.stackTag("PrivateRouteTable"+zoneSuffix(w.Network.Zones[i]), nil)
	}
	return tags
}

// zoneSuffix is a zone as eksctl has it in names: USWEST2A.
func zoneSuffix(z Zone) string { return strings.ToUpper(strings.ReplaceAll(z.Name, "-", "")) }

// StackName is the name of the cluster's CloudFormation stack, as eksctl has it.
func (w *World) StackName() string { return "eksctl-" + w.Options.Cluster.Name + "-cluster" }

// FreeAddresses is how many more instances fit in a subnet.
func (w *World) FreeAddresses(s Subnet) int { return w.Network.FreeAddresses(s) }
