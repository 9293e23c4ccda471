package observe

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// volumes turns where a pod's volumes are, or may be made, into node affinity.
type volumes struct {
	reader client.Reader
}

// constrain narrows the translated pod to the nodes that its volumes can reach.
// A claim that no node could satisfy makes the pod unsupported, with what it
// waits for.
func (v volumes) constrain(ctx context.Context, pod *corev1.Pod, translated *model.Pod) error {
	for i := range pod.Spec.Volumes {
		alternatives, problem, err := v.volume(ctx, pod, &pod.Spec.Volumes[i])
		if err != nil {
			return err
		}
		if problem != "" {
			translated.Unsupported = append(translated.Unsupported, problem)
		}
		translated.RequiredNodeAffinity = both(translated.RequiredNodeAffinity, alternatives)
	}
	return nil
}

// volume returns the alternatives of node affinity that a volume asks for; none
// means that every node will do. The text is a problem that no node can solve.
func (v volumes) volume(ctx context.Context, pod *corev1.Pod, volume *corev1.Volume) ([]model.NodeSelectorTerm, string, error) {
	switch {
	case volume.PersistentVolumeClaim != nil:
		return v.claimed(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: volume.PersistentVolumeClaim.ClaimName}, nil)
	case volume.Ephemeral != nil && volume.Ephemeral.VolumeClaimTemplate != nil:
		key := client.ObjectKey{Namespace: pod.Namespace, Name: pod.Name + "-" + volume.Name}
		return v.claimed(ctx, key, &volume.Ephemeral.VolumeClaimTemplate.Spec)
	}
	return nil, "", nil
}

// claimed looks a claim up. The claim of an ephemeral volume is made from its
// template, possibly a moment after the pod.
func (v volumes) claimed(ctx context.Context, key client.ObjectKey, template *corev1.PersistentVolumeClaimSpec) ([]model.NodeSelectorTerm, string, error) {
	var claim corev1.PersistentVolumeClaim
	err := v.reader.Get(ctx, key, &claim)
	switch {
	case apierrors.IsNotFound(err) && template != nil:
		claim.Name, claim.Spec = key.Name, *template
	case apierrors.IsNotFound(err):
		return nil, fmt.Sprintf("PersistentVolumeClaim %s does not exist: create it", key.Name), nil
	case err != nil:
		return nil, "", fmt.Errorf("reading PersistentVolumeClaim %s: %w", key, err)
	}
	if claim.Spec.VolumeName != "" {
		return v.boundTo(ctx, claim.Spec.VolumeName)
	}
	return v.unbound(ctx, &claim)
}

func (v volumes) boundTo(ctx context.Context, name string) ([]model.NodeSelectorTerm, string, error) {
	var volume corev1.PersistentVolume
	if err := v.reader.Get(ctx, client.ObjectKey{Name: name}, &volume); apierrors.IsNotFound(err) {
		return nil, fmt.Sprintf("PersistentVolume %s does not exist: create it, or the claim that names it anew", name), nil
	} else if err != nil {
		return nil, "", fmt.Errorf("reading PersistentVolume %s: %w", name, err)
	}
	if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
		return nil, "", nil
	}
	return translate.NodeSelectorTerms(volume.Spec.NodeAffinity.Required.NodeSelectorTerms), "", nil
}

func (v volumes) unbound(ctx context.Context, claim *corev1.PersistentVolumeClaim) ([]model.NodeSelectorTerm, string, error) {
	if claim.Spec.StorageClassName == nil || *claim.Spec.StorageClassName == "" {
		return nil, fmt.Sprintf("PersistentVolumeClaim %s is not bound and names no StorageClass: set spec.storageClassName or make a PersistentVolume for it", claim.Name), nil
	}
	var class storagev1.StorageClass
	if err := v.reader.Get(ctx, client.ObjectKey{Name: *claim.Spec.StorageClassName}, &class); apierrors.IsNotFound(err) {
		return nil, fmt.Sprintf("StorageClass %s of PersistentVolumeClaim %s does not exist: create it or name another", *claim.Spec.StorageClassName, claim.Name), nil
	} else if err != nil {
		return nil, "", fmt.Errorf("reading StorageClass %s: %w", *claim.Spec.StorageClassName, err)
	}
	if class.VolumeBindingMode == nil || *class.VolumeBindingMode == storagev1.VolumeBindingImmediate {
		return nil, fmt.Sprintf("PersistentVolumeClaim %s is not bound yet and StorageClass %s binds at once: the pod waits for its volume, not for a node", claim.Name, class.Name), nil
	}
	var alternatives []model.NodeSelectorTerm
	for _, topology := range class.AllowedTopologies {
		var term model.NodeSelectorTerm
		for _, expression := range topology.MatchLabelExpressions {
			term.Labels = append(term.Labels, model.Requirement{Key: translate.Key(expression.Key), Operator: model.In, Values: expression.Values})
		}
		alternatives = append(alternatives, term)
	}
	return alternatives, "", nil
}

// both combines two lists of alternatives so that one of each must hold. An
// alternative without conditions matches no node and stays so.
func both(a, b []model.NodeSelectorTerm) []model.NodeSelectorTerm {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	var combined []model.NodeSelectorTerm
	for _, first := range a {
		for _, second := range b {
			if matchesNothing(first) || matchesNothing(second) {
				combined = append(combined, model.NodeSelectorTerm{})
				continue
			}
			combined = append(combined, model.NodeSelectorTerm{
				Labels: append(append([]model.Requirement{}, first.Labels...), second.Labels...),
				Fields: append(append([]model.Requirement{}, first.Fields...), second.Fields...),
			})
		}
	}
	return combined
}

func matchesNothing(term model.NodeSelectorTerm) bool { return len(term.Labels)+len(term.Fields) == 0 }
