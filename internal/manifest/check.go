package manifest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// checker refuses what the API server would refuse and a plan depends on.
type checker struct {
	*walker
	root *yaml.Node
}

func check(w *walker, root *yaml.Node, object client.Object) {
	c := checker{w, root}
	if object.GetName() == "" && object.GetGenerateName() == "" {
		c.wrong("metadata.name", "is missing")
	}
	switch o := object.(type) {
	case *corev1.Pod:
		c.pod("spec", &o.Spec)
	case *appsv1.Deployment:
		c.template(o.Spec.Selector, &o.Spec.Template)
	case *appsv1.ReplicaSet:
		c.template(o.Spec.Selector, &o.Spec.Template)
	case *appsv1.StatefulSet:
		c.template(o.Spec.Selector, &o.Spec.Template)
	case *appsv1.DaemonSet:
		c.template(o.Spec.Selector, &o.Spec.Template)
	case *batchv1.Job:
		c.pod("spec.template.spec", &o.Spec.Template.Spec)
	case *corev1.ReplicationController:
		if o.Spec.Template == nil {
			c.wrong("spec.template", "is missing")
			return
		}
		c.pod("spec.template.spec", &o.Spec.Template.Spec)
	case *karpv1.NodePool:
		c.nodePool(o)
	}
}

// wrong notes a problem at a field, or at the nearest parent that is there.
func (c checker) wrong(field, format string, args ...any) {
	c.note(locate(c.root, field), field, fmt.Sprintf(format, args...), "")
}

// locate follows a path as far as it goes.
func locate(node *yaml.Node, path string) *yaml.Node {
	for path != "" {
		var step string
		if rest, isIndex := strings.CutPrefix(path, "["); isIndex {
			step, path, _ = strings.Cut(rest, "]")
			path = strings.TrimPrefix(path, ".")
		} else {
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			step, path = path[:end], strings.TrimPrefix(path[end:], ".")
		}
		next := lookup(node, step)
		if index, err := strconv.Atoi(step); err == nil && node.Kind == yaml.SequenceNode && index < len(node.Content) {
			next = plain(node.Content[index])
		}
		if next == nil {
			return node
		}
		node = next
	}
	return node
}

func (c checker) template(selector *metav1.LabelSelector, template *corev1.PodTemplateSpec) {
	switch parsed, err := metav1.LabelSelectorAsSelector(selector); {
	case selector == nil:
		c.wrong("spec.selector", "is missing: it must select the labels of spec.template")
	case err != nil:
		c.wrong("spec.selector", "%v", err)
	case !parsed.Matches(labels.Set(template.Labels)):
		c.wrong("spec.selector", "%s does not select spec.template.metadata.labels", metav1.FormatLabelSelector(selector))
	}
	c.pod("spec.template.spec", &template.Spec)
}

func (c checker) pod(path string, spec *corev1.PodSpec) {
	if len(spec.Containers) == 0 {
		c.wrong(path+".containers", "is empty: a pod has at least one container")
	}
	for i := range spec.Containers {
		c.resources(fmt.Sprintf("%s.containers[%d].resources", path, i), spec.Containers[i].Resources)
	}
	for i := range spec.InitContainers {
		c.resources(fmt.Sprintf("%s.initContainers[%d].resources", path, i), spec.InitContainers[i].Resources)
	}
	if spec.Resources != nil {
		c.resources(path+".resources", *spec.Resources)
	}
	for i, constraint := range spec.TopologySpreadConstraints {
		field := fmt.Sprintf("%s.topologySpreadConstraints[%d]", path, i)
		c.require(constraint.TopologyKey != "", field+".topologyKey", "is missing")
		c.require(constraint.MaxSkew > 0, field+".maxSkew", "must be above 0")
		c.require(constraint.WhenUnsatisfiable != "", field+".whenUnsatisfiable", "is missing: DoNotSchedule or ScheduleAnyway")
		c.selector(field+".labelSelector", constraint.LabelSelector)
	}
	for i, toleration := range spec.Tolerations {
		c.require(toleration.Key != "" || toleration.Operator == corev1.TolerationOpExists,
			fmt.Sprintf("%s.tolerations[%d].operator", path, i), "must be Exists when key is empty")
	}
	c.affinity(path+".affinity", spec.Affinity)
}

