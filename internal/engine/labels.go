package engine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// Labels that the engine itself gives to a node to buy, or asks of one.
const (
	labelHostname     = "kubernetes.io/hostname"
	labelZone         = "topology.kubernetes.io/zone"
	labelRegion       = "topology.kubernetes.io/region"
	labelZoneID       = "topology.k8s.aws/zone-id"
	labelCapacityType = "karpenter.sh/capacity-type"
	labelNodePool     = "karpenter.sh/nodepool"
	labelInstanceType = "node.kubernetes.io/instance-type"
	labelArch         = "kubernetes.io/arch"
	labelOS           = "kubernetes.io/os"
	fieldNodeName     = "metadata.name"
)

// canonical maps the old and vendor names of a label to the one that decides.
// A node that has the one has the other.
func canonical(key string) string {
	switch key {
	case "failure-domain.beta.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone":
		return labelZone
	case "failure-domain.beta.kubernetes.io/region":
		return labelRegion
	case "beta.kubernetes.io/instance-type":
		return labelInstanceType
	case "beta.kubernetes.io/arch":
		return labelArch
	case "beta.kubernetes.io/os":
		return labelOS
	}
	return key
}

// wellKnownDomains hold labels that only the machine itself decides: a NodePool
// cannot make them up.
var wellKnownDomains = [...]string{"karpenter.sh", "karpenter.k8s.aws", "kubernetes.io", "k8s.io", "k8s.aws"}

func wellKnown(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	if !found {
		return false
	}
	if strings.HasSuffix(domain, "node-restriction.kubernetes.io") {
		return false
	}
	for _, known := range wellKnownDomains {
		if domain == known || strings.HasSuffix(domain, "."+known) {
			return true
		}
	}
	return false
}

// lookup finds a label among labels, also under its canonical name.
func lookup(labels map[string]string, key string) (string, bool) {
	if value, ok := labels[key]; ok {
		return value, true
	}
	if name := canonical(key); name != key {
		value, ok := labels[name]
		return value, ok
	}
	return "", false
}

// holds reports whether a label (absent when !present) meets a requirement.
func holds(r model.Requirement, value string, present bool) bool {
	switch r.Operator {
	case model.In:
		return present && contains(r.Values, value)
	case model.NotIn:
		return !present || !contains(r.Values, value)
	case model.Exists:
		return present
	case model.DoesNotExist:
		return !present
	case model.Gt, model.Lt, model.Gte, model.Lte:
		return present && compare(r, value)
	}
	return false
}

func compare(r model.Requirement, value string) bool {
	if len(r.Values) != 1 {
		return false
	}
	have, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return false
	}
	bound, err := strconv.ParseInt(r.Values[0], 10, 64)
	if err != nil {
		return false
	}
	switch r.Operator {
	case model.Gt:
		return have > bound
	case model.Lt:
		return have < bound
	case model.Gte:
		return have >= bound
	}
	return have <= bound
}

func contains(values []string, value string) bool {
	for _, v := range values {
		if v == value {
			return true
		}
	}
	return false
}

// requirementFault says what is wrong with a requirement, or "".
func requirementFault(r model.Requirement) string {
	switch r.Operator {
	case model.In, model.NotIn:
		if len(r.Values) == 0 {
			return fmt.Sprintf("%s %s needs at least one value", r.Key, r.Operator)
		}
	case model.Exists, model.DoesNotExist:
		if len(r.Values) != 0 {
			return fmt.Sprintf("%s %s takes no values", r.Key, r.Operator)
		}
	case model.Gt, model.Lt, model.Gte, model.Lte:
		if len(r.Values) != 1 {
			return fmt.Sprintf("%s %s needs exactly one value, a whole number", r.Key, r.Operator)
		}
		if _, err := strconv.ParseInt(r.Values[0], 10, 64); err != nil {
			return fmt.Sprintf("%s %s needs a whole number, not %q", r.Key, r.Operator, r.Values[0])
		}
	default:
		return fmt.Sprintf("%s has the operator %q; it must be In, NotIn, Exists, DoesNotExist, Gt, Lt, Gte or Lte", r.Key, r.Operator)
	}
	if r.Key == "" {
		return "a requirement has no key"
	}
	return ""
}

// requirementText writes a requirement as a person would.
func requirementText(r model.Requirement) string {
	if len(r.Values) == 0 {
		return fmt.Sprintf("%s %s", r.Key, r.Operator)
	}
	return fmt.Sprintf("%s %s [%s]", r.Key, r.Operator, strings.Join(boundedList(r.Values, 5), ", "))
}

// boundedList keeps the first most of list and says how many are left out.
func boundedList(list []string, most int) []string {
	if len(list) <= most {
		return list
	}
	short := append([]string(nil), list[:most]...)
	return append(short, fmt.Sprintf("and %d more", len(list)-most))
}
