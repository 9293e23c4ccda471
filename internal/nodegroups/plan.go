package nodegroups

import (
	"context"
	"crypto/md5" //nolint:gosec // AWS names public keys by it
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/eksctl/stacks"
)

// plan chooses the groups and writes their templates. Nothing is made yet,
// except key pairs that a file brings along.
func (m *Manager) plan(ctx context.Context, config *eksctl.ClusterConfig, options CreateOptions) ([]planned, error) {
	if err := options.Filter.Check(); err != nil {
		return nil, err
	}
	var names []string
	for i := range config.NodeGroups {
		names = append(names, config.NodeGroups[i].Name)
	}
	for i := range config.ManagedNodeGroups {
		names = append(names, config.ManagedNodeGroups[i].Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no node group to make: the input has neither managedNodeGroups nor nodeGroups")
	}
	chosen := m.choose(names, options.Filter)
	there, err := m.existing(ctx, chosen)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		m.Log.Info("%d existing nodegroup(s) (%s) will be excluded", len(there), strings.Join(there, ","))
		chosen = slices.DeleteFunc(chosen, func(name string) bool { return slices.Contains(there, name) })
	}
	if len(chosen) == 0 {
		m.Log.Info("no tasks")
		return nil, nil
	}
	surroundings, err := m.surroundings(ctx)
	if err != nil {
		return nil, err
	}
	surroundings.Config = config
	return m.templates(ctx, config, chosen, surroundings)
}

func (m *Manager) templates(ctx context.Context, config *eksctl.ClusterConfig, chosen []string, surroundings stacks.Context) ([]planned, error) {
	var plans []planned
	for i := range config.NodeGroups {
		if g := &config.NodeGroups[i]; slices.Contains(chosen, g.Name) {
			one, err := m.planSelfManaged(ctx, surroundings, g)
			if err != nil {
				return nil, err
			}
			plans = append(plans, one)
		}
	}
	for i := range config.ManagedNodeGroups {
		if g := &config.ManagedNodeGroups[i]; slices.Contains(chosen, g.Name) {
			one, err := m.planManaged(ctx, surroundings, g)
			if err != nil {
				return nil, err
			}
			plans = append(plans, one)
		}
	}
	return plans, nil
}

// surroundings are the security groups: those of eksctl's cluster stack when
// there is one, those of EKS otherwise.
func (m *Manager) surroundings(ctx context.Context) (stacks.Context, error) {
	c := stacks.Context{Cluster: m.Cluster, SharedSecurityGroup: m.Cluster.SecurityGroup, ControlPlaneSecurityGroup: m.Cluster.SecurityGroup}
	if len(m.Cluster.ControlPlaneSecurityGroups) > 0 {
		c.ControlPlaneSecurityGroup = m.Cluster.ControlPlaneSecurityGroups[0]
	}
	all, err := m.AWS.ListStacks(ctx)
	if err != nil {
		return c, fmt.Errorf("listing stacks: %w", err)
	}
	for i := range all {
		if all[i].Name != stacks.ClusterStack(m.Cluster.Name) {
			continue
		}
		if id := all[i].Outputs["SharedNodeSecurityGroup"]; id != "" {
			c.SharedSecurityGroup = id
		}
		if id := all[i].Outputs["SecurityGroup"]; id != "" {
			c.ControlPlaneSecurityGroup = id
		}
	}
	return c, nil
}

// base fills in what both kinds need: subnets and the key pair. A type that the
// region does not offer is taken out of the list that it is in: Auto Scaling
// refuses a group that names one.
func (m *Manager) base(ctx context.Context, c *stacks.Context, g *eksctl.NodeGroupBase, types []string, lists ...*[]string) error {
	var offered func(string) bool
	if len(types) > 0 {
		byType, err := m.AWS.Zones(ctx, types)
		if err != nil {
			return fmt.Errorf("asking which zones have %s: %w", strings.Join(types, ", "), err)
		}
		var missing []string
		for _, one := range types {
			if len(byType[one]) == 0 {
				missing = append(missing, one)
			}
		}
		if len(missing) == len(types) {
			return fmt.Errorf("node group %q: this region does not offer %s", g.Name, strings.Join(missing, ", "))
		}
		if len(missing) > 0 {
			m.Log.Warning("this region does not offer %s: nodegroup %q is made without", strings.Join(missing, ", "), g.Name)
		}
		for _, list := range lists {
			*list = slices.DeleteFunc(*list, func(one string) bool { return slices.Contains(missing, one) })
		}
		offered = func(zone string) bool {
			return slices.ContainsFunc(types, func(one string) bool { return slices.Contains(byType[one], zone) })
		}
	}
	choice, err := stacks.ChooseSubnets(c, g, offered)
	if err != nil {
		return err
	}
	if choice.Note != "" {
		m.Log.Warning("%s", choice.Note)
	}
	c.Subnets = choice.IDs
	c.KeyName, err = m.key(ctx, g)
	return err
}

