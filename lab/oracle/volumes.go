package oracle

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drover-project/drover/internal/model"
)

// storage is what the volumes of a cluster are in Kubernetes: a bound claim and
// a PersistentVolume for each, limits on CSINodes, and attachments that no pod
// accounts for.
type storage struct {
	names       map[string]string // claim and volume by driver and ID
	claims      map[string]*corev1.PersistentVolumeClaim
	volumes     []*corev1.PersistentVolume
	nodes       []*storagev1.CSINode
	attachments []*storagev1.VolumeAttachment
}

func newStorage() *storage {
	return &storage{names: map[string]string{}, claims: map[string]*corev1.PersistentVolumeClaim{}}
}

// volume returns the name of the PersistentVolume.
func (s *storage) volume(v model.Volume) string {
	key := v.Driver + "/" + v.ID
	if name, ok := s.names[key]; ok {
		return name
	}
	name := "volume-" + strconv.Itoa(len(s.names))
	s.names[key] = name
	object := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}}
	object.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: v.Driver, VolumeHandle: v.ID}
	object.Status.Phase = corev1.VolumeBound
	s.volumes = append(s.volumes, object)
	return name
}

// mount gives the pod its claims.
func (s *storage) mount(pod *corev1.Pod, volumes []model.Volume) {
	for i, v := range volumes {
		claim := s.volume(v)
		key := pod.Namespace + "/" + claim
		object := s.claims[key]
		if object == nil {
			object = &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: claim, UID: types.UID("claim/" + key),
				Annotations: map[string]string{"pv.kubernetes.io/bind-completed": "yes"}}}
			object.Spec.VolumeName = claim
			object.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
			object.Status.Phase = corev1.ClaimBound
			s.claims[key] = object
		}
		if v.Exclusive {
			object.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}
		}
		source := corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "v" + strconv.Itoa(i), VolumeSource: source})
	}
}

func (s *storage) limit(node string, limits map[string]int64) {
	object := &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: node}}
	for driver, limit := range limits {
		count := int32(limit)
		object.Spec.Drivers = append(object.Spec.Drivers, storagev1.CSINodeDriver{Name: driver, NodeID: node,
			Allocatable: &storagev1.VolumeNodeResources{Count: &count}})
	}
	s.nodes = append(s.nodes, object)
}

func (s *storage) attach(node string, volumes []model.Volume) {
	for _, v := range volumes {
		name := s.volume(v)
		object := &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: node + "-" + name}}
		object.Spec = storagev1.VolumeAttachmentSpec{Attacher: v.Driver, NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &name}}
		object.Status.Attached = true
		s.attachments = append(s.attachments, object)
	}
}

// store puts the objects where the scheduler's plugins look them up.
func (t *trial) store(s *storage) error {
	core, csi := t.objects.Core().V1(), t.objects.Storage().V1()
	for _, claim := range s.claims {
		if err := core.PersistentVolumeClaims().Informer().GetStore().Add(claim); err != nil {
			return err
		}
	}
	for _, volume := range s.volumes {
		if err := core.PersistentVolumes().Informer().GetStore().Add(volume); err != nil {
			return err
		}
	}
	for _, node := range s.nodes {
		if err := csi.CSINodes().Informer().GetStore().Add(node); err != nil {
			return err
		}
	}
	for _, attachment := range s.attachments {
		if err := csi.VolumeAttachments().Informer().GetStore().Add(attachment); err != nil {
			return err
		}
	}
	return nil
}
