package groupfiles_test

import (
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/groupfiles"
	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/offers"
)

// groups reads a file's groups in us-west-2 with its three zones.
func groups(t *testing.T, body string) []model.NodeGroup {
	t.Helper()
	market, err := offers.New("us-west-2", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := eksctl.Read(manifest.Stdin, strings.NewReader("apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: blue, region: us-west-2}\n"+body))
	if err != nil {
		t.Fatal(err)
	}
	found, findings := groupfiles.Groups(config, market)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	return found
}

func TestAGroupBuysAsItsFileSays(t *testing.T) {
	for body, want := range map[string]struct {
		base, share int
		pools       int
	}{
		"nodeGroups: [{name: g, instanceType: m5.large}]":                                                                                                          {0, 100, 3},
		"nodeGroups: [{name: g, instancesDistribution: {instanceTypes: [m5.large, m5a.large]}}]":                                                                   {0, 100, 6},
		"nodeGroups: [{name: g, instancesDistribution: {instanceTypes: [m5.large, m5a.large], onDemandPercentageAboveBaseCapacity: 0}}]":                           {0, 0, 6},
		"nodeGroups: [{name: g, instancesDistribution: {instanceTypes: [m5.large, m5a.large], onDemandBaseCapacity: 2, onDemandPercentageAboveBaseCapacity: 30}}]": {2, 30, 12},
		"managedNodeGroups: [{name: g, spot: true, instanceTypes: [m5.large], availabilityZones: [us-west-2b, us-west-2a]}]":                                       {0, 0, 2},
	} {
		g := groups(t, body)[0]
		pools := 0
		for _, kind := range g.Types {
			pools += len(kind.Offerings)
			for _, offering := range kind.Offerings {
				if offering.PricePerHour <= 0 || offering.ZoneID == "" {
					t.Errorf("%s: the offering %v has no price or no zone", body, offering)
				}
			}
		}
		if g.OnDemandBase != want.base || g.OnDemandPercentage != want.share || pools != want.pools {
			t.Errorf("%s: base %d, share %d, %d pools, want %d, %d, %d", body, g.OnDemandBase, g.OnDemandPercentage, pools, want.base, want.share, want.pools)
		}
	}
}

func TestTheRoomOfNodesIsThatOfTheirImage(t *testing.T) {
	found := groups(t, "nodeGroups:\n- {name: a, instanceType: m5.large}\n- {name: b, instanceType: m5.large, maxPodsPerNode: 12}\n- {name: c, instanceType: m5.large, amiFamily: Bottlerocket, volumeSize: 40}\n")
	room := map[string]model.Resources{}
	for _, g := range found {
		room[g.Name] = g.Types[0].Allocatable
	}
	if room["a"][model.PodCount] != 29 || room["b"][model.PodCount] != 12 {
		t.Errorf("nodes take %d and %d pods, want 29 and 12", room["a"][model.PodCount], room["b"][model.PodCount])
	}
	if room["a"]["ephemeral-storage"] <= room["c"]["ephemeral-storage"] {
		t.Errorf("80 GiB give %d of storage and 40 GiB of Bottlerocket's own volume %d", room["a"]["ephemeral-storage"], room["c"]["ephemeral-storage"])
	}
}

func TestWithWhichNodesAGroupBegins(t *testing.T) {
	for body, want := range map[string]struct {
		nodes, inZones, onDemand int
		zonesKnown               bool
	}{
		"{name: g, instanceType: m5.large, desiredCapacity: 3, maxSize: 9}":                                                                                                         {3, 3, 3, true},
		"{name: g, instanceType: m5.large, desiredCapacity: 4, maxSize: 9}":                                                                                                         {4, 3, 4, false},
		"{name: g, instanceType: m5.large, desiredCapacity: 2, maxSize: 9, availabilityZones: [us-west-2c]}":                                                                        {2, 2, 2, true},
		"{name: g, minSize: 0, maxSize: 9, desiredCapacity: 0, instanceType: m5.large}":                                                                                             {0, 0, 0, true},
		"{name: g, desiredCapacity: 6, maxSize: 9, instancesDistribution: {instanceTypes: [m5.large, m5.xlarge], onDemandBaseCapacity: 1, onDemandPercentageAboveBaseCapacity: 0}}": {6, 6, 1, true},
	} {
		snapshot := &model.Snapshot{}
		groupfiles.Begin(snapshot, groups(t, "nodeGroups: ["+body+"]"), false)
		inZones := 0
		for _, node := range snapshot.Nodes {
			if node.Labels["topology.kubernetes.io/zone"] != "" {
				inZones++
			}
			if node.Allocatable[model.CPU] != 1930 || !node.Launching {
				t.Errorf("%s: node %s has %d of cpu, want the least of all types", body, node.Name, node.Allocatable[model.CPU])
			}
		}
		g := snapshot.NodeGroups[0]
		if len(snapshot.Nodes) != want.nodes || inZones != want.inZones || g.UnitsBought[model.OnDemand] != want.onDemand || (g.InstancesByZone != nil) != want.zonesKnown {
			t.Errorf("%s: %d nodes, %d of them in a known zone, %d on demand, zones known: %t; want %+v",
				body, len(snapshot.Nodes), inZones, g.UnitsBought[model.OnDemand], g.InstancesByZone != nil, want)
		}
	}
}
