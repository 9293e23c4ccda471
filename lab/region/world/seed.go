package world

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/bootdata"
	"github.com/drover-project/drover/lab/region/store"
)

// BaseNodeGroup is the managed node group that the region begins with.
const BaseNodeGroup = "default"

const (
	baseType       = "m5.large"
	baseVolumeGiB  = 20
	ec2TrustPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	eksTrustPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`
)

// seed fills a new region: tags, roles and the managed node group's instances.
func (w *World) seed(tx *store.Tx) error {
	w.created = w.Clock.Now()
	if err := w.meta.Put(tx, metaKey, meta{Identity: w.Options.identity(), Created: w.created}); err != nil {
		return err
	}
	if err := w.seedNetwork(tx); err != nil {
		return err
	}
	if err := w.setAllTags(tx, w.networkTags()); err != nil {
		return err
	}
	if err := w.seedRoles(tx); err != nil {
		return err
	}
	if err := w.seedAccess(tx); err != nil {
		return err
	}
	if w.Options.BaseNodes == 0 {
		return nil
	}
	return w.seedNodeGroup(tx)
}

// NodeRoleName is the role for nodes that Karpenter-style provisioners make.
func (w *World) NodeRoleName() string { return "KarpenterNodeRole-" + w.Options.Cluster.Name }

// ClusterRoleName is the role of the control plane.
func (w *World) ClusterRoleName() string {
	return w.StackName() + "-ServiceRole-" + w.suffix("service-role")
}

// groupRoleName is the role of the managed node group, cut as CloudFormation
// cuts names that would be longer than IAM allows.
func (w *World) groupRoleName() string {
	const longest, tail = 64, "-NodeInstanceRole-"
	suffix := w.suffix("node-role")
	stack := fmt.Sprintf("eksctl-%s-nodegroup-%s", w.Options.Cluster.Name, BaseNodeGroup)
	return stack[:min(len(stack), longest-len(tail)-len(suffix))] + tail + suffix
}

func (w *World) seedRoles(tx *store.Tx) error {
	nodePolicies := []string{
		"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly", "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
		"arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
	}
	roles := []Role{
		{Name: w.NodeRoleName(), TrustPolicy: ec2TrustPolicy, Attached: nodePolicies},
		{Name: w.groupRoleName(), TrustPolicy: ec2TrustPolicy, Attached: nodePolicies},
		{Name: w.ClusterRoleName(), TrustPolicy: eksTrustPolicy, Attached: []string{"arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}},
	}
	for _, r := range roles {
		r.ID, r.Path, r.Created, r.MaxSessionSeconds = "AROA"+w.suffix(r.Name)+"LAB2", "/", w.created, 3600
		if err := w.Roles.Put(tx, r.Name, r); err != nil {
			return err
		}
	}
	for profile, role := range map[string]string{
		"KarpenterNodeInstanceProfile-" + w.Options.Cluster.Name: w.NodeRoleName(),
		w.groupName(): w.groupRoleName(),
	} {
		p := Profile{Name: profile, ID: "AIPA" + w.suffix(profile) + "LAB2", Path: "/", Created: w.created, Roles: []string{role}}
		if err := w.Profiles.Put(tx, p.Name, p); err != nil {
			return err
		}
	}
	return nil
}

// groupName is the name of the node group's launch template and profile.
func (w *World) groupName() string { return "eks-" + w.fixedUUID("nodegroup") }

func (w *World) seedNodeGroup(tx *store.Tx) error {
	image := w.nodeImage()
	config := Config{
		SecurityGroups: []string{w.Network.ClusterSecurityGroup().ID}, ProfileName: w.groupName(),
		Metadata: MetadataOptions{Tokens: "required", Endpoint: "enabled", IPv6: "disabled", Tags: "disabled", HopLimit: 2},
	}
	templateID, err := w.NewID(tx, "lt-")
	if err != nil {
		return err
	}
	if config.UserData, err = w.groupUserData(templateID, image); err != nil {
		return err
	}
	if err := w.seedTemplate(tx, templateID, image, config); err != nil {
		return err
	}
	var private []Subnet
	for _, s := range w.Network.ClusterSubnets() {
		if !s.Public {
			private = append(private, s)
		}
	}
	for n := range w.Options.BaseNodes {
		if err := w.seedNode(tx, templateID, image, private[n%len(private)], config); err != nil {
			return err
		}
	}
	return w.describeNodeGroup(tx, templateID, image, private)
}

func (w *World) seedNode(tx *store.Tx, templateID string, image Image, subnet Subnet, config Config) error {
	reservation, err := w.NewID(tx, "r-")
	if err != nil {
		return err
	}
	launched, err := w.Launch(tx, Launch{
		Type: baseType, Image: image, Subnet: subnet, Config: config, Reservation: reservation,
		Volumes: []Volume{{Device: "/dev/xvda", GiB: baseVolumeGiB, Type: "gp3", DeleteOnTermination: true}},
		Tags:    LaunchTags{Instance: w.groupTags(templateID), Volume: Tags{"eks:cluster-name": w.Options.Cluster.Name, "eks:nodegroup-name": BaseNodeGroup}},
	}, 1)
	if err != nil {
		return err
	}
	return w.enter(tx, launched[0], machine.Running)
}

func (w *World) groupTags(templateID string) Tags {
	cluster := w.Options.Cluster.Name
	return Tags{
		"Name":                                 cluster + "-" + BaseNodeGroup + "-Node",
		"alpha.eksctl.io/nodegroup-name":       BaseNodeGroup,
		"alpha.eksctl.io/nodegroup-type":       "managed",
		"aws:autoscaling:groupName":            "eks-" + BaseNodeGroup + "-" + w.fixedUUID("nodegroup"),
		"aws:ec2launchtemplate:id":             templateID,
		"aws:ec2launchtemplate:version":        "1",
		"aws:eks:cluster-name":                 cluster,
		"eks:cluster-name":                     cluster,
		"eks:nodegroup-name":                   BaseNodeGroup,
		"k8s.io/cluster-autoscaler/" + cluster: "owned",
		"k8s.io/cluster-autoscaler/enabled":    "true",
		"kubernetes.io/cluster/" + cluster:     "owned",
	}
}

func (w *World) seedTemplate(tx *store.Tx, id string, image Image, c Config) error {
	data, err := json.Marshal(types.RequestLaunchTemplateData{
		ImageId: &image.ID, InstanceType: baseType, SecurityGroupIds: c.SecurityGroups,
		UserData:           aws.String(base64.StdEncoding.EncodeToString(c.UserData)),
		IamInstanceProfile: &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: &c.ProfileName},
		MetadataOptions:    &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: "required", HttpPutResponseHopLimit: aws.Int32(c.Metadata.HopLimit)},
		BlockDeviceMappings: []types.LaunchTemplateBlockDeviceMappingRequest{{
			DeviceName: aws.String("/dev/xvda"),
			Ebs:        &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(baseVolumeGiB), VolumeType: "gp3", DeleteOnTermination: aws.Bool(true)},
		}},
	})
	if err != nil {
		return err
	}
	creator := fmt.Sprintf("arn:aws:sts::%s:assumed-role/AWSServiceRoleForAmazonEKSNodegroup/EKS", w.Options.Account)
	t := LaunchTemplate{
		ID: id, Name: w.groupName(), CreatedBy: creator, Created: w.created, Default: 1, Latest: 1,
		Versions: []TemplateVersion{{Number: 1, CreatedBy: creator, Created: w.created, Data: data}},
	}
	tags := Tags{"eks:cluster-name": w.Options.Cluster.Name, "eks:nodegroup-name": BaseNodeGroup}
	if err := w.SetTags(tx, id, tags); err != nil {
		return err
	}
	return w.Templates.Put(tx, id, t)
}

// groupUserData is what EKS gives the nodes of a managed node group.
func (w *World) groupUserData(templateID string, image Image) ([]byte, error) {
	labels := map[string]string{
		"eks.amazonaws.com/capacityType":                string(ekstypes.CapacityTypesOnDemand),
		"eks.amazonaws.com/nodegroup":                   BaseNodeGroup,
		"eks.amazonaws.com/nodegroup-image":             image.ID,
		"eks.amazonaws.com/sourceLaunchTemplateId":      templateID,
		"eks.amazonaws.com/sourceLaunchTemplateVersion": "1",
	}
	maps.Copy(labels, w.eksctlLabels())
	c := w.Options.Cluster
	return bootdata.AL2023(bootdata.Node{
		Cluster: bootdata.Cluster{Name: c.Name, Endpoint: c.Endpoint, CA: c.CAData, ServiceCIDR: c.ServiceCIDR, DNS: w.clusterDNS()},
		Labels:  labels, MaxPods: w.MaxPods([]string{baseType}),
	}, nil)
}

// eksctlLabels are the labels and tags that eksctl gives to a node group.
func (w *World) eksctlLabels() map[string]string {
	return map[string]string{
		"alpha.eksctl.io/cluster-name":   w.Options.Cluster.Name,
		"alpha.eksctl.io/nodegroup-name": BaseNodeGroup,
	}
}

// describeNodeGroup makes the instances that the region begins with a managed
// node group, whose Auto Scaling group EKS makes as soon as the region is open.
func (w *World) describeNodeGroup(tx *store.Tx, templateID string, image Image, subnets []Subnet) error {
	role, _ := w.Roles.Get(w.groupRoleName())
	uuid, count := w.fixedUUID("nodegroup"), int32(w.Options.BaseNodes)
	release := ""
	for _, known := range w.NodeImages(ekstypes.AMITypesAl2023X8664Standard, w.Options.Cluster.Version) {
		if known.ID == image.ID {
			release = known.Release
		}
	}
	g := NodeGroup{UUID: uuid, Since: w.created, Phase: PhaseAdopting, Template: templateID, TemplateVersion: 1, ImageID: image.ID,
		Description: ekstypes.Nodegroup{
			ClusterName: aws.String(w.Options.Cluster.Name), NodegroupName: aws.String(BaseNodeGroup), NodeRole: aws.String(w.RoleARN(role)),
			NodegroupArn: aws.String(fmt.Sprintf("arn:aws:eks:%s:%s:nodegroup/%s/%s/%s", w.Options.Region, w.Options.Account, w.Options.Cluster.Name, BaseNodeGroup, uuid)),
			AmiType:      ekstypes.AMITypesAl2023X8664Standard, CapacityType: ekstypes.CapacityTypesOnDemand, InstanceTypes: []string{baseType},
			DiskSize: aws.Int32(baseVolumeGiB), Version: aws.String(w.Options.Cluster.Version), ReleaseVersion: aws.String(release),
			Status: ekstypes.NodegroupStatusActive, CreatedAt: aws.Time(w.created), ModifiedAt: aws.Time(w.created),
			Health: &ekstypes.NodegroupHealth{Issues: []ekstypes.Issue{}}, Labels: w.eksctlLabels(), Tags: w.eksctlLabels(),
			ScalingConfig: &ekstypes.NodegroupScalingConfig{MinSize: &count, MaxSize: &count, DesiredSize: &count},
			UpdateConfig:  &ekstypes.NodegroupUpdateConfig{MaxUnavailable: aws.Int32(1)},
		},
	}
	g.Description.Resources = &ekstypes.NodegroupResources{AutoScalingGroups: []ekstypes.AutoScalingGroup{{Name: aws.String(g.AutoScalingGroup())}}}
	for _, s := range subnets {
		g.Description.Subnets = append(g.Description.Subnets, s.ID)
	}
	return w.NodeGroups.Put(tx, BaseNodeGroup, g)
}

// clusterDNS is the tenth address of the service range, as on EKS.
func (w *World) clusterDNS() string {
	const tenth = 10
	b := netip.MustParsePrefix(w.Options.Cluster.ServiceCIDR).Addr().As4()
	b[3] += tenth
	return netip.AddrFrom4(b).String()
}
