package aws

import (
	"reflect"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drover-project/drover/internal/model"
)

const (
	mi = int64(1) << 20
	gi = int64(1) << 30
)

func (w *world) catalogOf(t *testing.T, class *ec2v1.EC2NodeClass) model.Catalog {
	t.Helper()
	catalog, err := w.Catalog(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

func typeNamed(t *testing.T, catalog model.Catalog, name string) model.InstanceType {
	t.Helper()
	for _, each := range catalog.InstanceTypes {
		if each.Name == name {
			return each
		}
	}
	t.Fatalf("%s is not in the catalog", name)
	return model.InstanceType{}
}

func TestCatalogNumbers(t *testing.T) {
	w := newWorld(t)
	catalog := w.catalogOf(t, w.resolved(t, nodeClass()))
	cases := map[string]struct{ capacity, allocatable model.Resources }{
		// The figures of a node that a tutorial prints.
		"m5.large": {
			model.Resources{"cpu": 2000, "memory": 7577 * mi, "ephemeral-storage": 20 * gi, "pods": 29, "vpc.amazonaws.com/pod-eni": 9},
			model.Resources{"cpu": 1930, "memory": 6903 * mi, "ephemeral-storage": 17 * gi, "pods": 29, "vpc.amazonaws.com/pod-eni": 9},
		},
		"m5.xlarge": {
			model.Resources{"cpu": 4000, "memory": 15155 * mi, "ephemeral-storage": 20 * gi, "pods": 58, "vpc.amazonaws.com/pod-eni": 18},
			model.Resources{"cpu": 3920, "memory": 14162 * mi, "ephemeral-storage": 17 * gi, "pods": 58, "vpc.amazonaws.com/pod-eni": 18},
		},
		// Graviton: 64 MiB less to begin with.
		"m6g.large": {
			model.Resources{"cpu": 2000, "memory": 7518 * mi, "ephemeral-storage": 20 * gi, "pods": 29, "vpc.amazonaws.com/pod-eni": 9},
			model.Resources{"cpu": 1930, "memory": 6844 * mi, "ephemeral-storage": 17 * gi, "pods": 29, "vpc.amazonaws.com/pod-eni": 9},
		},
		"g4dn.xlarge": {
			model.Resources{"cpu": 4000, "memory": 15155 * mi, "ephemeral-storage": 20 * gi, "pods": 29, "vpc.amazonaws.com/pod-eni": 39, "nvidia.com/gpu": 1},
			model.Resources{"cpu": 3920, "memory": 14481 * mi, "ephemeral-storage": 17 * gi, "pods": 29, "vpc.amazonaws.com/pod-eni": 39, "nvidia.com/gpu": 1},
		},
		"m5.metal": {
			model.Resources{"cpu": 96000, "memory": 363724 * mi, "ephemeral-storage": 20 * gi, "pods": 737, "vpc.amazonaws.com/pod-eni": 120},
			model.Resources{"cpu": 95690, "memory": 355262 * mi, "ephemeral-storage": 17 * gi, "pods": 737, "vpc.amazonaws.com/pod-eni": 120},
		},
	}
	for name, want := range cases {
		got := typeNamed(t, catalog, name)
		if !reflect.DeepEqual(got.Capacity, want.capacity) {
			t.Errorf("%s capacity\n got %v\nwant %v", name, got.Capacity, want.capacity)
		}
		if !reflect.DeepEqual(got.Allocatable, want.allocatable) {
			t.Errorf("%s allocatable\n got %v\nwant %v", name, got.Allocatable, want.allocatable)
		}
	}
}

func TestCatalogLabels(t *testing.T) {
	w := newWorld(t)
	catalog := w.catalogOf(t, w.resolved(t, nodeClass()))
	want := map[string]string{
		"node.kubernetes.io/instance-type": "m5.large", "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
		"topology.kubernetes.io/region":         "us-west-2",
		"karpenter.k8s.aws/instance-category":   "m",
		"karpenter.k8s.aws/instance-family":     "m5",
		"karpenter.k8s.aws/instance-generation": "5",
		"karpenter.k8s.aws/instance-size":       "large",
		"karpenter.k8s.aws/instance-cpu":        "2", "karpenter.k8s.aws/instance-cpu-manufacturer": "intel",
		"karpenter.k8s.aws/instance-cpu-sustained-clock-speed-mhz": "3100",
		"karpenter.k8s.aws/instance-memory":                        "8192", "karpenter.k8s.aws/instance-pods": "29",
		"karpenter.k8s.aws/instance-hypervisor":                      "nitro",
		"karpenter.k8s.aws/instance-encryption-in-transit-supported": "false",
		"karpenter.k8s.aws/instance-ebs-bandwidth":                   "4750",
		"karpenter.k8s.aws/instance-network-bandwidth":               "750",
		"karpenter.k8s.aws/instance-capability-flex":                 "false",
		"karpenter.k8s.aws/instance-tenancy":                         "default",
	}
	if got := typeNamed(t, catalog, "m5.large").Labels; !reflect.DeepEqual(got, want) {
		t.Errorf("m5.large labels\n got %v\nwant %v", got, want)
	}
	gpu := typeNamed(t, catalog, "g4dn.xlarge").Labels
	for label, value := range map[string]string{
		"karpenter.k8s.aws/instance-gpu-name": "t4", "karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia",
		"karpenter.k8s.aws/instance-gpu-count": "1", "karpenter.k8s.aws/instance-gpu-memory": "16384",
		"karpenter.k8s.aws/instance-local-nvme": "125", "karpenter.k8s.aws/instance-category": "g",
		"karpenter.k8s.aws/instance-generation": "4",
	} {
		if gpu[label] != value {
			t.Errorf("g4dn.xlarge %s is %q, want %q", label, gpu[label], value)
		}
	}
	if flex := typeNamed(t, catalog, "m7i-flex.large").Labels; flex["karpenter.k8s.aws/instance-capability-flex"] != "true" ||
		flex["karpenter.k8s.aws/instance-generation"] != "7" {
		t.Errorf("m7i-flex.large labels are %v", flex)
	}
}

func TestCatalogLeavesOut(t *testing.T) {
	w := newWorld(t)
	catalog := w.catalogOf(t, w.resolved(t, nodeClass()))
	for _, each := range catalog.InstanceTypes {
		switch each.Name {
		case "m5.unpriced":
			t.Error("a type without a price is offered")
		case "a1.large":
			t.Error("AL2023 does not run on a1")
		case "inf2.xlarge":
			t.Error("no AMI of the class is for Neuron")
		}
	}
	if log := w.log.String(); strings.Count(log, "m5.unpriced") != 1 {
		t.Errorf("the type without a price should be named once in the log: %s", log)
	}
	var onDemand, spot int
	for _, offering := range catalog.Offerings {
		if offering.InstanceType != "m5.large" {
			continue
		}
		switch offering.CapacityType {
		case model.OnDemand:
			onDemand++
			if offering.PricePerHour != 0.096 {
				t.Errorf("%+v, want 0.096", offering)
			}
		case model.Spot:
			spot++
			// The later of two entries counts.
			if offering.PricePerHour != 0.035 {
				t.Errorf("%+v, want 0.035", offering)
			}
		}
	}
	if onDemand != 3 || spot != 2 {
		t.Errorf("m5.large has %d on-demand and %d Spot offerings, want 3 and the 2 with a price", onDemand, spot)
	}
}

func TestAllocatableFollowsTheClass(t *testing.T) {
	quantity := func(text string) *resource.Quantity { return sdkPtr(resource.MustParse(text)) }
	raid := ec2v1.InstanceStorePolicyRAID0
	cases := map[string]struct {
		instanceType string
		change       func(*ec2v1.EC2NodeClassSpec)
		want         model.Resources
	}{
		"maxPods leaves the reservation of AL2023": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.Kubelet = &ec2v1.KubeletConfiguration{MaxPods: sdk.Int32(110)}
		}, model.Resources{"memory": 6903 * mi, "pods": 110}},
		"maxPods raises the reservation of Bottlerocket": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.AMISelectorTerms = []ec2v1.AMISelectorTerm{{Alias: "bottlerocket@latest"}}
			s.Kubelet = &ec2v1.KubeletConfiguration{MaxPods: sdk.Int32(110)}
		}, model.Resources{"memory": (7577 - 11*110 - 255 - 100) * mi, "pods": 110}},
		"podsPerCore": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.Kubelet = &ec2v1.KubeletConfiguration{PodsPerCore: sdk.Int32(4)}
		}, model.Resources{"pods": 8}},
		"kubeReserved and systemReserved": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.Kubelet = &ec2v1.KubeletConfiguration{
				KubeReserved: map[string]string{"cpu": "200m", "memory": "1Gi"}, SystemReserved: map[string]string{"cpu": "100m", "memory": "100Mi"},
			}
		}, model.Resources{"cpu": 1700, "memory": (7577 - 1024 - 100 - 100) * mi, "ephemeral-storage": 17 * gi}},
		"evictionHard": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.Kubelet = &ec2v1.KubeletConfiguration{EvictionHard: map[string]string{"memory.available": "500Mi", "nodefs.available": "20%"}}
		}, model.Resources{"memory": (7577 - 574 - 500) * mi, "ephemeral-storage": 15 * gi}},
		"evictionHard of 100% is off": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.Kubelet = &ec2v1.KubeletConfiguration{EvictionHard: map[string]string{"memory.available": "100%"}}
		}, model.Resources{"memory": (7577 - 574) * mi}},
		"evictionSoft does not count": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.Kubelet = &ec2v1.KubeletConfiguration{EvictionSoft: map[string]string{"memory.available": "1Gi"}}
		}, model.Resources{"memory": 6903 * mi}},
		"root volume": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.BlockDeviceMappings = []*ec2v1.BlockDeviceMapping{{DeviceName: sdk.String("/dev/xvda"), EBS: &ec2v1.BlockDevice{VolumeSize: quantity("100Gi")}}}
		}, model.Resources{"ephemeral-storage": 89 * gi}},
		"another volume is not the root": {"m5.large", func(s *ec2v1.EC2NodeClassSpec) {
			s.BlockDeviceMappings = []*ec2v1.BlockDeviceMapping{{DeviceName: sdk.String("/dev/xvdz"), EBS: &ec2v1.BlockDevice{VolumeSize: quantity("100Gi")}}}
		}, model.Resources{"ephemeral-storage": 17 * gi}},
		"instance store": {"g4dn.xlarge", func(s *ec2v1.EC2NodeClassSpec) { s.InstanceStorePolicy = &raid },
			model.Resources{"ephemeral-storage": 125e9 - 12.5e9 - gi}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			class := nodeClass()
			c.change(&class.Spec)
			class = w.resolved(t, class)
			if c.instanceType == "g4dn.xlarge" && len(class.Status.AMIs) == 0 {
				t.Fatal("no AMIs")
			}
			got := typeNamed(t, w.catalogOf(t, class), c.instanceType).Allocatable
			for resource, want := range c.want {
				if got[resource] != want {
					t.Errorf("%s is %d, want %d", resource, got[resource], want)
				}
			}
		})
	}
}

