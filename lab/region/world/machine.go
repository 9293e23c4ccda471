package world

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/store"
)

// Machine is an instance as the software on it sees it.
func (w *World) Machine(i Instance) machine.Machine {
	subnet, _ := w.Network.Subnet(i.SubnetID)
	image, _ := w.Image(i.ImageID)
	m := machine.Machine{
		ID: i.ID, Type: i.Type, Region: w.Options.Region, Zone: subnet.Zone.Name, ZoneID: subnet.Zone.ID,
		PrivateIP: i.PrivateIP, SubnetCIDR: subnet.CIDR.String(), PrivateDNSName: w.PrivateDNSName(i.PrivateIP),
		ImageID: i.ImageID, ImageName: image.Name, Spot: i.Spot, State: i.State, LaunchTime: i.LaunchTime,
		UserData: i.Config.UserData, Tags: w.TagsOf(i.ID), Hardware: w.hardware(i.Type), Notices: i.Notices,
		Account: w.Options.Account, Launch: w.launchOf(i), Network: w.interfaceOf(i, subnet), Metadata: i.Config.Metadata.machine(),
		Rebooted: i.Rebooted,
	}
	_, m.Unreachable = w.UnreachableSince(i)
	if profile, found := w.Profiles.Get(i.Config.ProfileName); found {
		m.Profile = machine.Profile{ARN: w.ProfileARN(profile), ID: profile.ID}
	}
	if role, found := w.roleOf(i); found {
		m.RoleARN = w.RoleARN(role)
	}
	if len(i.Volumes) > 0 {
		m.RootVolumeGiB = i.Volumes[0].GiB
	}
	if member, found := w.Members.Get(i.ID); found {
		m.Notices.TargetLifecycle = member.TargetLifecycle()
	}
	return m
}

// TargetLifecycle is the state that Auto Scaling moves the instance to, as the
// instance metadata service says it.
func (m Member) TargetLifecycle() string {
	if m.Returns {
		return string(m.Rests)
	}
	switch m.State {
	case "":
		return ""
	case types.LifecycleStateWarmedTerminating, types.LifecycleStateWarmedTerminatingWait, types.LifecycleStateWarmedTerminatingProceed:
		return string(types.LifecycleStateWarmedTerminated)
	case types.LifecycleStateTerminating, types.LifecycleStateTerminatingWait, types.LifecycleStateTerminatingProceed, types.LifecycleStateTerminated:
		return string(types.LifecycleStateTerminated)
	case types.LifecycleStateDetaching, types.LifecycleStateDetached:
		return string(types.LifecycleStateDetached)
	case types.LifecycleStateEnteringStandby, types.LifecycleStateStandby:
		return string(types.LifecycleStateStandby)
	}
	if m.Warm() {
		return string(m.Rests)
	}
	return string(types.LifecycleStateInService)
}

// TellMachine tells the software on an instance of a change that is not part of
// the instance, once it is durable.
func (w *World) TellMachine(tx *store.Tx, id string) {
	tx.OnCommit(func() {
		if i, found := w.Instances.Get(id); found {
			w.watchers.publish(w.Machine(i))
		}
	})
}

func (w *World) launchOf(i Instance) machine.Launch {
	l := machine.Launch{
		Reservation: i.Reservation, Index: i.LaunchIndex, KeyName: i.Config.KeyName, PlacementGroup: i.Config.PlacementGroup,
	}
	if pair, found := w.KeyPairs.Get(i.Config.KeyName); found {
		l.PublicKey = pair.PublicKey
	}
	for _, v := range i.Volumes {
		l.Devices = append(l.Devices, v.Device)
	}
	return l
}

