package cfnapi

import (
	"strings"

	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// clusterGroups are the security groups of the cluster's stack with the rules
// between them.
func (c *CloudFormation) clusterGroups() []grown {
	n := c.world.Network.Cluster
	group := func(name string, g network.SecurityGroup) grown {
		return grown{name: name, kind: "AWS::EC2::SecurityGroup", physical: g.ID, properties: object{"GroupDescription": g.Description, "VpcId": ref("VPC")},
			attributes: object{"GroupId": g.ID, "Id": g.ID, "VpcId": n.VPCID}}
	}
	list := []grown{group("ControlPlaneSecurityGroup", n.ControlPlaneGroup), group("ClusterSharedNodeSecurityGroup", n.SharedNodeGroup)}
	for _, r := range []struct {
		name, description string
		to, from          string // ids
		group, source     any
	}{
		{"IngressInterNodeGroupSG", "Allow nodes to communicate with each other (all ports)",
			n.SharedNodeGroup.ID, n.SharedNodeGroup.ID, ref("ClusterSharedNodeSecurityGroup"), ref("ClusterSharedNodeSecurityGroup")},
		{"IngressDefaultClusterToNodeSG", "Allow managed and unmanaged nodes to communicate with each other (all ports)",
			n.SharedNodeGroup.ID, n.ClusterGroup.ID, ref("ClusterSharedNodeSecurityGroup"), n.ClusterGroup.ID},
		{"IngressNodeToDefaultClusterSG", "Allow unmanaged nodes to communicate with control plane (all ports)",
			n.ClusterGroup.ID, n.SharedNodeGroup.ID, n.ClusterGroup.ID, ref("ClusterSharedNodeSecurityGroup")},
	} {
		id := c.ruleOf(r.to, r.from)
		list = append(list, grown{name: r.name, kind: "AWS::EC2::SecurityGroupIngress", physical: id, attributes: object{"Id": id}, properties: object{
			"GroupId": r.group, "SourceSecurityGroupId": r.source, "Description": r.description, "IpProtocol": "-1", "FromPort": 0, "ToPort": 65535}})
	}
	return list
}

// ruleOf is the id of the rule of a group that lets everything in from another.
func (c *CloudFormation) ruleOf(group, from string) string {
	g, _ := c.world.Network.SecurityGroup(group)
	for _, r := range g.Rules {
		if r.GroupID == from {
			return r.ID
		}
	}
	return ""
}

// clusterOutputs are what eksctl's stacks of node groups import.
func (c *CloudFormation) clusterOutputs(seed *seedStack) {
	cluster, n := c.world.Options.Cluster, c.world.Network.Cluster
	var public, private []object
	for _, s := range c.world.Network.ClusterSubnets() {
		if s.Public {
			public = append(public, ref("SubnetPublic"+zoneName(s.Zone)))
		} else {
			private = append(private, ref("SubnetPrivate"+zoneName(s.Zone)))
		}
	}
	arn := strings.Replace(c.arn("x", "x", "x"), ":cloudformation:", ":eks:", 1)
	for name, value := range map[string]any{
		"ARN":                     arn[:strings.LastIndex(arn, ":")] + ":cluster/" + cluster.Name,
		"ClusterSecurityGroupId":  n.ClusterGroup.ID,
		"ClusterStackName":        ref("AWS::StackName"),
		"Endpoint":                cluster.Endpoint,
		"FeatureNATMode":          "Single",
		"SecurityGroup":           ref("ControlPlaneSecurityGroup"),
		"ServiceRoleARN":          getAtt("ServiceRole", "Arn"),
		"SharedNodeSecurityGroup": ref("ClusterSharedNodeSecurityGroup"),
		"SubnetsPrivate":          object{"Fn::Join": []any{",", private}},
		"SubnetsPublic":           object{"Fn::Join": []any{",", public}},
		"VPC":                     ref("VPC"),
	} {
		output := object{"Value": value}
		if name != "FeatureNATMode" && name != "ClusterStackName" {
			output["Export"] = object{"Name": object{"Fn::Sub": "${AWS::StackName}::" + name}}
		}
		seed.outputs[name] = output
	}
}

// groupStack is the stack of the node group that the region begins with. Beside
// what eksctl makes for a managed group it has an instance profile and names the
// nodes' security group, as it does for self-managed ones: instructions for
// adding workers begin with those two.
func (c *CloudFormation) groupStack(tx *store.Tx) (seed seedStack, exists bool, err error) {
	w := c.world
	g, exists := w.NodeGroups.Get(world.BaseNodeGroup)
	if !exists {
		return seed, false, nil
	}
	role := roleName(*g.Description.NodeRole)
	seed = seedStack{
		name:        "eksctl-" + w.Options.Cluster.Name + "-nodegroup-" + world.BaseNodeGroup,
		description: "EKS Managed Nodes (SSH access: false)", outputs: object{},
		tags: c.eksctlTags(map[string]string{"alpha.eksctl.io/nodegroup-name": world.BaseNodeGroup, "alpha.eksctl.io/nodegroup-type": "managed"}),
	}
	profile := world.Profile{Name: seed.name + "-NodeInstanceProfile-" + w.Suffix("node-profile"), Path: "/", Created: w.Created(), Roles: []string{role},
		ID: "AIPA" + w.Suffix("node-profile-id") + "LAB2"}
	if err := w.Profiles.Put(tx, profile.Name, profile); err != nil {
		return seed, false, err
	}
	r, _ := w.Roles.Get(role)
	group := w.Network.ClusterSecurityGroup()
	subnets := g.Description.Subnets
	size := g.Description.ScalingConfig
	id := w.Options.Cluster.Name + "/" + world.BaseNodeGroup
	seed.resources = []grown{
		{name: "NodeInstanceRole", kind: "AWS::IAM::Role", physical: role, attributes: object{"Arn": w.RoleARN(r), "RoleId": r.ID},
			properties: object{"AssumeRolePolicyDocument": trust("ec2.amazonaws.com"), "ManagedPolicyArns": r.Attached, "Path": "/"}},
		{name: "NodeInstanceProfile", kind: "AWS::IAM::InstanceProfile", physical: profile.Name, properties: object{"Path": "/", "Roles": []object{ref("NodeInstanceRole")}},
			attributes: object{"Arn": strings.Replace(w.RoleARN(world.Role{Path: "/", Name: profile.Name}), ":role/", ":instance-profile/", 1)}},
		{name: "SG", kind: "AWS::EC2::SecurityGroup", physical: group.ID, retain: true, attributes: object{"GroupId": group.ID, "Id": group.ID, "VpcId": group.VPCID},
			properties: object{"GroupDescription": group.Description, "VpcId": group.VPCID}},
		{name: "ManagedNodeGroup", kind: "AWS::EKS::Nodegroup", physical: id,
			attributes: object{"Arn": *g.Description.NodegroupArn, "ClusterName": w.Options.Cluster.Name, "Id": id, "NodegroupName": world.BaseNodeGroup},
			properties: object{
				"AmiType": g.Description.AmiType, "CapacityType": g.Description.CapacityType, "ClusterName": w.Options.Cluster.Name, "DiskSize": g.Description.DiskSize,
				"InstanceTypes": g.Description.InstanceTypes, "Labels": g.Description.Labels, "NodeRole": getAtt("NodeInstanceRole", "Arn"), "NodegroupName": world.BaseNodeGroup,
				"ScalingConfig": object{"MinSize": size.MinSize, "MaxSize": size.MaxSize, "DesiredSize": size.DesiredSize}, "Subnets": subnets, "Tags": g.Description.Tags}},
	}
	return seed, true, nil
}

func roleName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
