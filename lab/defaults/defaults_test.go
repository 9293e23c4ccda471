package defaults_test

import (
	"fmt"
	"math/rand"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	resourcehelper "k8s.io/component-helpers/resource"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	core "k8s.io/kubernetes/pkg/apis/core"
	kubedefaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/offline"
	"github.com/drover-project/drover/internal/translate"
)

// TestPodsAreDefaultedAsByTheAPIServer compares requests and host ports of
// random pods, which is what defaults change of a pod's place.
func TestPodsAreDefaultedAsByTheAPIServer(t *testing.T) {
	const pods = 3000
	random := rand.New(rand.NewSource(1))
	for n := range pods {
		pod := randomPod(random)
		theirs := created(t, pod.DeepCopy())
		all := map[string]*corev1.Pod{"of a DaemonSet": translate.AsCreated(pod)}
		if !overrun(theirs) { // else it would be refused
			all["from a file"] = defaulted(t, pod.DeepCopy())
		}
		for how, ours := range all {
			want, got := requests(theirs), requests(ours)
			if !reflect.DeepEqual(want, got) {
				t.Fatalf("pod %d %s requests %v, the API server makes it %v: %+v", n, how, got, want, pod.Spec)
			}
			if want, got := ports(theirs), ports(ours); !reflect.DeepEqual(want, got) {
				t.Fatalf("pod %d %s has host ports %v, the API server makes it %v: %+v", n, how, got, want, pod.Spec)
			}
		}
	}
}

// created is what the API server stores: the defaults of the version, then those
// of creation.
func created(t *testing.T, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	kubedefaults.SetObjectDefaults_Pod(pod)
	var internal core.Pod
	if err := kubedefaults.Convert_v1_Pod_To_core_Pod(pod, &internal, nil); err != nil {
		t.Fatal(err)
	}
	podutil.DefaultPodLevelResources(&internal)
	var stored corev1.Pod
	if err := kubedefaults.Convert_core_Pod_To_v1_Pod(&internal, &stored, nil); err != nil {
		t.Fatal(err)
	}
	return &stored
}

func defaulted(t *testing.T, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	cluster := offline.New(&manifest.Input{Objects: []manifest.Object{{Object: pod, Kind: "Pod"}}}, offline.Options{})
	var found corev1.Pod
	if err := cluster.Reader().Get(t.Context(), client.ObjectKeyFromObject(pod), &found); err != nil {
		t.Fatal(err)
	}
	return &found
}

func requests(pod *corev1.Pod) map[string]string {
	amounts := map[string]string{}
	for name, amount := range resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{}) {
		amounts[string(name)] = fmt.Sprint(amount.MilliValue())
	}
	return amounts
}

func ports(pod *corev1.Pod) []int32 {
	var all []int32
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			for _, port := range containers[i].Ports {
				all = append(all, port.HostPort)
			}
		}
	}
	return all
}

func randomPod(random *rand.Rand) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p"}}
	pod.Spec.HostNetwork = random.Intn(3) == 0
	for range 1 + random.Intn(3) {
		pod.Spec.Containers = append(pod.Spec.Containers, randomContainer(random))
	}
	for range random.Intn(3) {
		container := randomContainer(random)
		if random.Intn(2) == 0 {
			always := corev1.ContainerRestartPolicyAlways
			container.RestartPolicy = &always
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, container)
	}
	if random.Intn(3) == 0 {
		pod.Spec.Resources = &corev1.ResourceRequirements{Requests: randomList(random, false), Limits: randomList(random, false)}
	}
	return pod
}

func randomContainer(random *rand.Rand) corev1.Container {
	container := corev1.Container{
		Name:      "c",
		Resources: corev1.ResourceRequirements{Requests: randomList(random, true), Limits: randomList(random, true)},
	}
	for range random.Intn(2) {
		container.Ports = append(container.Ports, corev1.ContainerPort{ContainerPort: int32(8000 + random.Intn(3))})
	}
	return container
}

func randomList(random *rand.Rand, extended bool) corev1.ResourceList {
	names := []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory}
	if extended {
		names = append(names, corev1.ResourceEphemeralStorage, "nvidia.com/gpu", "hugepages-2Mi")
	}
	list := corev1.ResourceList{}
	for _, name := range names {
		if random.Intn(2) == 0 {
			list[name] = *resource.NewQuantity(int64(1+random.Intn(8)), resource.DecimalSI)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list
}
