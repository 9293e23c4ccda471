package admission_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/lab/nodes/admission"
)

func amounts(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

func TestCheck(t *testing.T) {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"zone": "a"}},
		Status:     corev1.NodeStatus{Allocatable: amounts("1930m", "7Gi")},
	}
	node.Status.Allocatable[corev1.ResourcePods] = resource.MustParse("3")
	tainted := node.DeepCopy()
	tainted.Spec.Taints = []corev1.Taint{{Key: "k", Effect: corev1.TaintEffectNoExecute}, {Key: "soft", Effect: corev1.TaintEffectNoSchedule}}
	used := []corev1.ResourceList{amounts("1", "1Gi")}
	for name, test := range map[string]struct {
		pod           corev1.PodSpec
		requests      corev1.ResourceList
		node          *corev1.Node
		used          []corev1.ResourceList
		want, message string
	}{
		"fits exactly":     {requests: amounts("930m", "6Gi"), used: used},
		"cpu":              {requests: amounts("931m", "1Gi"), used: used, want: "OutOfcpu", message: "Node didn't have enough resource: cpu, requested: 931, used: 1000, capacity: 1930"},
		"memory":           {requests: amounts("1m", "8Gi"), want: "OutOfmemory"},
		"pods":             {used: make([]corev1.ResourceList, 3), want: "OutOfpods"},
		"unknown resource": {requests: corev1.ResourceList{"example.com/thing": resource.MustParse("1")}},
		"selector":         {pod: corev1.PodSpec{NodeSelector: map[string]string{"zone": "b"}}, want: "NodeAffinity"},
		"matching":         {pod: corev1.PodSpec{NodeSelector: map[string]string{"zone": "a"}}},
		"taint":            {node: tainted, want: "TaintToleration"},
		"tolerated taint":  {node: tainted, pod: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "k", Operator: corev1.TolerationOpExists}}}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: test.pod}
			pod.Spec.Containers = []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{Requests: test.requests}}}
			target := node
			if test.node != nil {
				target = test.node
			}
			rejection := admission.Check(pod, target, test.used)
			switch {
			case test.want == "" && rejection != nil:
				t.Errorf("rejected: %+v", *rejection)
			case test.want != "" && (rejection == nil || rejection.Reason != test.want):
				t.Errorf("rejection %+v, want %s", rejection, test.want)
			case test.message != "" && rejection.Message != test.message:
				t.Errorf("message %q, want %q", rejection.Message, test.message)
			}
		})
	}
}
