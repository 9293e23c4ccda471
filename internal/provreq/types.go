// Package provreq is the ProvisioningRequest of autoscaling.x-k8s.io/v1, as Kueue and
// others write it for Cluster Autoscaler.
// +kubebuilder:object:generate=true
// +groupName=autoscaling.x-k8s.io
// +versionName=v1
package provreq

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object crd paths=. output:crd:dir=../../deploy/crds

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Classes of requests.
const (
	// CheckCapacity asks whether the pods have room in the cluster as it is.
	CheckCapacity = "check-capacity.autoscaling.x-k8s.io"
	// AtomicScaleUp has groups grow if all of the pods get room by that.
	AtomicScaleUp = "best-effort-atomic-scale-up.autoscaling.x-k8s.io"
)

// Types of conditions.
const (
	Accepted       = "Accepted"
	Provisioned    = "Provisioned"
	BookingExpired = "BookingExpired"
	Failed         = "Failed"
)

// Annotations of pods that use what a request has booked, and those of older
// versions.
const (
	ConsumeAnnotation    = "autoscaling.x-k8s.io/consume-provisioning-request"
	ClassAnnotation      = "autoscaling.x-k8s.io/provisioning-class-name"
	OldConsumeAnnotation = "cluster-autoscaler.kubernetes.io/consume-provisioning-request"
)

// Parameters of CheckCapacity.
const (
	// NoRetry makes the first answer the last when it is "true".
	NoRetry = "noRetry"
	// PartialCheck has each PodSet looked at by itself, in their order: with
	// BookPartial those that have room are booked, with CheckOnly nothing is unless
	// all have.
	PartialCheck = "partialCapacityCheck"
	BookPartial  = "bookPartial"
	CheckOnly    = "checkOnly"
)

// Keys of Status.ProvisioningClassDetails.
const (
	// SchedulableSets is a JSON list of the PodTemplates whose PodSets have room.
	SchedulableSets = "schedulablePodSets"
	// SchedulableCounts says how many pods have, by PodTemplate, as a JSON object.
	SchedulableCounts = "schedulablePodCounts"
)

// PartialCapacityIsFound is the reason of Provisioned where some PodSets have room.
const PartialCapacityIsFound = "PartialCapacityIsFound"

// ProvisioningRequest asks for room for pods that do not exist yet.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=provreq;provreqs
// +kubebuilder:printcolumn:name="Class",type="string",JSONPath=".spec.provisioningClassName"
// +kubebuilder:printcolumn:name="Provisioned",type="string",JSONPath=".status.conditions[?(@.type=='Provisioned')].status"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type ProvisioningRequest struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is asked for; it cannot be changed.
	// +kubebuilder:validation:Required
	Spec Spec `json:"spec"`
	// Status is what has become of it.
	// +optional
	Status Status `json:"status,omitempty"`
}

// ProvisioningRequestList is a list of them.
//
// +kubebuilder:object:root=true
type ProvisioningRequestList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ProvisioningRequest `json:"items"`
}

// Spec is what a request asks for.
type Spec struct {
	// PodSets are the pods that need room, by kind.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="Value is immutable"
	PodSets []PodSet `json:"podSets"`
	// ProvisioningClassName says how they get it: check-capacity.autoscaling.x-k8s.io or
	// best-effort-atomic-scale-up.autoscaling.x-k8s.io.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="Value is immutable"
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	// +kubebuilder:validation:MaxLength=253
	ProvisioningClassName string `json:"provisioningClassName"`
	// Parameters are those of the class.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="Value is immutable"
	// +kubebuilder:validation:MaxProperties=100
	Parameters map[string]Parameter `json:"parameters,omitempty"`
}

// Parameter is a value of at most 255 characters.
// +kubebuilder:validation:MaxLength=255
type Parameter string

// PodSet is so many pods alike.
type PodSet struct {
	// PodTemplateRef names the PodTemplate, in the namespace of the request.
	PodTemplateRef Reference `json:"podTemplateRef"`
	// Count is how many pods.
	// +kubebuilder:validation:Minimum=1
	Count int32 `json:"count"`
}

// Reference names an object of the same namespace.
type Reference struct {
	// Name of the object.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Status is what has become of a request.
type Status struct {
	// Conditions are Accepted, Provisioned, BookingExpired and Failed.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// ProvisioningClassDetails is what a class has to say besides.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	ProvisioningClassDetails map[string]Detail `json:"provisioningClassDetails,omitempty"`
}

// Detail is a value of at most 32768 characters.
// +kubebuilder:validation:MaxLength=32768
type Detail string

// AddToScheme makes the kind known.
func AddToScheme(scheme *runtime.Scheme) {
	version := schema.GroupVersion{Group: "autoscaling.x-k8s.io", Version: "v1"}
	scheme.AddKnownTypes(version, &ProvisioningRequest{}, &ProvisioningRequestList{})
	metav1.AddToGroupVersion(scheme, version)
}
