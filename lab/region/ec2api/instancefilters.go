package ec2api

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/world"
)

// instanceFilters are the filters of DescribeInstances. Use them within View.
func (e *EC2) instanceFilters() ec2filter.Set[world.Instance] {
	fields := map[string]func(world.Instance) []string{}
	add := func(name string, value func(world.Instance) string) {
		fields[name] = func(i world.Instance) []string {
			if v := value(i); v != "" {
				return []string{v}
			}
			return nil
		}
	}
	add("instance-id", func(i world.Instance) string { return i.ID })
	add("instance-type", func(i world.Instance) string { return i.Type })
	add("instance-state-name", func(i world.Instance) string { return string(i.State) })
	add("instance-state-code", func(i world.Instance) string { return strconv.Itoa(int(*state(i.State).Code)) })
	add("instance-lifecycle", func(i world.Instance) string {
		if i.Spot {
			return "spot"
		}
		return ""
	})
	add("spot-instance-request-id", func(i world.Instance) string { return i.SpotRequest })
	add("image-id", func(i world.Instance) string { return i.ImageID })
	add("launch-time", func(i world.Instance) string { return timestamp(i.LaunchTime) })
	add("launch-index", func(i world.Instance) string { return strconv.Itoa(int(i.LaunchIndex)) })
	add("client-token", func(i world.Instance) string { return i.ClientToken })
	add("reservation-id", func(i world.Instance) string { return i.Reservation })
	add("placement-group-name", func(i world.Instance) string { return i.Config.PlacementGroup })
	add("key-name", func(i world.Instance) string { return i.Config.KeyName })
	add("owner-id", func(world.Instance) string { return e.world.Options.Account })
	add("reason", e.transitionReason)
	add("state-reason-code", func(i world.Instance) string { return i.Reason.Code })
	add("root-device-type", func(world.Instance) string { return "ebs" })
	add("virtualization-type", func(world.Instance) string { return "hvm" })
	add("tenancy", func(world.Instance) string { return "default" })
	add("monitoring-state", func(i world.Instance) string { return string(monitoring(i.Config.Monitoring).State) })
	add("architecture", func(i world.Instance) string {
		image, _ := e.world.Image(i.ImageID)
		return image.Arch
	})
	add("iam-instance-profile.name", func(i world.Instance) string { return i.Config.ProfileName })
	e.addPlaceFilters(add)
	fields["instance.group-id"] = func(i world.Instance) []string { return i.Config.SecurityGroups }
	fields["network-interface.group-id"] = fields["instance.group-id"]
	fields["instance.group-name"] = func(i world.Instance) []string { return e.namesOf(i.Config.SecurityGroups) }
	fields["block-device-mapping.volume-id"] = func(i world.Instance) (ids []string) {
		for _, v := range i.Volumes {
			ids = append(ids, v.ID)
		}
		return ids
	}
	return ec2filter.Set[world.Instance]{Fields: fields, Tags: func(i world.Instance) []types.Tag { return e.tagsOf(i.ID) }}
}

// addPlaceFilters adds what says where an instance is. One that is terminated
// is in a zone still, but no longer in a network.
func (e *EC2) addPlaceFilters(add func(string, func(world.Instance) string)) {
	zone := func(i world.Instance) world.Zone {
		s, _ := e.world.Network.Subnet(i.SubnetID)
		return s.Zone
	}
	add("availability-zone", func(i world.Instance) string { return zone(i).Name })
	add("availability-zone-id", func(i world.Instance) string { return zone(i).ID })
	attached := func(value func(world.Instance) string) func(world.Instance) string {
		return func(i world.Instance) string {
			if i.State == machine.Terminated {
				return ""
			}
			return value(i)
		}
	}
	add("subnet-id", attached(func(i world.Instance) string { return i.SubnetID }))
	add("vpc-id", attached(func(i world.Instance) string { return e.world.InterfaceOf(i).VPCID }))
	add("private-ip-address", attached(func(i world.Instance) string { return i.PrivateIP }))
	add("network-interface.addresses.private-ip-address", attached(func(i world.Instance) string { return i.PrivateIP }))
	add("ip-address", attached(func(i world.Instance) string { return i.PublicIP }))
	add("private-dns-name", attached(func(i world.Instance) string { return e.world.PrivateDNSName(i.PrivateIP) }))
	add("network-interface.network-interface-id", attached(func(i world.Instance) string { return i.InterfaceID }))
	add("iam-instance-profile.arn", attached(func(i world.Instance) string {
		described := types.Instance{}
		s, _ := e.world.Network.Subnet(i.SubnetID)
		e.addAttachments(&described, i, s)
		if described.IamInstanceProfile == nil {
			return ""
		}
		return aws.ToString(described.IamInstanceProfile.Arn)
	}))
}
