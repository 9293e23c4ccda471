package eksctl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// base checks what both kinds of groups have.
func (f *findings) base(path string, g *NodeGroupBase) {
	f.oneOf(path+".amiFamily", family(g.AMIFamily), AMIFamilies()...)
	f.sizes(path, g)
	f.volumes(path, g)
	f.labels(path+".labels", g.Labels)
	if g.MaxPodsPerNode < 0 {
		f.add(path+".maxPodsPerNode", "must not be negative")
	}
	if len(g.AvailabilityZones) > 0 && len(g.Subnets) > 0 {
		f.add(path+".availabilityZones", "cannot be set beside subnets")
	}
	if g.EFAEnabled && (len(g.AvailabilityZones) > 1 || len(g.Subnets) > 1) {
		f.add(path+".efaEnabled", "needs a single zone or subnet")
	}
	if g.Placement != nil && g.Placement.GroupName == "" {
		f.add(path+".placement.groupName", "is missing")
	}
	if g.AMI != "" && g.AMIFamily == "" {
		f.add(path+".ami", "needs amiFamily: how a node joins depends on it")
	}
	if g.Bottlerocket != nil && g.AMIFamily != "" && !IsBottlerocket(family(g.AMIFamily)) {
		f.add(path+".bottlerocket", "is only for amiFamily Bottlerocket, not %s", g.AMIFamily)
	}
	if name := family(g.AMIFamily); IsBottlerocket(name) {
		f.unsupported(path, name, "preBootstrapCommands", len(g.PreBootstrapCommands) > 0)
		f.unsupported(path, name, "overrideBootstrapCommand", g.OverrideBootstrapCommand != "")
	}
	f.ssh(path+".ssh", g.SSH)
	f.nodeRole(path, g)
	f.selector(path, g)
	f.reservation(path, g)
}

func (f *findings) unsupported(path, family, field string, set bool) {
	if set {
		f.add(path+"."+field, "is not supported with amiFamily %s", family)
	}
}

func (f *findings) sizes(path string, g *NodeGroupBase) {
	for _, size := range []struct {
		name  string
		value *int
	}{{"minSize", g.MinSize}, {"maxSize", g.MaxSize}, {"desiredCapacity", g.DesiredCapacity}} {
		if size.value != nil && *size.value < 0 {
			f.add(path+"."+size.name, "must not be negative")
		}
	}
	switch {
	case g.MinSize != nil && g.MaxSize != nil && *g.MaxSize < *g.MinSize:
		f.add(path+".maxSize", "%d is less than minSize %d", *g.MaxSize, *g.MinSize)
	case g.MinSize != nil && g.DesiredCapacity != nil && *g.DesiredCapacity < *g.MinSize:
		f.add(path+".desiredCapacity", "%d is less than minSize %d", *g.DesiredCapacity, *g.MinSize)
	case g.MaxSize != nil && g.DesiredCapacity != nil && *g.DesiredCapacity > *g.MaxSize:
		f.add(path+".desiredCapacity", "%d is more than maxSize %d", *g.DesiredCapacity, *g.MaxSize)
	}
}

func (f *findings) labels(path string, labels map[string]string) {
	for key, value := range labels {
		field := path + "." + key
		if strings.ContainsAny(key, "./") {
			field = path + "[" + key + "]"
		}
		if wrong := validation.IsQualifiedName(key); len(wrong) > 0 {
			f.add(field, "%q is no label: %s", key, wrong[0])
			continue
		}
		if wrong := validation.IsValidLabelValue(value); len(wrong) > 0 {
			f.add(field, "%q is no value of a label: %s", value, wrong[0])
		}
		if !kubeletMaySet(key) {
			f.add(field, "is reserved: a kubelet may not give its node labels of kubernetes.io and k8s.io, except node.kubernetes.io/ and a few more")
		}
	}
	slices.SortStableFunc(f.all, func(a, b Finding) int {
		if strings.HasPrefix(a.Field, path) && strings.HasPrefix(b.Field, path) {
			return strings.Compare(a.Field, b.Field)
		}
		return 0
	})
}

// kubeletMaySet is the rule of the NodeRestriction admission plugin.
func kubeletMaySet(label string) bool {
	domain, _, prefixed := strings.Cut(label, "/")
	in := func(parent string) bool { return domain == parent || strings.HasSuffix(domain, "."+parent) }
	if !prefixed || !in("kubernetes.io") && !in("k8s.io") {
		return true
	}
	if in("node.kubernetes.io") || in("kubelet.kubernetes.io") {
		return true
	}
	return slices.Contains([]string{
		"kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/instance-type",
		"beta.kubernetes.io/arch", "beta.kubernetes.io/os",
		"failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
		"topology.kubernetes.io/region", "topology.kubernetes.io/zone",
	}, label)
}

