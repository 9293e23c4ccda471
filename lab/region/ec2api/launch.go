package ec2api

import (
	"encoding/base64"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// place is where an override or a call wants its instances, beyond what the
// launch data says.
type place struct {
	subnetID, zone, zoneID string
}

// launchFrom turns launch data into a launch, checking everything in it that
// EC2 checks before it looks for capacity. Use it within View or Update.
func (e *EC2) launchFrom(d types.RequestLaunchTemplateData, at place) (l world.Launch, err error) {
	t, image, err := e.imageFor(d)
	if err != nil {
		return l, err
	}
	l.Type, l.Image = t.Name, image
	if l.Subnet, err = e.subnetFor(d, at); err != nil {
		return l, err
	}
	if l.Config, err = e.config(d, l.Subnet); err != nil {
		return l, err
	}
	if l.Volumes, err = volumes(d, l.Image); err != nil {
		return l, err
	}
	if m := d.InstanceMarketOptions; m != nil && m.MarketType == types.MarketTypeSpot {
		l.Spot = true
		if m.SpotOptions != nil {
			l.SpotMaxPrice = aws.ToString(m.SpotOptions.MaxPrice)
			l.Persistent, l.Behavior = m.SpotOptions.SpotInstanceType == types.SpotInstanceTypePersistent, string(m.SpotOptions.InstanceInterruptionBehavior)
		}
	}
	l.Tags, err = launchTags(templateTagSpecs(d.TagSpecifications))
	return l, err
}

// imageFor is the instance type and the image of launch data, which must have
// the same architecture.
func (e *EC2) imageFor(d types.RequestLaunchTemplateData) (t catalog.Type, image world.Image, err error) {
	if t, err = e.instanceType(string(d.InstanceType)); err != nil {
		return t, image, err
	}
	if image, err = e.image(aws.ToString(d.ImageId)); err != nil {
		return t, image, err
	}
	if arch := Architecture(t); arch != image.Arch {
		return t, image, invalid("The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. "+
			"Specify an instance type and an AMI that have matching architectures, and try again. "+
			"You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.", arch, image.Arch)
	}
	return t, image, nil
}

func (e *EC2) instanceType(name string) (catalog.Type, error) {
	if name == "" {
		return catalog.Type{}, missing("InstanceType")
	}
	t, known := e.world.Catalog.Type(name)
	if _, priced := e.world.Catalog.Price(e.world.Options.Region, name); !known || !priced {
		return t, invalid("Invalid value '%s' for InstanceType.", name)
	}
	return t, nil
}

// resolvePrefix begins an image id that an SSM parameter holds.
const resolvePrefix = "resolve:ssm:"

func (e *EC2) image(id string) (world.Image, error) {
	if id == "" {
		return world.Image{}, missing("ImageId")
	}
	if name, isParameter := strings.CutPrefix(id, resolvePrefix); isParameter {
		parameter, found := e.parameters[name]
		if !found {
			return world.Image{}, invalid("Invalid SSM parameter: %s does not exist", name)
		}
		id = parameter.Value
	}
	if err := malformed("InvalidAMIID.Malformed", id, "ami-"); err != nil {
		return world.Image{}, err
	}
	image, found := e.world.Image(id)
	if !found {
		return image, awserr.New("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
	}
	return image, nil
}

func (e *EC2) subnetFor(d types.RequestLaunchTemplateData, at place) (world.Subnet, error) {
	id := at.subnetID
	if primary := primaryInterface(d); id == "" && primary != nil {
		id = aws.ToString(primary.SubnetId)
	}
	if p := d.Placement; p != nil {
		at.zone, at.zoneID = first(at.zone, aws.ToString(p.AvailabilityZone)), first(at.zoneID, aws.ToString(p.AvailabilityZoneId))
	}
	if id == "" {
		return world.Subnet{}, awserr.New("VPCIdNotSpecified", "No default VPC for this user. Specify a subnet.")
	}
	s, found := e.world.Network.Subnet(id)
	if !found {
		return s, awserr.New("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
	}
	if (at.zone != "" && at.zone != s.Zone.Name) || (at.zoneID != "" && at.zoneID != s.Zone.ID) {
		return s, invalid("The subnet ID '%s' is in the Availability Zone '%s', not in the one specified", id, s.Zone.Name)
	}
	return s, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// primaryInterface is the interface with device index 0, nil when the data has
// none.
func primaryInterface(d types.RequestLaunchTemplateData) *types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest {
	for i, n := range d.NetworkInterfaces {
		if aws.ToInt32(n.DeviceIndex) == 0 && aws.ToInt32(n.NetworkCardIndex) == 0 {
			return &d.NetworkInterfaces[i]
		}
	}
	return nil
}

const largestUserData = 16384

func (e *EC2) config(d types.RequestLaunchTemplateData, subnet world.Subnet) (c world.Config, err error) {
	c = world.Config{KeyName: aws.ToString(d.KeyName), EBSOptimized: aws.ToBool(d.EbsOptimized), PublicIP: subnet.Public, Metadata: metadata(d.MetadataOptions)}
	if _, known := e.world.KeyPairs.Get(c.KeyName); c.KeyName != "" && !known {
		return c, awserr.New("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", c.KeyName)
	}
	if d.Monitoring != nil {
		c.Monitoring = aws.ToBool(d.Monitoring.Enabled)
	}
	if d.CreditSpecification != nil {
		c.CPUCredits = aws.ToString(d.CreditSpecification.CpuCredits)
	}
	c.UserData, err = base64.StdEncoding.DecodeString(aws.ToString(d.UserData))
	if err != nil {
		return c, awserr.New("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	if len(c.UserData) > largestUserData {
		return c, invalid("User data is limited to %d bytes", largestUserData)
	}
	groups := d.SecurityGroupIds
	for _, n := range d.NetworkInterfaces {
		if aws.ToInt32(n.DeviceIndex) == 0 && aws.ToInt32(n.NetworkCardIndex) == 0 {
			groups = n.Groups
			if n.AssociatePublicIpAddress != nil {
				c.PublicIP = *n.AssociatePublicIpAddress
			}
			continue
		}
		c.Interfaces = append(c.Interfaces, world.InterfaceConfig{
			DeviceIndex: aws.ToInt32(n.DeviceIndex), CardIndex: aws.ToInt32(n.NetworkCardIndex), Type: aws.ToString(n.InterfaceType),
		})
	}
	if c.SecurityGroups, err = e.world.Network.GroupsFor(subnet.VPCID, groups); err != nil {
		return c, err
	}
	if p := d.Placement; p != nil && aws.ToString(p.GroupName) != "" {
		c.PlacementGroup = *p.GroupName
		if _, known := e.world.PlacementGroups.Get(c.PlacementGroup); !known {
			return c, unknownPlacementGroup(c.PlacementGroup)
		}
	}
	c.ProfileName, err = e.profileName(d.IamInstanceProfile)
	return c, err
}

func (e *EC2) profileName(p *types.LaunchTemplateIamInstanceProfileSpecificationRequest) (string, error) {
	if p == nil {
		return "", nil
	}
	name, parameter := aws.ToString(p.Name), "iamInstanceProfile.name"
	if arn := aws.ToString(p.Arn); arn != "" {
		name, parameter = arn[strings.LastIndex(arn, "/")+1:], "iamInstanceProfile.arn"
	}
	if name == "" {
		return "", nil
	}
	if _, found := e.world.Profiles.Get(name); !found {
		return "", invalid("Value (%s) for parameter %s is invalid. Invalid IAM Instance Profile name", name, parameter)
	}
	return name, nil
}

func metadata(o *types.LaunchTemplateInstanceMetadataOptionsRequest) world.MetadataOptions {
	m := world.MetadataOptions{Tokens: "required", Endpoint: "enabled", IPv6: "disabled", Tags: "disabled", HopLimit: 2}
	if o == nil {
		return m
	}
	m.Tokens, m.Endpoint = first(string(o.HttpTokens), m.Tokens), first(string(o.HttpEndpoint), m.Endpoint)
	m.IPv6, m.Tags = first(string(o.HttpProtocolIpv6), m.IPv6), first(string(o.InstanceMetadataTags), m.Tags)
	if o.HttpPutResponseHopLimit != nil {
		m.HopLimit = *o.HttpPutResponseHopLimit
	}
	return m
}

// volumes are those of the image, changed and added to by the launch data.
func volumes(d types.RequestLaunchTemplateData, image world.Image) ([]world.Volume, error) {
	var list []world.Volume
	for _, v := range image.Volumes {
		list = append(list, world.Volume{Device: v.Device, GiB: v.GiB, Type: v.Type, DeleteOnTermination: true})
	}
	for _, m := range d.BlockDeviceMappings {
		if m.Ebs == nil {
			continue
		}
		at := -1
		for i := range list {
			if list[i].Device == aws.ToString(m.DeviceName) {
				at = i
			}
		}
		if at < 0 {
			if m.Ebs.VolumeSize == nil {
				return nil, awserr.New("MissingParameter", "The request must contain the parameter size or snapshotId")
			}
			list = append(list, world.Volume{Device: aws.ToString(m.DeviceName), Type: "gp2", DeleteOnTermination: true})
			at = len(list) - 1
		}
		if err := setVolume(&list[at], *m.Ebs); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// setVolume changes a volume as a block device mapping says.
func setVolume(v *world.Volume, ebs types.LaunchTemplateEbsBlockDeviceRequest) error {
	if err := awswire.Supported(ebs, "DeleteOnTermination", "Encrypted", "Iops", "KmsKeyId", "Throughput", "VolumeSize", "VolumeType"); err != nil {
		return err
	}
	if ebs.VolumeSize != nil {
		if int64(*ebs.VolumeSize) < max(v.GiB, 1) {
			return awserr.New("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot, expect size >= %dGB", *ebs.VolumeSize, max(v.GiB, 1))
		}
		v.GiB = int64(*ebs.VolumeSize)
	}
	if ebs.DeleteOnTermination != nil {
		v.DeleteOnTermination = *ebs.DeleteOnTermination
	}
	v.Type = first(string(ebs.VolumeType), v.Type)
	v.Encrypted, v.KMSKey = aws.ToBool(ebs.Encrypted), aws.ToString(ebs.KmsKeyId)
	v.IOPS, v.Throughput = aws.ToInt32(ebs.Iops), aws.ToInt32(ebs.Throughput)
	return nil
}
