package observe_test

import (
	"reflect"
	"testing"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/apply"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

func snapshot(t *testing.T, cluster *clustertest.Cluster) *model.Snapshot {
	t.Helper()
	observer := &observe.Observer{Reader: cluster.Client, Cloud: cluster.Cloud}
	seen, err := observer.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestWhichPodsAskForANode(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*corev1.Pod)
		want   bool
	}{
		{"found no node", func(*corev1.Pod) {}, true},
		{"never tried yet", func(p *corev1.Pod) { p.Status.Conditions = nil }, true},
		{"bound", func(p *corev1.Pod) { p.Spec.NodeName = "node" }, false},
		{"being deleted", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, false},
		{"over", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, false},
		{"gated", func(p *corev1.Pod) { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "quota"}} }, false},
		{"waiting for a preemption", func(p *corev1.Pod) { p.Status.NominatedNodeName = "node" }, false},
		{"of a DaemonSet", func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Controller: new(true)}}
		}, false},
		{"of another scheduler", func(p *corev1.Pod) { p.Spec.SchedulerName = "batch" }, false},
		{"the scheduler failed", func(p *corev1.Pod) { p.Status.Conditions[0].Reason = "SchedulerError" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := clustertest.PendingPod("p", "1Gi")
			test.change(pod)
			if got := observe.IsProvisionable(pod); got != test.want {
				t.Errorf("asks for a node: %t, want %t", got, test.want)
			}
		})
	}
}

func TestRequestsAreWhatTheSchedulerCounts(t *testing.T) {
	container := func(cpu, memory string, restart *corev1.ContainerRestartPolicy) corev1.Container {
		return corev1.Container{RestartPolicy: restart, Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
		}}}
	}
	pod := clustertest.PendingPod("p", "1Gi")
	pod.Spec.Containers = []corev1.Container{container("250m", "1Gi", nil), container("250m", "1Gi", nil)}
	pod.Spec.InitContainers = []corev1.Container{
		container("100m", "256Mi", new(corev1.ContainerRestartPolicyAlways)), // a sidecar runs along
		container("1", "512Mi", nil),                                         // an init container runs before
	}
	pod.Spec.Overhead = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")}
	seen := snapshot(t, clustertest.New(t, cloudtest.World{}, pod))
	want := model.Resources{model.CPU: 1100, model.Memory: (2048 + 256 + 128) << 20, model.PodCount: 1}
	if got := seen.Pending[0].Requests; !reflect.DeepEqual(got, want) {
		t.Errorf("requests are %v, want %v", got, want)
	}
}

func TestVolumesSayWhereAPodCanRun(t *testing.T) {
	zoned := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv"}}
	zoned.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "topology.ebs.csi.aws.com/zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"us-west-2b"}}},
	}}}}
	claim := func(volume, class string) *corev1.PersistentVolumeClaim {
		c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "data"}}
		c.Spec.VolumeName, c.Spec.StorageClassName = volume, &class
		return c
	}
	pod := func() *corev1.Pod {
		p := clustertest.PendingPod("p", "1Gi")
		p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
		}}}
		return p
	}
	t.Run("bound", func(t *testing.T) {
		seen := snapshot(t, clustertest.New(t, cloudtest.World{}, zoned.DeepCopy(), claim("pv", ""), pod()))
		want := []model.NodeSelectorTerm{{Labels: []model.Requirement{{Key: corev1.LabelTopologyZone, Operator: model.In, Values: []string{"us-west-2b"}}}}}
		if got := seen.Pending[0].RequiredNodeAffinity; !reflect.DeepEqual(got, want) {
			t.Errorf("affinity is %v, want %v", got, want)
		}
	})
	for name, objects := range map[string]*corev1.PersistentVolumeClaim{"without a claim": nil, "of an unknown class": claim("", "gp9")} {
		t.Run(name, func(t *testing.T) {
			cluster := clustertest.New(t, cloudtest.World{}, pod())
			if objects != nil {
				cluster.Create(objects)
			}
			if got := snapshot(t, cluster).Pending[0].Blocked; len(got) != 1 || got[0].Code != model.CodeVolumeNotReady {
				t.Errorf("blocked by %q, want one reason", got)
			}
		})
	}
}

