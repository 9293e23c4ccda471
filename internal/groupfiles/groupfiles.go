// Package groupfiles makes node groups that can be planned with of eksctl's files: the
// groups of a cluster that is yet to be made, or that nobody is asked about.
package groupfiles

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/offers"
)

// Labels of EKS's nodes, and what they say of Spot.
const (
	labelManaged      = "eks.amazonaws.com/nodegroup"
	labelCapacityType = "eks.amazonaws.com/capacityType"
	labelZone         = "topology.kubernetes.io/zone"
	spotByEKS         = "SPOT"
)

// Finding is something wrong with a field of a file.
type Finding struct{ Field, Message, Right string }

// Groups are the node groups of a file as they are once made, bought in the market.
// Defaults are set in the file.
func Groups(config *eksctl.ClusterConfig, m *offers.Market) ([]model.NodeGroup, []Finding) {
	if config.Metadata.Region != "" && config.Metadata.Region != m.Region {
		return nil, []Finding{{Field: "metadata.region", Message: fmt.Sprintf("is %s, and the plan is for %s: give --region %s", config.Metadata.Region, m.Region, config.Metadata.Region)}}
	}
	var version string
	if config.Metadata.Version != "" && config.Metadata.Version != "auto" && config.Metadata.Version != "latest" {
		version = config.Metadata.Version
	}
	if err := eksctl.SetDefaults(config, version); err != nil {
		field, message, _ := strings.Cut(err.Error(), ": ")
		return nil, []Finding{{Field: field, Message: message}}
	}
	r := groupReader{market: m, sold: m.Sales(), clusterZones: config.AvailabilityZones}
	for i := range config.ManagedNodeGroups {
		r.managed(&config.ManagedNodeGroups[i], fmt.Sprintf("managedNodeGroups[%d]", i))
	}
	for i := range config.NodeGroups {
		r.selfManaged(&config.NodeGroups[i], fmt.Sprintf("nodeGroups[%d]", i))
	}
	slices.SortFunc(r.groups, func(a, b model.NodeGroup) int { return cmp.Compare(a.Name, b.Name) })
	return r.groups, r.findings
}

// groupReader makes groups of a file's.
type groupReader struct {
	market       *offers.Market
	sold         *groupnodes.Sales
	clusterZones []string
	groups       []model.NodeGroup
	findings     []Finding
}

