package offers

import (
	"slices"
	"strings"
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/model"
)

func catalogOf(t *testing.T, class *ec2v1.EC2NodeClass) model.Catalog {
	t.Helper()
	market, err := New("us-west-2", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := market.Catalog(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

func TestTypesHaveTheRoomAndPriceOfTheRegion(t *testing.T) {
	catalog := catalogOf(t, &ec2v1.EC2NodeClass{})
	i := slices.IndexFunc(catalog.InstanceTypes, func(it model.InstanceType) bool { return it.Name == "m5.large" })
	if i < 0 {
		t.Fatal("there is no m5.large")
	}
	got := catalog.InstanceTypes[i]
	if got.Allocatable[model.CPU] != 1930 || got.Allocatable[model.Memory] != 6903<<20 || got.Allocatable[model.PodCount] != 29 {
		t.Errorf("allocatable of m5.large is %v", got.Allocatable)
	}
	var zones []string
	for _, offering := range catalog.Offerings {
		if offering.InstanceType == "m5.large" {
			zones = append(zones, offering.Zone)
			if offering.PricePerHour != 0.096 || offering.CapacityType != model.OnDemand {
				t.Errorf("offering is %+v", offering)
			}
		}
	}
	if strings.Join(zones, " ") != "us-west-2a us-west-2b us-west-2c" {
		t.Errorf("zones are %v", zones)
	}
}

func TestTypesThatNoNodeRunsOnAreNotOffered(t *testing.T) {
	for _, instanceType := range catalogOf(t, &ec2v1.EC2NodeClass{}).InstanceTypes {
		if strings.HasPrefix(instanceType.Name, "m1.") {
			t.Errorf("%s is offered", instanceType.Name)
		}
	}
}

func TestTheClassNarrowsWhatCanBeBought(t *testing.T) {
	class := &ec2v1.EC2NodeClass{}
	class.Status.Subnets = []ec2v1.Subnet{{ID: "subnet-2", Zone: "us-west-2d", ZoneID: "usw2-az4"}, {ID: "subnet-1", Zone: "us-west-2d", ZoneID: "usw2-az4"}}
	class.Status.AMIs = []ec2v1.AMI{{ID: "ami-1", Requirements: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{"arm64"}},
	}}}
	catalog := catalogOf(t, class)
	for _, instanceType := range catalog.InstanceTypes {
		if instanceType.Labels[corev1.LabelArchStable] != "arm64" {
			t.Fatalf("%s is offered without an image for it", instanceType.Name)
		}
	}
	seen := map[model.OfferingKey]bool{}
	for _, offering := range catalog.Offerings {
		if offering.Zone != "us-west-2d" || offering.ZoneID != "usw2-az4" || seen[offering.OfferingKey] {
			t.Fatalf("offering is %+v", offering)
		}
		seen[offering.OfferingKey] = true
	}
	if len(seen) == 0 {
		t.Error("nothing is offered")
	}
}
