package provreq

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drover-project/drover/internal/translate"
)

// IsOver reports whether nothing is to be done for the request any more.
func (r *ProvisioningRequest) IsOver() bool {
	return r.is(Failed) || r.is(BookingExpired)
}

// IsBooked reports whether room is kept for the request.
func (r *ProvisioningRequest) IsBooked() bool {
	return r.is(Provisioned) && !r.IsOver() && r.IsSupported()
}

// IsSupported reports whether the class is one of those that are served here.
func (r *ProvisioningRequest) IsSupported() bool {
	return r.Spec.ProvisioningClassName == CheckCapacity || r.Spec.ProvisioningClassName == AtomicScaleUp
}

// Partial is the mode of PartialCheck, empty for a request that is looked at as a
// whole. known is false for a value that stands for neither mode.
func (r *ProvisioningRequest) Partial() (mode Parameter, known bool) {
	value, given := r.Spec.Parameters[PartialCheck]
	if !given || value == BookPartial || value == CheckOnly {
		return value, true
	}
	return "", false
}

// Names are the PodTemplates of the PodSets, in their order.
func (r *ProvisioningRequest) Names() []string {
	names := make([]string, len(r.Spec.PodSets))
	for i, set := range r.Spec.PodSets {
		names[i] = set.PodTemplateRef.Name
	}
	return names
}

// BookedSets says of each PodSet whether room is kept for it while the request is
// booked: for all but where only a part had room.
func (r *ProvisioningRequest) BookedSets() []bool {
	booked := make([]bool, len(r.Spec.PodSets))
	provisioned := meta.FindStatusCondition(r.Status.Conditions, Provisioned)
	isPartial := provisioned != nil && provisioned.Reason == PartialCapacityIsFound
	var left []string
	if isPartial {
		// What nobody can read books nothing.
		_ = json.Unmarshal([]byte(r.Status.ProvisioningClassDetails[SchedulableSets]), &left)
	}
	for i, name := range r.Names() {
		at := slices.Index(left, name)
		booked[i] = !isPartial || at >= 0
		if at >= 0 {
			left = slices.Delete(left, at, at+1)
		}
	}
	return booked
}

// Detail writes a detail of the class as JSON; nil takes it away.
func (r *ProvisioningRequest) Detail(key string, value any) {
	if value == nil {
		delete(r.Status.ProvisioningClassDetails, key)
		return
	}
	text, err := json.Marshal(value)
	if err != nil {
		return // lists and objects of names and numbers can be written
	}
	if r.Status.ProvisioningClassDetails == nil {
		r.Status.ProvisioningClassDetails = map[string]Detail{}
	}
	r.Status.ProvisioningClassDetails[key] = Detail(text)
}

// BySet divides pods that Pods has made, or what became of each, by PodSet.
func BySet[T any](r *ProvisioningRequest, pods []T) [][]T {
	sets := make([][]T, 0, len(r.Spec.PodSets))
	for _, set := range r.Spec.PodSets {
		count := min(int(set.Count), len(pods))
		sets, pods = append(sets, pods[:count:count]), pods[count:]
	}
	return sets
}

func (r *ProvisioningRequest) is(condition string) bool {
	return meta.IsStatusConditionTrue(r.Status.Conditions, condition)
}

// Set writes a condition and the time of this attempt, also where only the time is new.
func (r *ProvisioningRequest) Set(condition metav1.Condition) {
	condition.ObservedGeneration = r.Generation
	meta.RemoveStatusCondition(&r.Status.Conditions, condition.Type)
	r.Status.Conditions = append(r.Status.Conditions, condition)
}

// ConsumedBy is the request whose room the pod uses, in the pod's namespace.
func ConsumedBy(pod *corev1.Pod) (name string, ok bool) {
	if name, ok = pod.Annotations[ConsumeAnnotation]; ok {
		return name, true
	}
	name, ok = pod.Annotations[OldConsumeAnnotation]
	return name, ok
}

// Pods are those that the request stands for, as the API server would have them.
// Templates are those of its namespace, by name; one that is missing is an error.
func (r *ProvisioningRequest) Pods(templates map[string]*corev1.PodTemplate) ([]*corev1.Pod, error) {
	var pods []*corev1.Pod
	for i, set := range r.Spec.PodSets {
		template := templates[set.PodTemplateRef.Name]
		if template == nil {
			return nil, fmt.Errorf("PodTemplate %s/%s of podSets[%d] does not exist: create it before the request", r.Namespace, set.PodTemplateRef.Name, i)
		}
		for j := range set.Count {
			pods = append(pods, r.pod(template, fmt.Sprintf("%s-%d-%d", r.Name, i, j)))
		}
	}
	return pods, nil
}

func (r *ProvisioningRequest) pod(template *corev1.PodTemplate, name string) *corev1.Pod {
	isController := true
	pod := &corev1.Pod{Spec: *template.Template.Spec.DeepCopy()}
	pod.Spec.NodeName, pod.Spec.SchedulingGates = "", nil
	pod.ObjectMeta = metav1.ObjectMeta{
		Namespace: r.Namespace, Name: name, UID: types.UID(r.Namespace + "/" + name), CreationTimestamp: r.CreationTimestamp,
		Labels: maps.Clone(template.Template.Labels), Annotations: maps.Clone(template.Template.Annotations),
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "autoscaling.x-k8s.io/v1", Kind: "ProvisioningRequest", Name: r.Name, UID: r.UID, Controller: &isController}},
	}
	metav1.SetMetaDataAnnotation(&pod.ObjectMeta, ConsumeAnnotation, r.Name)
	metav1.SetMetaDataAnnotation(&pod.ObjectMeta, ClassAnnotation, r.Spec.ProvisioningClassName)
	return translate.AsCreated(pod)
}
