package provreq_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/provreq"
)

func TestPodsAreThoseThatWouldBeCreated(t *testing.T) {
	cpu := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
	template := &corev1.PodTemplate{Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "job"}, Annotations: map[string]string{"team": "red"}},
		Spec: corev1.PodSpec{NodeName: "somewhere", SchedulingGates: []corev1.PodSchedulingGate{{Name: "kueue.x-k8s.io/admission"}},
			Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Limits: cpu}}}},
	}}
	request := &provreq.ProvisioningRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "batch", Name: "job", UID: "u"}}
	request.Spec = provreq.Spec{ProvisioningClassName: provreq.CheckCapacity, PodSets: []provreq.PodSet{
		{PodTemplateRef: provreq.Reference{Name: "a"}, Count: 1}, {PodTemplateRef: provreq.Reference{Name: "b"}, Count: 2}}}
	pods, err := request.Pods(map[string]*corev1.PodTemplate{"a": template, "b": template})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, pod := range pods {
		names = append(names, pod.Namespace+"/"+pod.Name)
	}
	if got := strings.Join(names, " "); got != "batch/job-0-0 batch/job-1-0 batch/job-1-1" {
		t.Errorf("pods are %s", got)
	}
	pod := pods[0]
	if pod.Spec.NodeName != "" || len(pod.Spec.SchedulingGates) > 0 {
		t.Errorf("the pod is on %q with gates %v, want one that asks for a place", pod.Spec.NodeName, pod.Spec.SchedulingGates)
	}
	if pod.Spec.Containers[0].Resources.Requests.Cpu().String() != "1" {
		t.Errorf("it requests %v, want its limit", pod.Spec.Containers[0].Resources.Requests)
	}
	if name, ok := provreq.ConsumedBy(pod); !ok || name != "job" || pod.Labels["app"] != "job" || pod.Annotations["team"] != "red" {
		t.Errorf("its labels are %v, its annotations %v", pod.Labels, pod.Annotations)
	}
	if template.Template.Spec.NodeName == "" || len(template.Template.Annotations) != 1 {
		t.Error("the template was changed")
	}
}

func TestPodsNameTheRequestThatTheyUse(t *testing.T) {
	for key, want := range map[string]bool{
		"autoscaling.x-k8s.io/consume-provisioning-request": true, "cluster-autoscaler.kubernetes.io/consume-provisioning-request": true, "other": false,
	} {
		name, ok := provreq.ConsumedBy(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{key: "job"}}})
		if ok != want || (ok && name != "job") {
			t.Errorf("%s: %q, %t; want %t", key, name, ok, want)
		}
	}
}
