package garbagecollection_test

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodeclaim/garbagecollection"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
)

// launch buys an instance for a claim's name without telling the claim.
func launch(t *testing.T, cluster *clustertest.Cluster, token, claim string) string {
	t.Helper()
	instance, err := cluster.Cloud.Launch(t.Context(), cloud.LaunchRequest{
		ClientToken: token, NodeClass: clustertest.Class(), NodeClaim: claim, NodePool: "default",
		Offerings: []model.Offering{{OfferingKey: model.OfferingKey{InstanceType: "m5.large", Zone: "us-west-2a", CapacityType: model.OnDemand}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return instance.ProviderID
}

func claim(cluster *clustertest.Cluster, name, providerID string) {
	claim := &karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Finalizers: []string{karpv1.TerminationFinalizer}}}
	if providerID != "" {
		claim.Status.ProviderID = providerID
		claim.StatusConditions().SetTrue(karpv1.ConditionTypeLaunched)
	}
	cluster.Create(claim)
}

func collect(t *testing.T, cluster *clustertest.Cluster) {
	t.Helper()
	collector := &garbagecollection.Collector{
		Client: cluster.Client, Live: cluster.Client, Cloud: cluster.Cloud, Clock: cluster.Clock,
		Metrics: metrics.New(prometheus.NewRegistry()), Log: logr.Discard(),
	}
	if err := collector.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func exists(t *testing.T, cluster *clustertest.Cluster, providerID string) bool {
	t.Helper()
	_, err := cluster.Cloud.Get(t.Context(), providerID)
	if err != nil && !cloud.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

func TestOnlyInstancesThatNoClaimOwnsOrAwaitsAreEnded(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{})
	owned := launch(t, cluster, "1", "owner")
	claim(cluster, "owner", owned)
	awaited := launch(t, cluster, "2", "launching")
	claim(cluster, "launching", "")
	nobodys := launch(t, cluster, "3", "never-stored")
	second := launch(t, cluster, "4", "owner")

	cluster.Clock.Step(29 * time.Second)
	collect(t, cluster)
	if !exists(t, cluster, nobodys) {
		t.Error("an instance was ended before its claim could have shown up")
	}
	cluster.Clock.Step(2 * time.Second)
	collect(t, cluster)
	for id, want := range map[string]bool{owned: true, awaited: true, nobodys: false, second: false} {
		if got := exists(t, cluster, id); got != want {
			t.Errorf("instance %s exists: %t, want %t", id, got, want)
		}
	}
}

func TestClaimWhoseInstanceIsGoneIsDeleted(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{})
	id := launch(t, cluster, "1", "lost")
	claim(cluster, "lost", id)
	cluster.Cloud.Vanish(id)
	collect(t, cluster)
	if clustertest.Get(cluster, &karpv1.NodeClaim{}, "lost").DeletionTimestamp != nil {
		t.Error("the claim was deleted although lists may lag behind a launch")
	}
	cluster.Clock.Step(31 * time.Second)
	collect(t, cluster)
	if clustertest.Get(cluster, &karpv1.NodeClaim{}, "lost").DeletionTimestamp == nil {
		t.Error("the claim stays although its instance is gone")
	}
}
