package manifest

import (
	"reflect"
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// kind is one kind of object that a plan depends on.
type kind struct {
	apiVersion, name string
	namespaced       bool
	goType           reflect.Type
}

func (k kind) new() client.Object { return reflect.New(k.goType).Interface().(client.Object) }

// kinds lists every kind that is read; objects of others are only counted.
func kinds() []kind {
	var all []kind
	add := func(apiVersion string, namespaced bool, objects ...client.Object) {
		for _, object := range objects {
			goType := reflect.TypeOf(object).Elem()
			all = append(all, kind{apiVersion: apiVersion, name: goType.Name(), namespaced: namespaced, goType: goType})
		}
	}
	add("apps/v1", true, &appsv1.Deployment{}, &appsv1.ReplicaSet{}, &appsv1.StatefulSet{}, &appsv1.DaemonSet{})
	add("batch/v1", true, &batchv1.Job{}, &batchv1.CronJob{})
	add("v1", true, &corev1.Pod{}, &corev1.ReplicationController{}, &corev1.PersistentVolumeClaim{}, &corev1.Service{}, &corev1.LimitRange{})
	add("v1", false, &corev1.Node{}, &corev1.Namespace{}, &corev1.PersistentVolume{})
	add("policy/v1", true, &policyv1.PodDisruptionBudget{})
	add("scheduling.k8s.io/v1", false, &schedulingv1.PriorityClass{})
	add("scheduling.k8s.io/v1beta1", true, &schedulingv1beta1.PodGroup{})
	add("storage.k8s.io/v1", false, &storagev1.StorageClass{}, &storagev1.CSINode{}, &storagev1.VolumeAttachment{})
	add("node.k8s.io/v1", false, &nodev1.RuntimeClass{})
	add("karpenter.sh/v1", false, &karpv1.NodePool{}, &karpv1.NodeClaim{})
	add("karpenter.k8s.aws/v1", false, &ec2v1.EC2NodeClass{})
	return all
}

// identity is what an object says it is.
type identity struct{ apiVersion, kind string }

func (i identity) group() string {
	group, _, found := strings.Cut(i.apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// find looks the kind up. right is the apiVersion to use when the kind is known
// under another one of the same family, such as extensions/v1beta1.
func find(all []kind, id identity) (known kind, found bool, right string) {
	for _, k := range all {
		if k.name != id.kind {
			continue
		}
		if k.apiVersion == id.apiVersion {
			return k, true, ""
		}
		group := identity{apiVersion: k.apiVersion}.group()
		switch id.group() {
		case group, "", "extensions", "apps", "batch", "core":
			right = k.apiVersion
		}
	}
	return kind{}, false, right
}
