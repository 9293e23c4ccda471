package cfnapi

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// object is a part of a template.
type object = map[string]any

func ref(name string) object { return object{"Ref": name} }

func getAtt(name, attribute string) object {
	return object{"Fn::GetAtt": []string{name, attribute}}
}

// grown is a resource of a stack that a new region begins with: it is there, and
// only its stack is made.
type grown struct {
	name, kind, physical string
	properties           object
	attributes           object
	needs                []string
	retain               bool
}

// seedStack is a stack that a new region begins with.
type seedStack struct {
	name, description string
	resources         []grown
	outputs           object
	tags              map[string]string
	protected         bool
}

// seed makes the stacks of the cluster and of its first node group, as eksctl
// names them, so that its commands and those of workshops find them.
func (c *CloudFormation) seed(tx *store.Tx) error {
	if err := c.plant(tx, c.clusterStack()); err != nil {
		return err
	}
	s, exists, err := c.groupStack(tx)
	if err != nil || !exists {
		return err
	}
	return c.plant(tx, s)
}

// plant stores a stack whose resources are there.
func (c *CloudFormation) plant(tx *store.Tx, seed seedStack) error {
	resources := object{}
	for _, r := range seed.resources {
		declared := object{"Type": r.kind, "Properties": r.properties}
		if len(r.needs) > 0 {
			declared["DependsOn"] = r.needs
		}
		if r.retain {
			declared["DeletionPolicy"] = "Retain"
		}
		resources[r.name] = declared
	}
	body, err := json.Marshal(object{"AWSTemplateFormatVersion": "2010-09-09", "Description": seed.description, "Resources": resources, "Outputs": seed.outputs})
	if err != nil {
		return err
	}
	s, err := c.newStack(tx, seed.name)
	if err != nil {
		return err
	}
	s.Description, s.Created, s.Checked, s.Round, s.Protected, s.OnFailure = seed.description, c.world.Created(), true, 1, seed.protected, types.OnFailureRollback
	s.Target = stack.Definition{Body: string(body), Tags: seed.tags, Capabilities: []string{string(types.CapabilityCapabilityIam)}}
	for _, r := range seed.resources {
		s.Resources = append(s.Resources, stack.Resource{
			Name: r.name, Type: r.kind, Version: stack.Version{Physical: r.physical, Attributes: r.attributes}, Round: 1, Needs: r.needs, Keep: r.retain, Attempt: 1,
		})
	}
	return c.settlePlanted(tx, &s)
}

// settlePlanted gives a planted stack its properties, outputs and events.
func (c *CloudFormation) settlePlanted(tx *store.Tx, s *stack.Stack) error {
	o, err := c.operation(tx, s)
	if err != nil {
		return err
	}
	if err := o.enter(types.StackStatusCreateInProgress, userInitiated); err != nil {
		return err
	}
	for i := range s.Resources {
		r := &s.Resources[i]
		declared, _ := o.plan.resource(r.Name)
		r.Needs = o.plan.needs[r.Name]
		if r.Properties, err = o.properties(declared); err != nil {
			return fmt.Errorf("resource %s of stack %s: %w", r.Name, s.Name, err)
		}
		if err := o.mark(r, types.ResourceStatusCreateComplete, ""); err != nil {
			return err
		}
	}
	outputs, complaint := o.outputs()
	if complaint != "" {
		return fmt.Errorf("outputs of stack %s: %s", s.Name, complaint)
	}
	s.Outputs = outputs
	if err := o.enter(types.StackStatusCreateComplete, ""); err != nil {
		return err
	}
	return c.stacks.Put(tx, s.ID, *s)
}

