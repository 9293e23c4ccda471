package observe_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

func withClaim(pod *corev1.Pod, claim string) *corev1.Pod {
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim, VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}})
	return pod
}

func claim(namespace, name, volume, class string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	c.Spec.VolumeName, c.Spec.StorageClassName = volume, &class
	c.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}
	c.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	return c
}

func ebsVolume(name, handle string) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}}
	v.Spec.CSI = &corev1.CSIPersistentVolumeSource{Driver: "ebs.csi.aws.com", VolumeHandle: handle}
	return v
}

func waiting(class, provisioner string) *storagev1.StorageClass {
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: provisioner, VolumeBindingMode: &mode}
}

func zoneIs(zones ...string) model.NodeSelectorTerm {
	return model.NodeSelectorTerm{Labels: []model.Requirement{{Key: corev1.LabelTopologyZone, Operator: model.In, Values: zones}}}
}

func TestWhereVolumesAreOrWillBeMade(t *testing.T) {
	const ns = "other"
	handmade := func(name, zone, size string) *corev1.PersistentVolume {
		v := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}}
		v.Spec.StorageClassName = "local"
		v.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
		v.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
		v.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{zone}}}}}}}
		return v
	}
	labelled := ebsVolume("pv", "vol-1")
	labelled.Labels = map[string]string{corev1.LabelTopologyZone: "a__b"}
	topologies := waiting("zonal", "ebs.csi.aws.com")
	topologies.AllowedTopologies = []corev1.TopologySelectorTerm{{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: "topology.ebs.csi.aws.com/zone", Values: []string{"c"}}}}}
	inProgress := claim(ns, "data", "", "gp3")
	inProgress.Annotations = map[string]string{"volume.kubernetes.io/selected-node": "n1"}
	immediate := waiting("now", "ebs.csi.aws.com")
	*immediate.VolumeBindingMode = storagev1.VolumeBindingImmediate
	standard := waiting("standard", "ebs.csi.aws.com")
	standard.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	unnamed := claim(ns, "data", "", "")
	unnamed.Spec.StorageClassName = nil
	lost := claim(ns, "data", "pv", "gp3")
	lost.Status.Phase = corev1.ClaimLost
	for _, test := range []struct {
		name    string
		objects []client.Object
		want    []model.NodeSelectorTerm
		blocked bool
	}{
		{"zones in a volume's label", []client.Object{labelled, claim(ns, "data", "pv", "gp3")}, []model.NodeSelectorTerm{zoneIs("a", "b")}, false},
		{"made where the class allows", []client.Object{topologies, claim(ns, "data", "", "zonal")}, []model.NodeSelectorTerm{zoneIs("c")}, false},
		{"made anywhere", []client.Object{waiting("gp3", "ebs.csi.aws.com"), claim(ns, "data", "", "gp3")}, nil, false},
		{"being made for a node", []client.Object{waiting("gp3", "ebs.csi.aws.com"), inProgress},
			[]model.NodeSelectorTerm{{Labels: nil, Fields: []model.Requirement{{Key: "metadata.name", Operator: model.In, Values: []string{"n1"}}}}}, false},
		{"made by hand, large enough", []client.Object{waiting("local", "kubernetes.io/no-provisioner"), handmade("small", "a", "1Gi"), handmade("large", "b", "10Gi"), claim(ns, "data", "", "local")},
			[]model.NodeSelectorTerm{zoneIs("b")}, false},
		{"made by hand, none left", []client.Object{waiting("local", "kubernetes.io/no-provisioner"), handmade("small", "a", "1Gi"), claim(ns, "data", "", "local")}, nil, true},
		{"bound at once but not yet", []client.Object{immediate, claim(ns, "data", "", "now")}, nil, true},
		{"of the default class", []client.Object{standard, unnamed}, nil, false},
		{"of no class", []client.Object{unnamed}, nil, true},
		{"of a volume that is gone", []client.Object{claim(ns, "data", "pv", "gp3")}, nil, true},
		{"lost", []client.Object{lost}, nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			objects := []client.Object{withClaim(clustertest.PendingPod("p", "1Gi"), "data")}
			for _, object := range test.objects {
				objects = append(objects, object.DeepCopyObject().(client.Object))
			}
			pod := snapshot(t, clustertest.New(t, cloudtest.World{}, objects...)).Pending[0]
			if !reflect.DeepEqual(pod.RequiredNodeAffinity, test.want) {
				t.Errorf("affinity is %v, want %v", pod.RequiredNodeAffinity, test.want)
			}
			if blocked := len(pod.Blocked) == 1 && pod.Blocked[0].Code == model.CodeVolumeNotReady; blocked != test.blocked {
				t.Errorf("blocked by %v, want %t", pod.Blocked, test.blocked)
			}
		})
	}
}

