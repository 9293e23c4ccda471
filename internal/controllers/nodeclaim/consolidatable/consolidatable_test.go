package consolidatable_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/consolidatable"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/podevents"
	"github.com/drover-project/drover/internal/metrics"
)

const providerID = "aws:///us-west-2a/i-1"

// claimAtRest is an initialized claim; the pool's consolidateAfter is 30 s.
func claimAtRest() *karpv1.NodeClaim {
	claim := &karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{Name: "default-1", Labels: map[string]string{karpv1.NodePoolLabelKey: "default"}}}
	claim.Status.ProviderID = providerID
	claim.StatusConditions().SetTrue(karpv1.ConditionTypeInitialized)
	return claim
}

func mark(t *testing.T, cluster *clustertest.Cluster) (bool, time.Duration) {
	t.Helper()
	reconciler := &consolidatable.Reconciler{Client: cluster.Client, Clock: cluster.Clock}
	result, err := reconciler.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: "default-1"}})
	if err != nil {
		t.Fatal(err)
	}
	claim := clustertest.Get(cluster, &karpv1.NodeClaim{}, "default-1")
	return claim.StatusConditions().Get(karpv1.ConditionTypeConsolidatable).IsTrue(), result.RequeueAfter
}

func TestConsolidatableAfterPodsHaveRested(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Pool(), claimAtRest())
	if marked, again := mark(t, cluster); marked || again <= 0 || again > 31*time.Second {
		t.Fatalf("marked at once: %t, comes back after %s", marked, again)
	}
	cluster.Clock.Step(31 * time.Second)
	if marked, _ := mark(t, cluster); !marked {
		t.Fatal("not marked after 31 s of rest")
	}

	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node"}}
	node.Spec.ProviderID = providerID
	cluster.Create(node)
	event := &podevents.Reconciler{Client: cluster.Client, Metrics: metrics.New(prometheus.NewRegistry()), Clock: cluster.Clock}
	if _, err := event.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: "node"}}); err != nil {
		t.Fatal(err)
	}
	if marked, _ := mark(t, cluster); marked {
		t.Error("still marked although a pod has moved")
	}
}

func TestNeverConsolidatable(t *testing.T) {
	pool := clustertest.Pool()
	pool.Spec.Disruption.ConsolidateAfter = karpv1.MustParseNillableDuration("Never")
	cluster := clustertest.New(t, cloudtest.World{}, pool, claimAtRest())
	cluster.Clock.Step(24 * time.Hour)
	if marked, again := mark(t, cluster); marked || again != 0 {
		t.Errorf("marked: %t, comes back after %s; want neither", marked, again)
	}
}
