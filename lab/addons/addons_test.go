package addons

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

func objects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	all, err := Objects(Cluster{Region: "ap-northeast-2", ClusterName: "blue"})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func typed[T any](t *testing.T, kind, name string) *T {
	t.Helper()
	for _, object := range objects(t) {
		if object.GetKind() == kind && object.GetName() == name {
			into := new(T)
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
				t.Fatal(err)
			}
			return into
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return nil
}

func requests(containers []corev1.Container) (cpu, memory string) {
	total := corev1.ResourceList{}
	for _, container := range containers {
		for name, quantity := range container.Resources.Requests {
			sum := total[name]
			sum.Add(quantity)
			total[name] = sum
		}
	}
	return total.Cpu().String(), total.Memory().String()
}

func TestObjectsHaveOnlyFieldsThatKubernetesKnows(t *testing.T) {
	for _, object := range objects(t) {
		into, err := scheme.Scheme.New(object.GroupVersionKind())
		if err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// The sums decide how much room a node has left for pods.
func TestRequestsAreThoseOfEKS(t *testing.T) {
	for name, want := range map[string]string{"aws-node": "50m", "kube-proxy": "100m"} {
		pod := typed[appsv1.DaemonSet](t, "DaemonSet", name).Spec.Template.Spec
		if cpu, memory := requests(pod.Containers); cpu != want || memory != "0" {
			t.Errorf("%s requests cpu %s, memory %s", name, cpu, memory)
		}
		if len(pod.Tolerations) != 1 || pod.Tolerations[0] != (corev1.Toleration{Operator: corev1.TolerationOpExists}) || !pod.HostNetwork {
			t.Errorf("%s does not run everywhere: %+v", name, pod.Tolerations)
		}
	}
	dns := typed[appsv1.Deployment](t, "Deployment", "coredns").Spec
	if cpu, memory := requests(dns.Template.Spec.Containers); cpu != "100m" || memory != "70Mi" || *dns.Replicas != 2 {
		t.Errorf("coredns: cpu %s, memory %s, %d replicas", cpu, memory, *dns.Replicas)
	}
}

func TestImagesAreOfTheRegion(t *testing.T) {
	for _, name := range []string{"aws-node", "kube-proxy"} {
		for _, container := range typed[appsv1.DaemonSet](t, "DaemonSet", name).Spec.Template.Spec.Containers {
			if !strings.Contains(container.Image, ".dkr.ecr.ap-northeast-2.amazonaws.com/") {
				t.Errorf("image %s", container.Image)
			}
		}
	}
}

func TestIdentifyTellsObjectsAndContentsApart(t *testing.T) {
	seen := map[string]bool{}
	for _, object := range objects(t) {
		key, before, err := identify(object)
		if err != nil || seen[key] {
			t.Fatalf("key %q twice, or %v", key, err)
		}
		seen[key] = true
		object.SetLabels(map[string]string{"changed": "yes"})
		if _, after, err := identify(object); err != nil || after == before {
			t.Errorf("%s: the digest did not change, %v", key, err)
		}
	}
	if _, _, err := identify(&unstructured.Unstructured{Object: map[string]any{}}); err == nil {
		t.Error("an object without kind and name was accepted")
	}
}
