package accessreview

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	authorizationv1 "k8s.io/api/authorization/v1"
)

const (
	arn     = "arn:aws:iam::111122223333:role/Dev"
	prefix  = "arn:aws:eks::aws:cluster-access-policy/"
	cluster = types.AccessScopeTypeCluster
)

func policy(name string, namespaces ...string) types.AssociatedAccessPolicy {
	scope := &types.AccessScope{Type: cluster}
	if len(namespaces) > 0 {
		scope = &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: namespaces}
	}
	return types.AssociatedAccessPolicy{PolicyArn: aws.String(prefix + name), AccessScope: scope}
}

// ask is a request as verb, group, resource and namespace.
type ask struct{ verb, group, resource, namespace string }

func (a ask) review(t *testing.T, who string, policies ...types.AssociatedAccessPolicy) bool {
	t.Helper()
	body, err := json.Marshal(authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "dev", Extra: map[string]authorizationv1.ExtraValue{ARN: {who}},
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: a.verb, Group: a.group, Resource: a.resource, Namespace: a.namespace},
	}})
	if err != nil {
		t.Fatal(err)
	}
	handler := &Handler{Log: slog.New(slog.DiscardHandler), Policies: func(asked string) []types.AssociatedAccessPolicy {
		if asked != arn {
			return nil
		}
		return policies
	}}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/authorize", bytes.NewReader(body)))
	var answer authorizationv1.SubjectAccessReview
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Status.Denied {
		t.Error("the webhook denies, so that no other authorizer is asked")
	}
	return answer.Status.Allowed
}

func TestPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		ask    ask
		policy types.AssociatedAccessPolicy
		want   bool
	}{
		"view reads pods":                  {ask{"list", "", "pods", "default"}, policy("AmazonEKSViewPolicy"), true},
		"view does not change them":        {ask{"delete", "", "pods", "default"}, policy("AmazonEKSViewPolicy"), false},
		"view does not read secrets":       {ask{"get", "", "secrets", "default"}, policy("AmazonEKSViewPolicy"), false},
		"admin view reads secrets":         {ask{"get", "", "secrets", "default"}, policy("AmazonEKSAdminViewPolicy"), true},
		"admin view changes nothing":       {ask{"update", "", "secrets", "default"}, policy("AmazonEKSAdminViewPolicy"), false},
		"edit changes deployments":         {ask{"update", "apps", "deployments", "default"}, policy("AmazonEKSEditPolicy"), true},
		"edit reads pods":                  {ask{"list", "", "pods", "default"}, policy("AmazonEKSEditPolicy"), true},
		"edit does not bind roles":         {ask{"create", "rbac.authorization.k8s.io", "rolebindings", "default"}, policy("AmazonEKSEditPolicy"), false},
		"admin binds roles":                {ask{"create", "rbac.authorization.k8s.io", "rolebindings", "default"}, policy("AmazonEKSAdminPolicy"), true},
		"admin does not drain nodes":       {ask{"patch", "", "nodes", ""}, policy("AmazonEKSAdminPolicy"), false},
		"cluster admin drains nodes":       {ask{"patch", "", "nodes", ""}, policy("AmazonEKSClusterAdminPolicy"), true},
		"a namespace of the scope":         {ask{"list", "", "pods", "dev"}, policy("AmazonEKSViewPolicy", "dev"), true},
		"a namespace by pattern":           {ask{"list", "", "pods", "dev-1"}, policy("AmazonEKSViewPolicy", "dev-*"), true},
		"another namespace":                {ask{"list", "", "pods", "prod"}, policy("AmazonEKSViewPolicy", "dev-*"), false},
		"all namespaces, one in the scope": {ask{"list", "", "pods", ""}, policy("AmazonEKSViewPolicy", "dev"), false},
		"a policy that is not known":       {ask{"list", "", "pods", "dev"}, policy("AmazonEKSAutoNodePolicy"), false},
	} {
		if got := c.ask.review(t, arn, c.policy); got != c.want {
			t.Errorf("%s: allowed %v", name, got)
		}
	}
	if (ask{"list", "", "pods", "default"}).review(t, "arn:aws:iam::111122223333:role/Other", policy("AmazonEKSViewPolicy")) {
		t.Error("another principal is allowed")
	}
}

func TestNonsense(t *testing.T) {
	recorder := httptest.NewRecorder()
	handler := &Handler{Log: slog.New(slog.DiscardHandler)}
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/authorize", bytes.NewReader([]byte("{"))))
	if recorder.Code != http.StatusBadRequest {
		t.Errorf("status %d", recorder.Code)
	}
}
