package cloudtest

import (
	"errors"
	"testing"

	"github.com/drover-project/drover/internal/cloud"
)

// GroupsFixture is what RunGroups needs to know: two groups, each at 2 of 1 to 4
// with 2 instances.
type GroupsFixture struct {
	// First and Second are their names, in this order.
	First, Second string
	// Tag is one that only First has, with its value.
	Tag, Value string
}

// RunGroups states what every adapter of cloud.NodeGroups must hold to. create
// gives each test groups of its own.
func RunGroups(t *testing.T, create func(t *testing.T) (cloud.NodeGroups, GroupsFixture)) {
	for _, each := range []struct {
		name  string
		check func(*testing.T, *groupsSubject)
	}{
		{"FoundByName", groupsFoundByName},
		{"FoundByTag", groupsFoundByTag},
		{"SayWhatTheirNodesAre", groupsSayWhatTheirNodesAre},
		{"GrowRaises", growRaises},
		{"GrowNeverLowers", growNeverLowers},
		{"GrowStopsAtTheMaximum", growStopsAtTheMaximum},
		{"GrowOfNothingIsNotFound", growOfNothing},
		{"ShrinkEndsTheInstance", shrinkEndsTheInstance},
		{"ShrinkStopsAtTheMinimum", shrinkStopsAtTheMinimum},
		{"ShrinkOfNothingIsNotFound", shrinkOfNothing},
	} {
		t.Run(each.name, func(t *testing.T) {
			groups, fixture := create(t)
			each.check(t, &groupsSubject{groups, fixture})
		})
	}
}

type groupsSubject struct {
	cloud.NodeGroups
	GroupsFixture
}

func (s *groupsSubject) find(t *testing.T, selection cloud.GroupSelection) []cloud.NodeGroup {
	t.Helper()
	found, err := s.Groups(t.Context(), selection)
	if err != nil {
		t.Fatalf("Groups: %v", err)
	}
	return found
}

func (s *groupsSubject) first(t *testing.T) cloud.NodeGroup {
	t.Helper()
	found := s.find(t, cloud.GroupSelection{Named: []cloud.GroupBounds{{Name: s.First, Min: 1, Max: 4}}})
	if len(found) != 1 {
		t.Fatalf("found %d groups named %s", len(found), s.First)
	}
	return found[0]
}

func groupsFoundByName(t *testing.T, s *groupsSubject) {
	found := s.find(t, cloud.GroupSelection{Named: []cloud.GroupBounds{{Name: s.Second, Max: 3}, {Name: s.First, Min: 2, Max: 3}, {Name: "no-such-group", Max: 1}}})
	if len(found) != 2 || found[0].Name != s.First || found[1].Name != s.Second {
		t.Fatalf("found %+v, want the two by name", found)
	}
	if found[0].Min != 2 || found[0].Max != 3 || found[0].Desired != 2 {
		t.Errorf("sizes are %d/%d/%d, want 2/2/3: what a person gives goes first", found[0].Min, found[0].Desired, found[0].Max)
	}
}

func groupsFoundByTag(t *testing.T, s *groupsSubject) {
	for _, tags := range []map[string]string{{s.Tag: ""}, {s.Tag: s.Value}} {
		if found := s.find(t, cloud.GroupSelection{Tags: tags}); len(found) != 1 || found[0].Name != s.First || found[0].Max != 4 {
			t.Errorf("%v finds %+v, want %s with its own sizes", tags, found, s.First)
		}
	}
	for _, tags := range []map[string]string{{s.Tag: "other"}, {s.Tag: "", "none": ""}, nil} {
		if found := s.find(t, cloud.GroupSelection{Tags: tags}); len(found) != 0 {
			t.Errorf("%v finds %d groups", tags, len(found))
		}
	}
}

func groupsSayWhatTheirNodesAre(t *testing.T, s *groupsSubject) {
	group := s.first(t)
	if len(group.Types) == 0 || group.NotReadyReason != "" {
		t.Fatalf("types %v, %q", group.Types, group.NotReadyReason)
	}
	for _, kind := range group.Types {
		if len(kind.Offerings) == 0 || !(kind.Offerings[0].PricePerHour > 0) || kind.Offerings[0].InstanceType != kind.Name {
			t.Errorf("%s is sold as %+v", kind.Name, kind.Offerings)
		}
		if !kind.Allocatable.Fits(kind.Capacity) || kind.Allocatable["pods"] == 0 || kind.Labels["node.kubernetes.io/instance-type"] != kind.Name {
			t.Errorf("%s has %v of %v, labels %v", kind.Name, kind.Allocatable, kind.Capacity, kind.Labels)
		}
	}
	if len(group.Instances) != 2 || group.Instances[0].ProviderID == "" || group.Instances[0].Weight != 1 {
		t.Errorf("instances are %+v", group.Instances)
	}
	sum := 0
	for _, count := range group.InstancesByZone {
		sum += count
	}
	for _, zone := range group.Zones() {
		if _, known := group.InstancesByZone[zone]; !known || sum != len(group.Instances) {
			t.Errorf("instances by zone are %v, want all %d and a number for %s", group.InstancesByZone, len(group.Instances), zone)
		}
	}
}

func (s *groupsSubject) grow(t *testing.T, to, want int) {
	t.Helper()
	got, err := s.Grow(t.Context(), s.First, to)
	if err != nil || got != want {
		t.Errorf("Grow to %d gives %d (%v), want %d", to, got, err, want)
	}
	if now := s.first(t).Desired; now != want {
		t.Errorf("the desired size is %d, want %d", now, want)
	}
}

func growRaises(t *testing.T, s *groupsSubject)            { s.grow(t, 3, 3) }
func growNeverLowers(t *testing.T, s *groupsSubject)       { s.grow(t, 1, 2) }
func growStopsAtTheMaximum(t *testing.T, s *groupsSubject) { s.grow(t, 9, 4) }

func growOfNothing(t *testing.T, s *groupsSubject) {
	if _, err := s.Grow(t.Context(), "no-such-group", 1); !cloud.IsNotFound(err) {
		t.Errorf("got %v, want that it is not found", err)
	}
}

func shrinkEndsTheInstance(t *testing.T, s *groupsSubject) {
	id := s.first(t).Instances[1].ID
	if err := s.Shrink(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	group := s.first(t)
	if group.Desired != 1 {
		t.Errorf("the desired size is %d, want 1", group.Desired)
	}
	for _, instance := range group.Instances {
		if instance.ID == id && !instance.IsLeaving() {
			t.Errorf("instance %s is still %s", id, instance.Lifecycle)
		}
	}
}

func shrinkStopsAtTheMinimum(t *testing.T, s *groupsSubject) {
	instances := s.first(t).Instances
	if err := s.Shrink(t.Context(), instances[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Shrink(t.Context(), instances[1].ID); !errors.As(err, new(*cloud.MinSizeError)) {
		t.Errorf("got %v, want a MinSizeError", err)
	}
}

func shrinkOfNothing(t *testing.T, s *groupsSubject) {
	if err := s.Shrink(t.Context(), "i-00000000000000000"); !cloud.IsNotFound(err) {
		t.Errorf("got %v, want that it is not found", err)
	}
}
