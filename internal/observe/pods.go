package observe

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/resource"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// IsProvisionable reports whether the pod asks for a node: the scheduler found
// none or has not looked yet, and has nominated none. Pods that wait for
// something else (a gate, a preemption, another scheduler) and pods that come
// with a node do not ask.
func IsProvisionable(pod *corev1.Pod) bool {
	return pod.Status.NominatedNodeName == "" && wantsNode(pod)
}

// wantsNode is IsProvisionable whatever the pod is nominated to.
func wantsNode(pod *corev1.Pod) bool {
	if !IsWaiting(pod) || len(pod.Spec.SchedulingGates) > 0 {
		return false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled {
			return condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable
		}
	}
	return true
}

// IsWaiting reports whether kube-scheduler is to bind the pod some day and has
// not done so.
func IsWaiting(pod *corev1.Pod) bool {
	if pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil || isOver(pod) || IsOwnedByDaemonSet(pod) {
		return false
	}
	return pod.Spec.SchedulerName == "" || pod.Spec.SchedulerName == corev1.DefaultSchedulerName
}

// isOver reports whether the pod has ended and uses nothing any more.
func isOver(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// IsOwnedByDaemonSet reports whether the pod comes and goes with its node.
func IsOwnedByDaemonSet(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOfNoCopy(pod)
	return owner != nil && owner.Kind == "DaemonSet"
}

type podTranslator struct {
	namespaces map[string]map[string]string
	volumes    volumes
	groups     *podGroups
	spreading  *spreading
	priorities *priorities
}

// pending translates a pod that asks for a place, its volumes included.
func (t podTranslator) pending(ctx context.Context, pod *corev1.Pod) (model.Pod, error) {
	translated := t.pod(pod)
	translated.Blocked = translate.Blocks(pod)
	group, blocks, err := t.groups.of(ctx, pod)
	if err != nil {
		return translated, err
	}
	priority, missing, err := t.priorities.of(ctx, pod)
	if err != nil {
		return translated, err
	}
	translated.Group, translated.Priority = group, priority
	translated.Blocked = append(append(translated.Blocked, blocks...), missing...)
	spread, err := t.spreading.byDefault(ctx, pod)
	if err != nil {
		return translated, err
	}
	translated.TopologySpread = append(translated.TopologySpread, spread...)
	return translated, t.volumes.constrain(ctx, pod, &translated)
}

// bound translates a pod on a node, or one that is promised to it.
func (t podTranslator) bound(ctx context.Context, pod *corev1.Pod) (model.Pod, error) {
	translated := t.pod(pod)
	translated.Terminating = pod.DeletionTimestamp != nil
	group, _, err := t.groups.of(ctx, pod)
	translated.Group = group
	return translated, err
}

func (t podTranslator) pod(pod *corev1.Pod) model.Pod {
	requests := translate.Resources(resource.PodRequests(pod, resource.PodResourcesOptions{
		UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true,
	}))
	translated := model.Pod{
		PodKey:           model.PodKey{Namespace: pod.Namespace, Name: pod.Name},
		UID:              string(pod.UID),
		Labels:           pod.Labels,
		Requests:         requests.Add(model.Resources{model.PodCount: 1}),
		OwnedByDaemonSet: IsOwnedByDaemonSet(pod),
		NodeSelector:     translate.Selector(pod.Spec.NodeSelector),
		Tolerations:      translate.Tolerations(pod.Spec.Tolerations),
		TopologySpread:   topologySpread(pod.Spec.TopologySpreadConstraints),
		HostPorts:        hostPorts(&pod.Spec),
	}
	if pod.Spec.Priority != nil {
		translated.Priority = *pod.Spec.Priority
	}
	if affinity := pod.Spec.Affinity; affinity != nil {
		t.affinity(affinity, pod, &translated)
	}
	return translated
}

func (t podTranslator) affinity(affinity *corev1.Affinity, from *corev1.Pod, pod *model.Pod) {
	if node := affinity.NodeAffinity; node != nil {
		if required := node.RequiredDuringSchedulingIgnoredDuringExecution; required != nil {
			pod.RequiredNodeAffinity = translate.NodeSelectorTerms(required.NodeSelectorTerms)
		}
		for _, preferred := range node.PreferredDuringSchedulingIgnoredDuringExecution {
			term := translate.NodeSelectorTerms([]corev1.NodeSelectorTerm{preferred.Preference})[0]
			pod.PreferredNodeAffinity = append(pod.PreferredNodeAffinity, model.PreferredNodeSelectorTerm{Weight: preferred.Weight, Term: term})
		}
	}
	if together := affinity.PodAffinity; together != nil {
		pod.PodAffinity = t.podTerms(from, together.RequiredDuringSchedulingIgnoredDuringExecution,
			together.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if apart := affinity.PodAntiAffinity; apart != nil {
		pod.PodAntiAffinity = t.podTerms(from, apart.RequiredDuringSchedulingIgnoredDuringExecution,
			apart.PreferredDuringSchedulingIgnoredDuringExecution)
	}
}

func (t podTranslator) podTerms(pod *corev1.Pod, required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) []model.PodAffinityTerm {
	var terms []model.PodAffinityTerm
	for i := range required {
		terms = append(terms, t.podTerm(pod, &required[i], 0))
	}
	for i := range preferred {
		terms = append(terms, t.podTerm(pod, &preferred[i].PodAffinityTerm, preferred[i].Weight))
	}
	return terms
}

func (t podTranslator) podTerm(pod *corev1.Pod, term *corev1.PodAffinityTerm, weight int32) model.PodAffinityTerm {
	return model.PodAffinityTerm{
		TopologyKey: translate.Key(term.TopologyKey),
		Selector:    translate.WithLabelKeys(translate.LabelSelector(term.LabelSelector), term.MatchLabelKeys, term.MismatchLabelKeys, pod.Labels),
		Namespaces:  t.namespacesOf(pod.Namespace, term),
		Weight:      weight,
	}
}

// nowhere is a namespace that no pod can be in; it stands for a namespace
// selector that selects none, because an empty list means the pod's own.
const nowhere = ""

func (t podTranslator) namespacesOf(own string, term *corev1.PodAffinityTerm) []string {
	if term.NamespaceSelector == nil {
		if len(term.Namespaces) == 0 {
			return []string{own}
		}
		return term.Namespaces
	}
	selected := slices.Clone(term.Namespaces)
	selector, err := metav1.LabelSelectorAsSelector(term.NamespaceSelector)
	if err != nil {
		selector = labels.Nothing()
	}
	for name, namespaceLabels := range t.namespaces {
		if selector.Matches(labels.Set(namespaceLabels)) {
			selected = append(selected, name)
		}
	}
	if len(selected) == 0 {
		return []string{nowhere}
	}
	slices.Sort(selected)
	return slices.Compact(selected)
}

func topologySpread(constraints []corev1.TopologySpreadConstraint) []model.TopologySpread {
	var spread []model.TopologySpread
	for _, constraint := range constraints {
		one := model.TopologySpread{
			TopologyKey:    translate.Key(constraint.TopologyKey),
			MaxSkew:        constraint.MaxSkew,
			Selector:       translate.LabelSelector(constraint.LabelSelector),
			ScheduleAnyway: constraint.WhenUnsatisfiable == corev1.ScheduleAnyway,
			MatchLabelKeys: constraint.MatchLabelKeys,
		}
		if constraint.MinDomains != nil {
			one.MinDomains = *constraint.MinDomains
		}
		if policy := constraint.NodeAffinityPolicy; policy != nil {
			one.IgnoreNodeAffinity = *policy == corev1.NodeInclusionPolicyIgnore
		}
		if policy := constraint.NodeTaintsPolicy; policy != nil {
			one.HonorNodeTaints = *policy == corev1.NodeInclusionPolicyHonor
		}
		spread = append(spread, one)
	}
	return spread
}

func hostPorts(spec *corev1.PodSpec) []model.HostPort {
	var ports []model.HostPort
	add := func(container *corev1.Container) {
		for _, port := range container.Ports {
			if port.HostPort > 0 {
				protocol := string(port.Protocol)
				if protocol == "" {
					protocol = string(corev1.ProtocolTCP)
				}
				ports = append(ports, model.HostPort{IP: port.HostIP, Port: port.HostPort, Protocol: protocol})
			}
		}
	}
	for i := range spec.Containers {
		add(&spec.Containers[i])
	}
	for i := range spec.InitContainers {
		if policy := spec.InitContainers[i].RestartPolicy; policy != nil && *policy == corev1.ContainerRestartPolicyAlways {
			add(&spec.InitContainers[i])
		}
	}
	return ports
}

// daemonTolerations are what the DaemonSet controller adds to each of its pods.
func daemonTolerations(hostNetwork bool) []corev1.Toleration {
	taints := []corev1.Taint{
		{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoExecute},
		{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute},
		{Key: corev1.TaintNodeDiskPressure, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeMemoryPressure, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodePIDPressure, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule},
	}
	if hostNetwork {
		taints = append(taints, corev1.Taint{Key: corev1.TaintNodeNetworkUnavailable, Effect: corev1.TaintEffectNoSchedule})
	}
	var tolerations []corev1.Toleration
	for _, taint := range taints {
		tolerations = append(tolerations, corev1.Toleration{Key: taint.Key, Operator: corev1.TolerationOpExists, Effect: taint.Effect})
	}
	return tolerations
}

// daemonSet translates the pod that the DaemonSet would put on a new node.
func (t podTranslator) daemonSet(daemonSet *appsv1.DaemonSet) model.DaemonSet {
	template := &corev1.Pod{ObjectMeta: *daemonSet.Spec.Template.ObjectMeta.DeepCopy(), Spec: *daemonSet.Spec.Template.Spec.DeepCopy()}
	template.Namespace, template.Name = daemonSet.Namespace, daemonSet.Name
	template.Spec.Tolerations = append(template.Spec.Tolerations, daemonTolerations(template.Spec.HostNetwork)...)
	translated := t.pod(translate.AsCreated(template))
	translated.OwnedByDaemonSet = true
	return model.DaemonSet{PodKey: translated.PodKey, Template: translated}
}
