package manifest

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Nearest is the candidate that was probably meant, empty when none is near.
func Nearest(given string, candidates []string) string { return nearest(given, candidates) }

func nearest(given string, candidates []string) string {
	best, least := "", max(2, len(given)/3)+1
	for _, candidate := range candidates {
		if strings.EqualFold(given, candidate) {
			return candidate
		}
		distance := levenshtein.Distance(strings.ToLower(given), strings.ToLower(candidate), nil)
		if distance < least && distance < len(candidate) {
			best, least = candidate, distance
		}
	}
	return best
}

func notQuantity(node *yaml.Node) string {
	return fmt.Sprintf("%s is not a quantity; use a number with an optional suffix, such as 500m, 2, 512Mi or 4Gi", kindOf(node))
}

// rightQuantity mends what people write instead of a quantity: a blank between
// number and unit, bytes spelled out, the wrong case.
func rightQuantity(given string) string {
	text := strings.ReplaceAll(strings.ReplaceAll(given, " ", ""), ",", "")
	bare := strings.TrimRight(text, "bB")
	number := strings.TrimRight(bare, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := bare[len(number):]
	if number == "" {
		return ""
	}
	units := map[string]string{
		"ki": "Ki", "mi": "Mi", "gi": "Gi", "ti": "Ti", "k": "k", "g": "G", "t": "T",
		"core": "", "cores": "", "cpu": "", "cpus": "", "vcpu": "", "vcpus": "",
		"milli": "m", "millicores": "m", "millicore": "m", "mb": "M",
	}
	if known, ok := units[strings.ToLower(unit)]; ok {
		unit = known
	}
	if _, err := resource.ParseQuantity(number + unit); err != nil || number+unit == given {
		return ""
	}
	return number + unit
}

// choices are the values of types that stand for one of a few words.
func choices(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[corev1.NodeSelectorOperator]():
		// Gte and Lte are Karpenter's, for NodePools.
		return []string{"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Gte", "Lte"}
	case reflect.TypeFor[metav1.LabelSelectorOperator]():
		return []string{"In", "NotIn", "Exists", "DoesNotExist"}
	case reflect.TypeFor[corev1.TaintEffect]():
		return []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}
	case reflect.TypeFor[corev1.TolerationOperator]():
		return []string{"Equal", "Exists", "Lt", "Gt"}
	case reflect.TypeFor[corev1.UnsatisfiableConstraintAction]():
		return []string{"DoNotSchedule", "ScheduleAnyway"}
	case reflect.TypeFor[corev1.NodeInclusionPolicy]():
		return []string{"Honor", "Ignore"}
	case reflect.TypeFor[corev1.Protocol]():
		return []string{"TCP", "UDP", "SCTP"}
	case reflect.TypeFor[corev1.PreemptionPolicy]():
		return []string{"PreemptLowerPriority", "Never"}
	}
	return nil
}
