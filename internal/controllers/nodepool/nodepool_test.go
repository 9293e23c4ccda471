package nodepool_test

import (
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodepool"
)

// reconciled is the pool after one look.
func reconciled(t *testing.T, cluster *clustertest.Cluster) *karpv1.NodePool {
	t.Helper()
	reconciler := &nodepool.Reconciler{Client: cluster.Client, Cloud: cluster.Cloud, Events: cluster.Events, Log: logr.Discard()}
	if _, err := reconciler.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: "default"}}); err != nil {
		t.Fatal(err)
	}
	return clustertest.Get(cluster, &karpv1.NodePool{}, "default")
}

// unchecked is a pool that nobody has looked at.
func unchecked() *karpv1.NodePool {
	pool := clustertest.Pool()
	pool.Status = karpv1.NodePoolStatus{}
	return pool
}

func TestPoolBecomesReadyAndCountsItsClaims(t *testing.T) {
	claim := &karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{Name: "default-1", Labels: map[string]string{karpv1.NodePoolLabelKey: "default"}}}
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")}
	pool := reconciled(t, clustertest.New(t, cloudtest.World{}, clustertest.Class(), unchecked(), claim))
	if !pool.StatusConditions().Root().IsTrue() {
		t.Errorf("not Ready: %s", pool.StatusConditions().Root().Message)
	}
	if pool.Annotations[karpv1.NodePoolHashAnnotationKey] != pool.Hash() {
		t.Errorf("hash annotation is %q, want %q", pool.Annotations[karpv1.NodePoolHashAnnotationKey], pool.Hash())
	}
	if *pool.Status.Nodes != 1 || pool.Status.Resources.Cpu().Value() != 2 {
		t.Errorf("%d nodes with %s CPUs, want 1 with 2", *pool.Status.Nodes, pool.Status.Resources.Cpu())
	}
}

func TestPoolSaysWhatIsWrongWithItsClass(t *testing.T) {
	other := unchecked()
	other.Spec.Template.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "example.com", Kind: "Farm", Name: "default"}
	for _, test := range []struct {
		name    string
		objects []client.Object
		want    string
	}{
		{"no such class", []client.Object{unchecked()}, `EC2NodeClass "default" does not exist`},
		{"another kind", []client.Object{clustertest.Class(), other}, "EC2NodeClass of group karpenter.k8s.aws"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster := clustertest.New(t, cloudtest.World{}, test.objects...)
			condition := reconciled(t, cluster).StatusConditions().Get(karpv1.ConditionTypeNodeClassReady)
			if said := <-cluster.Said; !condition.IsFalse() || !strings.Contains(condition.Message, test.want) || !strings.Contains(said, test.want) {
				t.Errorf("condition is %+v, event %q, want both with %q", condition, said, test.want)
			}
		})
	}
}

func TestClassThatIsBeingResolvedIsNotAMistake(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, cloudtest.NodeClass(), unchecked())
	pool := reconciled(t, cluster)
	if condition := pool.StatusConditions().Get(karpv1.ConditionTypeNodeClassReady); !condition.IsUnknown() {
		t.Errorf("condition is %+v, want Unknown", condition)
	}
	if len(cluster.Said) != 0 {
		t.Errorf("an event was published: %s", <-cluster.Said)
	}
}