func TestVolumesTakeRoomOnNodes(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	csiNode := &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	csiNode.Spec.Drivers = []storagev1.CSINodeDriver{
		{Name: "ebs.csi.aws.com", NodeID: "i-1", Allocatable: &storagev1.VolumeNodeResources{Count: new(int32(25))}}, {Name: "efs.csi.aws.com", NodeID: "i-1"}}
	left := &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: "left"}}
	left.Spec.Attacher, left.Spec.NodeName, left.Spec.Source.PersistentVolumeName = "ebs.csi.aws.com", "n1", new("gone")
	only := claim("other", "only", "pv", "gp3")
	only.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}
	bound := withClaim(clustertest.PendingPod("bound", "1Gi"), "only")
	bound.Spec.NodeName = "n1"
	pending := withClaim(withClaim(clustertest.PendingPod("p", "1Gi"), "only"), "new")
	seen := snapshot(t, clustertest.New(t, cloudtest.World{}, node, csiNode, left, only, claim("other", "new", "", "gp3"),
		ebsVolume("pv", "vol-1"), ebsVolume("gone", "vol-2"), waiting("gp3", "ebs.csi.aws.com"), bound, pending))
	ebs := func(id string, exclusive bool) model.Volume {
		return model.Volume{Driver: "ebs.csi.aws.com", ID: id, Exclusive: exclusive}
	}
	if want := []model.Volume{ebs("vol-1", true), ebs("other/new", false)}; !reflect.DeepEqual(seen.Pending[0].Volumes, want) {
		t.Errorf("the pending pod has %v, want %v", seen.Pending[0].Volumes, want)
	}
	got := seen.Nodes[0]
	if want := map[string]int64{"ebs.csi.aws.com": 25}; !reflect.DeepEqual(got.AttachLimits, want) {
		t.Errorf("limits are %v, want %v", got.AttachLimits, want)
	}
	if want := []model.Volume{ebs("vol-2", false)}; !reflect.DeepEqual(got.Attached, want) {
		t.Errorf("attached are %v, want %v", got.Attached, want)
	}
	if want := []model.Volume{ebs("vol-1", true)}; !reflect.DeepEqual(got.Pods[0].Volumes, want) {
		t.Errorf("the bound pod has %v, want %v", got.Pods[0].Volumes, want)
	}
}

func TestGroupsOfPods(t *testing.T) {
	gang := func(minCount int32) *schedulingv1beta1.PodGroup {
		g := &schedulingv1beta1.PodGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "train"}}
		g.Spec.SchedulingPolicy.Gang = &schedulingv1beta1.GangSchedulingPolicy{MinCount: minCount}
		return g
	}
	basic := gang(0)
	basic.Spec.SchedulingPolicy = schedulingv1beta1.PodGroupSchedulingPolicy{Basic: &schedulingv1beta1.BasicSchedulingPolicy{}}
	plugin := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"minMember": int64(3)}}}
	plugin.SetAPIVersion("scheduling.x-k8s.io/v1alpha1")
	plugin.SetKind("PodGroup")
	plugin.SetNamespace("other")
	plugin.SetName("train")
	member := func(p *corev1.Pod) { p.Spec.SchedulingGroup = &corev1.PodSchedulingGroup{PodGroupName: new("train")} }
	labelled := func(p *corev1.Pod) { p.Labels = map[string]string{"scheduling.x-k8s.io/pod-group": "train"} }
	for _, test := range []struct {
		name   string
		group  client.Object
		change func(*corev1.Pod)
		want   []model.PodGroup
		blocks int
	}{
		{"a gang", gang(4), member, []model.PodGroup{{Name: "other/train", MinCount: 4}}, 0},
		{"one by one", basic, member, nil, 0},
		{"of a group that does not exist", nil, member, nil, 1},
		{"of the coscheduling plugin", plugin, labelled, []model.PodGroup{{Name: "other/train", MinCount: 3}}, 0},
		{"with a label that means nothing", nil, labelled, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := clustertest.PendingPod("p", "1Gi")
			test.change(pod)
			objects := []client.Object{pod}
			if test.group != nil {
				objects = append(objects, test.group.DeepCopyObject().(client.Object))
			}
			seen := snapshot(t, clustertest.New(t, cloudtest.World{}, objects...))
			if !reflect.DeepEqual(seen.PodGroups, test.want) {
				t.Errorf("groups are %v, want %v", seen.PodGroups, test.want)
			}
			if (seen.Pending[0].Group != "") != (len(test.want) > 0) || len(seen.Pending[0].Blocked) != test.blocks {
				t.Errorf("pod is of %q and blocked by %v", seen.Pending[0].Group, seen.Pending[0].Blocked)
			}
		})
	}
}

