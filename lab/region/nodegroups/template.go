package nodegroups

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/bootdata"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Labels that EKS gives to the nodes of managed groups.
const (
	labelGroup         = "eks.amazonaws.com/nodegroup"
	labelImage         = "eks.amazonaws.com/nodegroup-image"
	labelCapacity      = "eks.amazonaws.com/capacityType"
	labelSource        = "eks.amazonaws.com/sourceLaunchTemplateId"
	labelSourceVersion = "eks.amazonaws.com/sourceLaunchTemplateVersion"
)

// Tags that EKS gives to what it makes for managed groups.
const (
	tagCluster = "eks:cluster-name"
	tagGroup   = "eks:nodegroup-name"
)

// TemplateData is the data of the user's launch template at the version that a
// specification names; the zero value without a specification. Use it within
// View or Update.
func TemplateData(w *world.World, spec *types.LaunchTemplateSpecification) (d ec2types.RequestLaunchTemplateData, err error) {
	if spec == nil {
		return d, nil
	}
	t, found := w.Templates.Get(aws.ToString(spec.Id))
	if !found {
		return d, awserr.New("InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID %s, does not exist.", aws.ToString(spec.Id))
	}
	number, err := strconv.ParseInt(aws.ToString(spec.Version), 10, 64)
	if err != nil {
		return d, fmt.Errorf("version of launch template %s: %w", t.ID, err)
	}
	v, found := t.Version(number)
	if !found {
		return d, awserr.New("InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version %d for the launch template with ID %s.", number, t.ID)
	}
	return d, json.Unmarshal(v.Data, &d)
}

// NodeLabels are the labels that the nodes of a group have from EKS.
func NodeLabels(g world.NodeGroup) map[string]string {
	d := g.Description
	labels := maps.Clone(d.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelGroup] = g.Name()
	labels[labelImage] = g.ImageID
	labels[labelCapacity] = string(d.CapacityType)
	if t := d.LaunchTemplate; t != nil {
		labels[labelSource], labels[labelSourceVersion] = aws.ToString(t.Id), aws.ToString(t.Version)
	}
	return labels
}

// Effect is a taint's effect as Kubernetes writes it.
func Effect(e types.TaintEffect) string {
	switch e {
	case types.TaintEffectNoExecute:
		return "NoExecute"
	case types.TaintEffectPreferNoSchedule:
		return "PreferNoSchedule"
	}
	return "NoSchedule"
}

// Boot is what the kubelets of a group are told.
func Boot(w *world.World, g world.NodeGroup, instanceTypes []string) bootdata.Node {
	c := w.Options.Cluster
	n := bootdata.Node{
		Cluster: bootdata.Cluster{Name: c.Name, Endpoint: c.Endpoint, CA: c.CAData, ServiceCIDR: c.ServiceCIDR, DNS: w.ClusterDNS()},
		Labels:  NodeLabels(g), MaxPods: w.MaxPods(instanceTypes),
	}
	for _, t := range g.Description.Taints {
		n.Taints = append(n.Taints, bootdata.Taint{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value), Effect: Effect(t.Effect)})
	}
	return n
}

// InstanceTypes are the instance types of a group, from the group or from its
// launch template. Use it within View or Update.
func InstanceTypes(w *world.World, g world.NodeGroup) []string {
	if len(g.Description.InstanceTypes) > 0 {
		return g.Description.InstanceTypes
	}
	if d, err := TemplateData(w, g.Description.LaunchTemplate); err == nil && d.InstanceType != "" {
		return []string{string(d.InstanceType)}
	}
	return nil
}

