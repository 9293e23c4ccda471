package ec2api

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/world"
)

// taggable is a kind of resource that can have tags, known by its ids' prefix.
type taggable struct {
	prefix string
	kind   types.ResourceType
	// missing is the error code for an id that nothing has, and text its
	// message, with one %s for the id.
	missing, text string
	exists        func(*world.World, string) bool
}

func taggables() []taggable {
	return append(networkKinds(), []taggable{
		{"i-", types.ResourceTypeInstance, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist",
			func(w *world.World, id string) bool { _, ok := w.Instances.Get(id); return ok }},
		{"vol-", types.ResourceTypeVolume, "InvalidVolume.NotFound", "The volume '%s' does not exist.",
			func(w *world.World, id string) bool {
				return anyInstance(w, func(i world.Instance) bool {
					return slices.ContainsFunc(i.Volumes, func(v world.Volume) bool { return v.ID == id })
				})
			}},
		{"eni-", types.ResourceTypeNetworkInterface, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist",
			func(w *world.World, id string) bool {
				return slices.ContainsFunc(w.Network.Interfaces(), func(i network.Interface) bool { return i.ID == id })
			}},
		{"sir-", types.ResourceTypeSpotInstancesRequest, "InvalidSpotInstanceRequestID.NotFound", "The spot instance request ID '%s' does not exist",
			func(w *world.World, id string) bool {
				return anyInstance(w, func(i world.Instance) bool { return i.SpotRequest == id })
			}},
		{"fleet-", types.ResourceTypeFleet, "InvalidFleetId.NotFound", "The fleet ID '%s' does not exist",
			func(w *world.World, id string) bool {
				return anyInstance(w, func(i world.Instance) bool { return i.FleetID == id })
			}},
		{"lt-", types.ResourceTypeLaunchTemplate, "InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID %s, does not exist.",
			func(w *world.World, id string) bool { _, ok := w.Templates.Get(id); return ok }},
		{"ami-", types.ResourceTypeImage, "InvalidAMIID.NotFound", "The image id '[%s]' does not exist",
			func(w *world.World, id string) bool {
				return slices.ContainsFunc(w.Images, func(i world.Image) bool { return i.ID == id })
			}},
		{"key-", types.ResourceTypeKeyPair, "InvalidKeyPair.NotFound", "The key pair '%s' does not exist",
			func(w *world.World, id string) bool {
				return slices.ContainsFunc(w.KeyPairs.All(), func(k world.KeyPair) bool { return k.ID == id })
			}},
		{"pg-", types.ResourceTypePlacementGroup, "InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.",
			func(w *world.World, id string) bool {
				return slices.ContainsFunc(w.PlacementGroups.All(), func(g world.PlacementGroup) bool { return g.ID == id })
			}},
	}...)
}

// networkKinds are the kinds of resources that networks are made of.
func networkKinds() []taggable {
	return []taggable{
		{"vpc-", types.ResourceTypeVpc, "InvalidVpcID.NotFound", "The vpc ID '%s' does not exist",
			func(w *world.World, id string) bool { _, ok := w.Network.VPCs.Get(id); return ok }},
		{"subnet-", types.ResourceTypeSubnet, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist",
			func(w *world.World, id string) bool { _, ok := w.Network.Subnet(id); return ok }},
		{"sg-", types.ResourceTypeSecurityGroup, "InvalidGroup.NotFound", "The security group '%s' does not exist",
			func(w *world.World, id string) bool { _, ok := w.Network.SecurityGroup(id); return ok }},
		{"igw-", types.ResourceTypeInternetGateway, "InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist",
			func(w *world.World, id string) bool { _, ok := w.Network.InternetGateways.Get(id); return ok }},
		{"nat-", types.ResourceTypeNatgateway, "NatGatewayNotFound", "NAT gateway %s was not found",
			func(w *world.World, id string) bool { _, ok := w.Network.NATGateways.Get(id); return ok }},
		{"eipalloc-", types.ResourceTypeElasticIp, "InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist",
			func(w *world.World, id string) bool { _, ok := w.Network.Addresses.Get(id); return ok }},
		{"rtb-", types.ResourceTypeRouteTable, "InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist",
			func(w *world.World, id string) bool { _, ok := w.Network.RouteTables.Get(id); return ok }},
		{"vpce-", types.ResourceTypeVpcEndpoint, "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist",
			func(w *world.World, id string) bool { _, ok := w.Network.Endpoints.Get(id); return ok }},
		{"sgr-", types.ResourceTypeSecurityGroupRule, "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist",
			func(w *world.World, id string) bool { return w.Network.HasRule(id) }},
	}
}

func anyInstance(w *world.World, is func(world.Instance) bool) bool {
	return slices.ContainsFunc(w.Instances.All(), is)
}

// kindOf finds the kind of an id.
func kindOf(id string) (taggable, bool) {
	kinds := taggables()
	i := slices.IndexFunc(kinds, func(k taggable) bool { return strings.HasPrefix(id, k.prefix) })
	if i < 0 {
		return taggable{}, false
	}
	return kinds[i], true
}

func resourceType(id string) types.ResourceType {
	kind, _ := kindOf(id)
	return kind.kind
}

// checkTaggable is the error for an id that nothing has, nil when something
// has it. Use it within View or Update.
func (e *EC2) checkTaggable(id string) error {
	kind, known := kindOf(id)
	if !known {
		return awserr.New("InvalidID", "The ID '%s' is not valid", id)
	}
	if !kind.exists(e.world, id) {
		return awserr.New(kind.missing, kind.text, id)
	}
	return nil
}