func TestSpreadingByDefault(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "web"}}
	service.Spec.Selector = map[string]string{"app": "web"}
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "web-1"}}
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"hash": "1"}}
	owned := func(p *corev1.Pod) {
		p.Labels = map[string]string{"app": "web", "hash": "1"}
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-1", Controller: new(true)}}
	}
	for _, test := range []struct {
		name   string
		change func(*corev1.Pod)
		want   map[string]string
	}{
		{"of a service and a ReplicaSet", owned, map[string]string{"app": "web", "hash": "1"}},
		{"of neither", func(*corev1.Pod) {}, nil},
		{"with constraints of its own", func(p *corev1.Pod) {
			owned(p)
			p.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "rack", WhenUnsatisfiable: corev1.DoNotSchedule}}
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := clustertest.PendingPod("p", "1Gi")
			test.change(pod)
			seen := snapshot(t, clustertest.New(t, cloudtest.World{}, service.DeepCopy(), set.DeepCopy(), pod))
			var skews []int32
			for _, spread := range seen.Pending[0].TopologySpread {
				if spread.ClusterDefault {
					skews = append(skews, spread.MaxSkew)
					if !spread.ScheduleAnyway || !reflect.DeepEqual(spread.Selector.MatchLabels, test.want) {
						t.Errorf("spread is %+v, want a preference over %v", spread, test.want)
					}
				}
			}
			if len(skews) != 2*min(len(test.want), 1) {
				t.Errorf("skews are %v", skews)
			}
		})
	}
}

func TestPodsPromisedToANodeAndPodsOnTheirWayOut(t *testing.T) {
	node := readyNode("n1")
	promised := clustertest.PendingPod("promised", "1Gi")
	promised.Status.NominatedNodeName = "n1"
	leaving := clustertest.PendingPod("leaving", "1Gi")
	leaving.Spec.NodeName = "n1"
	leaving.Labels = map[string]string{"app": "web"}
	leaving.Finalizers = []string{"example.com/wait"}
	cluster := clustertest.New(t, cloudtest.World{}, node, promised, leaving)
	if err := cluster.Client.Delete(t.Context(), leaving); err != nil {
		t.Fatal(err)
	}
	pods := snapshot(t, cluster).Nodes[0].Pods
	if len(pods) != 2 || pods[0].Name != "leaving" || pods[1].Name != "promised" {
		t.Fatalf("pods on the node are %v, want both", pods)
	}
	if !pods[0].Terminating || pods[0].Labels["app"] != "web" || pods[1].Terminating || pods[0].Promised || !pods[1].Promised {
		t.Errorf("%+v should be on its way out with its labels, %+v not", pods[0], pods[1])
	}
}

