package interruption_test

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/interruption"
	notices "github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/spot"
)

func TestWhatWasSeenOfPoolsOutlivesTheProcess(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool())
	labels := map[string]string{corev1.LabelInstanceTypeStable: "m5.large", corev1.LabelTopologyZone: "us-west-2a"}
	round := func(ledger *interruption.Ledger) {
		t.Helper()
		if err := ledger.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // one process, and the one after it
		ledger := &interruption.Ledger{
			Client: cluster.Client, Live: cluster.Client, Observer: &observe.Observer{Reader: cluster.Client, Cloud: cluster.Cloud},
			Clock: cluster.Clock, Log: logr.Discard(), Namespace: "karpenter",
		}
		ledger.Count(labels, notices.SpotInterruption, cluster.Clock.Now())
		ledger.Count(labels, notices.RebalanceRecommendation, cluster.Clock.Now())
		ledger.Count(labels, notices.ScheduledEvent, cluster.Clock.Now()) // says nothing about the pool
		round(ledger)
		round(ledger)
		cluster.Clock.Step(time.Hour)
	}
	kept := clustertest.Get(cluster, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "karpenter"}}, spot.ConfigMap)
	state, err := spot.Decode(kept.Data[spot.Key])
	if err != nil || len(state.Pools) != 1 {
		t.Fatalf("%+v, %v", state, err)
	}
	if p := state.Pools[0]; p.Interruptions != 2 || p.Recommendations != 2 || p.Price <= 0 || p.OnDemand <= p.Price || p.Saving <= 0 {
		t.Errorf("%+v", p)
	}
	history, err := interruption.Kept(cluster.Client, "karpenter")(t.Context())
	if err != nil || len(history) != 1 || !history[spot.PoolKey{InstanceType: "m5.large", Zone: "us-west-2a"}].Last.After(cluster.Clock.Now().Add(-2*time.Hour)) {
		t.Errorf("what is kept is %+v (%v), want the pool with when it was last heard of", history, err)
	}
	if history, err := interruption.Kept(cluster.Client, "elsewhere")(t.Context()); err != nil || len(history) != 0 {
		t.Errorf("where nothing is kept %+v is (%v)", history, err)
	}
	kept.Data[spot.Key] = "{"
	cluster.Update(kept)
	if _, err := interruption.Kept(cluster.Client, "karpenter")(t.Context()); err == nil {
		t.Error("what cannot be read is no error")
	}
	var none *interruption.Ledger
	none.Count(labels, notices.SpotInterruption, cluster.Clock.Now()) // nobody keeps it
}