func (m *Manager) planManaged(ctx context.Context, c stacks.Context, g *eksctl.ManagedNodeGroup) (planned, error) {
	if g.InstanceSelector != nil && *g.InstanceSelector != (eksctl.InstanceSelector{}) {
		return planned{}, fmt.Errorf("node group %q: instanceSelector is not supported; name the types with instanceTypes", g.Name)
	}
	image := g.AMI
	if image == "" {
		image = g.ReleaseVersion
	}
	m.Log.Info("nodegroup %q will use %q [%s/%s]", g.Name, image, g.AMIFamily, m.Cluster.Version)
	if err := m.base(ctx, &c, &g.NodeGroupBase, stacks.ManagedTypes(g), &g.InstanceTypes); err != nil {
		return planned{}, err
	}
	if err := m.checkPublicAddresses(&c, g); err != nil {
		return planned{}, err
	}
	template, err := stacks.ManagedNodeGroup(&c, g)
	return planned{
		base: &g.NodeGroupBase, kind: stacks.Managed, template: template, tags: stacks.GroupTags(g.Name, stacks.Managed), managed: g,
	}, err
}

// checkPublicAddresses finds out before EKS does that nodes in public subnets
// would have no way to the cluster.
func (m *Manager) checkPublicAddresses(c *stacks.Context, g *eksctl.ManagedNodeGroup) error {
	var wrong []string
	for _, subnet := range m.Cluster.Subnets {
		if subnet.Public && !subnet.MapsPublicIP && slices.Contains(c.Subnets, subnet.ID) {
			wrong = append(wrong, subnet.ID)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("node group %q: subnets %s are public and give instances no public address (MapPublicIpOnLaunch is false), which EKS refuses as "+
		"Ec2SubnetInvalidConfiguration; run `aws ec2 modify-subnet-attribute --map-public-ip-on-launch --subnet-id %s`, or set privateNetworking: true",
		g.Name, strings.Join(wrong, ", "), wrong[0])
}

func (m *Manager) planSelfManaged(ctx context.Context, c stacks.Context, g *eksctl.NodeGroup) (planned, error) {
	if g.InstanceSelector != nil && *g.InstanceSelector != (eksctl.InstanceSelector{}) {
		return planned{}, fmt.Errorf("node group %q: instanceSelector is not supported; name the types with instancesDistribution.instanceTypes", g.Name)
	}
	types := stacks.SelfManagedTypes(g)
	if len(g.LocalZones) > 0 {
		g.AvailabilityZones = g.LocalZones
	}
	c.Image = g.AMI
	if c.Image == "" {
		parameter, err := stacks.ImageParameter(g.AMIFamily, m.Cluster.Version, types)
		if err != nil {
			return planned{}, fmt.Errorf("node group %q: %w", g.Name, err)
		}
		if c.Image, err = m.AWS.Parameter(ctx, parameter); err != nil {
			return planned{}, fmt.Errorf("node group %q: looking up the AMI of %s for Kubernetes %s: %w", g.Name, g.AMIFamily, m.Cluster.Version, err)
		}
	}
	m.Log.Info("nodegroup %q will use %q [%s/%s]", g.Name, c.Image, g.AMIFamily, m.Cluster.Version)
	var lists []*[]string
	if g.InstancesDistribution != nil {
		lists = append(lists, &g.InstancesDistribution.InstanceTypes)
	}
	if err := m.base(ctx, &c, &g.NodeGroupBase, types, lists...); err != nil {
		return planned{}, err
	}
	template, err := stacks.NodeGroup(&c, g)
	return planned{
		base: &g.NodeGroupBase, kind: stacks.Unmanaged, template: template, tags: stacks.GroupTags(g.Name, stacks.Unmanaged),
		mapRole: !stacks.UsesAccessEntry(m.Cluster, g) && m.Cluster.AuthMode != eks.AuthAPI,
	}, err
}

// key is the name of the EC2 key pair, imported when the file brings a public key.
func (m *Manager) key(ctx context.Context, g *eksctl.NodeGroupBase) (string, error) {
	if !eksctl.True(g.SSH.Allow) {
		return "", nil
	}
	if g.SSH.PublicKeyName != "" {
		return g.SSH.PublicKeyName, nil
	}
	public := g.SSH.PublicKey
	if public == "" {
		file := g.SSH.PublicKeyPath
		if file == "" {
			file = "~/.ssh/id_rsa.pub"
		}
		if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(file, "~/") {
			file = filepath.Join(home, file[2:])
		}
		if m.ReadFile == nil {
			return "", fmt.Errorf("node group %q: the public key %s cannot be read here; use ssh.publicKeyName", g.Name, file)
		}
		text, err := m.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("node group %q: reading the public key of ssh: %w", g.Name, err)
		}
		public = strings.TrimSpace(string(text))
	}
	fields := strings.Fields(public)
	if len(fields) < 2 {
		return "", fmt.Errorf("node group %q: ssh.publicKey is no OpenSSH public key", g.Name)
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return "", fmt.Errorf("node group %q: ssh.publicKey is no OpenSSH public key: %w", g.Name, err)
	}
	name := fmt.Sprintf("eksctl-%s-nodegroup-%s-%x", m.Cluster.Name, g.Name, md5.Sum(blob))
	m.Log.Info("using SSH public key %q", name)
	return name, m.AWS.ImportKey(ctx, name, public)
}
