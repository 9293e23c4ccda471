package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// nodeGroup reads a node group; the types that may come follow, one `may` each.
func (s *reader) nodeGroup(name string, words []string) error {
	group := model.NodeGroup{Name: name, OnDemandPercentage: 100}
	err := each(words, func(key, value string) (err error) {
		label, isLabel := strings.CutPrefix(key, "label.")
		switch {
		case isLabel:
			if group.Labels == nil {
				group.Labels = map[string]string{}
			}
			group.Labels[label] = value
		case key == "size":
			_, err = fmt.Sscanf(value, "%d/%d/%d", &group.Min, &group.Desired, &group.Max)
		case key == "instances":
			group.InstancesByZone, err = counts(value)
		case key == "uncertain":
			zone, why, _ := strings.Cut(value, ":")
			if group.UncertainZones == nil {
				group.UncertainZones = map[string]string{}
			}
			group.UncertainZones[zone] = strings.ReplaceAll(why, "_", " ")
		case strings.HasPrefix(key, "spot.") || strings.HasPrefix(key, "od."):
			err = byCapacityType(&group, key, value)
		case key == "bought":
			var onDemand, spot int
			_, err = fmt.Sscanf(value, "%d/%d", &onDemand, &spot)
			group.UnitsBought = map[model.CapacityType]int{model.OnDemand: onDemand, model.Spot: spot}
		case key == "atBoot":
			label, why, _ := strings.Cut(value, ":")
			if group.UncertainLabels == nil {
				group.UncertainLabels = map[string]string{}
			}
			group.UncertainLabels[label] = strings.ReplaceAll(why, "_", " ")
		case key == "base":
			group.OnDemandBase, err = strconv.Atoi(value)
		case key == "onDemand":
			group.OnDemandPercentage, err = strconv.Atoi(value)
		case key == "priority":
			var n int
			n, err = strconv.Atoi(value)
			group.Priority = int32(n)
		case key == "strategy":
			group.OnDemandStrategy, group.SpotStrategy, _ = strings.Cut(value, "/")
		case key == "taint":
			group.Taints = append(group.Taints, taint(value))
		case key == "startupTaint":
			group.StartupTaints = append(group.StartupTaints, taint(value))
		case key == "notReady":
			group.NotReadyReason = strings.ReplaceAll(value, "_", " ")
		default:
			err = fmt.Errorf("unknown word")
		}
		return err
	})
	s.snapshot.NodeGroups = append(s.snapshot.NodeGroups, group)
	return err
}

// byCapacityType reads what nodes have that are bought in one way: od.label.KEY,
// spot.taint and the like.
func byCapacityType(group *model.NodeGroup, key, value string) error {
	name, kind, _ := strings.Cut(key, ".")
	way := model.OnDemand
	if name == "spot" {
		way = model.Spot
	}
	own := group.ByCapacityType[way]
	label, isLabel := strings.CutPrefix(kind, "label.")
	switch {
	case isLabel && own.Labels == nil:
		own.Labels = map[string]string{label: value}
	case isLabel:
		own.Labels[label] = value
	case kind == "taint":
		own.Taints = append(own.Taints, taint(value))
	default:
		return fmt.Errorf("unknown word")
	}
	if group.ByCapacityType == nil {
		group.ByCapacityType = map[model.CapacityType]model.Traits{}
	}
	group.ByCapacityType[way] = own
	return nil
}

// wayWords write what depends on how a node is bought.
func wayWords(group *model.NodeGroup) []string {
	var list []string
	for _, way := range []struct {
		name  string
		value model.CapacityType
	}{{"od.", model.OnDemand}, {"spot.", model.Spot}} {
		own := group.ByCapacityType[way.value]
		list = append(list, pairWords(way.name+"label.", own.Labels)...)
		for _, t := range own.Taints {
			list = append(list, way.name+"taint="+taintWord(t))
		}
	}
	if group.UnitsBought != nil {
		list = append(list, fmt.Sprintf("bought=%d/%d", group.UnitsBought[model.OnDemand], group.UnitsBought[model.Spot]))
	}
	for _, label := range sortedKeys(group.UncertainLabels) {
		list = append(list, "atBoot="+label+":"+underscores(group.UncertainLabels[label]))
	}
	return list
}

