package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/model"
)

// The EBS driver, and the name it had before drivers were apart from Kubernetes.
const (
	ebsDriver = "ebs.csi.aws.com"
	ebsInTree = "kubernetes.io/aws-ebs"
)

// attached returns the volumes of a pod that a driver attaches. Claims that do
// not exist, and volumes that are no driver's, are left out.
func (v volumes) attached(ctx context.Context, pod *corev1.Pod) ([]model.Volume, error) {
	var list []model.Volume
	for i := range pod.Spec.Volumes {
		volume := &pod.Spec.Volumes[i]
		key, template := claimOf(pod, volume)
		if key.Name == "" {
			continue
		}
		claim, err := v.claim(ctx, key, template)
		if err != nil {
			return nil, err
		}
		if claim == nil {
			continue
		}
		one, err := v.attachment(ctx, claim)
		if err != nil {
			return nil, err
		}
		one.Exclusive = volume.PersistentVolumeClaim != nil && slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteOncePod)
		if one.Driver != "" || one.Exclusive {
			list = append(list, one)
		}
	}
	return list, nil
}

// claimOf names the claim of a volume, with the template that it is made from
// when it belongs to the pod.
func claimOf(pod *corev1.Pod, volume *corev1.Volume) (client.ObjectKey, *corev1.PersistentVolumeClaimSpec) {
	switch {
	case volume.PersistentVolumeClaim != nil:
		return client.ObjectKey{Namespace: pod.Namespace, Name: volume.PersistentVolumeClaim.ClaimName}, nil
	case volume.Ephemeral != nil && volume.Ephemeral.VolumeClaimTemplate != nil:
		return client.ObjectKey{Namespace: pod.Namespace, Name: pod.Name + "-" + volume.Name}, &volume.Ephemeral.VolumeClaimTemplate.Spec
	}
	return client.ObjectKey{}, nil
}

// attachment is the volume of a claim: the one it is bound to, or the one that
// will be made for it.
func (v volumes) attachment(ctx context.Context, claim *corev1.PersistentVolumeClaim) (model.Volume, error) {
	one := model.Volume{ID: claim.Namespace + "/" + claim.Name}
	if claim.Spec.VolumeName != "" {
		var bound corev1.PersistentVolume
		err := v.reader.Get(ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, &bound)
		if err == nil {
			if driver, handle := sourceOf(&bound); driver != "" {
				return model.Volume{Driver: driver, ID: handle}, nil
			}
			return one, nil
		} else if !apierrors.IsNotFound(err) {
			return one, fmt.Errorf("reading PersistentVolume %s: %w", claim.Spec.VolumeName, err)
		}
	}
	class, err := v.class(ctx, claim)
	if err != nil || class == nil || class.Provisioner == noProvisioner {
		return one, err
	}
	one.Driver = class.Provisioner
	if one.Driver == ebsInTree {
		one.Driver = ebsDriver
	}
	return one, nil
}

// sourceOf is the driver of a volume and the driver's name for it.
func sourceOf(volume *corev1.PersistentVolume) (driver, handle string) {
	switch {
	case volume.Spec.CSI != nil:
		return volume.Spec.CSI.Driver, volume.Spec.CSI.VolumeHandle
	case volume.Spec.AWSElasticBlockStore != nil:
		id := volume.Spec.AWSElasticBlockStore.VolumeID
		return ebsDriver, id[strings.LastIndex(id, "/")+1:]
	}
	return "", ""
}

// anyVolume reports whether the rest about volumes matters.
func anyVolume(pods []model.Pod) bool {
	return slices.ContainsFunc(pods, func(p model.Pod) bool { return len(p.Volumes) > 0 })
}

// attachLimits puts the volumes of the bound pods, what else is attached, and
// the drivers' limits on the nodes.
func (o *Observer) attachLimits(ctx context.Context, seen *view, snapshot *model.Snapshot) error {
	var csiNodes storagev1.CSINodeList
	var attachments storagev1.VolumeAttachmentList
	for _, list := range []client.ObjectList{&csiNodes, &attachments} {
		if err := o.Reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("listing %T: %w", list, err)
		}
	}
	nodes := make(map[string]*model.Node, len(snapshot.Nodes))
	for i := range snapshot.Nodes {
		nodes[snapshot.Nodes[i].Name] = &snapshot.Nodes[i]
	}
	for i := range csiNodes.Items {
		if node := nodes[csiNodes.Items[i].Name]; node != nil {
			node.AttachLimits = limitsOf(&csiNodes.Items[i], node.AttachLimits)
		}
	}
	if err := o.leftAttached(ctx, byName(attachments.Items, func(a *storagev1.VolumeAttachment) string { return a.Name }), nodes); err != nil {
		return err
	}
	return o.boundVolumes(ctx, seen, nodes)
}

// limitsOf lets what the drivers on a node say win over what its type promised.
func limitsOf(node *storagev1.CSINode, promised map[string]int64) map[string]int64 {
	limits := maps.Clone(promised)
	if limits == nil {
		limits = map[string]int64{}
	}
	for _, driver := range node.Spec.Drivers {
		delete(limits, driver.Name)
		if driver.Allocatable != nil && driver.Allocatable.Count != nil {
			limits[driver.Name] = int64(*driver.Allocatable.Count)
		}
	}
	return limits
}

func (o *Observer) leftAttached(ctx context.Context, attachments []storagev1.VolumeAttachment, nodes map[string]*model.Node) error {
	for i := range attachments {
		spec := &attachments[i].Spec
		node := nodes[spec.NodeName]
		if node == nil || spec.Source.PersistentVolumeName == nil {
			continue
		}
		var volume corev1.PersistentVolume
		err := o.Reader.Get(ctx, client.ObjectKey{Name: *spec.Source.PersistentVolumeName}, &volume)
		if apierrors.IsNotFound(err) {
			continue
		} else if err != nil {
			return fmt.Errorf("reading PersistentVolume %s: %w", *spec.Source.PersistentVolumeName, err)
		}
		if driver, handle := sourceOf(&volume); driver != "" {
			node.Attached = append(node.Attached, model.Volume{Driver: driver, ID: handle})
		}
	}
	return nil
}

func (o *Observer) boundVolumes(ctx context.Context, seen *view, nodes map[string]*model.Node) error {
	all := map[model.PodKey]*corev1.Pod{}
	for i := range seen.pods {
		if pod := &seen.pods[i]; len(pod.Spec.Volumes) > 0 {
			all[model.PodKey{Namespace: pod.Namespace, Name: pod.Name}] = pod
		}
	}
	v := volumes{reader: o.Reader}
	for _, node := range nodes {
		for i := range node.Pods {
			pod := all[node.Pods[i].PodKey]
			if pod == nil {
				continue
			}
			attached, err := v.attached(ctx, pod)
			if err != nil {
				return err
			}
			node.Pods[i].Volumes = attached
		}
	}
	return nil
}
