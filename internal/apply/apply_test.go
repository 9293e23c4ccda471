package apply_test

import (
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

func launch(pool string) model.Launch {
	return model.Launch{
		NodePool: pool,
		Offerings: []model.Offering{
			{OfferingKey: model.OfferingKey{InstanceType: "m5.large", Zone: "us-west-2a", CapacityType: model.OnDemand}, PricePerHour: 0.096},
			{OfferingKey: model.OfferingKey{InstanceType: "m5.large", Zone: "us-west-2b", CapacityType: model.OnDemand}, PricePerHour: 0.096},
		},
		Requirements: []model.Requirement{
			{Key: "team", Operator: model.In, Values: []string{"blue"}},
			{Key: "kubernetes.io/hostname", Operator: model.In, Values: []string{"somewhere"}},
			{Key: corev1.LabelInstanceTypeStable, Operator: model.In, Values: []string{"c5.large", "m5.large"}},
		},
		Requests: model.Resources{model.Memory: 5 << 30, model.PodCount: 5},
	}
}

func TestNodeClaimHoldsTheWholeIntent(t *testing.T) {
	intended := launch("default")
	claim := apply.NewNodeClaim(clustertest.Pool(), &intended)
	offerings, err := translate.Offerings(claim)
	if err != nil || len(offerings) != 2 || offerings[1] != intended.Offerings[1] {
		t.Errorf("offerings are %v (%v), want %v", offerings, err, intended.Offerings)
	}
	requirements := map[string]string{}
	for _, requirement := range claim.Spec.Requirements {
		requirements[requirement.Key] = strings.Join(requirement.Values, " ")
	}
	for key, want := range map[string]string{
		corev1.LabelInstanceTypeStable: "m5.large", corev1.LabelTopologyZone: "us-west-2a us-west-2b", karpv1.CapacityTypeLabelKey: "on-demand",
		karpv1.NodePoolLabelKey: "default", "team": "blue",
	} {
		if requirements[key] != want {
			t.Errorf("requirement %s = %q, want %q", key, requirements[key], want)
		}
	}
	if _, ok := requirements[corev1.LabelHostname]; ok {
		t.Error("the CRD refuses a requirement on kubernetes.io/hostname")
	}
	if claim.Labels["team"] != "blue" || claim.Labels["type"] != "karpenter" || claim.Labels[corev1.LabelInstanceTypeStable] != "" {
		t.Errorf("labels are %v", claim.Labels)
	}
	if len(claim.Finalizers) != 1 || len(claim.OwnerReferences) != 1 || claim.OwnerReferences[0].Name != "default" {
		t.Errorf("finalizers %v, owners %v", claim.Finalizers, claim.OwnerReferences)
	}
}

func TestNodeClaimSaysThatSpotWasMissing(t *testing.T) {
	intended := launch("default")
	for _, why := range []string{"", "m5.large spot in us-west-2a: no capacity since 10:00"} {
		intended.SpotFallback = why
		claim := apply.NewNodeClaim(clustertest.Pool(), &intended)
		if got, noted := claim.Annotations[translate.SpotFallbackAnnotation]; got != why || noted != (why != "") {
			t.Errorf("the annotation is %q (%t), want %q", got, noted, why)
		}
	}
}

// launchAll applies a plan of three equal launches after the world has changed.
func launchAll(t *testing.T, pool string, change func(*clustertest.Cluster)) (apply.Outcome, *clustertest.Cluster) {
	t.Helper()
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool())
	observer := &observe.Observer{Reader: cluster.Client, Cloud: cluster.Cloud}
	seen, err := observer.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	change(cluster)
	applier := &apply.Applier{Client: cluster.Client, Live: cluster.Client, Events: cluster.Events,
		Metrics: metrics.New(prometheus.NewRegistry()), Log: logr.Discard()}
	decision := &apply.Decision{Snapshot: seen, Plan: model.Plan{Launches: []model.Launch{launch("default"), launch(pool), launch("default")}}}
	outcome, err := applier.Launch(t.Context(), decision)
	if err != nil {
		t.Fatal(err)
	}
	return outcome, cluster
}

func TestLaunchesBeyondALimitThatWasLoweredAreRefused(t *testing.T) {
	outcome, cluster := launchAll(t, "default", func(c *clustertest.Cluster) {
		pool := clustertest.Get(c, &karpv1.NodePool{}, "default")
		pool.Spec.Limits = karpv1.Limits{corev1.ResourceCPU: resource.MustParse("5")}
		c.Update(pool)
	})
	if len(cluster.Claims()) != 2 || outcome.Created[2] != "" || !strings.Contains(outcome.Refused[2], "limit of cpu") {
		t.Errorf("%d claims, outcome %+v: want two of three, and the limit as the reason", len(cluster.Claims()), outcome)
	}
}

func TestLaunchesOfAPoolThatIsGoneAreRefusedAlone(t *testing.T) {
	outcome, cluster := launchAll(t, "gone", func(*clustertest.Cluster) {})
	if len(cluster.Claims()) != 2 || outcome.Created[1] != "" || !strings.Contains(outcome.Refused[1], "is gone") {
		t.Errorf("%d claims, outcome %+v: want the second refused", len(cluster.Claims()), outcome)
	}
}

func TestExplainNamesEachPoolOnce(t *testing.T) {
	got := apply.Explain(model.PodReason{
		Reason: model.Reason{Message: "no node is large enough"},
		Alternatives: []model.PoolReason{
			{NodePool: "a", Reason: model.Reason{Message: "largest is m5.xlarge"}},
			{NodePool: "b", Reason: model.Reason{Message: "large enough"}},
		},
	})
	if want := `no node is large enough; nodepool "a": largest is m5.xlarge`; got != want {
		t.Errorf("explanation is %q, want %q", got, want)
	}
}
