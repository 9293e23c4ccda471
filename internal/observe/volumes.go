package observe

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

const (
	// noProvisioner is the provisioner of classes whose volumes people make.
	noProvisioner = "kubernetes.io/no-provisioner"
	// selectedNode is where the scheduler has a volume made for a pod.
	selectedNode = "volume.kubernetes.io/selected-node"
	defaultClass = "storageclass.kubernetes.io/is-default-class"
	// zoneSeparator joins the zones of a volume that is in several, in its label.
	zoneSeparator = "__"
)

// volumes turns where a pod's volumes are, or may be made, into node affinity.
type volumes struct {
	reader client.Reader
	// anew is for pods that run as their successors will ask: claims that are made
	// from a template in the pod are made again, for the successor.
	anew bool
}

// reach is where a volume can be reached; no alternatives means everywhere. The
// problem is one that no node can solve.
type reach struct {
	alternatives []model.NodeSelectorTerm
	problem      string
}

func waits(format string, args ...any) reach { return reach{problem: fmt.Sprintf(format, args...)} }

// constrain narrows the translated pod to the nodes that its volumes can reach.
// A claim that no node could satisfy blocks the pod, with what it waits for.
func (v volumes) constrain(ctx context.Context, pod *corev1.Pod, translated *model.Pod) error {
	for i := range pod.Spec.Volumes {
		key, template := claimOf(pod, &pod.Spec.Volumes[i])
		if key.Name == "" {
			continue
		}
		claim, err := v.claim(ctx, key, template)
		if err != nil {
			return err
		}
		found := waits("PersistentVolumeClaim %s does not exist: create it", key.Name)
		if claim != nil {
			if found, err = v.reach(ctx, claim); err != nil {
				return err
			}
		}
		if found.problem != "" {
			translated.Blocked = append(translated.Blocked, model.Reason{Code: model.CodeVolumeNotReady, Message: found.problem})
		}
		translated.RequiredNodeAffinity = both(translated.RequiredNodeAffinity, found.alternatives)
	}
	attached, err := v.attached(ctx, pod)
	translated.Volumes = attached
	return err
}

// claim looks a claim up, nil when there is none. The claim of an ephemeral
// volume is made from its template, possibly a moment after the pod.
func (v volumes) claim(ctx context.Context, key client.ObjectKey, template *corev1.PersistentVolumeClaimSpec) (*corev1.PersistentVolumeClaim, error) {
	var claim corev1.PersistentVolumeClaim
	if v.anew && template != nil {
		claim.Namespace, claim.Name, claim.Spec = key.Namespace, key.Name, *template
		return &claim, nil
	}
	err := v.reader.Get(ctx, key, &claim)
	switch {
	case apierrors.IsNotFound(err) && template != nil:
		claim.Namespace, claim.Name, claim.Spec = key.Namespace, key.Name, *template
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading PersistentVolumeClaim %s: %w", key, err)
	}
	return &claim, nil
}

func (v volumes) reach(ctx context.Context, claim *corev1.PersistentVolumeClaim) (reach, error) {
	if claim.Status.Phase == corev1.ClaimLost {
		return waits("PersistentVolumeClaim %s has lost its volume: create it anew", claim.Name), nil
	}
	if claim.DeletionTimestamp != nil {
		return waits("PersistentVolumeClaim %s is being deleted: create it anew", claim.Name), nil
	}
	if claim.Spec.VolumeName == "" && v.anew && claim.UID != "" {
		return waits("PersistentVolumeClaim %s is not bound yet: its pod stays where its volume is being made", claim.Name), nil
	}
	if claim.Spec.VolumeName == "" {
		return v.unbound(ctx, claim)
	}
	var volume corev1.PersistentVolume
	if err := v.reader.Get(ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, &volume); apierrors.IsNotFound(err) {
		return waits("PersistentVolume %s does not exist: create it, or the claim that names it anew", claim.Spec.VolumeName), nil
	} else if err != nil {
		return reach{}, fmt.Errorf("reading PersistentVolume %s: %w", claim.Spec.VolumeName, err)
	}
	return reach{alternatives: both(affinityOf(&volume), zonesOf(&volume))}, nil
}

func affinityOf(volume *corev1.PersistentVolume) []model.NodeSelectorTerm {
	if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
		return nil
	}
	return translate.NodeSelectorTerms(volume.Spec.NodeAffinity.Required.NodeSelectorTerms)
}

// zonesOf reads the labels that say the same on older volumes.
func zonesOf(volume *corev1.PersistentVolume) []model.NodeSelectorTerm {
	var term model.NodeSelectorTerm
	for _, key := range []string{corev1.LabelTopologyZone, corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaZone, corev1.LabelFailureDomainBetaRegion} {
		if values := volume.Labels[key]; values != "" {
			term.Labels = append(term.Labels, model.Requirement{Key: translate.Key(key), Operator: model.In, Values: strings.Split(values, zoneSeparator)})
		}
	}
	if len(term.Labels) == 0 {
		return nil
	}
	return []model.NodeSelectorTerm{term}
}