func TestPodLevelResourcesAndResizes(t *testing.T) {
	amounts := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	for _, test := range []struct {
		name   string
		change func(*corev1.Pod)
		want   model.Resources
	}{
		{"the pod's own requests win", func(p *corev1.Pod) {
			p.Spec.Resources = &corev1.ResourceRequirements{Requests: amounts("3", "4Gi")}
		}, model.Resources{model.CPU: 3000, model.Memory: 4 << 30, model.PodCount: 1}},
		{"a resize that is not done yet counts as the larger of both", func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", AllocatedResources: amounts("2", "1Gi"), Resources: &corev1.ResourceRequirements{Requests: amounts("2", "1Gi")}}}
		}, model.Resources{model.CPU: 2000, model.Memory: 1 << 30, model.PodCount: 1}},
		{"a resize that cannot be done does not count", func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources.Requests = amounts("64", "1Gi")
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", AllocatedResources: amounts("1", "1Gi"), Resources: &corev1.ResourceRequirements{Requests: amounts("1", "1Gi")}}}
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodResizePending, Status: corev1.ConditionTrue, Reason: corev1.PodReasonInfeasible})
		}, model.Resources{model.CPU: 1000, model.Memory: 1 << 30, model.PodCount: 1}},
		{"a pod-level resize that is not done yet", func(p *corev1.Pod) {
			p.Spec.Resources = &corev1.ResourceRequirements{Requests: amounts("1", "1Gi")}
			p.Status.AllocatedResources = amounts("4", "1Gi")
			p.Status.Resources = &corev1.ResourceRequirements{Requests: amounts("4", "1Gi")}
		}, model.Resources{model.CPU: 4000, model.Memory: 1 << 30, model.PodCount: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
			pod := clustertest.PendingPod("p", "1Gi")
			pod.Spec.NodeName = "n1"
			pod.Spec.Containers = []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{Requests: amounts("1", "1Gi")}}}
			test.change(pod)
			seen := snapshot(t, clustertest.New(t, cloudtest.World{}, node, pod))
			if got := seen.Nodes[0].Pods[0].Requests; !reflect.DeepEqual(got, test.want) {
				t.Errorf("requests are %v, want %v", got, test.want)
			}
		})
	}
}

func TestAffinityOfPods(t *testing.T) {
	namespaces := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "red", Labels: map[string]string{"team": "red"}}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "blue", Labels: map[string]string{"team": "blue"}}},
	}
	for _, test := range []struct {
		name string
		term corev1.PodAffinityTerm
		want []string
	}{
		{"its own namespace", corev1.PodAffinityTerm{}, []string{"other"}},
		{"named ones", corev1.PodAffinityTerm{Namespaces: []string{"blue"}}, []string{"blue"}},
		{"selected and named ones", corev1.PodAffinityTerm{Namespaces: []string{"blue"}, NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "red"}}}, []string{"blue", "red"}},
		{"all", corev1.PodAffinityTerm{NamespaceSelector: &metav1.LabelSelector{}}, []string{"blue", "red"}},
		{"none", corev1.PodAffinityTerm{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "green"}}}, []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := clustertest.PendingPod("p", "1Gi")
			pod.Labels = map[string]string{"version": "2"}
			test.term.TopologyKey, test.term.LabelSelector, test.term.MatchLabelKeys = corev1.LabelHostname, &metav1.LabelSelector{}, []string{"version"}
			pod.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{test.term}}}
			objects := []client.Object{pod}
			for _, namespace := range namespaces {
				objects = append(objects, namespace.DeepCopyObject().(client.Object))
			}
			got := snapshot(t, clustertest.New(t, cloudtest.World{}, objects...)).Pending[0].PodAntiAffinity[0]
			if !reflect.DeepEqual(got.Namespaces, test.want) {
				t.Errorf("namespaces are %q, want %q", got.Namespaces, test.want)
			}
			if want := []model.Requirement{{Key: "version", Operator: model.In, Values: []string{"2"}}}; !reflect.DeepEqual(got.Selector.Requirements, want) {
				t.Errorf("selector is %v, want %v", got.Selector, want)
			}
		})
	}
}

func TestPriorityOfPodsThatNobodyAdmitted(t *testing.T) {
	class := func(name string, value int32, isDefault bool) client.Object {
		return &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value, GlobalDefault: isDefault}
	}
	for _, test := range []struct {
		name   string
		change func(*corev1.PodSpec)
		want   int32
		blocks int
	}{
		{"its own", func(s *corev1.PodSpec) { s.Priority, s.PriorityClassName = new(int32(7)), "high" }, 7, 0},
		{"of its class", func(s *corev1.PodSpec) { s.PriorityClassName = "high" }, 100, 0},
		{"of a class that every cluster has", func(s *corev1.PodSpec) { s.PriorityClassName = "system-cluster-critical" }, 2_000_000_000, 0},
		{"the lowest default", func(*corev1.PodSpec) {}, 5, 0},
		{"of no class", func(s *corev1.PodSpec) { s.PriorityClassName = "low" }, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := clustertest.PendingPod("p", "1Gi")
			test.change(&pod.Spec)
			got := snapshot(t, clustertest.New(t, cloudtest.World{}, pod, class("high", 100, false), class("a", 9, true), class("b", 5, true))).Pending[0]
			if got.Priority != test.want || len(got.Blocked) != test.blocks {
				t.Errorf("priority is %d and blocked by %v, want %d", got.Priority, got.Blocked, test.want)
			}
		})
	}
}

