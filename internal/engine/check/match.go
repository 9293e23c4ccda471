package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// unknownName is the hostname of a node that does not exist yet; no value that
// a pod could write equals it.
const unknownName = "\x00unknown"

// otherNames are labels with two names: a node with the second has the first.
var otherNames = map[string]string{
	"failure-domain.beta.kubernetes.io/zone":   "topology.kubernetes.io/zone",
	"topology.ebs.csi.aws.com/zone":            "topology.kubernetes.io/zone",
	"failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
	"beta.kubernetes.io/instance-type":         "node.kubernetes.io/instance-type",
	"beta.kubernetes.io/arch":                  "kubernetes.io/arch",
	"beta.kubernetes.io/os":                    "kubernetes.io/os",
}

func label(labels map[string]string, key string) (string, bool) {
	value, ok := labels[key]
	if !ok && otherNames[key] != "" {
		value, ok = labels[otherNames[key]]
	}
	return value, ok
}

func nodeLabels(node *model.Node) map[string]string {
	labels := map[string]string{"kubernetes.io/hostname": node.Name}
	for key, value := range node.Labels {
		labels[key] = value
	}
	return labels
}

func requests(pod *model.Pod) model.Resources {
	if pod.Requests["pods"] == 0 {
		return pod.Requests.Add(model.Resources{"pods": 1})
	}
	return pod.Requests
}

func requirementHolds(r model.Requirement, labels map[string]string) bool {
	value, present := label(labels, r.Key)
	in := present && slices.Contains(r.Values, value)
	switch r.Operator {
	case model.In:
		return in
	case model.NotIn:
		return !in
	case model.Exists:
		return present
	case model.DoesNotExist:
		return !present
	case model.Gt, model.Gte, model.Lt, model.Lte:
		return present && len(r.Values) == 1 && compares(value, r.Operator, r.Values[0])
	}
	return false
}

// compares two whole numbers; what is none compares with nothing.
func compares(value string, operator model.Operator, bound string) bool {
	have, haveErr := strconv.ParseInt(value, 10, 64)
	limit, limitErr := strconv.ParseInt(bound, 10, 64)
	if haveErr != nil || limitErr != nil {
		return false
	}
	switch operator {
	case model.Gt:
		return have > limit
	case model.Gte:
		return have >= limit
	case model.Lt:
		return have < limit
	default:
		return have <= limit
	}
}

// admitted is the pod's node selector and required node affinity; name is empty
// for a node that does not exist yet.
func admitted(pod *model.Pod, labels map[string]string, name string) bool {
	for key, value := range pod.NodeSelector {
		if have, ok := label(labels, key); !ok || have != value {
			return false
		}
	}
	for _, term := range pod.RequiredNodeAffinity {
		if termHolds(term, labels, name) {
			return true
		}
	}
	return len(pod.RequiredNodeAffinity) == 0
}

func termHolds(term model.NodeSelectorTerm, labels map[string]string, name string) bool {
	if name == "" {
		name = unknownName
	}
	for _, r := range term.Labels {
		if !requirementHolds(r, labels) {
			return false
		}
	}
	for _, r := range term.Fields {
		if r.Key != "metadata.name" || !requirementHolds(r, map[string]string{"metadata.name": name}) {
			return false
		}
	}
	return len(term.Labels)+len(term.Fields) > 0
}

func selected(s *model.LabelSelector, labels map[string]string) bool {
	if s == nil {
		return false
	}
	for key, value := range s.MatchLabels {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	for _, r := range s.Requirements {
		value, ok := labels[r.Key]
		own := map[string]string{}
		if ok {
			own[r.Key] = value
		}
		if !requirementHolds(r, own) {
			return false
		}
	}
	return true
}

func without(taints, startup []model.Taint) []model.Taint {
	var rest []model.Taint
next:
	for _, taint := range taints {
		for _, s := range startup {
			if s.Key == taint.Key && s.Effect == taint.Effect {
				continue next
			}
		}
		rest = append(rest, taint)
	}
	return rest
}

func firstUntolerated(taints []model.Taint, tolerations []model.Toleration) *model.Taint {
next:
	for i, taint := range taints {
		if taint.Effect != model.NoSchedule && taint.Effect != model.NoExecute {
			continue
		}
		for _, t := range tolerations {
			if covers(t, taint) {
				continue next
			}
		}
		return &taints[i]
	}
	return nil
}

func covers(t model.Toleration, taint model.Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
		return false
	}
	limit, err1 := strconv.Atoi(t.Value)
	value, err2 := strconv.Atoi(taint.Value)
	numbers := err1 == nil && err2 == nil && strconv.Itoa(limit) == t.Value && strconv.Itoa(value) == taint.Value
	switch t.Operator {
	case "Exists":
		return true
	case "Gt":
		return numbers && value > limit
	case "Lt":
		return numbers && value < limit
	case "", "Equal":
		return t.Value == taint.Value
	}
	return false
}

// daemonRuns reports whether the DaemonSet will have a pod on such a node.
func daemonRuns(d *model.DaemonSet, labels map[string]string, taints []model.Taint, name string) bool {
	tolerations := append([]model.Toleration(nil), d.Template.Tolerations...)
	for _, key := range strings.Fields("not-ready unreachable disk-pressure memory-pressure pid-pressure unschedulable") {
		tolerations = append(tolerations, model.Toleration{Key: "node.kubernetes.io/" + key, Operator: "Exists"})
	}
	return firstUntolerated(taints, tolerations) == nil && admitted(&d.Template, labels, name)
}

func running(d *model.DaemonSet, pods []model.Pod) bool {
	for _, pod := range pods {
		prefix := d.Name + "-"
		if pod.OwnedByDaemonSet && pod.Namespace == d.Namespace && strings.HasPrefix(pod.Name, prefix) &&
			!strings.Contains(pod.Name[len(prefix):], "-") {
			return true
		}
	}
	return false
}

func samePort(a, b model.HostPort) bool {
	wild := func(ip string) bool { return ip == "" || ip == "0.0.0.0" }
	name := func(p string) string {
		if p == "" {
			return "TCP"
		}
		return p
	}
	return a.Port == b.Port && name(a.Protocol) == name(b.Protocol) && (wild(a.IP) || wild(b.IP) || a.IP == b.IP)
}