func (f *findings) taints(path string, taints []Taint) {
	for i, taint := range taints {
		if wrong := validation.IsQualifiedName(taint.Key); len(wrong) > 0 {
			f.add(fmt.Sprintf("%s[%d].key", path, i), "%q is no key of a taint: %s", taint.Key, wrong[0])
		}
		if wrong := validation.IsValidLabelValue(taint.Value); len(wrong) > 0 {
			f.add(fmt.Sprintf("%s[%d].value", path, i), "%q is no value of a taint: %s", taint.Value, wrong[0])
		}
		field := fmt.Sprintf("%s[%d].effect", path, i)
		if taint.Effect == "" {
			f.add(field, "of taint %s is missing; it is NoSchedule, PreferNoSchedule or NoExecute", taint.Key)
		}
		f.oneOf(field, string(taint.Effect), "NoSchedule", "PreferNoSchedule", "NoExecute")
	}
}

func (f *findings) ssh(path string, ssh *SSH) {
	if ssh == nil {
		return
	}
	if count(ssh.PublicKey != "", ssh.PublicKeyName != "", ssh.PublicKeyPath != "") > 1 {
		f.add(path, "only one of publicKey, publicKeyName and publicKeyPath can be set")
	}
	if False(ssh.EnableSSM) {
		f.add(path+".enableSsm", "cannot be false: the SSM agent is part of the AMIs of EKS")
	}
}

func (f *findings) nodeRole(path string, g *NodeGroupBase) {
	i := g.IAM
	if i == nil {
		return
	}
	path += ".iam"
	f.arn(path+".instanceRoleARN", i.InstanceRoleARN)
	f.arn(path+".instanceProfileARN", i.InstanceProfileARN)
	for n, arn := range i.AttachPolicyARNs {
		f.arn(fmt.Sprintf("%s.attachPolicyARNs[%d]", path, n), arn)
	}
	existing := i.InstanceRoleARN != "" || i.InstanceProfileARN != ""
	policies := i.WithAddonPolicies != nil && *i.WithAddonPolicies != AddonPolicies{}
	if existing && (policies || len(i.AttachPolicyARNs) > 0 || i.AttachPolicy != nil || i.InstanceRoleName != "" || i.InstanceRolePermissionsBoundary != "") {
		f.add(path, "cannot both name a role that exists (instanceRoleARN, instanceProfileARN) and describe a new one")
	}
	if w := i.WithAddonPolicies; w != nil && w.ALBIngress && w.AWSLoadBalancerController {
		f.add(path+".withAddonPolicies.albIngress", "is the deprecated name of awsLoadBalancerController; set only that")
	}
	if g.DisablePodIMDS && policies {
		f.add(path+".withAddonPolicies", "is of no use with disablePodIMDS: pods cannot reach the credentials of the node")
	}
}

func (f *findings) selector(path string, g *NodeGroupBase) {
	s := g.InstanceSelector
	if s == nil || *s == (InstanceSelector{}) {
		return
	}
	f.oneOf(path+".instanceSelector.cpuArchitecture", s.CPUArchitecture, "x86_64", "amd64", "arm64")
	if g.InstanceType != "" && g.InstanceType != "mixed" {
		f.add(path+".instanceType", "cannot be set beside instanceSelector")
	}
}

func (f *findings) reservation(path string, g *NodeGroupBase) {
	if c := g.CapacityReservation; c != nil {
		f.oneOf(path+".capacityReservation.capacityReservationPreference", c.CapacityReservationPreference, "open", "none")
		if c.CapacityReservationPreference != "" && c.CapacityReservationTarget != nil {
			f.add(path+".capacityReservation", "takes a preference or a target, not both")
		}
		if t := c.CapacityReservationTarget; t != nil && t.CapacityReservationID != "" && t.CapacityReservationResourceGroupARN != "" {
			f.add(path+".capacityReservation.capacityReservationTarget", "takes a reservation or a group of them, not both")
		}
	}
	if m := g.InstanceMarketOptions; m != nil {
		f.oneOf(path+".instanceMarketOptions.marketType", m.MarketType, "capacity-block")
		if g.CapacityReservation == nil {
			f.add(path+".instanceMarketOptions", "needs capacityReservation")
		}
	}
}

