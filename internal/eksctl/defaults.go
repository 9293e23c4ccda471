package eksctl

import "fmt"

// Defaults of eksctl.
const (
	DefaultNodes        = 2
	DefaultInstanceType = "m5.large"
	DefaultVolumeSize   = 80
	DefaultVolumeType   = "gp3"
	defaultIOPS         = 3000
	defaultThroughput   = 125
)

// lastAL2Minor is the last minor version of Kubernetes with AMIs of Amazon Linux 2.
const lastAL2Minor = 32

// SetDefaults completes the node groups of a file for a cluster of a version,
// MAJOR.MINOR. It refuses what that version does not have.
func SetDefaults(c *ClusterConfig, version string) error {
	for i := range c.NodeGroups {
		g := &c.NodeGroups[i]
		if err := setBase(&g.NodeGroupBase, c.Metadata.Name, version, fmt.Sprintf("nodeGroups[%d]", i)); err != nil {
			return err
		}
		if g.InstanceType == "" && (g.InstancesDistribution == nil || len(g.InstancesDistribution.InstanceTypes) == 0) && g.InstanceSelector == nil {
			g.InstanceType = DefaultInstanceType
		}
		if g.InstancesDistribution != nil {
			g.InstanceType = "mixed"
		}
		g.SecurityGroups.WithLocal = orTrue(g.SecurityGroups.WithLocal)
		g.SecurityGroups.WithShared = orTrue(g.SecurityGroups.WithShared)
	}
	for i := range c.ManagedNodeGroups {
		g := &c.ManagedNodeGroups[i]
		sized := g.VolumeSize != nil
		if err := setBase(&g.NodeGroupBase, c.Metadata.Name, version, fmt.Sprintf("managedNodeGroups[%d]", i)); err != nil {
			return err
		}
		if g.LaunchTemplate != nil && !sized {
			g.VolumeSize = nil
		}
		if g.InstanceType == "" && len(g.InstanceTypes) == 0 && g.InstanceSelector == nil && g.LaunchTemplate == nil {
			g.InstanceType = DefaultInstanceType
		}
		if *g.MaxSize == 0 {
			g.MaxSize = pointer(1)
		}
	}
	return nil
}

func setBase(g *NodeGroupBase, cluster, version, path string) error {
	g.AMIFamily = family(g.AMIFamily)
	if g.AMIFamily == "" {
		g.AMIFamily = AmazonLinux2023
	}
	if minor := Minor(version); g.AMIFamily == AmazonLinux2 && g.AMI == "" && minor > lastAL2Minor {
		return fmt.Errorf("%s.amiFamily: AmazonLinux2 has no AMIs for Kubernetes %s; use AmazonLinux2023 or Bottlerocket", path, version)
	}
	setSizes(g)
	if g.VolumeSize == nil {
		g.VolumeSize = pointer(DefaultVolumeSize)
	}
	setVolume(&g.VolumeType, &g.VolumeIOPS, &g.VolumeThroughput)
	for i := range g.AdditionalVolumes {
		one := &g.AdditionalVolumes[i]
		if one.VolumeSize == nil {
			one.VolumeSize = pointer(DefaultVolumeSize)
		}
		setVolume(&one.VolumeType, &one.VolumeIOPS, &one.VolumeThroughput)
	}
	if g.Labels == nil {
		g.Labels = map[string]string{}
	}
	g.Labels[ClusterNameLabel], g.Labels[NodeGroupNameLabel] = cluster, g.Name
	if g.SSH == nil {
		g.SSH = &SSH{}
	}
	if g.SSH.Allow == nil {
		allow := g.SSH.PublicKey != "" || g.SSH.PublicKeyName != "" || g.SSH.PublicKeyPath != ""
		g.SSH.Allow = &allow
	}
	if g.IAM == nil {
		g.IAM = &NodeIAM{}
	}
	if g.IAM.WithAddonPolicies == nil {
		g.IAM.WithAddonPolicies = &AddonPolicies{}
	}
	if g.SecurityGroups == nil {
		g.SecurityGroups = &SecurityGroups{}
	}
	g.DisableIMDSv1 = orTrue(g.DisableIMDSv1)
	return nil
}

// setSizes follows eksctl: the smallest is what is desired, or two; the largest
// is what is desired, or the smallest; desired is the smallest.
func setSizes(g *NodeGroupBase) {
	if g.MinSize == nil {
		g.MinSize = g.DesiredCapacity
		if g.MinSize == nil {
			g.MinSize = pointer(DefaultNodes)
			if g.MaxSize != nil && *g.MaxSize < DefaultNodes {
				g.MinSize = g.MaxSize
			}
		}
	}
	if g.MaxSize == nil {
		g.MaxSize = g.DesiredCapacity
		if g.MaxSize == nil {
			g.MaxSize = g.MinSize
		}
	}
	if g.DesiredCapacity == nil {
		g.DesiredCapacity = g.MinSize
	}
}

func setVolume(kind *string, iops, throughput **int) {
	if *kind == "" {
		*kind = DefaultVolumeType
	}
	switch *kind {
	case "gp3":
		if *iops == nil {
			*iops = pointer(defaultIOPS)
		}
		if *throughput == nil {
			*throughput = pointer(defaultThroughput)
		}
	case "io1", "io2":
		if *iops == nil {
			*iops = pointer(100)
		}
	}
}

// Minor is the minor number of a version MAJOR.MINOR, 0 when it is none.
func Minor(version string) int {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n != 2 {
		return 0
	}
	return minor
}

func pointer[T any](value T) *T { return &value }

func orTrue(value *bool) *bool {
	if value == nil {
		return pointer(true)
	}
	return value
}
