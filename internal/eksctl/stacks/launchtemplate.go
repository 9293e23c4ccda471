package stacks

import (
	"maps"
	"slices"

	"github.com/drover-project/drover/internal/eksctl"
)

// launchTemplateData is what both kinds of groups say about their instances.
func launchTemplateData(c *Context, g *eksctl.NodeGroupBase) map[string]any {
	data := map[string]any{
		"BlockDeviceMappings": blockDevices(g),
		"MetadataOptions":     metadataOptions(g),
		"TagSpecifications":   tagSpecifications(c, g),
	}
	if c.KeyName != "" {
		data["KeyName"] = c.KeyName
	}
	if g.EBSOptimized != nil {
		data["EbsOptimized"] = *g.EBSOptimized
	}
	if g.Placement != nil {
		data["Placement"] = map[string]any{"GroupName": g.Placement.GroupName}
	}
	if g.EnableDetailedMonitoring {
		data["Monitoring"] = map[string]any{"Enabled": true}
	}
	if r := g.CapacityReservation; r != nil {
		data["CapacityReservationSpecification"] = reservation(r)
	}
	if m := g.InstanceMarketOptions; m != nil {
		data["InstanceMarketOptions"] = map[string]any{"MarketType": m.MarketType}
	}
	return data
}

func reservation(r *eksctl.CapacityReservation) map[string]any {
	specification := map[string]any{}
	if r.CapacityReservationPreference != "" {
		specification["CapacityReservationPreference"] = r.CapacityReservationPreference
	}
	if t := r.CapacityReservationTarget; t != nil {
		target := map[string]any{}
		if t.CapacityReservationID != "" {
			target["CapacityReservationId"] = t.CapacityReservationID
		}
		if t.CapacityReservationResourceGroupARN != "" {
			target["CapacityReservationResourceGroupArn"] = t.CapacityReservationResourceGroupARN
		}
		specification["CapacityReservationTarget"] = target
	}
	return specification
}

func metadataOptions(g *eksctl.NodeGroupBase) map[string]any {
	tokens, hops := "optional", 2
	if eksctl.True(g.DisableIMDSv1) || g.DisablePodIMDS {
		tokens = "required"
	}
	if g.DisablePodIMDS {
		hops = 1
	}
	return map[string]any{"HttpTokens": tokens, "HttpPutResponseHopLimit": hops}
}

// Devices of the root and, with Bottlerocket, of the volume with the pods.
const (
	rootDevice           = "/dev/xvda"
	bottlerocketPodsDisk = "/dev/xvdb"
)

func blockDevices(g *eksctl.NodeGroupBase) []map[string]any {
	device := g.VolumeName
	var devices []map[string]any
	if device == "" && eksctl.IsBottlerocket(g.AMIFamily) {
		device = bottlerocketPodsDisk
		if eksctl.True(g.VolumeEncrypted) {
			devices = append(devices, map[string]any{"DeviceName": rootDevice, "Ebs": encryption(map[string]any{}, g.VolumeEncrypted, g.VolumeKMSKeyID)})
		}
	}
	if device == "" {
		device = rootDevice
	}
	devices = append(devices, volume(device, &eksctl.VolumeMapping{
		VolumeSize: g.VolumeSize, VolumeType: g.VolumeType, VolumeIOPS: g.VolumeIOPS, VolumeThroughput: g.VolumeThroughput,
		VolumeEncrypted: g.VolumeEncrypted, VolumeKMSKeyID: g.VolumeKMSKeyID,
	}))
	for i := range g.AdditionalVolumes {
		devices = append(devices, volume(g.AdditionalVolumes[i].VolumeName, &g.AdditionalVolumes[i]))
	}
	return devices
}

func volume(device string, v *eksctl.VolumeMapping) map[string]any {
	ebs := withoutNil(map[string]any{"VolumeSize": v.VolumeSize, "Iops": v.VolumeIOPS, "Throughput": v.VolumeThroughput})
	ebs["VolumeType"] = v.VolumeType
	if v.SnapshotID != "" {
		ebs["SnapshotId"] = v.SnapshotID
	}
	return map[string]any{"DeviceName": device, "Ebs": encryption(ebs, v.VolumeEncrypted, v.VolumeKMSKeyID)}
}

func encryption(ebs map[string]any, encrypted *bool, key string) map[string]any {
	if encrypted != nil {
		ebs["Encrypted"] = *encrypted
	}
	if key != "" {
		ebs["KmsKeyId"] = key
	}
	return ebs
}

func tagSpecifications(c *Context, g *eksctl.NodeGroupBase) []map[string]any {
	tags := map[string]string{}
	for key, value := range c.Config.Metadata.Tags {
		tags[key] = value
	}
	for key, value := range g.Tags {
		tags[key] = value
	}
	tags[TagNodeGroup], tags["Name"] = g.Name, nodeName(c.Config, g)
	var list []map[string]any
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]any{"Key": key, "Value": tags[key]})
	}
	var all []map[string]any
	for _, resource := range []string{"instance", "volume", "network-interface"} {
		all = append(all, map[string]any{"ResourceType": resource, "Tags": list})
	}
	return all
}

// sshRules let SSH in: from security groups, from the VPC, or from everywhere.
func sshRules(c *Context, g *eksctl.NodeGroupBase, what string) []map[string]any {
	if !eksctl.True(g.SSH.Allow) {
		return nil
	}
	rule := func(source, value string) map[string]any {
		return map[string]any{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, source: value, "Description": "Allow SSH access to " + what}
	}
	var rules []map[string]any
	for _, id := range g.SSH.SourceSecurityGroupIDs {
		rules = append(rules, rule("SourceSecurityGroupId", id))
	}
	switch {
	case len(rules) > 0:
		return rules
	case g.PrivateNetworking:
		return []map[string]any{rule("CidrIp", c.Cluster.VPCCIDR)}
	}
	return []map[string]any{rule("CidrIp", "0.0.0.0/0"), rule("CidrIpv6", "::/0")}
}