// unbound is where a volume may be made, or is about to be.
func (v volumes) unbound(ctx context.Context, claim *corev1.PersistentVolumeClaim) (reach, error) {
	class, err := v.class(ctx, claim)
	if err != nil {
		return reach{}, err
	}
	name := className(claim)
	switch {
	case class == nil && name == "":
		return waits("PersistentVolumeClaim %s is not bound and names no StorageClass: set spec.storageClassName or make a PersistentVolume for it", claim.Name), nil
	case class == nil:
		return waits("StorageClass %s of PersistentVolumeClaim %s does not exist: create it or name another", name, claim.Name), nil
	case class.VolumeBindingMode == nil || *class.VolumeBindingMode == storagev1.VolumeBindingImmediate:
		return waits("PersistentVolumeClaim %s is not bound yet and StorageClass %s binds at once: the pod waits for its volume, not for a node", claim.Name, class.Name), nil
	case class.Provisioner == noProvisioner:
		return v.madeByHand(ctx, claim, class.Name)
	}
	return reach{alternatives: both(allowed(class), selected(claim))}, nil
}

func allowed(class *storagev1.StorageClass) []model.NodeSelectorTerm {
	var alternatives []model.NodeSelectorTerm
	for _, topology := range class.AllowedTopologies {
		var term model.NodeSelectorTerm
		for _, expression := range topology.MatchLabelExpressions {
			term.Labels = append(term.Labels, model.Requirement{Key: translate.Key(expression.Key), Operator: model.In, Values: expression.Values})
		}
		alternatives = append(alternatives, term)
	}
	return alternatives
}

// selected keeps a pod with the node that its volume is being made for.
func selected(claim *corev1.PersistentVolumeClaim) []model.NodeSelectorTerm {
	node := claim.Annotations[selectedNode]
	if node == "" {
		return nil
	}
	return []model.NodeSelectorTerm{{Fields: []model.Requirement{{Key: "metadata.name", Operator: model.In, Values: []string{node}}}}}
}

// madeByHand is where the volumes are that people have made for such claims.
func (v volumes) madeByHand(ctx context.Context, claim *corev1.PersistentVolumeClaim, class string) (reach, error) {
	var list corev1.PersistentVolumeList
	if err := v.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return reach{}, fmt.Errorf("listing PersistentVolumes: %w", err)
	}
	var found reach
	for _, volume := range byName(list.Items, func(v *corev1.PersistentVolume) string { return v.Name }) {
		if !suits(&volume, claim, class) {
			continue
		}
		if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
			return reach{}, nil
		}
		found.alternatives = append(found.alternatives, affinityOf(&volume)...)
	}
	if len(found.alternatives) == 0 {
		return waits("no free PersistentVolume of StorageClass %s suits PersistentVolumeClaim %s: make one", class, claim.Name), nil
	}
	return found, nil
}

func suits(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim, class string) bool {
	if volume.Spec.StorageClassName != class || volume.DeletionTimestamp != nil {
		return false
	}
	if ref := volume.Spec.ClaimRef; ref != nil && (ref.Namespace != claim.Namespace || ref.Name != claim.Name) {
		return false
	}
	for _, mode := range claim.Spec.AccessModes {
		has := false
		for _, offered := range volume.Spec.AccessModes {
			has = has || offered == mode
		}
		if !has {
			return false
		}
	}
	size := volume.Spec.Capacity[corev1.ResourceStorage]
	return size.Cmp(claim.Spec.Resources.Requests[corev1.ResourceStorage]) >= 0
}

func className(claim *corev1.PersistentVolumeClaim) string {
	if claim.Spec.StorageClassName == nil {
		return ""
	}
	return *claim.Spec.StorageClassName
}

// class looks the claim's StorageClass up, the default one when it names none;
// nil when there is none. An empty name asks for no class at all.
func (v volumes) class(ctx context.Context, claim *corev1.PersistentVolumeClaim) (*storagev1.StorageClass, error) {
	if name := claim.Spec.StorageClassName; name != nil {
		var class storagev1.StorageClass
		if *name == "" {
			return nil, nil
		} else if err := v.reader.Get(ctx, client.ObjectKey{Name: *name}, &class); apierrors.IsNotFound(err) {
			return nil, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading StorageClass %s: %w", *name, err)
		}
		return &class, nil
	}
	var list storagev1.StorageClassList
	if err := v.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing StorageClasses: %w", err)
	}
	var newest *storagev1.StorageClass
	for _, class := range byName(list.Items, func(c *storagev1.StorageClass) string { return c.Name }) {
		isDefault := class.Annotations[defaultClass] == "true"
		if isDefault && (newest == nil || newest.CreationTimestamp.Before(&class.CreationTimestamp)) {
			newest = &class
		}
	}
	return newest, nil
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
