// Package accessreview is the webhook by which the API server asks what an IAM
// principal may do through the access policies of its access entry.
package accessreview

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
)

const maxReviewBytes = 1 << 20

// ARN is the key under which a user's extra values have its ARN.
const ARN = "arn"

// Handler answers SubjectAccessReviews.
type Handler struct {
	// Policies are the access policies of the principal with an ARN.
	Policies func(arn string) []types.AssociatedAccessPolicy
	Log      *slog.Logger
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review authorizationv1.SubjectAccessReview
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReviewBytes)).Decode(&review); err != nil {
		http.Error(w, fmt.Sprintf("the body is not a SubjectAccessReview: %v", err), http.StatusBadRequest)
		return
	}
	review.Status = h.review(review.Spec)
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		h.Log.Warn("cannot answer an access review", "error", err)
	}
}

// review never denies: what no policy allows another authorizer may.
func (h *Handler) review(spec authorizationv1.SubjectAccessReviewSpec) authorizationv1.SubjectAccessReviewStatus {
	arn := spec.Extra[ARN]
	if len(arn) != 1 {
		return authorizationv1.SubjectAccessReviewStatus{}
	}
	asked := attributes(spec)
	for _, p := range h.Policies(arn[0]) {
		if covers(p.AccessScope, asked.Namespace) && rbac.RulesAllow(asked, rules(aws.ToString(p.PolicyArn))...) {
			return authorizationv1.SubjectAccessReviewStatus{Allowed: true, Reason: "EKS Access Policy: allowed by " + aws.ToString(p.PolicyArn)}
		}
	}
	return authorizationv1.SubjectAccessReviewStatus{}
}

func attributes(spec authorizationv1.SubjectAccessReviewSpec) authorizer.AttributesRecord {
	asked := authorizer.AttributesRecord{User: &user.DefaultInfo{Name: spec.User, Groups: spec.Groups}}
	if r := spec.ResourceAttributes; r != nil {
		asked.Verb, asked.Namespace, asked.APIGroup, asked.APIVersion = r.Verb, r.Namespace, r.Group, r.Version
		asked.Resource, asked.Subresource, asked.Name, asked.ResourceRequest = r.Resource, r.Subresource, r.Name, true
	}
	if r := spec.NonResourceAttributes; r != nil {
		asked.Verb, asked.Path = r.Verb, r.Path
	}
	return asked
}

// covers reports whether a scope holds for a request in a namespace, empty for
// one in none.
func covers(scope *types.AccessScope, namespace string) bool {
	if scope == nil || scope.Type == types.AccessScopeTypeCluster {
		return true
	}
	return namespace != "" && slices.ContainsFunc(scope.Namespaces, func(pattern string) bool {
		matched, err := path.Match(pattern, namespace)
		return matched && err == nil
	})
}

// rules are those of an access policy: those of Kubernetes' own roles of the
// same name.
func rules(policyARN string) []rbacv1.PolicyRule {
	every := []string{"*"}
	switch policyARN[strings.LastIndex(policyARN, "/")+1:] {
	case "AmazonEKSClusterAdminPolicy":
		return []rbacv1.PolicyRule{{APIGroups: every, Resources: every, Verbs: every}, {NonResourceURLs: every, Verbs: every}}
	case "AmazonEKSAdminViewPolicy":
		return []rbacv1.PolicyRule{{APIGroups: every, Resources: every, Verbs: []string{"get", "list", "watch"}}}
	case "AmazonEKSAdminPolicy":
		return aggregated("admin", "edit", "view")
	case "AmazonEKSEditPolicy":
		return aggregated("edit", "view")
	case "AmazonEKSViewPolicy":
		return aggregated("view")
	}
	return nil
}

// aggregated are the rules that Kubernetes gathers in its user-facing roles.
func aggregated(roles ...string) (all []rbacv1.PolicyRule) {
	for _, r := range bootstrappolicy.ClusterRoles() {
		if slices.ContainsFunc(roles, func(role string) bool { return r.Name == "system:aggregate-to-"+role }) {
			all = append(all, r.Rules...)
		}
	}
	return all
}