// launchData is what EKS's own launch template for a group holds: the user's
// with what makes the instances nodes of the group. Use it within View or Update.
func (s *Service) launchData(g world.NodeGroup) (ec2types.RequestLaunchTemplateData, error) {
	d, err := TemplateData(s.world, g.Description.LaunchTemplate)
	if err != nil {
		return d, err
	}
	if aws.ToString(d.ImageId) == "" {
		d.ImageId = aws.String(g.ImageID)
		if err := s.boot(&d, g); err != nil {
			return d, err
		}
	}
	d.IamInstanceProfile = &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String(g.ResourceName())}
	inInterfaces := slices.ContainsFunc(d.NetworkInterfaces, func(n ec2types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest) bool {
		return len(n.Groups) > 0
	})
	if len(d.SecurityGroupIds) == 0 && !inInterfaces {
		d.SecurityGroupIds = []string{s.world.Network.ClusterSecurityGroup().ID}
	}
	if d.MetadataOptions == nil {
		d.MetadataOptions = &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: "required", HttpPutResponseHopLimit: aws.Int32(2)}
	}
	if size := g.Description.DiskSize; size != nil {
		d.BlockDeviceMappings = []ec2types.LaunchTemplateBlockDeviceMappingRequest{{
			DeviceName: aws.String(dataDevice(g.Description.AmiType)),
			Ebs:        &ec2types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: size, VolumeType: "gp3", DeleteOnTermination: aws.Bool(true)},
		}}
	}
	if access := g.Description.RemoteAccess; access != nil {
		d.KeyName = access.Ec2SshKey
	}
	if own, made := s.remoteAccessGroup(g); made {
		d.SecurityGroupIds = append(d.SecurityGroupIds, own.ID)
	}
	d.TagSpecifications = s.withTags(d.TagSpecifications, g)
	return d, nil
}

// dataDevice is the device whose size a group sets: Bottlerocket keeps its
// system on another.
func dataDevice(amiType types.AMITypes) string {
	if strings.HasPrefix(string(amiType), "BOTTLEROCKET") {
		return "/dev/xvdb"
	}
	return "/dev/xvda"
}

func (s *Service) boot(d *ec2types.RequestLaunchTemplateData, g world.NodeGroup) error {
	user, err := base64.StdEncoding.DecodeString(aws.ToString(d.UserData))
	if err != nil {
		return bootdata.ErrNotMIME
	}
	node, write := Boot(s.world, g, InstanceTypes(s.world, g)), bootdata.AL2023
	if strings.HasPrefix(string(g.Description.AmiType), "BOTTLEROCKET") {
		write = bootdata.Bottlerocket
	}
	text, err := write(node, user)
	d.UserData = aws.String(base64.StdEncoding.EncodeToString(text))
	return err
}

func (s *Service) withTags(specs []ec2types.LaunchTemplateTagSpecificationRequest, g world.NodeGroup) []ec2types.LaunchTemplateTagSpecificationRequest {
	result := slices.Clone(specs)
	for _, kind := range []ec2types.ResourceType{ec2types.ResourceTypeInstance, ec2types.ResourceTypeVolume} {
		at := slices.IndexFunc(result, func(t ec2types.LaunchTemplateTagSpecificationRequest) bool { return t.ResourceType == kind })
		if at < 0 {
			result = append(result, ec2types.LaunchTemplateTagSpecificationRequest{ResourceType: kind})
			at = len(result) - 1
		}
		result[at].Tags = append(slices.Clone(result[at].Tags), s.ownTags(g)...)
	}
	return result
}

func (s *Service) ownTags(g world.NodeGroup) []ec2types.Tag {
	return []ec2types.Tag{
		{Key: aws.String(tagCluster), Value: aws.String(s.world.Options.Cluster.Name)},
		{Key: aws.String(tagGroup), Value: aws.String(g.Name())},
	}
}

