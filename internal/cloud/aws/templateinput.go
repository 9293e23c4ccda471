package aws

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/aws/userdata"
	"github.com/drover-project/drover/internal/instancetype"
	"github.com/drover-project/drover/internal/model"
)

// templateInput is the launch template for an AMI and a way of buying. Nothing
// in it belongs to one NodeClaim, so that all of a pool share it.
func (p *Provider) templateInput(request cloud.LaunchRequest, ami string, capacityType model.CapacityType) (*ec2.CreateLaunchTemplateInput, error) {
	class := request.NodeClass
	if len(class.Status.SecurityGroups) == 0 {
		return nil, &cloud.TerminalError{Reason: "SecurityGroupsNotReady",
			Err: fmt.Errorf("EC2NodeClass %q has no security groups in its status; make securityGroupSelectorTerms match some", class.Name)}
	}
	data, err := p.userData(request, capacityType)
	if err != nil {
		return nil, &cloud.TerminalError{Reason: "UserDataInvalid", Err: fmt.Errorf("EC2NodeClass %q: %w", class.Name, err)}
	}
	tags := p.classTags(class)
	launch := &types.RequestLaunchTemplateData{
		ImageId:             sdk.String(ami),
		BlockDeviceMappings: blockDevices(class, instancetype.Family(class)),
		Monitoring:          &types.LaunchTemplatesMonitoringRequest{Enabled: sdk.Bool(sdk.ToBool(class.Spec.DetailedMonitoring))},
		MetadataOptions:     p.metadataOptions(class.Spec.MetadataOptions),
		NetworkInterfaces:   p.networkInterfaces(class),
		TagSpecifications:   launchTags(tags, capacityType),
	}
	if data != "" {
		launch.UserData = sdk.String(base64.StdEncoding.EncodeToString([]byte(data)))
	}
	if profile := class.Status.InstanceProfile; profile != "" {
		launch.IamInstanceProfile = &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: sdk.String(profile)}
	}
	if options := class.Spec.CPUOptions; options != nil && options.NestedVirtualization != nil {
		launch.CpuOptions = &types.LaunchTemplateCpuOptionsRequest{
			NestedVirtualization: types.NestedVirtualizationSpecification(*options.NestedVirtualization),
		}
	}
	return &ec2.CreateLaunchTemplateInput{
		LaunchTemplateData: launch,
		TagSpecifications:  []types.TagSpecification{{ResourceType: types.ResourceTypeLaunchTemplate, Tags: ec2Tags(tags)}},
	}, nil
}

// classTags are the user's tags under those that mark the owner.
func (p *Provider) classTags(class *ec2v1.EC2NodeClass) map[string]string {
	tags := map[string]string{}
	maps.Copy(tags, class.Spec.Tags)
	maps.Copy(tags, p.ownerTags(class))
	return tags
}

// launchTags tag what RunInstances makes beside the instance and its volumes,
// which the fleet tags. A request for Spot must exist to be tagged.
func launchTags(tags map[string]string, capacityType model.CapacityType) []types.LaunchTemplateTagSpecificationRequest {
	specifications := []types.LaunchTemplateTagSpecificationRequest{{ResourceType: types.ResourceTypeNetworkInterface, Tags: ec2Tags(tags)}}
	if capacityType == model.Spot {
		specifications = append(specifications,
			types.LaunchTemplateTagSpecificationRequest{ResourceType: types.ResourceTypeSpotInstancesRequest, Tags: ec2Tags(tags)})
	}
	return specifications
}