// counts reads a:1,b:0.
func counts(value string) (map[string]int, error) {
	all := map[string]int{}
	for _, word := range strings.Split(value, ",") {
		name, number, _ := strings.Cut(word, ":")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("%s must be ZONE:NUMBER", word)
		}
		all[name] = n
	}
	return all, nil
}

// zoneWords write what is known of the group's zones.
func zoneWords(group *model.NodeGroup) []string {
	var list, counted []string
	for _, zone := range slices.Sorted(maps.Keys(group.InstancesByZone)) {
		counted = append(counted, fmt.Sprintf("%s:%d", zone, group.InstancesByZone[zone]))
	}
	if len(counted) > 0 {
		list = append(list, "instances="+strings.Join(counted, ","))
	}
	for _, zone := range slices.Sorted(maps.Keys(group.UncertainZones)) {
		list = append(list, "uncertain="+zone+":"+underscores(group.UncertainZones[zone]))
	}
	return list
}

// may reads TYPE zones=a,b weight=N: a type of the default catalog that the last
// node group may bring, with its offerings in these zones (all without).
func (s *reader) may(name string, words []string) error {
	if len(s.snapshot.NodeGroups) == 0 {
		return fmt.Errorf("may needs a nodegroup above it")
	}
	group := &s.snapshot.NodeGroups[len(s.snapshot.NodeGroups)-1]
	catalog := s.catalogs["default"]
	at := slices.IndexFunc(catalog.InstanceTypes, func(kind model.InstanceType) bool { return kind.Name == name })
	if at < 0 {
		return fmt.Errorf("the default catalog has no type %s above it", name)
	}
	kind := model.GroupType{InstanceType: catalog.InstanceTypes[at]}
	// The group's nodes have labels of their own; the catalog's must not change.
	kind.Labels = maps.Clone(kind.Labels)
	zones := ""
	err := each(words, func(key, value string) (err error) {
		switch key {
		case "weight":
			kind.Weight, err = strconv.Atoi(value)
		case "zones":
			zones = value
		default:
			err = fmt.Errorf("unknown word")
		}
		return err
	})
	for _, offering := range catalog.Offerings {
		if offering.InstanceType == name && (zones == "" || slices.Contains(strings.Split(zones, ","), offering.Zone)) {
			kind.Offerings = append(kind.Offerings, offering)
		}
	}
	slices.SortFunc(kind.Offerings, func(a, b model.Offering) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.CapacityType, b.CapacityType))
	})
	group.Types = append(group.Types, kind)
	return err
}

// nodeGroupLines take for granted that the types are those of the catalog.
func nodeGroupLines(group *model.NodeGroup) []string {
	list := []string{fmt.Sprintf("size=%d/%d/%d", group.Min, group.Desired, group.Max)}
	if group.Priority != 0 {
		list = append(list, fmt.Sprintf("priority=%d", group.Priority))
	}
	list = append(list, zoneWords(group)...)
	if group.OnDemandBase != 0 {
		list = append(list, fmt.Sprintf("base=%d", group.OnDemandBase))
	}
	if group.OnDemandPercentage != 100 {
		list = append(list, fmt.Sprintf("onDemand=%d", group.OnDemandPercentage))
	}
	if group.OnDemandStrategy+group.SpotStrategy != "" {
		list = append(list, "strategy="+group.OnDemandStrategy+"/"+group.SpotStrategy)
	}
	list = append(list, pairWords("label.", group.Labels)...)
	list = append(list, wayWords(group)...)
	for _, t := range group.Taints {
		list = append(list, "taint="+taintWord(t))
	}
	for _, t := range group.StartupTaints {
		list = append(list, "startupTaint="+taintWord(t))
	}
	if group.NotReadyReason != "" {
		list = append(list, "notReady="+underscores(group.NotReadyReason))
	}
	lines := []string{words("nodegroup "+group.Name, list)}
	for i := range group.Types {
		lines = append(lines, mayLine(&group.Types[i]))
	}
	return lines
}

func mayLine(kind *model.GroupType) string {
	var list, zones []string
	for _, offering := range kind.Offerings {
		if !slices.Contains(zones, offering.Zone) {
			zones = append(zones, offering.Zone)
		}
	}
	if len(zones) > 0 {
		list = append(list, "zones="+strings.Join(zones, ","))
	}
	if kind.Weight > 0 {
		list = append(list, fmt.Sprintf("weight=%d", kind.Weight))
	}
	return words("may "+kind.Name, list)
}