// clusterStack is eksctl's stack of the cluster, without the control plane
// itself, which the lab runs.
func (c *CloudFormation) clusterStack() seedStack {
	w := c.world
	n, name := w.Network.Cluster, w.StackName()
	seed := seedStack{
		name: name, description: "EKS cluster (dedicated VPC: true, dedicated IAM: true)", tags: c.eksctlTags(nil), protected: true, outputs: object{},
	}
	add := func(r grown) { seed.resources = append(seed.resources, r) }
	add(grown{name: "VPC", kind: "AWS::EC2::VPC", physical: n.VPCID, properties: object{"CidrBlock": "192.168.0.0/16", "EnableDnsHostnames": true, "EnableDnsSupport": true},
		attributes: object{"VpcId": n.VPCID, "CidrBlock": "192.168.0.0/16", "DefaultSecurityGroup": n.DefaultGroup.ID}})
	add(grown{name: "InternetGateway", kind: "AWS::EC2::InternetGateway", physical: n.InternetGateway, properties: object{}, attributes: object{"InternetGatewayId": n.InternetGateway}})
	add(grown{name: "VPCGatewayAttachment", kind: "AWS::EC2::VPCGatewayAttachment", physical: "IGW|" + n.VPCID,
		properties: object{"VpcId": ref("VPC"), "InternetGatewayId": ref("InternetGateway")}})
	seed.resources = append(seed.resources, c.clusterRoutes()...)
	seed.resources = append(seed.resources, c.clusterGroups()...)
	role := w.ClusterRoleName()
	add(grown{name: "ServiceRole", kind: "AWS::IAM::Role", physical: role, properties: object{
		"AssumeRolePolicyDocument": trust("eks.amazonaws.com"), "ManagedPolicyArns": []string{"arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}},
		attributes: object{"Arn": c.roleARN(role), "RoleId": c.roleID(role)}})
	c.clusterOutputs(&seed)
	return seed
}

func trust(service string) object {
	return object{"Version": "2012-10-17", "Statement": []object{{"Effect": "Allow", "Principal": object{"Service": []string{service}}, "Action": []string{"sts:AssumeRole"}}}}
}

func (c *CloudFormation) roleARN(name string) string {
	r, _ := c.world.Roles.Get(name)
	return c.world.RoleARN(r)
}

func (c *CloudFormation) roleID(name string) string {
	r, _ := c.world.Roles.Get(name)
	return r.ID
}

// eksctlTags are the tags that eksctl gives to its stacks.
func (c *CloudFormation) eksctlTags(more map[string]string) map[string]string {
	cluster := c.world.Options.Cluster.Name
	return world.Tags{"alpha.eksctl.io/cluster-name": cluster, "eksctl.cluster.k8s.io/v1alpha1/cluster-name": cluster}.With(more)
}

func zoneName(z world.Zone) string { return strings.ToUpper(strings.ReplaceAll(z.Name, "-", "")) }

// clusterRoutes are the subnets and the ways out of them.
func (c *CloudFormation) clusterRoutes() []grown {
	n := c.world.Network.Cluster
	nat, _ := c.world.Network.Addresses.Get(n.NATAddress)
	list := []grown{
		{name: "PublicRouteTable", kind: "AWS::EC2::RouteTable", physical: n.PublicTable, properties: object{"VpcId": ref("VPC")}, attributes: object{"RouteTableId": n.PublicTable}},
		{name: "PublicSubnetRoute", kind: "AWS::EC2::Route", physical: n.PublicTable + "|0.0.0.0/0", needs: []string{"VPCGatewayAttachment"},
			properties: object{"RouteTableId": ref("PublicRouteTable"), "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ref("InternetGateway")}},
		{name: "NATIP", kind: "AWS::EC2::EIP", physical: nat.PublicIP, properties: object{"Domain": "vpc"},
			attributes: object{"AllocationId": n.NATAddress, "PublicIp": nat.PublicIP}},
	}
	zones := c.world.Network.Zones
	public := "SubnetPublic" + zoneName(zones[0])
	list = append(list, grown{name: "NATGateway", kind: "AWS::EC2::NatGateway", physical: n.NATGateway, attributes: object{"NatGatewayId": n.NATGateway},
		properties: object{"AllocationId": getAtt("NATIP", "AllocationId"), "SubnetId": ref(public)}})
	for i, id := range n.Subnets {
		s, _ := c.world.Network.Subnet(id)
		kind, table := "Public", "PublicRouteTable"
		if !s.Public {
			kind, table = "Private", "PrivateRouteTable"+zoneName(s.Zone)
			list = append(list, c.privateTable(n.PrivateTables[i%len(zones)], zoneName(s.Zone))...)
		}
		name := "Subnet" + kind + zoneName(s.Zone)
		properties := object{"VpcId": ref("VPC"), "AvailabilityZone": s.Zone.Name, "CidrBlock": s.CIDR.String()}
		if s.Public {
			properties["MapPublicIpOnLaunch"] = true
		}
		list = append(list,
			grown{name: name, kind: "AWS::EC2::Subnet", physical: id, properties: properties, attributes: object{
				"SubnetId": id, "AvailabilityZone": s.Zone.Name, "AvailabilityZoneId": s.Zone.ID, "CidrBlock": s.CIDR.String(), "VpcId": s.VPCID}},
			grown{name: "RouteTableAssociation" + kind + zoneName(s.Zone), kind: "AWS::EC2::SubnetRouteTableAssociation", physical: c.associationOf(id),
				properties: object{"SubnetId": ref(name), "RouteTableId": ref(table)}, attributes: object{"Id": c.associationOf(id)}})
	}
	return list
}

func (c *CloudFormation) privateTable(id, zone string) []grown {
	return []grown{
		{name: "PrivateRouteTable" + zone, kind: "AWS::EC2::RouteTable", physical: id, properties: object{"VpcId": ref("VPC")}, attributes: object{"RouteTableId": id}},
		{name: "NATPrivateSubnetRoute" + zone, kind: "AWS::EC2::Route", physical: id + "|0.0.0.0/0",
			properties: object{"RouteTableId": ref("PrivateRouteTable" + zone), "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": ref("NATGateway")}},
	}
}

// associationOf is the association of a subnet with its route table.
func (c *CloudFormation) associationOf(subnet string) string {
	for _, t := range c.world.Network.RouteTables.All() {
		for _, a := range t.Associations {
			if a.SubnetID == subnet {
				return a.ID
			}
		}
	}
	return ""
}