func TestNodeOnItsWayIsSureOfWhatItsOfferingsShare(t *testing.T) {
	offering := func(instanceType, zone string, price float64) model.Offering {
		return model.Offering{OfferingKey: model.OfferingKey{InstanceType: instanceType, Zone: zone, CapacityType: model.OnDemand}, PricePerHour: price}
	}
	claim := apply.NewNodeClaim(clustertest.Pool(), &model.Launch{NodePool: "default", Offerings: []model.Offering{
		offering("m5.large", "us-west-2a", 0.096), offering("r5.large", "us-west-2b", 0.126),
	}})
	seen := snapshot(t, clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool(), claim))
	if len(seen.Nodes) != 1 || !seen.Nodes[0].Launching {
		t.Fatalf("nodes are %+v, want one on its way", seen.Nodes)
	}
	node := seen.Nodes[0]
	if got := node.Allocatable[model.Memory]; got != 6903<<20 {
		t.Errorf("memory is %d, want that of the smaller type", got)
	}
	for key, want := range map[string]string{
		karpv1.CapacityTypeLabelKey: "on-demand", "karpenter.k8s.aws/instance-size": "large", "type": "karpenter",
		corev1.LabelTopologyZone: "", corev1.LabelInstanceTypeStable: "", "karpenter.k8s.aws/instance-family": "",
	} {
		if got := node.Labels[key]; got != want {
			t.Errorf("label %s = %q, want %q", key, got, want)
		}
	}
	usage := seen.NodePools[0].Usage
	if usage[model.CPU] != 2000 || usage[observe.NodesLimit] != 1 {
		t.Errorf("the pool's usage is %v, want that of one m5.large", usage)
	}
}

func TestReadinessOfPools(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*karpv1.NodePool, *ec2v1.EC2NodeClass)
		want   string
	}{
		{"ready", func(*karpv1.NodePool, *ec2v1.EC2NodeClass) {}, ""},
		{"not checked", func(p *karpv1.NodePool, _ *ec2v1.EC2NodeClass) { p.Status.Conditions = nil }, "it has not been checked yet"},
		{"class not ready", func(p *karpv1.NodePool, _ *ec2v1.EC2NodeClass) {
			p.StatusConditions().SetFalse(karpv1.ConditionTypeNodeClassReady, "NodeClassNotReady", "no subnet")
		}, "NodeClassReady is False: no subnet"},
		{"class lost since", func(_ *karpv1.NodePool, c *ec2v1.EC2NodeClass) {
			c.StatusConditions().SetFalse(ec2v1.ConditionTypeSubnetsReady, "SubnetsNotFound", "no subnet")
		}, "EC2NodeClass default is not ready"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pool, class := clustertest.Pool(), clustertest.Class()
			test.change(pool, class)
			seen := snapshot(t, clustertest.New(t, cloudtest.World{}, class, pool))
			if got := seen.NodePools[0].NotReadyReason; got != test.want {
				t.Errorf("not ready because of %q, want %q", got, test.want)
			}
		})
	}
}

func TestDaemonSetPodsTolerateWhatTheirControllerMakesThem(t *testing.T) {
	daemonSet := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "cni"}}
	daemonSet.Spec.Template.Spec.HostNetwork = true
	seen := snapshot(t, clustertest.New(t, cloudtest.World{}, daemonSet))
	template := seen.DaemonSets[0].Template
	if !template.OwnedByDaemonSet || len(template.Tolerations) != 7 {
		t.Errorf("template is %+v, want seven tolerations", template)
	}
}
