package eksctl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// nodeGroup checks a self-managed group.
func (f *findings) nodeGroup(path string, g *NodeGroup) {
	f.base(path, &g.NodeGroupBase)
	f.taints(path+".taints", g.Taints)
	f.update(path, g.UpdateConfig, g.MaxSize)
	f.distribution(path, g)
	name := family(g.AMIFamily)
	if IsBottlerocket(name) || IsWindows(name) {
		f.unsupported(path, name, "kubeletExtraConfig", g.KubeletExtraConfig != nil)
	}
	for _, key := range slices.Sorted(maps.Keys(g.KubeletExtraConfig)) {
		if slices.Contains([]string{
			"kind", "apiVersion", "address", "clusterDomain", "authentication", "authorization", "serverTLSBootstrap",
		}, key) {
			f.add(path+".kubeletExtraConfig."+key, "cannot be set: nodes would not join without their own value")
		}
	}
	if g.AMI != "" && g.OverrideBootstrapCommand == "" && (name == AmazonLinux2 || IsUbuntu(name)) {
		f.add(path+".overrideBootstrapCommand", "is needed with an AMI of one's own of %s", name)
	}
	f.credits(path, g)
	for i, process := range g.ASGSuspendProcesses {
		f.oneOf(fmt.Sprintf("%s.asgSuspendProcesses[%d]", path, i), process,
			"Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh",
			"ReplaceUnhealthy", "ScheduledActions")
	}
	f.oneOf(path+".containerRuntime", g.ContainerRuntime, "containerd", "dockerd", "docker")
	if name == AmazonLinux2023 && g.ContainerRuntime != "" && g.ContainerRuntime != "containerd" {
		f.add(path+".containerRuntime", "is containerd with amiFamily %s", name)
	}
	if g.ContainerRuntime != "" && g.OverrideBootstrapCommand != "" {
		f.add(path+".containerRuntime", "has no effect beside overrideBootstrapCommand; say it there")
	}
	if g.MaxInstanceLifetime != nil && *g.MaxInstanceLifetime < 86400 {
		f.add(path+".maxInstanceLifetime", "must be at least 86400 seconds, a day, not %d", *g.MaxInstanceLifetime)
	}
	if len(g.LocalZones) > 0 && len(g.AvailabilityZones) > 0 {
		f.add(path+".localZones", "cannot be set beside availabilityZones")
	}
	f.arn(path+".outpostARN", g.OutpostARN)
	for i := range g.ASGMetricsCollection {
		if g.ASGMetricsCollection[i].Granularity == "" {
			f.add(fmt.Sprintf("%s.asgMetricsCollection[%d].granularity", path, i), "is missing; it is 1Minute")
		}
	}
}

func (f *findings) credits(path string, g *NodeGroup) {
	if g.CPUCredits == "" {
		return
	}
	f.oneOf(path+".cpuCredits", strings.ToLower(g.CPUCredits), "standard", "unlimited")
	types := append([]string{g.InstanceType}, distributionTypes(g)...)
	if !slices.ContainsFunc(types, func(one string) bool { return strings.HasPrefix(one, "t") }) {
		f.add(path+".cpuCredits", "is only for instance types of the t families")
	}
}

func distributionTypes(g *NodeGroup) []string {
	if g.InstancesDistribution == nil {
		return nil
	}
	return g.InstancesDistribution.InstanceTypes
}

func (f *findings) volumes(path string, g *NodeGroupBase) {
	if g.VolumeSize == nil {
		f.refuse(path, "needs volumeSize", map[string]bool{
			"volumeName": g.VolumeName != "", "volumeEncrypted": True(g.VolumeEncrypted), "volumeKmsKeyID": g.VolumeKMSKeyID != "",
		})
	}
	if g.VolumeSize != nil && *g.VolumeSize < 1 {
		f.add(path+".volumeSize", "must be at least 1 GiB")
	}
	if g.VolumeKMSKeyID != "" && !True(g.VolumeEncrypted) {
		f.add(path+".volumeKmsKeyID", "needs volumeEncrypted: true")
	}
	f.volume(path, g.VolumeType, g.VolumeIOPS, g.VolumeThroughput)
	for i := range g.AdditionalVolumes {
		one := &g.AdditionalVolumes[i]
		f.volume(fmt.Sprintf("%s.additionalVolumes[%d]", path, i), one.VolumeType, one.VolumeIOPS, one.VolumeThroughput)
	}
}

func (f *findings) volume(path, kind string, iops, throughput *int) {
	f.oneOf(path+".volumeType", kind, "gp2", "gp3", "io1", "io2", "sc1", "st1")
	if kind == "" {
		kind = "gp3"
	}
	least, most := 100, 64000
	switch kind {
	case "gp3":
		least, most = 3000, 16000
	case "io2":
		most = 256000
	}
	if iops != nil {
		switch {
		case !slices.Contains([]string{"gp3", "io1", "io2"}, kind):
			f.add(path+".volumeIOPS", "is only for gp3, io1 and io2, not %s", kind)
		case *iops < least || *iops > most:
			f.add(path+".volumeIOPS", "must be between %d and %d for %s, not %d", least, most, kind, *iops)
		}
	}
	if throughput != nil {
		switch {
		case kind != "gp3":
			f.add(path+".volumeThroughput", "is only for gp3, not %s", kind)
		case *throughput < 125 || *throughput > 1000:
			f.add(path+".volumeThroughput", "must be between 125 and 1000 MiB/s, not %d", *throughput)
		}
	}
}

// distribution checks what an Auto Scaling group would refuse later.
func (f *findings) distribution(path string, g *NodeGroup) {
	d := g.InstancesDistribution
	if d == nil {
		return
	}
	if g.InstanceType != "" && g.InstanceType != "mixed" {
		f.add(path+".instanceType", "cannot be set beside instancesDistribution; put %s into its instanceTypes", g.InstanceType)
	}
	path += ".instancesDistribution"
	selector := g.InstanceSelector != nil && *g.InstanceSelector != (InstanceSelector{})
	distinctTypes := map[string]bool{}
	for _, one := range d.InstanceTypes {
		distinctTypes[one] = true
	}
	switch {
	case len(d.InstanceTypes) == 0 && !selector:
		f.add(path+".instanceTypes", "is empty: name the instance types, or use instanceSelector")
	case len(distinctTypes) > 20:
		f.add(path+".instanceTypes", "has %d types; eksctl takes 20", len(distinctTypes))
	}
	if v := d.OnDemandBaseCapacity; v != nil && *v < 0 {
		f.add(path+".onDemandBaseCapacity", "must not be negative")
	}
	if v := d.OnDemandPercentageAboveBaseCapacity; v != nil && (*v < 0 || *v > 100) {
		f.add(path+".onDemandPercentageAboveBaseCapacity", "must be between 0 and 100, not %d", *v)
	}
	f.oneOf(path+".spotAllocationStrategy", d.SpotAllocationStrategy,
		"lowest-price", "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized")
	if v := d.SpotInstancePools; v != nil {
		switch {
		case *v < 1 || *v > 20:
			f.add(path+".spotInstancePools", "must be between 1 and 20, not %d", *v)
		case d.SpotAllocationStrategy != "" && d.SpotAllocationStrategy != "lowest-price":
			f.add(path+".spotInstancePools", "is only for spotAllocationStrategy lowest-price, not %s", d.SpotAllocationStrategy)
		}
	}
}
