package translate_test

import (
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

func podFrom(t *testing.T, text string) *corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict([]byte(text), &pod); err != nil {
		t.Fatal(err)
	}
	return &pod
}

func TestAPodIsWhatTheAPIServerMakesOfIt(t *testing.T) {
	for _, test := range []struct {
		name, spec string
		check      func(*corev1.PodSpec) any
		want       any
	}{
		{"limits are requests where none are named", `spec: {containers: [{name: c, resources: {limits: {cpu: "2", memory: 1Gi}, requests: {cpu: "1"}}}]}`,
			func(s *corev1.PodSpec) any { return amounts(s.Containers[0].Resources.Requests) }, "1 1Gi"},
		{"of init containers too", `spec: {initContainers: [{name: c, resources: {limits: {cpu: "2", memory: 1Gi}}}]}`,
			func(s *corev1.PodSpec) any { return amounts(s.InitContainers[0].Resources.Requests) }, "2 1Gi"},
		{"a pod's own limits: what the containers add up to", `spec: {resources: {limits: {cpu: "8", memory: 8Gi}}, containers: [{name: a, resources: {requests: {cpu: "1"}}}, {name: b, resources: {requests: {cpu: "2"}}}]}`,
			func(s *corev1.PodSpec) any { return amounts(s.Resources.Requests) }, "3 8Gi"},
		{"a pod's own requests: completed by what the containers add up to", `spec: {resources: {requests: {cpu: "8"}}, containers: [{name: a, resources: {requests: {memory: 1Gi}}}]}`,
			func(s *corev1.PodSpec) any { return amounts(s.Resources.Requests) }, "8 1Gi"},
		{"ports on the host's network", `spec: {hostNetwork: true, containers: [{name: c, ports: [{containerPort: 80}]}]}`,
			func(s *corev1.PodSpec) any { return s.Containers[0].Ports[0].HostPort }, int32(80)},
		{"ports elsewhere", `spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}`,
			func(s *corev1.PodSpec) any { return s.Containers[0].Ports[0].HostPort }, int32(0)},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := podFrom(t, test.spec)
			before := pod.DeepCopy()
			created := translate.AsCreated(pod)
			if got := test.check(&created.Spec); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if again := translate.AsCreated(created); !reflect.DeepEqual(again, created) {
				t.Errorf("a second time changes it: %v, want %v", again.Spec, created.Spec)
			}
			if !reflect.DeepEqual(pod, before) {
				t.Error("the pod itself was changed")
			}
		})
	}
}

func amounts(list corev1.ResourceList) string {
	return list.Cpu().String() + " " + list.Memory().String()
}

func TestBlocks(t *testing.T) {
	for _, test := range []struct {
		name, spec string
		want       []model.Code
	}{
		{"nothing", `spec: {containers: [{name: c}]}`, nil},
		{"two gates", `spec: {schedulingGates: [{name: quota}, {name: review}]}`, []model.Code{model.CodeSchedulingGated, model.CodeSchedulingGated}},
		{"a resource claim", `spec: {resourceClaims: [{name: gpu, resourceClaimName: big}]}`, []model.Code{model.CodeResourceClaims}},
		{"a device class as a resource", `spec: {containers: [{name: c, resources: {requests: {deviceclass.resource.kubernetes.io/gpu: "1"}}}]}`, []model.Code{model.CodeResourceClaims}},
		{"a device plugin's resource", `spec: {containers: [{name: c, resources: {requests: {nvidia.com/gpu: "1"}}}]}`, nil},
		{"an EBS volume of no claim", `spec: {volumes: [{name: d, awsElasticBlockStore: {volumeID: vol-1}}]}`, []model.Code{model.CodeUnsupported}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var codes []model.Code
			for _, reason := range translate.Blocks(podFrom(t, test.spec)) {
				codes = append(codes, reason.Code)
			}
			if !reflect.DeepEqual(codes, test.want) {
				t.Errorf("blocks are %v, want %v", codes, test.want)
			}
		})
	}
}

