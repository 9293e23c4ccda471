package nodepool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

// Validate finds what is wrong with the pool whatever the cloud offers.
func Validate(ctx context.Context, pool *karpv1.NodePool) error {
	if pool.Spec.Replicas != nil {
		return errors.New("spec.replicas makes this a static pool, which is not supported: remove it, and drover launches nodes for pending pods")
	}
	return pool.RuntimeValidate(ctx)
}

// Incompatible says which requirements leave nothing to buy and what would be
// right, or nothing if something is left.
func Incompatible(requirements []model.Requirement, catalog model.Catalog) string {
	if len(catalog.Offerings) == 0 {
		return "the EC2NodeClass has nothing to offer: no instance type has a known price in the zones of its subnets"
	}
	types := make(map[string]*model.InstanceType, len(catalog.InstanceTypes))
	known := map[string]bool{corev1.LabelTopologyZone: true, karpv1.CapacityTypeLabelKey: true, corev1.LabelInstanceTypeStable: true}
	for i := range catalog.InstanceTypes {
		types[catalog.InstanceTypes[i].Name] = &catalog.InstanceTypes[i]
		for key := range catalog.InstanceTypes[i].Labels {
			known[key] = true
		}
	}
	left := catalog.Offerings
	var kept []string
	for _, requirement := range requirements {
		if !known[requirement.Key] {
			continue // a label of the user's own, which nodes are given
		}
		matches := func(offering model.Offering) bool {
			value, ok := label(types[offering.InstanceType], offering, requirement.Key)
			return satisfies(requirement, value, ok)
		}
		if !slices.ContainsFunc(catalog.Offerings, matches) {
			return fmt.Sprintf("requirement %s matches no instance type: use one of %s", text(requirement), choices(types, catalog.Offerings, requirement))
		}
		var narrowed []model.Offering
		for _, offering := range left {
			if matches(offering) {
				narrowed = append(narrowed, offering)
			}
		}
		if len(narrowed) == 0 {
			return fmt.Sprintf("requirement %s excludes all that is left by %s: with those, use one of %s",
				text(requirement), strings.Join(kept, " and "), choices(types, left, requirement))
		}
		left, kept = narrowed, append(kept, text(requirement))
	}
	return ""
}

func label(instanceType *model.InstanceType, offering model.Offering, key string) (string, bool) {
	switch key {
	case corev1.LabelTopologyZone:
		return offering.Zone, true
	case karpv1.CapacityTypeLabelKey:
		return string(offering.CapacityType), true
	case corev1.LabelInstanceTypeStable:
		return offering.InstanceType, true
	}
	if instanceType == nil {
		return "", false
	}
	value, ok := instanceType.Labels[key]
	return value, ok
}

func satisfies(requirement model.Requirement, value string, present bool) bool {
	switch requirement.Operator {
	case model.In:
		return present && slices.Contains(requirement.Values, value)
	case model.NotIn:
		return !present || !slices.Contains(requirement.Values, value)
	case model.Exists:
		return present
	case model.DoesNotExist:
		return !present
	}
	number, err := strconv.Atoi(value)
	if err != nil || !present || len(requirement.Values) != 1 {
		return false
	}
	bound, err := strconv.Atoi(requirement.Values[0])
	if err != nil {
		return false
	}
	switch requirement.Operator {
	case model.Gt:
		return number > bound
	case model.Lt:
		return number < bound
	case model.Gte:
		return number >= bound
	case model.Lte:
		return number <= bound
	}
	return false
}

func text(requirement model.Requirement) string {
	if len(requirement.Values) == 0 {
		return fmt.Sprintf("%s %s", requirement.Key, requirement.Operator)
	}
	return fmt.Sprintf("%s %s %v", requirement.Key, requirement.Operator, requirement.Values)
}

// choices lists the values that a label has, those first that begin like what
// was asked for, else in order, numbers by size; for a comparison the least and
// the largest are enough.
func choices(types map[string]*model.InstanceType, offerings []model.Offering, requirement model.Requirement) string {
	const shown = 12
	seen := map[string]bool{}
	var values []string
	for _, offering := range offerings {
		if value, ok := label(types[offering.InstanceType], offering, requirement.Key); ok && !seen[value] {
			seen[value] = true
			values = append(values, value)
		}
	}
	if compares(requirement.Operator) && len(values) > 1 {
		slices.SortFunc(values, compareValues)
		return values[0] + " to " + values[len(values)-1]
	}
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(cmp.Compare(likeness(b, requirement.Values), likeness(a, requirement.Values)), compareValues(a, b))
	})
	if len(values) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(values[:shown], ", "), len(values)-shown)
	}
	return strings.Join(values, ", ")
}

func compares(operator model.Operator) bool {
	return slices.Contains([]model.Operator{model.Gt, model.Lt, model.Gte, model.Lte}, operator)
}

// likeness is how many characters the value begins with that one of the others
// begins with too.
func likeness(value string, others []string) int {
	longest := 0
	for _, other := range others {
		common := 0
		for common < min(len(value), len(other)) && value[common] == other[common] {
			common++
		}
		longest = max(longest, common)
	}
	return longest
}

func compareValues(a, b string) int {
	left, leftErr := strconv.Atoi(a)
	right, rightErr := strconv.Atoi(b)
	if leftErr == nil && rightErr == nil {
		return cmp.Compare(left, right)
	}
	return cmp.Compare(a, b)
}
