package ec2api

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// AllocateAddress makes an Elastic IP address that nothing has yet.
func (e *EC2) AllocateAddress(_ context.Context, in *ec2.AllocateAddressInput) (*ec2.AllocateAddressOutput, error) {
	if err := awswire.Supported(in, "Domain", "DryRun", "NetworkBorderGroup", "PublicIpv4Pool", "TagSpecifications"); err != nil {
		return nil, err
	}
	if in.Domain == types.DomainTypeStandard {
		return nil, unsupported("Domain standard: EC2-Classic is gone")
	}
	if pool := first(aws.ToString(in.PublicIpv4Pool), amazonPool); pool != amazonPool {
		return nil, awserr.New("InvalidPublicIpv4PoolID.NotFound", "The pool ID '%s' does not exist", pool)
	}
	if group := first(aws.ToString(in.NetworkBorderGroup), e.world.Options.Region); group != e.world.Options.Region {
		return nil, invalid("Value (%s) for parameter networkBorderGroup is invalid.", group)
	}
	out := &ec2.AllocateAddressOutput{}
	_, err := e.create("AllocateAddress", creation{dry: in.DryRun, resource: types.ResourceTypeElasticIp, specs: in.TagSpecifications}, func(tx *store.Tx) (string, error) {
		a, err := e.world.Network.AllocateAddress(tx)
		return a.ID, err
	}, func(id string) {
		a, _ := e.world.Network.Addresses.Get(id)
		out.AllocationId, out.PublicIp, out.Domain = aws.String(a.ID), aws.String(a.PublicIP), types.DomainTypeVpc
		out.PublicIpv4Pool, out.NetworkBorderGroup = aws.String(amazonPool), aws.String(e.world.Options.Region)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

const amazonPool = "amazon"

// ReleaseAddress gives up an address that nothing has.
func (e *EC2) ReleaseAddress(_ context.Context, in *ec2.ReleaseAddressInput) (*ec2.ReleaseAddressOutput, error) {
	if err := awswire.Supported(in, "AllocationId", "DryRun", "NetworkBorderGroup"); err != nil {
		return nil, err
	}
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		if err := e.world.Network.ReleaseAddress(tx, aws.ToString(in.AllocationId)); err != nil {
			return err
		}
		return e.forget(tx, *in.AllocationId)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.ReleaseAddressOutput{}, nil
}

// AssociateAddress gives an address to an instance, which loses the public one
// that it had.
func (e *EC2) AssociateAddress(_ context.Context, in *ec2.AssociateAddressInput) (*ec2.AssociateAddressOutput, error) {
	if err := awswire.Supported(in, "AllocationId", "AllowReassociation", "DryRun", "InstanceId", "NetworkInterfaceId"); err != nil {
		return nil, err
	}
	if (in.InstanceId == nil) == (in.NetworkInterfaceId == nil) {
		return nil, invalidCombination("You must specify either an instance ID or a network interface ID")
	}
	out := &ec2.AssociateAddressOutput{}
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		i, err := e.attachable(aws.ToString(in.InstanceId), aws.ToString(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		before, err := e.world.Network.FindAddress(aws.ToString(in.AllocationId))
		if err != nil {
			return err
		}
		a, err := e.world.Network.AssociateAddress(tx, before.ID, e.world.InterfaceOf(i), aws.ToBool(in.AllowReassociation))
		if err != nil {
			return err
		}
		out.AssociationId = aws.String(a.AssociationID)
		if before.InstanceID != "" && before.InstanceID != i.ID {
			if err := e.world.SetPublicIP(tx, before.InstanceID, ""); err != nil {
				return err
			}
		}
		return e.world.SetPublicIP(tx, i.ID, a.PublicIP)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// attachable is the instance of an id, or with an interface of an id.
func (e *EC2) attachable(instanceID, interfaceID string) (world.Instance, error) {
	instances := e.world.Instances.All()
	at := slices.IndexFunc(instances, func(i world.Instance) bool {
		return i.State != machine.Terminated && (i.ID == instanceID || i.InterfaceID == interfaceID)
	})
	switch {
	case at >= 0 && instances[at].State != machine.Running && instances[at].State != machine.Stopped:
		return instances[at], awserr.New("IncorrectInstanceState", "The instance '%s' is not in a valid state for this operation.", instances[at].ID)
	case at >= 0:
		return instances[at], nil
	case instanceID != "":
		return world.Instance{}, awserr.New("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", instanceID)
	}
	return world.Instance{}, awserr.New("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", interfaceID)
}

// DisassociateAddress takes an address from its instance.
func (e *EC2) DisassociateAddress(_ context.Context, in *ec2.DisassociateAddressInput) (*ec2.DisassociateAddressOutput, error) {
	if err := awswire.Supported(in, "AssociationId", "DryRun"); err != nil {
		return nil, err
	}
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		a, err := e.world.Network.DisassociateAddress(tx, aws.ToString(in.AssociationId))
		if err != nil {
			return err
		}
		return e.world.SetPublicIP(tx, a.InstanceID, "")
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DisassociateAddressOutput{}, nil
}

// DescribeAddresses describes the account's Elastic IP addresses.
func (e *EC2) DescribeAddresses(_ context.Context, in *ec2.DescribeAddressesInput) (*ec2.DescribeAddressesOutput, error) {
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	rows := e.world.Network.Addresses.All
	var err error
	if len(in.PublicIps) > 0 {
		var found []network.Address
		e.world.Store.View(func() {
			found, err = byIDs(rows(), in.PublicIps, func(a network.Address) string { return a.PublicIP }, "InvalidAddress.NotFound", "Address '%s' not found.")
		})
		if err != nil {
			return nil, err
		}
		rows = func() []network.Address { return found }
	}
	part, _, err := list(e, listing[network.Address]{
		rows: rows, ids: in.AllocationIds, idOf: func(a network.Address) string { return a.ID },
		code: "InvalidAllocationID.NotFound", text: "The allocation ID '%s' does not exist", set: e.addressFilters(), filters: in.Filters,
	}, e.address)
	return &ec2.DescribeAddressesOutput{Addresses: part}, err
}

func (e *EC2) addressFilters() ec2filter.Set[network.Address] {
	f := fields[network.Address]{}
	f.one("allocation-id", func(a network.Address) string { return a.ID })
	f.one("association-id", func(a network.Address) string { return a.AssociationID })
	f.one("instance-id", func(a network.Address) string { return a.InstanceID })
	f.one("network-interface-id", func(a network.Address) string { return a.InterfaceID })
	f.one("private-ip-address", func(a network.Address) string { return a.PrivateIP })
	f.one("public-ip", func(a network.Address) string { return a.PublicIP })
	f.always("network-border-group", e.world.Options.Region)
	f.always("domain", "vpc")
	return f.set(e, func(a network.Address) string { return a.ID })
}

func (e *EC2) address(a network.Address) types.Address {
	out := types.Address{
		AllocationId: aws.String(a.ID), PublicIp: aws.String(a.PublicIP), Domain: types.DomainTypeVpc, PublicIpv4Pool: aws.String(amazonPool),
		NetworkBorderGroup: aws.String(e.world.Options.Region), AssociationId: optional(a.AssociationID), InstanceId: optional(a.InstanceID),
		NetworkInterfaceId: optional(a.InterfaceID), PrivateIpAddress: optional(a.PrivateIP), Tags: e.tagsOf(a.ID),
	}
	if a.AssociationID != "" {
		out.NetworkInterfaceOwnerId = aws.String(e.world.Options.Account)
	}
	return out
}
