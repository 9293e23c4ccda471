package nodegroup

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/provreq"
)

// kinds that decisions look at but can do without.
func optionalKinds() []struct {
	object    client.Object
	list      client.ObjectList
	group     string
	resource  string
	otherwise string
} {
	return []struct {
		object    client.Object
		list      client.ObjectList
		group     string
		resource  string
		otherwise string
	}{
		{&corev1.Namespace{}, &corev1.NamespaceList{}, "", "namespaces", "selectors of namespaces match none"},
		{&corev1.Service{}, &corev1.ServiceList{}, "", "services", "default spreading of services is not foreseen"},
		{&corev1.ReplicationController{}, &corev1.ReplicationControllerList{}, "", "replicationcontrollers", "default spreading is not foreseen"},
		{&corev1.PersistentVolume{}, &corev1.PersistentVolumeList{}, "", "persistentvolumes", "pods with volumes wait"},
		{&corev1.PersistentVolumeClaim{}, &corev1.PersistentVolumeClaimList{}, "", "persistentvolumeclaims", "pods with volumes wait"},
		{&appsv1.DaemonSet{}, &appsv1.DaemonSetList{}, "apps", "daemonsets", "the room of their pods is not kept free on new nodes"},
		{&appsv1.ReplicaSet{}, &appsv1.ReplicaSetList{}, "apps", "replicasets", "default spreading is not foreseen"},
		{&appsv1.StatefulSet{}, &appsv1.StatefulSetList{}, "apps", "statefulsets", "default spreading is not foreseen"},
		{&storagev1.StorageClass{}, &storagev1.StorageClassList{}, "storage.k8s.io", "storageclasses", "pods with unbound volumes wait"},
		{&storagev1.CSINode{}, &storagev1.CSINodeList{}, "storage.k8s.io", "csinodes", "limits of attached volumes are not known"},
		{&storagev1.VolumeAttachment{}, &storagev1.VolumeAttachmentList{}, "storage.k8s.io", "volumeattachments", "volumes still attached are not seen"},
		{&schedulingv1.PriorityClass{}, &schedulingv1.PriorityClassList{}, "scheduling.k8s.io", "priorityclasses", "priorities are taken from the pods alone"},
	}
}

// Permitted reads through reader what this process may list and watch; other
// kinds are empty, and the log says what follows. Pods and nodes are needed.
func Permitted(ctx context.Context, asker client.Writer, reader client.Reader, log logr.Logger) (client.Reader, error) {
	for _, resource := range []string{"pods", "nodes"} {
		allowed, err := MayWatch(ctx, asker, "", resource)
		if err != nil {
			return nil, err
		}
		if !allowed {
			return nil, fmt.Errorf("this process may not list and watch %s: give its service account the ClusterRole of cluster-autoscaler", resource)
		}
	}
	hidden := map[reflect.Type]bool{}
	for _, kind := range optionalKinds() {
		allowed, err := MayWatch(ctx, asker, kind.group, kind.resource)
		if err != nil {
			return nil, err
		}
		if !allowed {
			hidden[reflect.TypeOf(kind.object)], hidden[reflect.TypeOf(kind.list)] = true, true
			log.Info("not allowed to list and watch", "resource", kind.resource, "so", kind.otherwise)
		}
	}
	return &permitted{Reader: reader, hidden: hidden}, nil
}

// askTimeout bounds one question about permissions.
const askTimeout = 10 * time.Second

// MayWatch reports whether this process may list and watch a kind.
func MayWatch(ctx context.Context, asker client.Writer, group, resource string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for _, verb := range []string{"list", "watch"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Group: group, Resource: resource, Verb: verb},
		}}
		if err := asker.Create(ctx, review); err != nil {
			return false, fmt.Errorf("asking whether %s may be watched: %w", resource, err)
		}
		if !review.Status.Allowed {
			return false, nil
		}
	}
	return true, nil
}

// permitted is a reader for which some kinds have no objects.
type permitted struct {
	client.Reader
	hidden map[reflect.Type]bool
}

// Get implements client.Reader.
func (p *permitted) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if p.hidden[reflect.TypeOf(object)] {
		return apierrors.NewNotFound(schema.GroupResource{Resource: fmt.Sprintf("%T", object)}, key.Name)
	}
	err := p.Reader.Get(ctx, key, object, options...)
	if apierrors.IsForbidden(err) {
		return apierrors.NewNotFound(schema.GroupResource{Resource: fmt.Sprintf("%T", object)}, key.Name)
	}
	return err
}

// List implements client.Reader.
func (p *permitted) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if p.hidden[reflect.TypeOf(list)] {
		return nil
	}
	return p.Reader.List(ctx, list, options...)
}

// ReadBy is a client that reads by reader and writes by writer.
func ReadBy(reader client.Reader, writer client.Client) client.Client {
	return readBy{Client: writer, reader: reader}
}

type readBy struct {
	client.Client
	reader client.Reader
}

// Get implements client.Reader.
func (r readBy) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return r.reader.Get(ctx, key, object, options...)
}

// List implements client.Reader.
func (r readBy) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return r.reader.List(ctx, list, options...)
}

// Waits reports whether a pod does not make a group grow: it is of no importance,
// too young, or uses what a ProvisioningRequest has booked.
func Waits(pod *corev1.Pod, options Options, now time.Time) bool {
	if options.Requests.Enabled && Consumes(pod) {
		return true
	}
	if pod.Spec.Priority != nil && *pod.Spec.Priority < options.ExpendablePriority {
		return true
	}
	delay := options.NewPodDelay
	if own, err := podDelay(pod); err == nil {
		delay = own
	}
	return now.Sub(pod.CreationTimestamp.Time) < delay
}

// Consumes reports whether a pod uses what a ProvisioningRequest has booked.
func Consumes(pod *corev1.Pod) bool {
	_, consumes := provreq.ConsumedBy(pod)
	return consumes
}

var errNoDelay = errors.New("no delay of its own")

func podDelay(pod *corev1.Pod) (time.Duration, error) {
	text, ok := pod.Annotations[podScaleUpDelay]
	if !ok {
		return 0, errNoDelay
	}
	return time.ParseDuration(text)
}
