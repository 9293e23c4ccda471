package podidentity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-project/drover/lab/podidentity"
)

const role = "arn:aws:iam::111122223333:role/ca"

// mutated is a pod as the webhook makes it, for a service account with
// annotations.
func mutated(t *testing.T, pod string, annotations map[string]string) corev1.Pod {
	t.Helper()
	content, err := yaml.YAMLToJSON([]byte(pod))
	if err != nil {
		t.Fatal(err)
	}
	hook := &podidentity.Webhook{Region: "us-west-2", Log: slog.New(slog.DiscardHandler), Account: func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		if namespace != "kube-system" || name != "ca" {
			return nil, errors.New("no such account")
		}
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations}}, nil
	}}
	body, err := json.Marshal(admissionv1.AdmissionReview{Request: &admissionv1.AdmissionRequest{UID: "u", Namespace: "kube-system", Object: runtime.RawExtension{Raw: content}}})
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	hook.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/mutate", bytes.NewReader(body)))
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Response == nil || !answer.Response.Allowed || answer.Response.UID != "u" {
		t.Fatalf("answer %s", recorder.Body)
	}
	if len(answer.Response.Patch) > 0 {
		patch, err := jsonpatch.DecodePatch(answer.Response.Patch)
		if err != nil {
			t.Fatal(err)
		}
		if content, err = patch.Apply(content); err != nil {
			t.Fatal(err)
		}
	}
	var after corev1.Pod
	if err := json.Unmarshal(content, &after); err != nil {
		t.Fatal(err)
	}
	return after
}

const podOfCA = `
metadata: {name: p}
spec:
  serviceAccountName: ca
  initContainers: [{name: first}]
  containers:
  - {name: app, env: [{name: AWS_REGION, value: eu-west-1}]}
  - {name: own, env: [{name: AWS_ROLE_ARN, value: mine}]}
`

func variables(c corev1.Container) map[string]string {
	values := map[string]string{}
	for _, v := range c.Env {
		values[v.Name] = v.Value
	}
	return values
}

func TestPodGetsTheRoleOfItsAccount(t *testing.T) {
	const file = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
	pod := mutated(t, podOfCA, map[string]string{"eks.amazonaws.com/role-arn": role})
	want := map[string]string{
		"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-2", "AWS_STS_REGIONAL_ENDPOINTS": "regional",
	}
	if diff := cmp.Diff(want, variables(pod.Spec.InitContainers[0])); diff != "" {
		t.Errorf("the init container's variables, -want +got:\n%s", diff)
	}
	want["AWS_REGION"] = "eu-west-1"
	if diff := cmp.Diff(want, variables(pod.Spec.Containers[0])); diff != "" {
		t.Errorf("the container's variables, -want +got:\n%s", diff)
	}
	if own := pod.Spec.Containers[1]; len(own.Env) != 1 || len(own.VolumeMounts) != 0 {
		t.Errorf("the container with its own role is %+v", own)
	}
	if len(pod.Spec.Volumes) != 1 {
		t.Fatalf("volumes %+v", pod.Spec.Volumes)
	}
	token := pod.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken
	if token.Audience != "sts.amazonaws.com" || *token.ExpirationSeconds != 86400 || token.Path != "token" {
		t.Errorf("token %+v", token)
	}
	mount := pod.Spec.Containers[0].VolumeMounts[0]
	if mount.Name != pod.Spec.Volumes[0].Name || mount.MountPath+"/token" != file || !mount.ReadOnly {
		t.Errorf("mount %+v", mount)
	}
}

func TestAnnotationsOfTheToken(t *testing.T) {
	pod := mutated(t, podOfCA, map[string]string{
		"eks.amazonaws.com/role-arn": role, "eks.amazonaws.com/audience": "me", "eks.amazonaws.com/token-expiration": "60", "eks.amazonaws.com/sts-regional-endpoints": "false",
	})
	token := pod.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken
	if token.Audience != "me" || *token.ExpirationSeconds != 600 {
		t.Errorf("token %+v", token)
	}
	own := mutated(t, strings.Replace(podOfCA, "name: p", "name: p, annotations: {eks.amazonaws.com/token-expiration: '7200'}", 1), map[string]string{"eks.amazonaws.com/role-arn": role})
	if seconds := *own.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.ExpirationSeconds; seconds != 7200 {
		t.Errorf("the pod's own expiration is %d", seconds)
	}
	if got := variables(pod.Spec.Containers[0])["AWS_STS_REGIONAL_ENDPOINTS"]; got != "legacy" {
		t.Errorf("endpoints %q", got)
	}
}

func TestPodsThatStayAsTheyAre(t *testing.T) {
	annotated := map[string]string{"eks.amazonaws.com/role-arn": role}
	for name, c := range map[string]struct {
		pod         string
		annotations map[string]string
	}{
		"no role":                 {podOfCA, nil},
		"another account":         {"spec: {serviceAccountName: other, containers: [{name: a}]}", annotated},
		"the default account":     {"spec: {containers: [{name: a}]}", annotated},
		"all containers left out": {"metadata: {annotations: {eks.amazonaws.com/skip-containers: 'a, b'}}\nspec: {serviceAccountName: ca, containers: [{name: a}, {name: b}]}", annotated},
	} {
		t.Run(name, func(t *testing.T) {
			var before corev1.Pod
			if err := yaml.Unmarshal([]byte(c.pod), &before); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, mutated(t, c.pod, c.annotations)); diff != "" {
				t.Errorf("-before +after:\n%s", diff)
			}
		})
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	hook := &podidentity.Webhook{Log: slog.New(slog.DiscardHandler)}
	recorder := httptest.NewRecorder()
	hook.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/mutate", bytes.NewReader([]byte("{}"))))
	if recorder.Code != http.StatusBadRequest {
		t.Errorf("status %d", recorder.Code)
	}
}

func TestConfigurationNeverStopsPods(t *testing.T) {
	object, err := podidentity.Configuration("https://127.0.0.1:1/mutate", []byte("pem"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"failurePolicy: Ignore", "url: https://127.0.0.1:1/mutate", "caBundle: cGVt", "name: iam-for-pods.amazonaws.com", "- pods"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}