func TestLabelKeysAreMergedOnce(t *testing.T) {
	labels := map[string]string{"app": "web", "version": "2", "tier": "front"}
	selector := func(r ...model.Requirement) *model.LabelSelector {
		return &model.LabelSelector{MatchLabels: map[string]string{"app": "web"}, Requirements: r}
	}
	in := model.Requirement{Key: "version", Operator: model.In, Values: []string{"2"}}
	notIn := model.Requirement{Key: "tier", Operator: model.NotIn, Values: []string{"front"}}
	for _, test := range []struct {
		name            string
		selector        *model.LabelSelector
		match, mismatch []string
		want            *model.LabelSelector
	}{
		{"from a file", selector(), []string{"version"}, []string{"tier"}, selector(in, notIn)},
		{"from an API server", selector(in, notIn), []string{"version"}, []string{"tier"}, selector(in, notIn)},
		{"a label that the pod does not have", selector(), []string{"colour"}, nil, selector()},
		{"no selector", nil, []string{"version"}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := translate.WithLabelKeys(test.selector, test.match, test.mismatch, labels); !reflect.DeepEqual(got, test.want) {
				t.Errorf("selector is %v, want %v", got, test.want)
			}
		})
	}
}

// FuzzAsCreated: whatever the pod, nothing panics, a second time changes
// nothing, and no request becomes smaller.
func FuzzAsCreated(f *testing.F) {
	f.Add("1", "2Gi", "500m", "", true)
	f.Add("", "-1", "1e9", "9223372036854775807", false)
	f.Fuzz(func(t *testing.T, cpuRequest, memoryLimit, cpuLimit, podLimit string, hostNetwork bool) {
		pod := &corev1.Pod{Spec: corev1.PodSpec{HostNetwork: hostNetwork, Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}}}
		own := &pod.Spec.Containers[0].Resources
		own.Requests, own.Limits = corev1.ResourceList{}, corev1.ResourceList{}
		put(own.Requests, corev1.ResourceCPU, cpuRequest)
		put(own.Limits, corev1.ResourceCPU, cpuLimit)
		put(own.Limits, corev1.ResourceMemory, memoryLimit)
		pod.Spec.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{}}
		put(pod.Spec.Resources.Limits, corev1.ResourceMemory, podLimit)
		created := translate.AsCreated(pod)
		if again := translate.AsCreated(created); !reflect.DeepEqual(again, created) {
			t.Fatalf("a second time changes %v to %v", created.Spec, again.Spec)
		}
		for name, amount := range own.Requests {
			if got := created.Spec.Containers[0].Resources.Requests[name]; got.Cmp(amount) != 0 {
				t.Fatalf("request of %s was %v and is %v", name, amount, got)
			}
		}
	})
}

func put(list corev1.ResourceList, name corev1.ResourceName, text string) {
	if quantity, err := resource.ParseQuantity(text); err == nil {
		list[name] = quantity
	}
}

// FuzzOfferings: the annotation of a NodeClaim comes from outside.
func FuzzOfferings(f *testing.F) {
	f.Add("m5.large/us-west-2a/usw2-az1/spot=0.03,m5.large/us-west-2b//on-demand=1e-7")
	f.Add("m5.large/us-west-2a/spot=0.03")
	f.Add("m5.large/a/b/spot=NaN")
	f.Fuzz(func(t *testing.T, text string) {
		claim := &karpv1.NodeClaim{}
		claim.Annotations = map[string]string{translate.OfferingsAnnotation: text}
		offerings, err := translate.Offerings(claim)
		if err != nil {
			return
		}
		claim.Annotations[translate.OfferingsAnnotation] = translate.EncodeOfferings(offerings)
		if again, err := translate.Offerings(claim); err != nil || !slices.Equal(again, offerings) {
			t.Fatalf("read %v, then %v: %v", offerings, again, err)
		}
	})
}

// FuzzResources: quantities survive the way there and back, rounded up.
func FuzzResources(f *testing.F) {
	f.Add("cpu", "1500m")
	f.Add("memory", "1Gi")
	f.Add("hugepages-2Mi", "100000000000000000000")
	f.Fuzz(func(t *testing.T, name, text string) {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return
		}
		once := translate.Resources(corev1.ResourceList{corev1.ResourceName(name): quantity})
		if twice := translate.Resources(translate.ResourceList(once)); !reflect.DeepEqual(once, twice) {
			t.Fatalf("%s %s is %v, then %v", name, text, once, twice)
		}
	})
}

// FuzzNodeSelector: no selector, however odd, makes translation panic.
func FuzzNodeSelector(f *testing.F) {
	f.Add([]byte(`{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Gt","values":["1"]}],"matchFields":[{}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var selector corev1.NodeSelector
		if err := yaml.Unmarshal(text, &selector); err != nil {
			return
		}
		if got := translate.NodeSelectorTerms(selector.NodeSelectorTerms); len(got) != len(selector.NodeSelectorTerms) {
			t.Fatalf("%d terms became %d", len(selector.NodeSelectorTerms), len(got))
		}
	})
}