func (r *groupReader) finding(field, format string, args ...any) {
	r.findings = append(r.findings, Finding{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (r *groupReader) managed(g *eksctl.ManagedNodeGroup, path string) {
	group := sized(&g.NodeGroupBase)
	group.Labels[labelManaged] = g.Name
	group.Labels[labelCapacityType] = "ON_DEMAND"
	group.OnDemandPercentage = 100
	if g.Spot {
		group.Labels[labelCapacityType] = spotByEKS
		group.OnDemandPercentage, group.SpotStrategy = 0, "price-capacity-optimized"
	} else if len(g.InstanceTypes) > 1 {
		group.OnDemandStrategy = "prioritized"
	}
	group.Taints = taintsOf(g.Taints)
	types, field := g.InstanceTypes, "instanceTypes"
	if len(types) == 0 {
		types, field = []string{g.InstanceType}, "instanceType"
	}
	if g.LaunchTemplate != nil && types[0] == "" {
		r.finding(path+".launchTemplate", "what is in it is not known here: write the type into instanceTypes")
		return
	}
	r.add(group, &g.NodeGroupBase, types, path, field)
}

func (r *groupReader) selfManaged(g *eksctl.NodeGroup, path string) {
	group := sized(&g.NodeGroupBase)
	group.OnDemandPercentage = 100
	group.Taints = taintsOf(g.Taints)
	types, field := []string{g.InstanceType}, "instanceType"
	if d := g.InstancesDistribution; d != nil {
		types, field = d.InstanceTypes, "instancesDistribution.instanceTypes"
		group.OnDemandStrategy, group.SpotStrategy = "prioritized", cmp.Or(d.SpotAllocationStrategy, "lowest-price")
		if d.OnDemandBaseCapacity != nil {
			group.OnDemandBase = *d.OnDemandBaseCapacity
		}
		if d.OnDemandPercentageAboveBaseCapacity != nil {
			group.OnDemandPercentage = *d.OnDemandPercentageAboveBaseCapacity
		}
	} else if o := g.InstanceMarketOptions; o != nil && o.MarketType == "spot" {
		group.OnDemandPercentage = 0
	}
	r.add(group, &g.NodeGroupBase, types, path, field)
}

// sized is a group of the sizes and labels that the file says.
func sized(g *eksctl.NodeGroupBase) model.NodeGroup {
	group := model.NodeGroup{Name: g.Name, Min: *g.MinSize, Max: *g.MaxSize, Desired: *g.DesiredCapacity, Labels: map[string]string{}}
	for key, value := range g.Labels {
		group.Labels[key] = value
	}
	return group
}

func taintsOf(taints []eksctl.Taint) []model.Taint {
	var all []model.Taint
	for _, taint := range taints {
		all = append(all, model.Taint{Key: taint.Key, Value: taint.Value, Effect: model.TaintEffect(taint.Effect)})
	}
	return all
}

// add prices the group, or says why that cannot be.
func (r *groupReader) add(group model.NodeGroup, g *eksctl.NodeGroupBase, types []string, path, field string) {
	switch {
	case g.InstanceSelector != nil:
		r.finding(path+".instanceSelector", "which types that selects is asked of AWS, which is not asked here: write them into instanceTypes")
		return
	case eksctl.IsWindows(g.AMIFamily):
		r.finding(path+".amiFamily", "is %s: nodes of Windows cannot be planned for", g.AMIFamily)
		return
	}
	zones, ok := r.zones(g, path)
	if !ok {
		return
	}
	image := groupnodes.Image{Family: imageFamily(g.AMIFamily), MaxPods: int32(g.MaxPodsPerNode)}
	if g.VolumeSize != nil {
		image.RootVolume = int32(*g.VolumeSize)
	}
	var wanted []groupnodes.Weighted
	for _, name := range types {
		wanted = append(wanted, groupnodes.Weighted{Name: name})
	}
	kinds, unknown, err := groupnodes.Types(&group, image, wanted, zones, r.sold)
	if err != nil {
		r.finding(path, "%v", err)
		return
	}
	for _, name := range unknown {
		at := path + "." + field
		if field != "instanceType" {
			at = fmt.Sprintf("%s[%d]", at, slices.Index(types, name))
		}
		r.findings = append(r.findings, Finding{Field: at, Message: fmt.Sprintf("%q is no instance type that %s sells", name, cmp.Or(r.table(), r.market.Region)), Right: r.near(name)})
	}
	group.Types = kinds
	group.InstancesByZone = map[string]int{}
	for _, zone := range zones {
		group.InstancesByZone[zone.Name] = 0
	}
	r.groups = append(r.groups, group)
}

// zones of a group: its own, or those of the cluster, or the market's.
func (r *groupReader) zones(g *eksctl.NodeGroupBase, path string) ([]groupnodes.Zone, bool) {
	names, field := g.AvailabilityZones, path+".availabilityZones"
	if len(names) == 0 {
		names, field = r.clusterZones, "availabilityZones"
	}
	var zones []groupnodes.Zone
	if len(names) == 0 {
		for _, zone := range r.market.Zones {
			zones = append(zones, groupnodes.Zone{Name: zone.Name, ID: zone.ID})
		}
		return zones, true
	}
	for i, name := range names {
		if !strings.HasPrefix(name, r.market.Region) || name == r.market.Region {
			r.finding(fmt.Sprintf("%s[%d]", field, i), "%q is not a zone of %s", name, r.market.Region)
			return nil, false
		}
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		zone := groupnodes.Zone{Name: name}
		for _, known := range catalog.Zones(r.market.Region) {
			if known.Name == name {
				zone.ID = known.ID
			}
		}
		zones = append(zones, zone)
	}
	return zones, true
}

// table is the file that is bought from instead of the region, if one is.
func (r *groupReader) table() string {
	if r.market.Table == nil {
		return ""
	}
	return r.market.Table.File
}

// near is the type that was probably meant.
func (r *groupReader) near(name string) string {
	return manifest.Nearest(name, slices.Sorted(maps.Keys(r.sold.OnDemand)))
}

// imageFamily is the family by Karpenter's name; what boots by its own means is like
// Amazon Linux 2023.
func imageFamily(family string) string {
	switch {
	case eksctl.IsBottlerocket(family):
		return "Bottlerocket"
	case family == eksctl.AmazonLinux2:
		return "AL2"
	}
	return "AL2023"
}
