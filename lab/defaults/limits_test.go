package defaults_test

import (
	"math/rand"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	core "k8s.io/kubernetes/pkg/apis/core"
	kubedefaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/plugin/pkg/admission/limitranger"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/offline"
)

// TestLimitRangesWorkAsInTheAdmissionPlugin puts random pods under random
// LimitRanges: the same pods are refused, and others ask for the same.
func TestLimitRangesWorkAsInTheAdmissionPlugin(t *testing.T) {
	const pods = 3000
	random := rand.New(rand.NewSource(2))
	refused := 0
	for n := range pods {
		pod, limits := randomPod(random), randomLimits(random)
		theirs, refusal := admitted(t, limits.DeepCopy(), pod.DeepCopy())
		if refusal == nil && overrun(theirs) {
			continue // the validation of the pod itself refuses it
		}
		cluster := offline.New(&manifest.Input{Objects: []manifest.Object{
			{Object: pod.DeepCopy(), Kind: "Pod"}, {Object: limits.DeepCopy(), Kind: "LimitRange"},
		}}, offline.Options{})
		var ours corev1.Pod
		err := cluster.Reader().Get(t.Context(), client.ObjectKeyFromObject(pod), &ours)
		if (refusal != nil) != (err != nil) {
			t.Fatalf("pod %d: the plugin says %v, drover %v: %+v under %+v", n, refusal, err, pod.Spec, limits.Spec)
		}
		if refusal != nil {
			refused++
			continue
		}
		if want, got := requests(theirs), requests(&ours); !reflect.DeepEqual(want, got) {
			t.Fatalf("pod %d requests %v, the API server makes it %v: %+v under %+v", n, got, want, pod.Spec, limits.Spec)
		}
	}
	if refused < pods/20 || refused > pods*19/20 {
		t.Errorf("%d of %d pods are refused: that shows little", refused, pods)
	}
}

// admitted is what the API server stores, or why it does not.
func admitted(t *testing.T, limits *corev1.LimitRange, pod *corev1.Pod) (*corev1.Pod, error) {
	t.Helper()
	kubedefaults.SetObjectDefaults_LimitRange(limits)
	kubedefaults.SetObjectDefaults_Pod(pod)
	var internal core.Pod
	if err := kubedefaults.Convert_v1_Pod_To_core_Pod(pod, &internal, nil); err != nil {
		t.Fatal(err)
	}
	if err := limitranger.PodMutateLimitFunc(limits, &internal); err != nil {
		return nil, err
	}
	podutil.DefaultPodLevelResources(&internal)
	if err := limitranger.PodValidateLimitFunc(limits, &internal); err != nil {
		return nil, err
	}
	var stored corev1.Pod
	if err := kubedefaults.Convert_core_Pod_To_v1_Pod(&internal, &stored, nil); err != nil {
		t.Fatal(err)
	}
	return &stored, nil
}

// overrun reports whether a container requests more than its limit.
func overrun(pod *corev1.Pod) bool {
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			for name, limit := range containers[i].Resources.Limits {
				if request := containers[i].Resources.Requests[name]; request.Cmp(limit) > 0 {
					return true
				}
			}
		}
	}
	return false
}

func randomLimits(random *rand.Rand) *corev1.LimitRange {
	limits := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "l"}}
	for range 1 + random.Intn(2) {
		item := corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Default: some(random, 8), DefaultRequest: some(random, 4)}
		if random.Intn(3) == 0 {
			item = corev1.LimitRangeItem{Type: corev1.LimitTypePod}
		}
		switch random.Intn(4) {
		case 0:
			item.Max = some(random, 40)
		case 1:
			item.Min = some(random, 3)
		case 2:
			item.MaxLimitRequestRatio = some(random, 6)
		}
		limits.Spec.Limits = append(limits.Spec.Limits, item)
	}
	return limits
}

// some amounts, now and then, of cpu and memory.
func some(random *rand.Rand, most int) corev1.ResourceList {
	list := corev1.ResourceList{}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if random.Intn(3) == 0 {
			list[name] = *resource.NewMilliQuantity(int64(500*(1+random.Intn(2*most))), resource.DecimalSI)
		}
	}
	return list
}
