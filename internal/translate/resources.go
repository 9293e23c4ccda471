package translate

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drover-project/drover/internal/model"
)

// Resources converts to model units: CPU in millicores, all else as it is,
// both rounded up.
func Resources(list corev1.ResourceList) model.Resources {
	if len(list) == 0 {
		return nil
	}
	resources := make(model.Resources, len(list))
	for name, quantity := range list {
		if name == corev1.ResourceCPU {
			resources[string(name)] = quantity.MilliValue()
		} else {
			resources[string(name)] = quantity.Value()
		}
	}
	return resources
}

// ResourceList converts back, in the notation people expect: 1930m, 6903Mi.
func ResourceList(resources model.Resources) corev1.ResourceList {
	if len(resources) == 0 {
		return nil
	}
	list := make(corev1.ResourceList, len(resources))
	for name, amount := range resources {
		switch {
		case name == model.CPU:
			list[corev1.ResourceCPU] = *resource.NewMilliQuantity(amount, resource.DecimalSI)
		case name == model.Memory, name == model.EphemeralStorage, strings.HasPrefix(name, corev1.ResourceHugePagesPrefix):
			list[corev1.ResourceName(name)] = *resource.NewQuantity(amount, resource.BinarySI)
		default:
			list[corev1.ResourceName(name)] = *resource.NewQuantity(amount, resource.DecimalSI)
		}
	}
	return list
}

// Amounts is a resource list as text, without the resources that are zero.
func Amounts(list corev1.ResourceList) map[string]string {
	amounts := make(map[string]string, len(list))
	for name, quantity := range list {
		if !quantity.IsZero() {
			amounts[string(name)] = quantity.String()
		}
	}
	return amounts
}
