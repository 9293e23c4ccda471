package imds

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-project/drover/lab/machine"
)

// errNone says that a path is not there: EC2 serves only what an instance has.
var errNone = errors.New("no such path")

// leaf makes the content of a path.
type leaf func() (string, error)

// tree is what one machine's service shows, by path below the version. Folders
// follow from the paths.
type tree map[string]leaf

// newTree is what a machine shows without a secret.
func newTree(m machine.Machine) tree {
	t := tree{}
	t.addInstance(m)
	t.addLaunch(m)
	t.addInterface(m)
	t.addNotices(m.Notices)
	t.add("dynamic/instance-identity/document", identity(m))
	if len(m.UserData) > 0 {
		t.add("user-data", string(m.UserData))
	}
	if m.Metadata.Tags {
		for key, value := range m.Tags {
			t.add("meta-data/tags/instance/"+key, value)
		}
	}
	return t
}

func (t tree) add(path, content string) {
	t[path] = func() (string, error) { return content, nil }
}

// addIfAny adds what is there only when it has a value.
func (t tree) addIfAny(path, content string) {
	if content != "" {
		t.add(path, content)
	}
}

func (t tree) addInstance(m machine.Machine) {
	for name, content := range map[string]string{
		"ami-id": m.ImageID, "ami-manifest-path": "(unknown)", "hibernation/configured": "false", "hostname": m.PrivateDNSName,
		"instance-action": "none", "instance-id": m.ID, "instance-life-cycle": lifeCycle(m), "instance-type": m.Type,
		"local-hostname": m.PrivateDNSName, "local-ipv4": m.PrivateIP, "profile": "default-hvm",
		"placement/availability-zone": m.Zone, "placement/availability-zone-id": m.ZoneID, "placement/region": m.Region,
		"services/domain": "amazonaws.com", "services/partition": "aws",
	} {
		t.add("meta-data/"+name, content)
	}
}

func lifeCycle(m machine.Machine) string {
	if m.Spot {
		return "spot"
	}
	return "on-demand"
}

func (t tree) addLaunch(m machine.Machine) {
	t.add("meta-data/ami-launch-index", strconv.Itoa(int(m.Launch.Index)))
	t.addIfAny("meta-data/reservation-id", m.Launch.Reservation)
	t.addIfAny("meta-data/placement/group-name", m.Launch.PlacementGroup)
	if m.Launch.PublicKey != "" {
		t.add("meta-data/public-keys/0/openssh-key", m.Launch.PublicKey)
		t.add(keyNames, "0="+m.Launch.KeyName)
	}
	for n, device := range m.Launch.Devices {
		name := fmt.Sprintf("ebs%d", n)
		if n == 0 {
			name = "root"
			t.add("meta-data/block-device-mapping/ami", device)
		}
		t.add("meta-data/block-device-mapping/"+name, device)
	}
}

func (t tree) addInterface(m machine.Machine) {
	n := m.Network
	var ids, names []string
	for _, group := range n.SecurityGroups {
		ids, names = append(ids, group.ID), append(names, group.Name)
	}
	t.addIfAny("meta-data/security-groups", strings.Join(names, "\n"))
	t.addIfAny("meta-data/public-ipv4", n.PublicIP)
	t.addIfAny("meta-data/public-hostname", n.PublicDNSName)
	if n.MAC == "" {
		return
	}
	t.add("meta-data/mac", n.MAC)
	folder := "meta-data/network/interfaces/macs/" + n.MAC + "/"
	for name, content := range map[string]string{
		"device-number": "0", "interface-id": n.InterfaceID, "local-hostname": m.PrivateDNSName, "local-ipv4s": m.PrivateIP, "mac": n.MAC,
		"owner-id": m.Account, "public-hostname": n.PublicDNSName, "public-ipv4s": n.PublicIP, "security-group-ids": strings.Join(ids, "\n"),
		"security-groups": strings.Join(names, "\n"), "subnet-id": n.SubnetID, "subnet-ipv4-cidr-block": m.SubnetCIDR, "vpc-id": n.VPCID,
		"vpc-ipv4-cidr-blocks": strings.Join(n.VPCCIDRs, "\n"),
	} {
		t.addIfAny(folder+name, content)
	}
	if len(n.VPCCIDRs) > 0 {
		t.add(folder+"vpc-ipv4-cidr-block", n.VPCCIDRs[0])
	}
	if n.PublicIP != "" {
		t.add(folder+"ipv4-associations/"+n.PublicIP, m.PrivateIP)
	}
}

// identity is the instance identity document. It is not signed: the signature,
// pkcs7 and rsa2048 are not served.
func identity(m machine.Machine) string {
	arch := "x86_64"
	if m.Hardware.Arch == "arm64" {
		arch = "arm64"
	}
	return spaced(struct {
		AccountID               string  `json:"accountId"`
		Architecture            string  `json:"architecture"`
		AvailabilityZone        string  `json:"availabilityZone"`
		BillingProducts         *string `json:"billingProducts"`
		DevpayProductCodes      *string `json:"devpayProductCodes"`
		MarketplaceProductCodes *string `json:"marketplaceProductCodes"`
		ImageID                 string  `json:"imageId"`
		InstanceID              string  `json:"instanceId"`
		InstanceType            string  `json:"instanceType"`
		KernelID                *string `json:"kernelId"`
		PendingTime             string  `json:"pendingTime"`
		PrivateIP               string  `json:"privateIp"`
		RamdiskID               *string `json:"ramdiskId"`
		Region                  string  `json:"region"`
		Version                 string  `json:"version"`
	}{
		AccountID: m.Account, Architecture: arch, AvailabilityZone: m.Zone, ImageID: m.ImageID, InstanceID: m.ID, InstanceType: m.Type,
		PendingTime: m.LaunchTime.UTC().Format(timestamp), PrivateIP: m.PrivateIP, Region: m.Region, Version: "2017-09-30",
	})
}

// timestamp is how the service writes a time.
const timestamp = "2006-01-02T15:04:05Z"

// spaced is JSON with one field on each line.
func spaced(v any) string {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // only plain structs are given
	}
	return string(content)
}

// keyNames is where the listing of public keys is kept: they have names there.
const keyNames = "meta-data/public-keys//names"

// read is the content of a path, or the names in it, folders with a slash.
func (t tree) read(path string) (string, error) {
	if content, found := t[path]; found && path != keyNames {
		return content()
	}
	names := t.children(path)
	switch {
	case len(names) == 0:
		return "", errNone
	case path == "meta-data/public-keys" && t[keyNames] != nil:
		return t[keyNames]()
	}
	return strings.Join(names, "\n"), nil
}

// children are the names in a folder, in order.
func (t tree) children(folder string) []string {
	if folder != "" {
		folder += "/"
	}
	names := map[string]bool{}
	for path := range t {
		rest, inside := strings.CutPrefix(path, folder)
		if !inside {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		// The parts right below a version are listed without a slash.
		if deeper && folder != "" {
			name += "/"
		}
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