func sdkPtr[T any](value T) *T { return &value }

func TestCatalogRefusesBadQuantities(t *testing.T) {
	w := newWorld(t)
	class := w.resolved(t, nodeClass())
	class.Spec.Kubelet = &ec2v1.KubeletConfiguration{KubeReserved: map[string]string{"memory": "lots"}}
	_, err := w.Catalog(t.Context(), class)
	if err == nil || !strings.Contains(err.Error(), `spec.kubelet.kubeReserved[memory]: "lots"`) {
		t.Errorf("got %v, want the field and its value", err)
	}
}

func TestCatalogIsCached(t *testing.T) {
	w := newWorld(t)
	class := w.resolved(t, nodeClass())
	first := w.catalogOf(t, class)
	second := w.catalogOf(t, class.DeepCopy())
	if &first.InstanceTypes[0] != &second.InstanceTypes[0] || &first.Offerings[0] != &second.Offerings[0] {
		t.Error("an unchanged catalog was built again")
	}
	w.unavailable.mark(first.Offerings[0].OfferingKey, "InsufficientInstanceCapacity")
	third := w.catalogOf(t, class)
	if &third.InstanceTypes[0] != &first.InstanceTypes[0] {
		t.Error("an outage built the types again")
	}
	if first.Offerings[0].UnavailableReason != "" {
		t.Error("a catalog that was handed out has changed")
	}
	if want := "InsufficientInstanceCapacity at 2026-11-24T08:00:00Z"; third.Offerings[0].UnavailableReason != want {
		t.Errorf("reason %q, want %q", third.Offerings[0].UnavailableReason, want)
	}
	class.Spec.Kubelet = &ec2v1.KubeletConfiguration{MaxPods: sdk.Int32(5)}
	if got := typeNamed(t, w.catalogOf(t, class), "m5.large").Capacity[model.PodCount]; got != 5 {
		t.Errorf("after a change of the class m5.large has %d pods, want 5", got)
	}
}

