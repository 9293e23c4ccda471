package podenv_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/lab/nodes/podenv"
)

const containerYAML = `
name: app
command: [/drover, controller]
args: ["--name=$(POD_NAME)", "--literal=$$(POD_NAME)", "--unknown=$(NOBODY)"]
resources:
  limits: {cpu: 1500m}
envFrom:
- {prefix: CM_, configMapRef: {name: settings}}
- {secretRef: {name: absent, optional: true}}
env:
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
- {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
- {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
- {name: PASSWORD, valueFrom: {secretKeyRef: {name: login, key: password}}}
- {name: MISSING, valueFrom: {configMapKeyRef: {name: settings, key: none, optional: true}}}
- {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
- {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
- {name: URL, value: "https://$(KUBERNETES_SERVICE_HOST)/$(CM_path)"}
`

func fixture(t *testing.T) podenv.Container {
	t.Helper()
	spec := &corev1.Container{}
	if err := yaml.UnmarshalStrict([]byte(containerYAML), spec); err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p", UID: "u", Labels: map[string]string{"app": "drover"}},
		Spec:       corev1.PodSpec{NodeName: "n", ServiceAccountName: "robot", Containers: []corev1.Container{*spec}},
	}
	return podenv.Container{
		Pod: pod, Spec: spec, PodIP: "10.0.0.9", HostIP: "10.0.0.1",
		Allocatable: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")},
	}
}

func objects() []runtime.Object {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "ns", Name: name} }
	return []runtime.Object{
		&corev1.ConfigMap{ObjectMeta: meta("settings"), Data: map[string]string{"path": "x"}},
		&corev1.Secret{ObjectMeta: meta("login"), Data: map[string][]byte{"password": []byte("secret")}},
	}
}

func TestResolve(t *testing.T) {
	base := map[string]string{"KUBERNETES_SERVICE_HOST": "127.0.0.1", "POD_NAME": "overridden"}
	got, err := podenv.Resolve(t.Context(), fake.NewClientset(objects()...), fixture(t), base)
	if err != nil {
		t.Fatal(err)
	}
	want := podenv.Command{
		Command: []string{"/drover", "controller"},
		Args:    []string{"--name=p", "--literal=$(POD_NAME)", "--unknown=$(NOBODY)"},
		Env: map[string]string{
			"KUBERNETES_SERVICE_HOST": "127.0.0.1", "CM_path": "x", "POD_NAME": "p", "APP": "drover", "POD_IP": "10.0.0.9",
			"NODE": "n", "PASSWORD": "secret", "CPU": "2", "MEMORY": "2048", "URL": "https://127.0.0.1/x",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestResolveNamesWhatIsMissing(t *testing.T) {
	for want, change := range map[string]func(*corev1.Container){
		`secrets "absent" not found`:       func(c *corev1.Container) { c.EnvFrom[1].SecretRef.Optional = nil },
		"couldn't find key x in secret":    func(c *corev1.Container) { c.Env[4].ValueFrom.SecretKeyRef.Key = "x" },
		"fieldRef \"status.phase\" is not": func(c *corev1.Container) { c.Env[0].ValueFrom.FieldRef.FieldPath = "status.phase" },
	} {
		container := fixture(t)
		change(container.Spec)
		_, err := podenv.Resolve(t.Context(), fake.NewClientset(objects()...), container, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

func TestCredentialsAreUsable(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "serviceaccounts", func(action clienttesting.Action) (bool, runtime.Object, error) {
		request := action.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenRequest)
		if name := action.(clienttesting.CreateActionImpl).Name; name != "robot" || request.Spec.BoundObjectRef.UID != "u" {
			t.Errorf("token for %s bound to %v, want robot bound to pod u", name, request.Spec.BoundObjectRef)
		}
		request.Status.Token = "token-of-robot"
		return true, request, nil
	})
	server := podenv.Server{URL: "https://127.0.0.1:6443", CA: []byte("pem")}
	files, err := podenv.WriteCredentials(t.Context(), client, server, fixture(t).Pod, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", files.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(config.BearerTokenFile)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != server.URL || string(token) != "token-of-robot" || config.CAFile != files.CAFile {
		t.Errorf("host %s, token %q, CA %s", config.Host, token, config.CAFile)
	}
	info, err := os.Stat(files.TokenFile)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("token file has mode %v", info.Mode())
	}
}
