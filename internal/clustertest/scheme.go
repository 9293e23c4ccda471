package clustertest

import (
	"reflect"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// Scheme has the kinds that controllers read and write, and no others: the API
// server in memory looks through all kinds that it knows at every write.
func Scheme() *runtime.Scheme {
	few := runtime.NewScheme()
	for _, version := range []schema.GroupVersion{
		corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion, authorizationv1.SchemeGroupVersion, batchv1.SchemeGroupVersion,
		coordinationv1.SchemeGroupVersion, nodev1.SchemeGroupVersion, policyv1.SchemeGroupVersion, schedulingv1.SchemeGroupVersion,
		schedulingv1beta1.SchemeGroupVersion, storagev1.SchemeGroupVersion, versionOf(&karpv1.NodeClaim{}), versionOf(&ec2v1.EC2NodeClass{}),
	} {
		metav1.AddToGroupVersion(few, version)
		for kind, of := range scheme.Scheme.KnownTypes(version) {
			few.AddKnownTypeWithName(version.WithKind(kind), reflect.New(of).Interface().(runtime.Object))
		}
	}
	return few
}

// versionOf is the group and version of a kind that adds itself to the scheme of
// the client library.
func versionOf(object runtime.Object) schema.GroupVersion {
	kinds, _, err := scheme.Scheme.ObjectKinds(object)
	if err != nil {
		panic(err) // the package of the kind has been loaded
	}
	return kinds[0].GroupVersion()
}
