package drain

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"github.com/drover-project/drover/internal/say"
)

type bench struct {
	*Drainer
	kube    *fake.Clientset
	log     *bytes.Buffer
	lock    sync.Mutex
	evicted []string
	waits   int
}

// newBench has the given pods on node a, and evictions that answer refuses.
func newBench(t *testing.T, refuse func(pod string) error, pods ...*corev1.Pod) *bench {
	t.Helper()
	kube := fake.NewClientset(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	b := &bench{kube: kube, log: &bytes.Buffer{}}
	for _, pod := range pods {
		if err := kube.Tracker().Add(pod); err != nil {
			t.Fatal(err)
		}
	}
	kube.PrependReactor("create", "pods", func(action kubetesting.Action) (bool, runtime.Object, error) {
		name := action.(kubetesting.CreateAction).GetObject().(*policyv1.Eviction).Name
		if err := refuse(name); err != nil {
			return true, nil, err
		}
		b.lock.Lock()
		b.evicted = append(b.evicted, name)
		b.lock.Unlock()
		return true, nil, kube.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), "default", name)
	})
	b.Drainer = &Drainer{Kube: kube, Log: &say.Log{Out: b.log, Now: func() time.Time { return time.Unix(0, 0) }}, Sleep: func(context.Context, time.Duration) error {
		if b.waits++; b.waits > 20 {
			return errors.New("the time is over")
		}
		return nil
	}}
	return b
}

func onA(name string, change func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: corev1.PodSpec{NodeName: "a"}}
	if change != nil {
		change(pod)
	}
	return pod
}

func (b *bench) drain(t *testing.T, options Options) error {
	t.Helper()
	node, err := b.kube.CoreV1().Nodes().Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return b.Drain(t.Context(), []corev1.Node{*node}, options)
}

func never(string) error { return nil }

func TestWhatStaysOnADrainedNode(t *testing.T) {
	yes := true
	b := newBench(t, never, onA("web", nil),
		onA("daemon", func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Controller: &yes}}
		}),
		onA("static", func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }),
		onA("done", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
		onA("elsewhere", func(p *corev1.Pod) { p.Spec.NodeName = "b" }))
	if err := b.drain(t, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.evicted, " "); got != "web" {
		t.Errorf("evicted: %s", got)
	}
}

func TestPodsThatLeaveAreNotAskedAgain(t *testing.T) {
	b := newBench(t, never, onA("leaving", func(p *corev1.Pod) {
		now := metav1.Now()
		p.DeletionTimestamp, p.Finalizers = &now, []string{"x"}
	}))
	err := b.drain(t, Options{})
	if err == nil || !strings.Contains(err.Error(), "1 pods are still terminating") || len(b.evicted) > 0 {
		t.Errorf("%v, evicted %v", err, b.evicted)
	}
}

func TestARefusalWithoutABudgetIsToldInTheServersWords(t *testing.T) {
	refusals := 1
	b := newBench(t, func(string) error {
		if refusals--; refusals >= 0 {
			err := apierrors.NewTooManyRequests("refused", 1)
			err.ErrStatus.Details.Causes = []metav1.StatusCause{{Message: "The disruption budget x needs 1 healthy pods and has 1 currently"}}
			return err
		}
		return nil
	}, onA("web", nil))
	if err := b.drain(t, Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.log.String(), "The disruption budget x needs 1 healthy pods") {
		t.Error(b.log.String())
	}
}

func TestOtherErrorsEndADrain(t *testing.T) {
	b := newBench(t, func(string) error { return apierrors.NewInternalError(errors.New("broken")) }, onA("web", nil))
	if err := b.drain(t, Options{}); err == nil || !strings.Contains(err.Error(), "default/web") {
		t.Error(err)
	}
}

func TestGracePeriodsAreBounded(t *testing.T) {
	long := int64(3600)
	b := newBench(t, never, onA("web", func(p *corev1.Pod) { p.Spec.TerminationGracePeriodSeconds = &long }))
	if err := b.drain(t, Options{MaxGrace: time.Minute}); err != nil {
		t.Fatal(err)
	}
	for _, action := range b.kube.Actions() {
		if create, ok := action.(kubetesting.CreateAction); ok && action.GetSubresource() == "eviction" {
			if got := *create.GetObject().(*policyv1.Eviction).DeleteOptions.GracePeriodSeconds; got != 60 {
				t.Errorf("grace period %d", got)
			}
		}
	}
}