// makeTemplate makes the launch template of a group, or finds it.
func (s *Service) makeTemplate(ctx context.Context, g world.NodeGroup) (id string, version int64, err error) {
	s.world.Store.View(func() {
		for _, t := range s.world.Templates.All() {
			if t.Name == g.ResourceName() {
				id, version = t.ID, t.Latest
			}
		}
	})
	if id != "" {
		return id, version, nil
	}
	var d ec2types.RequestLaunchTemplateData
	s.world.Store.View(func() { d, err = s.launchData(g) })
	if err != nil {
		return "", 0, err
	}
	out, err := s.ec2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(g.ResourceName()), LaunchTemplateData: &d, ClientToken: aws.String(g.UUID),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeLaunchTemplate, Tags: s.ownTags(g)}},
	})
	if err != nil {
		return "", 0, err
	}
	return *out.LaunchTemplate.LaunchTemplateId, *out.LaunchTemplate.LatestVersionNumber, nil
}

// addTemplateVersion makes the next version of a group's launch template, for
// the group as it will be. The same token gives the same version.
func (s *Service) addTemplateVersion(ctx context.Context, g world.NodeGroup, token string) (version int64, err error) {
	var d ec2types.RequestLaunchTemplateData
	s.world.Store.View(func() { d, err = s.launchData(g) })
	if err != nil {
		return 0, err
	}
	out, err := s.ec2.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: aws.String(g.Template), LaunchTemplateData: &d, ClientToken: aws.String(token),
	})
	if err != nil {
		return 0, err
	}
	return *out.LaunchTemplateVersion.VersionNumber, nil
}

// issueOf is the health issue that an error of another service is.
func issueOf(err error, g world.NodeGroup) types.Issue {
	issue := types.Issue{Code: types.NodegroupIssueCodeInternalFailure, Message: aws.String(err.Error()), ResourceIds: []string{g.Name()}}
	var known *awserr.Error
	switch {
	case errors.Is(err, bootdata.ErrNotMIME) || strings.Contains(err.Error(), "TOML"):
		issue.Code = types.NodegroupIssueCodeEc2LaunchTemplateInvalidConfiguration
	case !errors.As(err, &known):
	case strings.HasPrefix(known.Code, "InvalidLaunchTemplate"):
		issue.Code = types.NodegroupIssueCodeEc2LaunchTemplateNotFound
	case strings.HasPrefix(known.Code, "InvalidAMIID"):
		issue.Code = types.NodegroupIssueCodeAmiIdNotFound
	case strings.HasPrefix(known.Code, "InvalidGroup"):
		issue.Code = types.NodegroupIssueCodeEc2SecurityGroupNotFound
	case strings.HasPrefix(known.Code, "InvalidSubnet"):
		issue.Code = types.NodegroupIssueCodeEc2SubnetNotFound
	case known.Code == "ValidationError":
		issue.Code = types.NodegroupIssueCodeAutoScalingGroupInvalidConfiguration
	}
	return issue
}

// makeProfile makes the instance profile of a group and lets its role's nodes
// into the cluster. A role that is gone is an issue.
func (s *Service) makeProfile(g world.NodeGroup) (issue *types.Issue, err error) {
	arn := aws.ToString(g.Description.NodeRole)
	role := RoleName(arn)
	err = s.world.Store.Update(func(tx *store.Tx) error {
		if _, exists := s.world.Roles.Get(role); !exists {
			issue = &types.Issue{Code: types.NodegroupIssueCodeIamNodeRoleNotFound, ResourceIds: []string{arn},
				Message: aws.String("The role with name " + role + " cannot be found.")}
			return nil
		}
		if err := s.world.AdmitNodeRole(tx, arn); err != nil {
			return err
		}
		if _, exists := s.world.Profiles.Get(g.ResourceName()); exists {
			return nil
		}
		id, err := s.world.NewID(tx, "AIPA")
		if err != nil {
			return err
		}
		return s.world.Profiles.Put(tx, g.ResourceName(), world.Profile{
			Name: g.ResourceName(), ID: strings.ToUpper(id), Path: "/", Created: s.world.Clock.Now(), Roles: []string{role},
		})
	})
	return issue, err
}

// RoleName is the name in a role's ARN, without its path.
func RoleName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