func (c checker) require(ok bool, field, message string) {
	if !ok {
		c.wrong(field, "%s", message)
	}
}

func (c checker) selector(field string, selector *metav1.LabelSelector) {
	if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
		c.wrong(field, "%v", err)
	}
}

func (c checker) resources(field string, r corev1.ResourceRequirements) {
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		amount := r.Requests[name]
		limit, limited := r.Limits[name]
		switch {
		case amount.Sign() < 0:
			c.wrong(join(field+".requests", string(name)), "%s must not be below 0", amount.String())
		case limited && amount.Cmp(limit) > 0:
			c.wrong(join(field+".requests", string(name)), "%s is above the limit of %s", amount.String(), limit.String())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		amount := r.Limits[name]
		c.require(amount.Sign() >= 0, join(field+".limits", string(name)), amount.String()+" must not be below 0")
	}
}

func (c checker) affinity(field string, affinity *corev1.Affinity) {
	if affinity == nil {
		return
	}
	if node := affinity.NodeAffinity; node != nil && node.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		c.nodeTerms(field+".nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", node.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms)
	}
	if pods := affinity.PodAffinity; pods != nil {
		c.podTerms(field+".podAffinity", pods.RequiredDuringSchedulingIgnoredDuringExecution, pods.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if pods := affinity.PodAntiAffinity; pods != nil {
		c.podTerms(field+".podAntiAffinity", pods.RequiredDuringSchedulingIgnoredDuringExecution, pods.PreferredDuringSchedulingIgnoredDuringExecution)
	}
}

func (c checker) nodeTerms(field string, terms []corev1.NodeSelectorTerm) {
	c.require(len(terms) > 0, field, "must not be empty")
	for i, term := range terms {
		for j, expression := range term.MatchExpressions {
			at := fmt.Sprintf("%s[%d].matchExpressions[%d]", field, i, j)
			switch expression.Operator {
			case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn:
				c.require(len(expression.Values) > 0, at+".values", "must not be empty with "+string(expression.Operator))
			case corev1.NodeSelectorOpExists, corev1.NodeSelectorOpDoesNotExist:
				c.require(len(expression.Values) == 0, at+".values", "must be empty with "+string(expression.Operator))
			case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
				c.require(len(expression.Values) == 1 && isInteger(expression.Values[0]), at+".values", "must be one whole number with "+string(expression.Operator))
			default:
				c.wrong(at+".operator", "must be In, NotIn, Exists, DoesNotExist, Gt or Lt")
			}
		}
	}
}

func isInteger(text string) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}

func (c checker) podTerms(field string, required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) {
	for i, term := range required {
		at := fmt.Sprintf("%s.requiredDuringSchedulingIgnoredDuringExecution[%d]", field, i)
		c.require(term.TopologyKey != "", at+".topologyKey", "is missing")
		c.selector(at+".labelSelector", term.LabelSelector)
	}
	for i, term := range preferred {
		at := fmt.Sprintf("%s.preferredDuringSchedulingIgnoredDuringExecution[%d]", field, i)
		c.require(term.PodAffinityTerm.TopologyKey != "", at+".podAffinityTerm.topologyKey", "is missing")
		c.require(term.Weight >= 1 && term.Weight <= 100, at+".weight", "must be from 1 to 100")
		c.selector(at+".podAffinityTerm.labelSelector", term.PodAffinityTerm.LabelSelector)
	}
}

func (c checker) nodePool(pool *karpv1.NodePool) {
	if pool.Spec.Template.Spec.NodeClassRef == nil {
		c.wrong("spec.template.spec.nodeClassRef", "is missing: it names the EC2NodeClass")
	}
	if weight := pool.Spec.Weight; weight != nil {
		c.require(*weight >= 1 && *weight <= 100, "spec.weight", "must be from 1 to 100")
	}
	for i, requirement := range pool.Spec.Template.Spec.Requirements {
		at := fmt.Sprintf("spec.template.spec.requirements[%d]", i)
		c.require(requirement.Key != "", at+".key", "is missing")
		if requirement.Operator == corev1.NodeSelectorOpIn {
			c.require(len(requirement.Values) > 0, at+".values", "must not be empty with In")
		}
	}
	if len(c.problems) > 0 {
		return
	}
	if err := pool.RuntimeValidate(context.Background()); err != nil {
		c.wrong("spec.template", "%v", err)
	}
}
