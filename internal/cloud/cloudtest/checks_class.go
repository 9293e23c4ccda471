package cloudtest

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

func resolveIsRepeatable(t *testing.T, s *subject) {
	first, err := s.Resolve(t.Context(), s.NodeClass)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Resolve(t.Context(), s.NodeClass)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("two answers differ:\n%+v\n%+v", first, second)
	}
	if !slices.IsSortedFunc(first.Subnets, func(a, b ec2v1.Subnet) int { return compare(a.ID, b.ID) }) {
		t.Errorf("subnets are not in order of id: %+v", first.Subnets)
	}
	for _, subnet := range first.Subnets {
		if subnet.ID == "" || subnet.Zone == "" || subnet.ZoneID == "" {
			t.Errorf("subnet %+v lacks id, zone or zone id", subnet)
		}
	}
	for _, ami := range first.AMIs {
		if ami.ID == "" || len(ami.Requirements) == 0 {
			t.Errorf("AMI %+v lacks id or requirements", ami)
		}
	}
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func resolveOfNothingIsEmpty(t *testing.T, s *subject) {
	class := s.NodeClass.DeepCopy()
	nothing := map[string]string{"drover.dev/no-such-tag": "x"}
	class.Spec.SubnetSelectorTerms = []ec2v1.SubnetSelectorTerm{{Tags: nothing}}
	class.Spec.SecurityGroupSelectorTerms = []ec2v1.SecurityGroupSelectorTerm{{Tags: nothing}}
	found, err := s.Resolve(t.Context(), class)
	if err != nil {
		t.Fatalf("selectors that match nothing are for the caller to report, not an error: %v", err)
	}
	if len(found.Subnets) != 0 || len(found.SecurityGroups) != 0 {
		t.Errorf("got %+v, want no subnets and no security groups", found)
	}
}

func instanceProfileIsEnsuredOnce(t *testing.T, s *subject) {
	if s.class.Status.InstanceProfile == "" {
		t.Error("the profile has no name")
	}
	again, err := s.restarted(t).EnsureInstanceProfile(t.Context(), s.class)
	if err != nil || again != s.class.Status.InstanceProfile {
		t.Errorf("a second call gave %q, %v; want the same %q", again, err, s.class.Status.InstanceProfile)
	}
}

func instanceProfileNeedsARole(t *testing.T, s *subject) {
	class := s.NodeClass.DeepCopy()
	class.Spec.Role, class.Spec.InstanceProfile = "", nil
	_, err := s.EnsureInstanceProfile(t.Context(), class)
	var terminal *cloud.TerminalError
	if !errors.As(err, &terminal) || terminal.Reason == "" {
		t.Errorf("got %v, want a TerminalError with a reason", err)
	}
}

func nodeClassResourcesAreDeletedRepeatably(t *testing.T, s *subject) {
	for range 2 {
		if err := s.DeleteNodeClassResources(t.Context(), s.class); err != nil {
			t.Fatal(err)
		}
	}
	// What was deleted is made again when it is needed again.
	s.class = s.resolved(t)
	s.launch(t, s.request(s.onDemand(t, 1)))
}

func catalogIsOrderedAndPriced(t *testing.T, s *subject) {
	catalog := s.catalog(t)
	if len(catalog.InstanceTypes) == 0 || len(catalog.Offerings) == 0 {
		t.Fatal("the catalog is empty")
	}
	if !slices.IsSortedFunc(catalog.InstanceTypes, func(a, b model.InstanceType) int { return compare(a.Name, b.Name) }) {
		t.Error("types are not in order of name")
	}
	if !slices.IsSortedFunc(catalog.Offerings, func(a, b model.Offering) int {
		return compare(a.InstanceType+"\x00"+a.Zone+"\x00"+string(a.CapacityType), b.InstanceType+"\x00"+b.Zone+"\x00"+string(b.CapacityType))
	}) {
		t.Error("offerings are not in order of type, zone, capacity type")
	}
	sold := map[string]bool{}
	for _, offering := range catalog.Offerings {
		sold[offering.InstanceType] = true
		if offering.PricePerHour <= 0 {
			t.Errorf("%+v has no price", offering)
		}
		if price := s.Price(t.Context(), offering.OfferingKey); price != offering.PricePerHour {
			t.Errorf("%+v costs %v when its price is asked for", offering, price)
		}
	}
	for _, each := range catalog.InstanceTypes {
		checkType(t, each, sold[each.Name])
	}
	if !reflect.DeepEqual(catalog, s.catalog(t)) {
		t.Error("a second call gave another catalog")
	}
}

func checkType(t *testing.T, each model.InstanceType, sold bool) {
	t.Helper()
	if !sold {
		t.Errorf("%s is listed but has no offering", each.Name)
	}
	for _, label := range []string{"kubernetes.io/arch", "kubernetes.io/os"} {
		if each.Labels[label] == "" {
			t.Errorf("%s has no label %s", each.Name, label)
		}
	}
	if each.Labels["node.kubernetes.io/instance-type"] != each.Name {
		t.Errorf("%s has the instance-type label %q", each.Name, each.Labels["node.kubernetes.io/instance-type"])
	}
	if !each.Allocatable.Fits(each.Capacity) || each.Allocatable[model.CPU] >= each.Capacity[model.CPU] ||
		each.Allocatable[model.Memory] >= each.Capacity[model.Memory] || each.Allocatable[model.PodCount] <= 0 {
		t.Errorf("%s: allocatable %v must be less than capacity %v", each.Name, each.Allocatable, each.Capacity)
	}
}

func catalogKeepsToZones(t *testing.T, s *subject) {
	only := s.class.Status.Subnets[0]
	s.class.Status.Subnets = s.class.Status.Subnets[:1]
	offerings := s.catalog(t).Offerings
	if len(offerings) == 0 {
		t.Fatal("the catalog is empty")
	}
	for _, offering := range offerings {
		if offering.Zone != only.Zone || offering.ZoneID != only.ZoneID {
			t.Fatalf("%+v is not in the one zone of the class, %s (%s)", offering, only.Zone, only.ZoneID)
		}
	}
}

func catalogKeepsToAMIs(t *testing.T, s *subject) {
	s.class.Status.AMIs = nil
	if catalog := s.catalog(t); len(catalog.InstanceTypes) != 0 || len(catalog.Offerings) != 0 {
		t.Errorf("a class without AMIs can buy nothing, the catalog has %d types", len(catalog.InstanceTypes))
	}
}
