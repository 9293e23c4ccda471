package main

import (
	"context"
	"fmt"
	"math"

	// Registers the labels of AWS as well known, as in a running Karpenter.
	_ "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/awslabs/operatorpkg/status"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/log"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/controllers/provisioning/scheduling"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/events"
	karpoptions "sigs.k8s.io/karpenter/pkg/operator/options"

	"github.com/drover-project/drover/internal/model"
)

// mostTypes is how many instance types Karpenter leaves in a NodeClaim.
const mostTypes = 600

// question is a snapshot in the words of Karpenter.
type question struct {
	ctx     context.Context
	pool    *karpv1.NodePool
	types   map[string][]*cloudprovider.InstanceType
	pods    []*corev1.Pod
	workers int
}

type answer struct {
	nodes, unplaced int
	cost            float64
}

func newQuestion(snapshot *model.Snapshot, workers int) *question {
	ctx := karpoptions.ToContext(log.IntoContext(context.Background(), logr.Discard()), &karpoptions.Options{
		PreferencePolicy: karpoptions.PreferencePolicyRespect, MinValuesPolicy: karpoptions.MinValuesPolicyStrict, IgnoreDRARequests: true,
	})
	log.SetLogger(logr.Discard())
	pool := &karpv1.NodePool{ObjectMeta: metav1.ObjectMeta{Name: snapshot.NodePools[0].Name, UID: "pool"}}
	pool.Spec.Template.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
	q := &question{ctx: ctx, pool: pool, workers: workers}
	q.types = map[string][]*cloudprovider.InstanceType{pool.Name: instanceTypes(snapshot.Catalogs[snapshot.NodePools[0].NodeClass])}
	for i := range snapshot.Pending {
		q.pods = append(q.pods, kubernetesPod(i, &snapshot.Pending[i]))
	}
	return q
}

// solve does what Karpenter's provisioner does between having a batch of pods
// and creating NodeClaims.
func (q *question) solve() (answer, error) {
	kube, cloud := fake.NewClientBuilder().Build(), &market{types: q.types[q.pool.Name]}
	pools := []*karpv1.NodePool{q.pool}
	options := []scheduling.Options{scheduling.NumConcurrentReconciles(q.workers)}
	cluster := state.NewCluster(clock.RealClock{}, kube, cloud)
	topology, err := scheduling.NewTopology(q.ctx, kube, cluster, nil, pools, q.types, q.pods, options...)
	if err != nil {
		return answer{}, fmt.Errorf("building its topology: %w", err)
	}
	scheduler := scheduling.NewScheduler(q.ctx, kube, pools, cluster, nil, topology, q.types, nil,
		events.NewRecorder(&record.FakeRecorder{}), clock.RealClock{}, nil, nil, options...)
	results, err := scheduler.Solve(q.ctx, q.pods)
	if err != nil {
		return answer{}, err
	}
	results = results.TruncateInstanceTypes(q.ctx, mostTypes)
	found := answer{nodes: len(results.NewNodeClaims), unplaced: len(results.PodErrors)}
	for _, claim := range results.NewNodeClaims {
		found.cost += cheapest(claim)
	}
	return found, nil
}

// cheapest is the price of the cheapest offering that the claim may become.
func cheapest(claim *scheduling.NodeClaim) float64 {
	least := math.Inf(1)
	for _, instanceType := range claim.InstanceTypeOptions {
		for _, offering := range instanceType.Offerings.Available().Compatible(claim.Requirements) {
			least = min(least, offering.Price)
		}
	}
	return least
}

func quantities(resources model.Resources) corev1.ResourceList {
	list := corev1.ResourceList{}
	for name, amount := range resources {
		list[corev1.ResourceName(name)] = *resource.NewQuantity(amount, resource.DecimalSI)
		if name == model.CPU {
			list[corev1.ResourceCPU] = *resource.NewMilliQuantity(amount, resource.DecimalSI)
		}
	}
	return list
}

// market is a cloud that can only say what it sells.
type market struct {
	cloudprovider.CloudProvider
	types []*cloudprovider.InstanceType
}

// GetInstanceTypes implements cloudprovider.CloudProvider.
func (m *market) GetInstanceTypes(context.Context, *karpv1.NodePool) ([]*cloudprovider.InstanceType, error) {
	return m.types, nil
}

// Name implements cloudprovider.CloudProvider.
func (m *market) Name() string { return "market" }

// GetSupportedNodeClasses implements cloudprovider.CloudProvider.
func (m *market) GetSupportedNodeClasses() []status.Object { return nil }
