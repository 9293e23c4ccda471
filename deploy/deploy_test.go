package deploy_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/drover-project/drover/deploy"
)

func deployment(t *testing.T, objects []*unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() != "Deployment" {
			continue
		}
		typed := &appsv1.Deployment{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
			t.Fatalf("the Deployment has fields that Kubernetes does not know: %v", err)
		}
		return typed
	}
	t.Fatal("no Deployment among the objects")
	return nil
}

func environment(container corev1.Container) map[string]string {
	values := map[string]string{}
	for _, variable := range container.Env {
		values[variable.Name] = variable.Value
	}
	return values
}

func TestParametersReachTheController(t *testing.T) {
	objects, err := deploy.Objects(deploy.Parameters{
		Image: "example.test/drover:1", ClusterName: "blue", ClusterEndpoint: "https://10.0.0.1", Region: "eu-west-1",
		Replicas: 1, MetricsPort: 9090, HealthPort: 9091, Env: map[string]string{"LOG_LEVEL": "debug"},
	})
	if err != nil {
		t.Fatal(err)
	}
	controller := deployment(t, objects)
	container := controller.Spec.Template.Spec.Containers[0]
	if *controller.Spec.Replicas != 1 || container.Image != "example.test/drover:1" {
		t.Errorf("replicas %d, image %q", *controller.Spec.Replicas, container.Image)
	}
	values := environment(container)
	for name, want := range map[string]string{
		"CLUSTER_NAME": "blue", "CLUSTER_ENDPOINT": "https://10.0.0.1", "AWS_REGION": "eu-west-1",
		"LOG_LEVEL": "debug", "METRICS_PORT": "9090", "HEALTH_PROBE_PORT": "9091",
	} {
		if values[name] != want {
			t.Errorf("%s = %q, want %q", name, values[name], want)
		}
	}
	if metrics, health := container.Ports[0].ContainerPort, container.Ports[1].ContainerPort; metrics != 9090 || health != 9091 {
		t.Errorf("ports are %d for metrics and %d for health, want 9090 and 9091", metrics, health)
	}
	if len(values) != len(container.Env) {
		t.Errorf("a variable is set twice: %v", container.Env)
	}
	if got := controller.Spec.Template.Labels["app.kubernetes.io/instance"]; got != "karpenter" {
		t.Errorf("kubectl logs -l app.kubernetes.io/instance=karpenter would find %q", got)
	}
}

func TestCRDsComeBeforeWhatUsesThem(t *testing.T) {
	objects, err := deploy.Objects(deploy.Parameters{ClusterName: "blue"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, object := range objects[:4] {
		names = append(names, object.GetName())
	}
	want := "nodepools.karpenter.sh nodeclaims.karpenter.sh ec2nodeclasses.karpenter.k8s.aws karpenter"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("first objects are %s, want %s", got, want)
	}
}

func TestClusterNameIsRequired(t *testing.T) {
	if _, err := deploy.YAML(deploy.Parameters{}); err == nil || !strings.Contains(err.Error(), "cluster name") {
		t.Errorf("error is %v, want one that asks for the cluster name", err)
	}
}