func (p *Provider) userData(request cloud.LaunchRequest, capacityType model.CapacityType) (string, error) {
	class := request.NodeClass
	family := instancetype.Family(class)
	if family != ec2v1.AMIFamilyCustom && p.cluster.CA == "" {
		return "", errors.New("the cluster's certificate authority is unknown; set CLUSTER_CA_BUNDLE")
	}
	labels := maps.Clone(request.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[karpv1.CapacityTypeLabelKey] = string(capacityType)
	return userdata.Render(family, userdata.Node{
		Cluster: userdata.Cluster{
			Name: p.cluster.Name, Endpoint: p.cluster.Endpoint, CertificateAuthority: p.cluster.CA, ServiceCIDR: p.cluster.ServiceCIDR,
		},
		Kubelet:           p.kubelet(class),
		Labels:            labels,
		Taints:            withUnregistered(request.Taints),
		LocalStorageRAID0: class.Spec.InstanceStorePolicy != nil && *class.Spec.InstanceStorePolicy == ec2v1.InstanceStorePolicyRAID0,
		Custom:            sdk.ToString(class.Spec.UserData),
	})
}

// withUnregistered keeps pods off the node until the controllers have given it
// its labels and taints.
func withUnregistered(taints []model.Taint) []model.Taint {
	unregistered := model.Taint{Key: karpv1.UnregisteredTaintKey, Effect: model.NoExecute}
	if slices.Contains(taints, unregistered) {
		return taints
	}
	return append(slices.Clone(taints), unregistered)
}

// kubelet is the class's settings with what the cluster adds.
func (p *Provider) kubelet(class *ec2v1.EC2NodeClass) *ec2v1.KubeletConfiguration {
	settings := class.Spec.Kubelet
	if settings == nil {
		settings = &ec2v1.KubeletConfiguration{}
	}
	settings = settings.DeepCopy()
	if len(settings.ClusterDNS) == 0 && p.options.ClusterDNS != "" {
		settings.ClusterDNS = []string{p.options.ClusterDNS}
	}
	return settings
}

// metadataOptions default to IMDSv2 within reach of the node, not of its pods.
// Tags in the metadata are off whatever the account's default is: EC2 refuses
// instances whose tag keys have a slash in them otherwise.
func (p *Provider) metadataOptions(set *ec2v1.MetadataOptions) *types.LaunchTemplateInstanceMetadataOptionsRequest {
	options := &types.LaunchTemplateInstanceMetadataOptionsRequest{
		HttpEndpoint:            types.LaunchTemplateInstanceMetadataEndpointStateEnabled,
		HttpProtocolIpv6:        types.LaunchTemplateInstanceMetadataProtocolIpv6Disabled,
		HttpPutResponseHopLimit: sdk.Int32(1),
		HttpTokens:              types.LaunchTemplateHttpTokensStateRequired,
		InstanceMetadataTags:    types.LaunchTemplateInstanceMetadataTagsStateDisabled,
	}
	if p.cluster.IPv6 {
		options.HttpProtocolIpv6 = types.LaunchTemplateInstanceMetadataProtocolIpv6Enabled
	}
	if set == nil {
		return options
	}
	if set.HTTPEndpoint != nil {
		options.HttpEndpoint = types.LaunchTemplateInstanceMetadataEndpointState(*set.HTTPEndpoint)
	}
	if set.HTTPProtocolIPv6 != nil {
		options.HttpProtocolIpv6 = types.LaunchTemplateInstanceMetadataProtocolIpv6(*set.HTTPProtocolIPv6)
	}
	if set.HTTPPutResponseHopLimit != nil {
		options.HttpPutResponseHopLimit = sdk.Int32(int32(*set.HTTPPutResponseHopLimit))
	}
	if set.HTTPTokens != nil {
		options.HttpTokens = types.LaunchTemplateHttpTokensState(*set.HTTPTokens)
	}
	return options
}

// networkInterfaces carry the security groups, since a template may name them
// in one place only. The subnet comes from the fleet's overrides.
func (p *Provider) networkInterfaces(class *ec2v1.EC2NodeClass) []types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest {
	wanted := class.Spec.NetworkInterfaces
	if len(wanted) == 0 {
		wanted = []*ec2v1.NetworkInterface{{}}
	}
	specifications := make([]types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, 0, len(wanted))
	for _, each := range wanted {
		specifications = append(specifications, p.networkInterface(class, each))
	}
	return specifications
}

func (p *Provider) networkInterface(class *ec2v1.EC2NodeClass, wanted *ec2v1.NetworkInterface) types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest {
	specification := types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{DeviceIndex: sdk.Int32(wanted.DeviceIndex)}
	for _, group := range class.Status.SecurityGroups {
		specification.Groups = append(specification.Groups, group.ID)
	}
	if wanted.InterfaceType != "" {
		specification.InterfaceType = sdk.String(string(wanted.InterfaceType))
		specification.NetworkCardIndex = sdk.Int32(wanted.NetworkCardIndex)
	}
	if wanted.InterfaceType == ec2v1.InterfaceTypeEFAOnly {
		// Such an interface has no addresses, and EC2 refuses settings for them.
		return specification
	}
	specification.AssociatePublicIpAddress = class.Spec.AssociatePublicIPAddress
	if p.cluster.IPv6 {
		specification.Ipv6PrefixCount = class.Spec.IPPrefixCount
		specification.PrimaryIpv6 = sdk.Bool(true)
		specification.Ipv6AddressCount = sdk.Int32(1)
	} else {
		specification.Ipv4PrefixCount = class.Spec.IPPrefixCount
	}
	if tracking := class.Spec.ConnectionTracking; tracking != nil {
		specification.ConnectionTrackingSpecification = &types.ConnectionTrackingSpecificationRequest{
			TcpEstablishedTimeout: tracking.TCPEstablishedTimeout, UdpStreamTimeout: tracking.UDPStreamTimeout, UdpTimeout: tracking.UDPTimeout,
		}
	}
	return specification
}
