package ec2api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/world"
)

// DescribeInstances lists instances by reservation. Terminated ones are listed
// for an hour.
func (e *EC2) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Filters", "InstanceIds", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if in.MaxResults != nil && len(in.InstanceIds) > 0 {
		return nil, invalidCombination("The parameter instancesSet cannot be used with the parameter maxResults")
	}
	if err := usual().check(in.MaxResults); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{}}
	var err error
	e.world.Store.View(func() {
		var found []world.Instance
		if found, err = e.findInstances(in.InstanceIds); err != nil {
			return
		}
		if found, err = e.instanceFilters().Select(found, in.Filters); err != nil {
			return
		}
		if found, out.NextToken, err = awswire.Page(found, in.NextToken, in.MaxResults); err != nil {
			return
		}
		out.Reservations = e.reservations(found)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// findInstances gives the instances with the ids, each once, all when there are
// no ids.
func (e *EC2) findInstances(ids []string) ([]world.Instance, error) {
	if len(ids) == 0 {
		return e.world.Instances.All(), nil
	}
	var found []world.Instance
	var unknown []string
	seen := map[string]bool{}
	for _, id := range ids {
		if err := malformed("InvalidInstanceID.Malformed", id, "i-"); err != nil {
			return nil, err
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		if i, exists := e.world.Instances.Get(id); exists {
			found = append(found, i)
		} else {
			unknown = append(unknown, id)
		}
	}
	switch len(unknown) {
	case 0:
		return found, nil
	case 1:
		return nil, awserr.New("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", unknown[0])
	}
	return nil, awserr.New("InvalidInstanceID.NotFound", "The instance IDs '%s' do not exist", strings.Join(unknown, ", "))
}

func (e *EC2) reservations(instances []world.Instance) []types.Reservation {
	reservations := []types.Reservation{}
	for _, i := range instances {
		at := slices.IndexFunc(reservations, func(r types.Reservation) bool { return *r.ReservationId == i.Reservation })
		if at < 0 {
			reservations = append(reservations, types.Reservation{
				ReservationId: aws.String(i.Reservation), OwnerId: aws.String(e.world.Options.Account), Groups: []types.GroupIdentifier{},
			})
			at = len(reservations) - 1
		}
		reservations[at].Instances = append(reservations[at].Instances, e.instance(i))
	}
	return reservations
}

// instance is an instance as EC2 describes it. One that is terminated has given
// up its network.
func (e *EC2) instance(i world.Instance) types.Instance {
	subnet, _ := e.world.Network.Subnet(i.SubnetID)
	image, _ := e.world.Image(i.ImageID)
	t, _ := e.world.Catalog.Type(i.Type)
	out := types.Instance{
		InstanceId: aws.String(i.ID), InstanceType: types.InstanceType(i.Type), ImageId: aws.String(i.ImageID),
		Architecture: types.ArchitectureValues(image.Arch), State: state(i.State), StateReason: reason(i.Reason),
		StateTransitionReason: aws.String(e.transitionReason(i)), LaunchTime: aws.Time(i.LaunchTime), AmiLaunchIndex: aws.Int32(i.LaunchIndex),
		ClientToken: aws.String(i.ClientToken), KeyName: optional(i.Config.KeyName),
		Placement: &types.Placement{
			AvailabilityZone: aws.String(subnet.Zone.Name), AvailabilityZoneId: aws.String(subnet.Zone.ID), Tenancy: types.TenancyDefault, GroupName: aws.String(i.Config.PlacementGroup),
		},
		EbsOptimized: aws.Bool(i.Config.EBSOptimized), EnaSupport: aws.Bool(true), Hypervisor: types.HypervisorTypeXen,
		VirtualizationType: types.VirtualizationTypeHvm, RootDeviceType: types.DeviceTypeEbs,
		PlatformDetails: aws.String("Linux/UNIX"), UsageOperation: aws.String("RunInstances"), UsageOperationUpdateTime: aws.Time(i.LaunchTime),
		Monitoring: monitoring(i.Config.Monitoring), MetadataOptions: metadataOptions(i.Config.Metadata),
		CapacityReservationSpecification: &types.CapacityReservationSpecificationResponse{CapacityReservationPreference: types.CapacityReservationPreferenceOpen},
		EnclaveOptions:                   &types.EnclaveOptions{Enabled: aws.Bool(false)}, HibernationOptions: &types.HibernationOptions{Configured: aws.Bool(false)},
		CpuOptions:     &types.CpuOptions{CoreCount: cores(t), ThreadsPerCore: threads(t)},
		PrivateDnsName: aws.String(""), PublicDnsName: aws.String(""),
		MaintenanceOptions: &types.InstanceMaintenanceOptions{AutoRecovery: types.InstanceAutoRecoveryStateDefault, RebootMigration: types.InstanceRebootMigrationStateDefault},
		Tags:               e.tagsOf(i.ID),
	}
	if len(i.Volumes) > 0 {
		out.RootDeviceName = aws.String(i.Volumes[0].Device)
	}
	if i.Spot {
		out.InstanceLifecycle, out.SpotInstanceRequestId = types.InstanceLifecycleTypeSpot, aws.String(i.SpotRequest)
	}
	if i.State != machine.Terminated {
		e.addAttachments(&out, i, subnet)
	}
	return out
}

// addAttachments describes what an instance has until it is terminated.
func (e *EC2) addAttachments(out *types.Instance, i world.Instance, subnet world.Subnet) {
	name := e.world.PrivateDNSName(i.PrivateIP)
	out.VpcId, out.SubnetId = aws.String(subnet.VPCID), aws.String(subnet.ID)
	out.PrivateIpAddress, out.PrivateDnsName = aws.String(i.PrivateIP), aws.String(name)
	out.PrivateDnsNameOptions = &types.PrivateDnsNameOptionsResponse{
		HostnameType: types.HostnameTypeIpName, EnableResourceNameDnsARecord: aws.Bool(false), EnableResourceNameDnsAAAARecord: aws.Bool(false),
	}
	out.SourceDestCheck = aws.Bool(true)
	if i.PublicIP != "" {
		out.PublicIpAddress = aws.String(i.PublicIP)
		out.PublicDnsName = aws.String(e.world.PublicDNSName(i.PublicIP, subnet.VPCID))
	}
	for _, id := range i.Config.SecurityGroups {
		g, _ := e.world.Network.SecurityGroup(id)
		out.SecurityGroups = append(out.SecurityGroups, types.GroupIdentifier{GroupId: aws.String(id), GroupName: aws.String(g.Name)})
	}
	out.NetworkInterfaces = []types.InstanceNetworkInterface{e.networkInterface(i, subnet, out.SecurityGroups)}
	if p, found := e.world.Profiles.Get(i.Config.ProfileName); found {
		out.IamInstanceProfile = &types.IamInstanceProfile{
			Arn: aws.String(e.world.ProfileARN(p)), Id: aws.String(p.ID),
		}
	}
	for _, v := range i.Volumes {
		out.BlockDeviceMappings = append(out.BlockDeviceMappings, types.InstanceBlockDeviceMapping{
			DeviceName: aws.String(v.Device),
			Ebs: &types.EbsInstanceBlockDevice{
				VolumeId: aws.String(v.ID), Status: types.AttachmentStatusAttached, AttachTime: aws.Time(i.LaunchTime), DeleteOnTermination: aws.Bool(v.DeleteOnTermination),
			},
		})
	}
}

func (e *EC2) networkInterface(i world.Instance, subnet world.Subnet, groups []types.GroupIdentifier) types.InstanceNetworkInterface {
	name := aws.String(e.world.PrivateDNSName(i.PrivateIP))
	var association *types.InstanceNetworkInterfaceAssociation
	if i.PublicIP != "" {
		association = &types.InstanceNetworkInterfaceAssociation{
			PublicIp: aws.String(i.PublicIP), PublicDnsName: aws.String(e.world.PublicDNSName(i.PublicIP, subnet.VPCID)), IpOwnerId: aws.String("amazon"),
		}
		if e.elastic(i.PublicIP) {
			association.IpOwnerId = aws.String(e.world.Options.Account)
		}
	}
	return types.InstanceNetworkInterface{
		Association:        association,
		NetworkInterfaceId: aws.String(i.InterfaceID), MacAddress: aws.String(e.world.MAC(i.InterfaceID)), InterfaceType: aws.String("interface"), Status: types.NetworkInterfaceStatusInUse,
		SubnetId: aws.String(subnet.ID), VpcId: aws.String(subnet.VPCID), OwnerId: aws.String(e.world.Options.Account),
		PrivateIpAddress: aws.String(i.PrivateIP), PrivateDnsName: name, SourceDestCheck: aws.Bool(true), Groups: groups,
		Attachment: &types.InstanceNetworkInterfaceAttachment{
			DeviceIndex: aws.Int32(0), NetworkCardIndex: aws.Int32(0), Status: types.AttachmentStatusAttached,
			AttachTime: aws.Time(i.LaunchTime), DeleteOnTermination: aws.Bool(true), AttachmentId: attachmentID(i.InterfaceID),
		},
		Description: aws.String(""), Ipv6Addresses: []types.InstanceIpv6Address{},
		PrivateIpAddresses: []types.InstancePrivateIpAddress{{
			Primary: aws.Bool(true), PrivateIpAddress: aws.String(i.PrivateIP), PrivateDnsName: name, Association: association,
		}},
	}
}

// state is an instance state with EC2's code for it.
func state(s machine.State) *types.InstanceState {
	codes := map[machine.State]int32{
		machine.Pending: 0, machine.Running: 16, machine.ShuttingDown: 32, machine.Terminated: 48, machine.Stopping: 64, machine.Stopped: 80,
	}
	return &types.InstanceState{Code: aws.Int32(codes[s]), Name: types.InstanceStateName(s)}
}

func reason(r world.Reason) *types.StateReason {
	if r.Code == "" {
		return nil
	}
	return &types.StateReason{Code: aws.String(r.Code), Message: aws.String(r.Code + ": " + r.Message)}
}

func (e *EC2) transitionReason(i world.Instance) string {
	switch {
	case i.Reason.Code == "":
		return ""
	case strings.HasPrefix(i.Reason.Code, "Server."):
		return i.Reason.Code
	}
	return fmt.Sprintf("User initiated (%s)", i.StateSince.UTC().Format("2006-01-02 15:04:05 MST"))
}

func monitoring(detailed bool) *types.Monitoring {
	if detailed {
		return &types.Monitoring{State: types.MonitoringStateEnabled}
	}
	return &types.Monitoring{State: types.MonitoringStateDisabled}
}

func metadataOptions(m world.MetadataOptions) *types.InstanceMetadataOptionsResponse {
	return &types.InstanceMetadataOptionsResponse{
		State: types.InstanceMetadataOptionsStateApplied, HttpTokens: types.HttpTokensState(m.Tokens), HttpPutResponseHopLimit: aws.Int32(m.HopLimit),
		HttpEndpoint: types.InstanceMetadataEndpointState(m.Endpoint), HttpProtocolIpv6: types.InstanceMetadataProtocolState(m.IPv6),
		InstanceMetadataTags: types.InstanceMetadataTagsState(m.Tags),
	}
}

// elastic reports whether a public address is one of the account's own.
func (e *EC2) elastic(publicIP string) bool {
	return slices.ContainsFunc(e.world.Network.Addresses.All(), func(a network.Address) bool { return a.PublicIP == publicIP })
}
