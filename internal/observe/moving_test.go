package observe_test

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

func onNode(node string, pod *corev1.Pod) *corev1.Pod {
	pod.Spec.NodeName, pod.Status.Phase, pod.Status.Conditions = node, corev1.PodRunning, nil
	return pod
}

func ownedBy(kind string, pod *corev1.Pod) *corev1.Pod {
	pod.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: "owner", Controller: new(true)}}
	return pod
}

// moving are the pods of n1 as they would ask.
func moving(t *testing.T, objects ...client.Object) (*model.Snapshot, []model.Pod) {
	t.Helper()
	cluster := clustertest.New(t, cloudtest.World{}, append(objects, readyNode("n1"))...)
	observer := &observe.Observer{Reader: cluster.Client, Cloud: cluster.Cloud}
	seen, pods, err := observer.SnapshotToMove(t.Context(), []string{"n1", "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods) != 2 || pods["n1"] == nil || len(pods["nowhere"]) != 0 {
		t.Fatalf("got the pods %v, want an entry for each node", pods)
	}
	return seen, pods["n1"]
}

func TestVolumesOfPodsThatMove(t *testing.T) {
	const ns = "other"
	zonal := ebsVolume("pv", "vol-1")
	zonal.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "topology.ebs.csi.aws.com/zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"b"}}}}}}}
	immediate := waiting("now", "ebs.csi.aws.com")
	*immediate.VolumeBindingMode = storagev1.VolumeBindingImmediate
	ephemeral := func(class string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			template := claim("", "", "", class)
			p.Spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{
				VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: template.Spec}}}}}
		}
	}
	data := func(p *corev1.Pod) { withClaim(p, "data") }
	for name, c := range map[string]struct {
		change  func(*corev1.Pod)
		objects []client.Object
		want    []model.NodeSelectorTerm
		volume  string
		blocked bool
	}{
		"stays in its zone":                   {data, []client.Object{zonal, claim(ns, "data", "pv", "gp3")}, []model.NodeSelectorTerm{zoneIs("b")}, "vol-1", false},
		"not made yet":                        {data, []client.Object{claim(ns, "data", "", "gp3")}, nil, ns + "/data", true},
		"made anew for each pod":              {ephemeral("gp3"), []client.Object{zonal, claim(ns, "p-scratch", "pv", "gp3")}, nil, ns + "/p-scratch", false},
		"made anew and nobody can tell where": {ephemeral("now"), []client.Object{immediate, zonal, claim(ns, "p-scratch", "pv", "now")}, nil, ns + "/p-scratch", true},
	} {
		t.Run(name, func(t *testing.T) {
			pod := ownedBy("StatefulSet", onNode("n1", clustertest.PendingPod("p", "1Gi")))
			c.change(pod)
			objects := []client.Object{pod, waiting("gp3", "ebs.csi.aws.com")}
			for _, object := range c.objects {
				objects = append(objects, object.DeepCopyObject().(client.Object))
			}
			_, pods := moving(t, objects...)
			if len(pods) != 1 || !reflect.DeepEqual(pods[0].RequiredNodeAffinity, c.want) {
				t.Errorf("the pods are %+v, want one with the affinity %v", pods, c.want)
			}
			if len(pods[0].Volumes) != 1 || pods[0].Volumes[0].ID != c.volume {
				t.Errorf("its volumes are %v, want %s", pods[0].Volumes, c.volume)
			}
			if blocked := len(pods[0].Blocked) == 1 && pods[0].Blocked[0].Code == model.CodeVolumeNotReady; blocked != c.blocked {
				t.Errorf("blocked by %v, want %t", pods[0].Blocked, c.blocked)
			}
		})
	}
}

// TestLimitsOfVolumesMatterForPodsThatMove: nobody is pending, and what nodes attach
// is needed all the same.
func TestLimitsOfVolumesMatterForPodsThatMove(t *testing.T) {
	csiNode := &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	csiNode.Spec.Drivers = []storagev1.CSINodeDriver{{Name: "ebs.csi.aws.com", NodeID: "i-1", Allocatable: &storagev1.VolumeNodeResources{Count: new(int32(25))}}}
	seen, _ := moving(t, csiNode, ebsVolume("pv", "vol-1"), claim("other", "data", "pv", "gp3"),
		ownedBy("StatefulSet", onNode("n1", withClaim(clustertest.PendingPod("p", "1Gi"), "data"))))
	if len(seen.Pending) != 0 || seen.Nodes[0].AttachLimits["ebs.csi.aws.com"] != 25 || len(seen.Nodes[0].Pods[0].Volumes) != 1 {
		t.Errorf("the node is %+v, want its limit and its pod's volume", seen.Nodes[0])
	}
}

func TestWhichPodsMove(t *testing.T) {
	over := ownedBy("Job", onNode("n1", clustertest.PendingPod("over", "1Gi")))
	over.Status.Phase = corev1.PodSucceeded
	_, pods := moving(t, over,
		ownedBy("ReplicaSet", onNode("n1", clustertest.PendingPod("web", "1Gi"))),
		ownedBy("DaemonSet", onNode("n1", clustertest.PendingPod("cni", "1Gi"))),
		ownedBy("Node", onNode("n1", clustertest.PendingPod("static", "1Gi"))),
		ownedBy("ReplicaSet", onNode("n2", clustertest.PendingPod("elsewhere", "1Gi"))))
	var names []string
	for i := range pods {
		names = append(names, pods[i].Name)
	}
	if got := strings.Join(names, " "); got != "web" {
		t.Errorf("the pods that move are %q, want the one that needs a place", got)
	}
}
