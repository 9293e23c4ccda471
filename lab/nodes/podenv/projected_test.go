package podenv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/lab/nodes/podenv"
)

const podWithRole = `
metadata: {namespace: ns, name: p, uid: u}
spec:
  serviceAccountName: robot
  containers:
  - name: app
    env:
    - {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: /var/run/secrets/eks.amazonaws.com/serviceaccount/token}
    volumeMounts:
    - {name: aws-iam-token, mountPath: /var/run/secrets/eks.amazonaws.com/serviceaccount}
    - {name: kube-api-access, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}
  volumes:
  - name: aws-iam-token
    projected: {sources: [{serviceAccountToken: {audience: sts.amazonaws.com, expirationSeconds: 86400, path: token}}]}
  - name: kube-api-access
    projected: {sources: [{serviceAccountToken: {path: token}}]}
`

func rolePod(t *testing.T) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(podWithRole), pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestProjectedTokenIsWhereTheVariableSays(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "serviceaccounts", func(action clienttesting.Action) (bool, runtime.Object, error) {
		request := action.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenRequest)
		request.Status.Token = fmt.Sprintf("%s%v %d %s", action.(clienttesting.CreateActionImpl).Name, request.Spec.Audiences, *request.Spec.ExpirationSeconds, request.Spec.BoundObjectRef.UID)
		return true, request, nil
	})
	pod, dir := rolePod(t), t.TempDir()
	before := time.Now()
	due, err := podenv.WriteTokens(t.Context(), client, pod, dir)
	if err != nil {
		t.Fatal(err)
	}
	if life := due.Sub(before); life < 19*time.Hour || life > 20*time.Hour {
		t.Errorf("renewed after %v, want four fifths of a day", life)
	}
	env := map[string]string{
		"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
		"OF_KUBERNETES":               "/var/run/secrets/kubernetes.io/serviceaccount/token",
		"NEAR":                        "/var/run/secrets/eks.amazonaws.com/serviceaccount2",
	}
	podenv.HostPaths(env, pod, &pod.Spec.Containers[0], dir)
	want := map[string]string{
		"AWS_WEB_IDENTITY_TOKEN_FILE": filepath.Join(dir, "aws-iam-token", "token"),
		"OF_KUBERNETES":               "/var/run/secrets/kubernetes.io/serviceaccount/token",
		"NEAR":                        "/var/run/secrets/eks.amazonaws.com/serviceaccount2",
	}
	if diff := cmp.Diff(want, env); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	token, err := os.ReadFile(env["AWS_WEB_IDENTITY_TOKEN_FILE"])
	if err != nil || string(token) != "robot[sts.amazonaws.com] 86400 u" {
		t.Errorf("token %q, %v", token, err)
	}
}

func TestPodWithoutProjectedTokens(t *testing.T) {
	pod := rolePod(t)
	pod.Spec.Volumes = pod.Spec.Volumes[1:]
	due, err := podenv.WriteTokens(t.Context(), fake.NewClientset(), pod, t.TempDir())
	if err != nil || !due.IsZero() {
		t.Errorf("due %v, %v", due, err)
	}
}

func TestPathOfATokenStaysInTheFolder(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "serviceaccounts", func(action clienttesting.Action) (bool, runtime.Object, error) {
		return true, action.(clienttesting.CreateAction).GetObject(), nil
	})
	pod, dir := rolePod(t), filepath.Join(t.TempDir(), "tokens")
	pod.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.Path = "../../out"
	if _, err := podenv.WriteTokens(t.Context(), client, pod, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "aws-iam-token", "out")); err != nil {
		t.Error(err)
	}
}

func TestRoleComesBeforeTheMachinesKeys(t *testing.T) {
	pod := rolePod(t)
	keys := func() map[string]string {
		return map[string]string{"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": "u"}
	}
	env := keys()
	podenv.PreferRole(env, &pod.Spec.Containers[0])
	if diff := cmp.Diff(map[string]string{"AWS_ENDPOINT_URL": "u"}, env); diff != "" {
		t.Errorf("with a role, -want +got:\n%s", diff)
	}
	env = keys()
	podenv.PreferRole(env, &corev1.Container{})
	if diff := cmp.Diff(keys(), env); diff != "" {
		t.Errorf("without a role, -want +got:\n%s", diff)
	}
}