func TestPreferencePolicyOfAPool(t *testing.T) {
	for policy, want := range map[string]struct{ ignores, ready bool }{"": {false, true}, "Respect": {false, true}, "Ignore": {true, true}, "ignore": {false, false}} {
		pool := clustertest.Pool()
		pool.Annotations = map[string]string{observe.PreferencePolicyAnnotation: policy}
		got := snapshot(t, clustertest.New(t, cloudtest.World{}, clustertest.Class(), pool)).NodePools[0]
		if got.IgnorePreferences != want.ignores || (got.NotReadyReason == "") != want.ready {
			t.Errorf("%q: ignores %t, not ready because of %q", policy, got.IgnorePreferences, got.NotReadyReason)
		}
	}
}

func TestDaemonSetsAskForTheirLimits(t *testing.T) {
	daemonSet := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", CreationTimestamp: metav1.NewTime(time.Unix(1, 0))}}
	daemonSet.Spec.Template.Spec.HostNetwork = true
	daemonSet.Spec.Template.Spec.Containers = []corev1.Container{{Name: "c", Ports: []corev1.ContainerPort{{ContainerPort: 9100}},
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}}}}
	template := snapshot(t, clustertest.New(t, cloudtest.World{}, daemonSet)).DaemonSets[0].Template
	if template.Requests[model.Memory] != 1<<30 || len(template.HostPorts) != 1 {
		t.Errorf("the template asks for %v and the ports %v, want 1Gi and one port", template.Requests, template.HostPorts)
	}
}

func TestOnDemandShareOfAPool(t *testing.T) {
	const base, percentage = observe.OnDemandBaseAnnotation, observe.OnDemandPercentageAnnotation
	for name, c := range map[string]struct {
		annotations map[string]string
		want        *model.OnDemandShare
		notReady    string
	}{
		"none":       {nil, nil, ""},
		"both":       {map[string]string{base: "2", percentage: "25"}, &model.OnDemandShare{Base: 2, Percentage: 25}, ""},
		"base alone": {map[string]string{base: "1"}, &model.OnDemandShare{Base: 1}, ""},
		"a fraction": {map[string]string{percentage: "0.5"}, &model.OnDemandShare{}, percentage + ` is "0.5": it must be a whole number from 0 to 100`},
		"too much":   {map[string]string{percentage: "101"}, &model.OnDemandShare{Percentage: 101}, "from 0 to 100"},
		"negative":   {map[string]string{base: "-1"}, &model.OnDemandShare{Base: -1}, base + ` is "-1": it must be a whole number from 0`},
	} {
		pool := clustertest.Pool()
		pool.Annotations = c.annotations
		got := snapshot(t, clustertest.New(t, cloudtest.World{}, clustertest.Class(), pool)).NodePools[0]
		if !reflect.DeepEqual(got.OnDemand, c.want) || (c.notReady == "") != (got.NotReadyReason == "") || !strings.Contains(got.NotReadyReason, c.notReady) {
			t.Errorf("%s: %+v, not ready because of %q", name, got.OnDemand, got.NotReadyReason)
		}
	}
}

func TestWhatIsKnownFromElsewhereIsAdded(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, clustertest.Class(), clustertest.Pool())
	marked := 0
	observer := &observe.Observer{Reader: cluster.Client, Cloud: cluster.Cloud, Mark: func(s *model.Snapshot) { marked += len(s.NodePools) }}
	if _, err := observer.Snapshot(t.Context()); err != nil || marked != 1 {
		t.Errorf("marked %d NodePools (%v), want 1: Mark sees the whole Snapshot", marked, err)
	}
}