func (w *World) interfaceOf(i Instance, s Subnet) machine.Network {
	n := machine.Network{InterfaceID: i.InterfaceID, MAC: w.MAC(i.InterfaceID), SubnetID: s.ID, VPCID: s.VPCID, PublicIP: i.PublicIP}
	vpc, _ := w.Network.VPCs.Get(s.VPCID)
	for _, block := range vpc.Blocks {
		n.VPCCIDRs = append(n.VPCCIDRs, block.CIDR.String())
	}
	for _, id := range i.Config.SecurityGroups {
		group, _ := w.Network.SecurityGroup(id)
		n.SecurityGroups = append(n.SecurityGroups, machine.SecurityGroup{ID: id, Name: group.Name})
	}
	n.PublicDNSName = w.PublicDNSName(i.PublicIP, s.VPCID)
	return n
}

// MAC is the hardware address of a network interface.
func (w *World) MAC(interfaceID string) string {
	sum := sha256.Sum256([]byte(interfaceID))
	// The first byte says: one machine, given by an administrator.
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", sum[0], sum[1], sum[2], sum[3], sum[4])
}

// PublicDNSName is the host name of a public address, empty without one or in a
// VPC whose DNS hostnames are off.
func (w *World) PublicDNSName(address, vpcID string) string {
	if vpc, found := w.Network.VPCs.Get(vpcID); address == "" || !found || !vpc.DNSHostnames {
		return ""
	}
	domain := w.Options.Region + ".compute.amazonaws.com"
	if w.Options.Region == "us-east-1" {
		domain = "compute-1.amazonaws.com"
	}
	return "ec2-" + strings.ReplaceAll(address, ".", "-") + "." + domain
}

// ProfileARN names an instance profile.
func (w *World) ProfileARN(p Profile) string {
	return fmt.Sprintf("arn:aws:iam::%s:instance-profile%s%s", w.Options.Account, p.Path, p.Name)
}

// PutMetadataOptions stores an instance whose settings of the metadata service
// changed, and tells the service.
func (w *World) PutMetadataOptions(tx *store.Tx, i Instance) error { return w.putInstance(tx, i) }

func (m MetadataOptions) machine() machine.MetadataOptions {
	return machine.MetadataOptions{
		TokensRequired: m.Tokens == "required", Disabled: m.Endpoint == "disabled", Tags: m.Tags == "enabled", HopLimit: m.HopLimit,
	}
}

// roleOf is the role of an instance's profile.
func (w *World) roleOf(i Instance) (Role, bool) {
	profile, found := w.Profiles.Get(i.Config.ProfileName)
	if !found || len(profile.Roles) == 0 {
		return Role{}, false
	}
	return w.Roles.Get(profile.Roles[0])
}

// machineSession is how long credentials of an instance's role last.
const machineSession = 6 * time.Hour

// Credentials opens a session of an instance's role, named after the instance;
// see machine.Keyring.
func (w *World) Credentials(id string) (c machine.Credentials, err error) {
	err = w.Store.Update(func(tx *store.Tx) error {
		i, found := w.Instances.Get(id)
		if !found {
			return fmt.Errorf("there is no instance %s", id)
		}
		role, found := w.roleOf(i)
		if !found {
			return fmt.Errorf("instance %s has no role", id)
		}
		if !trustsEC2(role) {
			return machine.ErrRoleRefusesEC2
		}
		s, err := w.OpenSession(tx, role, id, machineSession)
		c = machine.Credentials{AccessKeyID: s.AccessKeyID, Secret: s.Secret, Token: s.Token, Updated: w.Clock.Now(), Expires: s.Expires}
		return err
	})
	if err != nil && !errors.Is(err, machine.ErrRoleRefusesEC2) {
		err = fmt.Errorf("credentials: %w", err)
	}
	return c, err
}

func trustsEC2(r Role) bool {
	document, err := policy.Trust(r.TrustPolicy)
	return err == nil && document.Allows(policy.Request{
		Action: "sts:AssumeRole", Principals: []policy.Principal{{Kind: "Service", ID: "ec2.amazonaws.com"}},
	})
}