func TestSpotRoleMissingStopsAllSpot(t *testing.T) {
	w := newWorld(t)
	class := w.resolved(t, nodeClass())
	w.unavailable.markCapacityType(model.Spot, codeNoSpotRole)
	for _, offering := range w.catalogOf(t, class).Offerings {
		if (offering.UnavailableReason != "") != (offering.CapacityType == model.Spot) {
			t.Errorf("%+v", offering)
		}
	}
}

func TestInventoryRefreshes(t *testing.T) {
	w := newWorld(t)
	class := w.resolved(t, nodeClass())
	before := w.catalogOf(t, class)
	calls := w.ec2.count("DescribeInstanceTypes")
	w.clock.Advance(typesAge - time.Second)
	w.catalogOf(t, class)
	w.ec2.mu.Lock()
	w.ec2.infos = append(w.ec2.infos, typeInfo("m5.2xlarge", "x86_64", 8, 32768, 4, 15))
	w.ec2.mu.Unlock()
	w.pricing.prices["m5.2xlarge"] = "0.384"
	if w.ec2.count("DescribeInstanceTypes") != calls {
		t.Error("types were asked for again before they were old")
	}
	w.clock.Advance(time.Second)
	// The old catalog is served while the new one is fetched behind it.
	if got := w.catalogOf(t, class); len(got.InstanceTypes) != len(before.InstanceTypes) {
		t.Error("a reader waited for the refresh")
	}
	eventually(t, func() bool { return len(w.catalogOf(t, class).InstanceTypes) == len(before.InstanceTypes)+1 })
}