func (f *findings) update(path string, u *UpdateConfig, most *int) {
	switch {
	case u == nil:
	case u.MaxUnavailable == nil && u.MaxUnavailablePercentage == nil:
		f.add(path+".updateConfig", "needs maxUnavailable or maxUnavailablePercentage")
	case u.MaxUnavailable != nil && u.MaxUnavailablePercentage != nil:
		f.add(path+".updateConfig", "takes maxUnavailable or maxUnavailablePercentage, not both")
	case u.MaxUnavailable != nil && most != nil && *u.MaxUnavailable > *most:
		f.add(path+".updateConfig.maxUnavailable", "%d is more than maxSize %d", *u.MaxUnavailable, *most)
	}
}

// managed checks a managed group.
func (f *findings) managed(path string, g *ManagedNodeGroup) {
	f.base(path, &g.NodeGroupBase)
	f.taints(path+".taints", g.Taints)
	f.update(path, g.UpdateConfig, g.MaxSize)
	if g.InstanceType != "" && len(g.InstanceTypes) > 0 {
		f.add(path+".instanceTypes", "cannot be set beside instanceType")
	}
	if len(g.InstanceTypes) > 20 {
		f.add(path+".instanceTypes", "has %d types; EKS takes 20", len(g.InstanceTypes))
	}
	if g.OutpostARN != "" {
		f.add(path+".outpostARN", "is only for self-managed groups (nodeGroups)")
	}
	if g.IAM != nil && g.IAM.InstanceProfileARN != "" {
		f.add(path+".iam.instanceProfileARN", "is only for self-managed groups; use iam.instanceRoleARN")
	}
	if s := g.SecurityGroups; s != nil && (True(s.WithLocal) || True(s.WithShared)) {
		f.add(path+".securityGroups", "withLocal and withShared are only for self-managed groups")
	}
	if g.MaxSize != nil && *g.MaxSize == 0 {
		f.add(path+".maxSize", "must be at least 1 in a managed group")
	}
	name := family(g.AMIFamily)
	if IsWindows(name) {
		f.unsupported(path, name, "overrideBootstrapCommand", g.OverrideBootstrapCommand != "")
	}
	f.template(path, g)
	if g.AMI == "" && g.OverrideBootstrapCommand != "" && name != "" && name != AmazonLinux2023 {
		f.add(path+".overrideBootstrapCommand", "needs ami: EKS boots its own AMIs itself")
	}
	f.ownImage(path, g, name)
}

func (f *findings) template(path string, g *ManagedNodeGroup) {
	l := g.LaunchTemplate
	if l == nil {
		return
	}
	if l.ID == "" {
		f.add(path+".launchTemplate.id", "is missing")
	}
	if number, err := strconv.Atoi(l.Version); l.Version != "" && (err != nil || number < 1) {
		f.add(path+".launchTemplate.version", "%q must be a number from 1 on", l.Version)
	}
	f.refuse(path, "belongs into the launch template that is named", map[string]bool{
		"instanceType": g.InstanceType != "", "ami": g.AMI != "", "volumeSize": g.VolumeSize != nil, "instanceName": g.InstanceName != "",
		"instancePrefix": g.InstancePrefix != "", "maxPodsPerNode": g.MaxPodsPerNode != 0, "disableIMDSv1": False(g.DisableIMDSv1),
		"disablePodIMDS": g.DisablePodIMDS, "placement": g.Placement != nil, "preBootstrapCommands": len(g.PreBootstrapCommands) > 0,
		"overrideBootstrapCommand": g.OverrideBootstrapCommand != "", "ssh": g.SSH != nil && (True(g.SSH.Allow) || len(g.SSH.SourceSecurityGroupIDs) > 0),
		"securityGroups": g.SecurityGroups != nil && len(g.SecurityGroups.AttachIDs) > 0,
	})
}

func (f *findings) ownImage(path string, g *ManagedNodeGroup, name string) {
	if g.AMI == "" {
		return
	}
	if !strings.HasPrefix(g.AMI, "ami-") {
		f.add(path+".ami", "%q must start with ami-", g.AMI)
	}
	if IsWindows(name) {
		f.add(path+".amiFamily", "%s cannot be used with an AMI of one's own in a managed group", name)
	}
	if g.OverrideBootstrapCommand == "" && (name == AmazonLinux2 || IsUbuntu(name)) {
		f.add(path+".overrideBootstrapCommand", "is needed with an AMI of one's own of %s", name)
	}
	f.refuse(path, "is not supported with an AMI of one's own",
		map[string]bool{"maxPodsPerNode": g.MaxPodsPerNode != 0, "releaseVersion": g.ReleaseVersion != ""})
}
