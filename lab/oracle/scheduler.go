package oracle

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// gates are alpha features that a plan may rely on because pods that use them
// exist only where they are on.
const gates = "TaintTolerationComparisonOperators=true"

// Judge makes schedulers to ask. It keeps nothing between two questions.
type Judge struct {
	client kubernetes.Interface
}

// New returns a judge. It switches on, for the whole process, the scheduler's
// features that the model has words for.
func New() (*Judge, error) {
	if err := utilfeature.DefaultMutableFeatureGate.Set(gates); err != nil {
		return nil, fmt.Errorf("kube-scheduler's feature gates %s: %w", gates, err)
	}
	return &Judge{client: fake.NewClientset()}, nil
}

// trial is one kube-scheduler with a cluster of its own.
type trial struct {
	ctx       context.Context
	end       context.CancelFunc
	scheduler *scheduler.Scheduler
	profile   framework.Framework
	snapshot  *cache.Snapshot
	objects   informers.SharedInformerFactory // never started: objects are put into its stores
	log       klog.Logger
}

func (j *Judge) trial() (*trial, error) {
	t := &trial{snapshot: cache.NewEmptySnapshot(), log: klog.Logger{}}
	t.ctx, t.end = context.WithCancel(klog.NewContext(context.Background(), t.log))
	t.objects = informers.NewSharedInformerFactory(j.client, 0)
	recorder := func(string) events.EventRecorderLogger { return &events.FakeRecorder{} }
	var err error
	t.scheduler, err = scheduler.New(t.ctx, j.client, t.objects, nil, recorder,
		scheduler.WithParallelism(1), scheduler.WithNodeInfoSnapshot(t.snapshot))
	if err != nil {
		t.end()
		return nil, fmt.Errorf("making a kube-scheduler: %w", err)
	}
	t.profile = t.scheduler.Profiles[corev1.DefaultSchedulerName]
	return t, nil
}

// add puts nodes into the cluster.
func (t *trial) add(nodes []*corev1.Node) error {
	for _, node := range nodes {
		t.scheduler.Cache.AddNode(t.log, node)
	}
	return t.refresh()
}

// bind puts the pod on the node.
func (t *trial) bind(pod *corev1.Pod, node string) error {
	bound := pod.DeepCopy()
	bound.Spec.NodeName = node
	if err := t.scheduler.Cache.AddPod(t.log, bound); err != nil {
		return fmt.Errorf("binding %s/%s to %s: %w", pod.Namespace, pod.Name, node, err)
	}
	t.forget(pod)
	return t.refresh()
}

func (t *trial) refresh() error { return t.scheduler.Cache.UpdateSnapshot(t.log, t.snapshot) }

// nominate has the scheduler keep room for the pod on its node, as it does for
// status.nominatedNodeName. The pod has to be in the queue: of a nominated pod
// that is not, the scheduler knows the name only and takes it for nothing.
func (t *trial) nominate(pod *corev1.Pod) error {
	if err := t.objects.Core().V1().Pods().Informer().GetStore().Add(pod); err != nil {
		return err
	}
	t.forget(pod)
	t.scheduler.SchedulingQueue.Add(t.ctx, pod)
	return nil
}

// forget takes the pod and its nomination out of the queue.
func (t *trial) forget(pod *corev1.Pod) { t.scheduler.SchedulingQueue.Delete(t.log, pod) }

// accepts runs the profile's PreFilter and Filter plugins for the pod on one
// node; the reason is empty when all agree.
func (t *trial) accepts(pod *corev1.Pod, node string) string {
	info, err := t.snapshot.NodeInfos().Get(node)
	if err != nil {
		return "the node has not joined"
	}
	state := framework.NewCycleState()
	result, status, _ := t.profile.RunPreFilterPlugins(t.ctx, state, pod)
	if !status.IsSuccess() {
		return status.Plugin() + ": " + status.Message()
	}
	if !result.AllNodes() && !result.NodeNames.Has(node) {
		return "a plugin asks for other nodes by name"
	}
	if status := t.profile.RunFilterPlugins(t.ctx, state, pod, info); !status.IsSuccess() {
		return status.Plugin() + ": " + status.Message()
	}
	return ""
}

// choose has the scheduler pick a node as it does for a pod from its queue; the
// reason says why none will do.
func (t *trial) choose(pod *corev1.Pod) (node, reason string) {
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		return "", err.Error()
	}
	result, err := t.scheduler.SchedulePod(t.ctx, t.profile, framework.NewCycleState(), &framework.QueuedPodInfo{PodInfo: info})
	if err != nil {
		return "", err.Error()
	}
	return result.SuggestedHost, ""
}