// eventually polls until a condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("the condition did not come true")
		}
		time.Sleep(time.Millisecond)
	}
}

func BenchmarkCatalogCached(b *testing.B) {
	w := newWorld(&testing.T{})
	class := nodeClass()
	found, err := w.Resolve(b.Context(), class)
	if err != nil {
		b.Fatal(err)
	}
	class.Status.Subnets, class.Status.AMIs = found.Subnets, found.AMIs
	for b.Loop() {
		if _, err := w.Catalog(b.Context(), class); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSpotPricesOverTheWindow: of what was in force before the window only the last
// price counts, which was in force at its start.
func TestSpotPricesOverTheWindow(t *testing.T) {
	for name, c := range map[string]struct {
		window          time.Duration
		lowest, highest float64
	}{
		"a day, the default": {0, 0.03, 0.07},
		"three hours":        {3 * time.Hour, 0.03, 0.05},
		"ninety minutes":     {90 * time.Minute, 0.03, 0.035},
		"half an hour":       {30 * time.Minute, 0.035, 0.035},
	} {
		w := newWorld(t)
		w.options.SpotWindow = c.window
		zone := "us-west-2a"
		for hours, price := range map[int]string{3: "0.0500", 10: "0.0700", 26: "0.0400", 40: "0.0010"} {
			w.ec2.spot = append(w.ec2.spot, types.SpotPrice{InstanceType: "m5.large", AvailabilityZone: &zone, SpotPrice: &price,
				Timestamp: sdk.Time(w.clock.now.Add(-time.Duration(hours) * time.Hour))})
		}
		found := 0
		for _, offering := range w.catalogOf(t, w.resolved(t, nodeClass())).Offerings {
			switch {
			case offering.InstanceType == "m5.large" && offering.Zone == zone && offering.CapacityType == model.Spot:
				found++
				if offering.PricePerHour != 0.035 || offering.LowestPrice != c.lowest || offering.HighestPrice != c.highest {
					t.Errorf("%s: %+v, want 0.035 now, from %g to %g", name, offering, c.lowest, c.highest)
				}
			case offering.CapacityType == model.OnDemand && offering.LowestPrice+offering.HighestPrice != 0:
				t.Errorf("%s: %+v has a history", name, offering)
			}
		}
		if found != 1 {
			t.Errorf("%s: %d offerings of the pool", name, found)
		}
	}
}
