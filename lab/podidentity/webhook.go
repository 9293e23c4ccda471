// Package podidentity is the webhook that EKS runs for service accounts with
// the annotation eks.amazonaws.com/role-arn: their pods get a token for STS and
// the variables by which AWS's SDKs find it.
package podidentity

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

const maxReviewBytes = 4 << 20

// Webhook is the handler that the API server asks about each new pod.
type Webhook struct {
	// Account finds a service account.
	Account func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error)
	// Region is what pods are told.
	Region string
	Log    *slog.Logger
}

// ServeHTTP answers an AdmissionReview. A pod is never refused: one whose
// service account cannot be read stays as it is.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReviewBytes)).Decode(&review); err != nil || review.Request == nil {
		http.Error(w, fmt.Sprintf("the body is not an AdmissionReview: %v", err), http.StatusBadRequest)
		return
	}
	answer := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	patch, err := h.patch(r.Context(), review.Request)
	if err != nil {
		h.Log.WarnContext(r.Context(), "a pod did not get its role", "namespace", review.Request.Namespace, "error", err)
	}
	if len(patch) > 0 {
		kind := admissionv1.PatchTypeJSONPatch
		answer.Patch, answer.PatchType = patch, &kind
	}
	review.Request, review.Response = nil, answer
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		h.Log.WarnContext(r.Context(), "cannot answer an admission review", "error", err)
	}
}

// patch is the change to a pod as a JSON patch, nothing for a pod without a role.
func (h *Webhook) patch(ctx context.Context, request *admissionv1.AdmissionRequest) ([]byte, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(request.Object.Raw, &pod); err != nil {
		return nil, fmt.Errorf("reading the pod: %w", err)
	}
	name := pod.Spec.ServiceAccountName
	if name == "" {
		name = "default"
	}
	account, err := h.Account(ctx, request.Namespace, name)
	if err != nil {
		return nil, fmt.Errorf("service account %s: %w", name, err)
	}
	identity, has := identityOf(account)
	if !has {
		return nil, nil
	}
	changed := pod.DeepCopy()
	if !identity.give(changed, h.Region) {
		return nil, nil
	}
	steps := []operation{{"add", "/spec/volumes", changed.Spec.Volumes}, {"add", "/spec/containers", changed.Spec.Containers}}
	if len(changed.Spec.InitContainers) > 0 {
		steps = append(steps, operation{"add", "/spec/initContainers", changed.Spec.InitContainers})
	}
	return json.Marshal(steps)
}

// operation is one step of a JSON patch. Adding a member that is there
// replaces it.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}
