package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// catalog is what a NodeClass can buy, or why nobody knows.
type catalog struct {
	model.Catalog
	err error
}

// catalogs asks for the catalog of every NodeClass that is ready.
func (o *Observer) catalogs(ctx context.Context, seen *view) map[string]catalog {
	catalogs := make(map[string]catalog, len(seen.classes))
	for name, class := range seen.classes {
		// Conditions are written into what they are read from, and this object
		// belongs to the cache.
		class = class.DeepCopy()
		if !class.StatusConditions().Root().IsTrue() {
			continue
		}
		bought, err := o.Cloud.Catalog(ctx, class)
		catalogs[name] = catalog{Catalog: bought, err: err}
	}
	return catalogs
}

func (c catalog) instanceType(name string) (model.InstanceType, bool) {
	i := sort.Search(len(c.InstanceTypes), func(i int) bool { return c.InstanceTypes[i].Name >= name })
	if i < len(c.InstanceTypes) && c.InstanceTypes[i].Name == name {
		return c.InstanceTypes[i], true
	}
	return model.InstanceType{}, false
}

// expectation is what is certain of a node before it has been bought.
type expectation struct {
	labels      map[string]string
	allocatable model.Resources
	capacity    model.Resources
	limits      map[string]int64 // of attached volumes, by driver
}

// planned works out what a claim will be, whichever of its offerings it gets:
// the labels they share, and the room that the smallest of them has. Capacity,
// which counts against limits, is that of the offering asked for first.
func (v *view) planned(claim *karpv1.NodeClaim) expectation {
	var expected expectation
	offerings, err := translate.Offerings(claim)
	if err != nil || claim.Spec.NodeClassRef == nil {
		return expected
	}
	for _, offering := range offerings {
		bought, ok := v.catalogs[claim.Spec.NodeClassRef.Name].instanceType(offering.InstanceType)
		if !ok {
			continue
		}
		labels := OfferingLabels(bought, offering.OfferingKey)
		if expected.labels == nil {
			expected = expectation{labels: labels, allocatable: bought.Allocatable, capacity: bought.Capacity, limits: bought.AttachLimits}
			continue
		}
		expected.labels = common(expected.labels, labels)
		expected.allocatable = least(expected.allocatable, bought.Allocatable)
		expected.limits = tightest(expected.limits, bought.AttachLimits)
	}
	return expected
}

// OfferingLabels are the labels of a node bought this way.
func OfferingLabels(instanceType model.InstanceType, key model.OfferingKey) map[string]string {
	return merged(instanceType.Labels, map[string]string{
		corev1.LabelInstanceTypeStable: key.InstanceType,
		corev1.LabelTopologyZone:       key.Zone,
		karpv1.CapacityTypeLabelKey:    string(key.CapacityType),
	})
}

func common(a, b map[string]string) map[string]string {
	shared := map[string]string{}
	for key, value := range a {
		if other, ok := b[key]; ok && other == value {
			shared[key] = value
		}
	}
	return shared
}

// tightest keeps every limit there is, the smaller one of two.
func tightest(a, b map[string]int64) map[string]int64 {
	limits := make(map[string]int64, len(a)+len(b))
	maps.Copy(limits, a)
	for driver, limit := range b {
		if other, both := a[driver]; !both || limit < other {
			limits[driver] = limit
		}
	}
	return limits
}

func least(a, b model.Resources) model.Resources {
	smaller := model.Resources{}
	for name, amount := range a {
		smaller[name] = min(amount, b[name])
	}
	return smaller
}

// price looks up what a node costs by its labels.
func (v *view) price(claim *karpv1.NodeClaim, labels map[string]string) (float64, bool) {
	if claim.Spec.NodeClassRef == nil {
		return 0, false
	}
	key := model.OfferingKey{
		InstanceType: labels[corev1.LabelInstanceTypeStable],
		Zone:         labels[corev1.LabelTopologyZone],
		CapacityType: model.CapacityType(labels[karpv1.CapacityTypeLabelKey]),
	}
	offerings := v.catalogs[claim.Spec.NodeClassRef.Name].Offerings
	i, found := slices.BinarySearchFunc(offerings, key, func(o model.Offering, key model.OfferingKey) int {
		return compareKeys(o.OfferingKey, key)
	})
	if found {
		return offerings[i].PricePerHour, true
	}
	planned, err := translate.Offerings(claim)
	if err != nil || len(planned) == 0 {
		return 0, false
	}
	for _, offering := range planned {
		if offering.OfferingKey == key {
			return offering.PricePerHour, true
		}
	}
	if claim.Status.ProviderID == "" {
		return planned[0].PricePerHour, true
	}
	return 0, false
}

func compareKeys(a, b model.OfferingKey) int {
	return slices.Compare([]string{a.InstanceType, a.Zone, string(a.CapacityType)}, []string{b.InstanceType, b.Zone, string(b.CapacityType)})
}

// trouble says why a NodeClass cannot be bought from although it is ready.
func (v *view) trouble(class string) string {
	known, ok := v.catalogs[class]
	switch {
	case !ok:
		return fmt.Sprintf("EC2NodeClass %s is not ready", class)
	case known.err != nil:
		return fmt.Sprintf("what EC2NodeClass %s can buy is not known: %v", class, known.err)
	}
	return ""
}
