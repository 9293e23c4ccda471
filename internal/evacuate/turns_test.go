package evacuate_test

import (
	"context"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/index"
)

// Pods of one budget are evicted one after the other, whatever nodes they are on;
// pods of different budgets do not wait for each other.
func TestEvictionsOfOneBudgetTakeTurns(t *testing.T) {
	var (
		mu       sync.Mutex
		under    = map[string]int{} // evictions under way, by app
		twice    bool
		met      = make(chan struct{}) // both apps are being evicted from
		meetOnce sync.Once
		turns    evacuate.Turns
		group    sync.WaitGroup
		apps     = []string{"web", "db"}
		objects  []client.Object
		nodeOf   = func(object client.Object) []string { return []string{object.(*corev1.Pod).Spec.NodeName} }
		podNamed = func(name, app, node string) *corev1.Pod {
			return &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": app},
					OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: app, Controller: new(true)}}},
				Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: corev1.PodRunning},
			}
		}
	)
	for _, app := range apps {
		objects = append(objects, &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: app},
			Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}}})
		for _, node := range []string{"n1", "n2"} {
			objects = append(objects, podNamed(app+"-1-"+node, app, node), podNamed(app+"-2-"+node, app, node))
		}
	}
	cluster := fake.NewClientBuilder().WithObjects(objects...).WithIndex(&corev1.Pod{}, index.PodNode, nodeOf).
		WithInterceptorFuncs(interceptor.Funcs{SubResourceCreate: func(_ context.Context, _ client.Client, _ string, object, _ client.Object, _ ...client.SubResourceCreateOption) error {
			app := object.GetLabels()["app"]
			mu.Lock()
			under[app]++
			twice = twice || under[app] > 1
			both := under["web"] > 0 && under["db"] > 0
			mu.Unlock()
			if both {
				meetOnce.Do(func() { close(met) })
			}
			<-met
			mu.Lock()
			under[app]--
			mu.Unlock()
			return nil
		}}).Build()
	for _, node := range []string{"n1", "n2"} {
		group.Go(func() {
			drainer := evacuate.Drainer{Client: cluster, Clock: clock.RealClock{}, Turns: &turns}
			if _, err := drainer.Drain(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}, evacuate.Rules{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if twice {
		t.Error("two pods of one budget were evicted at the same time")
	}
}
