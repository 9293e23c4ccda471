// Package nodes turns machines into Kubernetes Nodes: each machine boots, reads
// its user data, registers, keeps its lease and runs the pods bound to it. A
// pod's containers are simulated, or are real programs of the host where an
// image is mapped to one.
//
// There is no goroutine per node or pod: everything that is due goes through
// two queues, one for heartbeats, so that much work never makes a node look
// dead, and one for all else.
//
// The time scale applies to what is imitated: boot, pulls, probes, grace
// periods and back-offs. Leases and real processes live in wall time.
package nodes

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listersv1 "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/addresses"
	"github.com/drover-project/drover/lab/nodes/events"
	"github.com/drover-project/drover/lab/nodes/hostprocess"
	"github.com/drover-project/drover/lab/nodes/kubelet"
	"github.com/drover-project/drover/lab/nodes/podlog"
)

// KubeletPort is the port at which every node's kubelet answers.
const KubeletPort = "10250"

const (
	// As many requests may be on their way at once: every kubelet has its own on a
	// real cluster, and when the API server is slow, few would make heartbeats late
	// and nodes NotReady.
	workers          = 64
	heartbeatWorkers = 32
	byNode           = "node"
)

// Simulator is every simulated node of one cluster.
type Simulator struct {
	opts      Options
	log       *slog.Logger
	logs      podlog.Dir
	addresses *addresses.Pool
	processes *hostprocess.Runner
	kubelet   *kubelet.Server // nil without a serving CA

	work       priorityqueue.PriorityQueue[task]
	heartbeats workqueue.TypedRateLimitingInterface[string] // instance IDs
	events     *events.Writer

	nodeInformers, podInformers informers.SharedInformerFactory
	nodeLister                  listersv1.NodeLister
	podLister                   listersv1.PodLister
	podIndex                    cache.Indexer

	mu       sync.Mutex
	machines map[string]*node // by instance ID
	names    map[string]*node // by node name, while registered
	nodeIPs  map[string]*node // by address, while registered
	pods     map[types.NamespacedName]*pod
	podIPs   map[string]*pod // process pods only
	watching bool            // the machines that were there are known

	complaints rate.Sometimes
	hastyUntil atomic.Int64 // see crowded, in nanoseconds of the Unix epoch
}

// task is one thing to bring up to date: a machine or a pod.
type task struct {
	machine string
	pod     types.NamespacedName
}

// New prepares the nodes; nothing happens before Run.
func New(opts Options) (*Simulator, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	log := opts.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Simulator{
		opts: opts, log: log, events: events.New(opts.Client, log), logs: podlog.Dir(opts.DataDir), addresses: addresses.New(),
		machines: map[string]*node{}, names: map[string]*node{}, nodeIPs: map[string]*node{},
		pods: map[types.NamespacedName]*pod{}, podIPs: map[string]*pod{},
		complaints: rate.Sometimes{First: 10, Interval: 10 * time.Second},
	}
	s.events.Busy = s.crowded
	if opts.ServingCA != nil {
		server, err := kubelet.New(kubelet.Options{ServingCA: opts.ServingCA, ClientCAs: opts.ClientCAs, Pods: podsOfNode{s}, Log: log})
		if err != nil {
			return nil, fmt.Errorf("nodes: kubelet server: %w", err)
		}
		s.kubelet = server
	}
	return s, nil
}

// NewClient makes a client for Options.Client: protobuf and no rate limit of
// its own.
func NewClient(config *rest.Config) (kubernetes.Interface, error) {
	tuned := rest.CopyConfig(config)
	tuned.QPS = -1
	tuned.ContentType = "application/vnd.kubernetes.protobuf"
	tuned.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	tuned.UserAgent = "drover-lab-nodes"
	return kubernetes.NewForConfig(tuned)
}

// Run drives the nodes until ctx ends, then ends the processes of process pods
// and returns nil. The Node and Pod objects stay, as they do when machines lose
// their network; the next Run goes on with them. Run can be called once.
func (s *Simulator) Run(ctx context.Context) error {
	s.processes = hostprocess.NewRunner()
	defer s.processes.Close()
	s.openQueues()
	if err := s.startInformers(ctx); err != nil {
		return err
	}
	defer s.podInformers.Shutdown()
	defer s.nodeInformers.Shutdown()
	if s.kubelet != nil {
		defer s.kubelet.Close()
	}
	stop := s.opts.Source.Watch(s.machineChanged)
	defer stop()
	s.mu.Lock()
	s.watching = true
	s.mu.Unlock()
	cancelSweep := s.opts.Clock.AfterFunc(cloudControllerPeriod, func() { s.removeOrphans(ctx) })
	defer cancelSweep()
	s.serveQueues(ctx)
	return nil
}

func (s *Simulator) openQueues() {
	s.work = priorityqueue.New("nodes", func(o *priorityqueue.Opts[task]) {
		o.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[task](20*time.Millisecond, 30*time.Second)
		o.Log = logr.FromSlogHandler(s.log.Handler())
	})
	s.heartbeats = workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, heartbeatPeriod))
}

// serveQueues returns when ctx has ended and all workers are done.
func (s *Simulator) serveQueues(ctx context.Context) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { s.serveWork(ctx) })
	}
	for range heartbeatWorkers {
		all.Go(func() { serve(s.heartbeats, func(id string) error { return s.heartbeat(ctx, id) }, s.report) })
	}
	all.Go(func() { s.events.Run(ctx) })
	<-ctx.Done()
	s.work.ShutDown()
	s.heartbeats.ShutDown()
	all.Wait()
}

// Priorities of tasks. What ends waits for what begins: on a cluster each node has a
// processor of its own for both, here thousands of them share this machine's.
const (
	beginning = 0
	ending    = -1
)

func priorityOf(object *corev1.Pod) int {
	if object.DeletionTimestamp != nil {
		return ending
	}
	return beginning
}

// slow is an answer of an API server that has too much to do, and haste how long
// after it the nodes ask for less.
const (
	slow  = 150 * time.Millisecond
	haste = 500 * time.Millisecond
)

// crowded reports whether more is due than the workers or the API server keep up
// with.
func (s *Simulator) crowded() bool {
	return s.work.Len() > 2*workers || time.Now().UnixNano() < s.hastyUntil.Load()
}

// answered takes note of how long the API server took since start.
func (s *Simulator) answered(start time.Time) {
	if now := time.Now(); now.Sub(start) > slow {
		s.hastyUntil.Store(now.Add(haste).UnixNano())
	}
}

// serveWork does what is due, by priority, until the queue is shut down.
func (s *Simulator) serveWork(ctx context.Context) {
	for {
		item, priority, down := s.work.GetWithPriority()
		if down {
			return
		}
		if err := s.do(ctx, item); err != nil {
			s.report(err)
			s.work.AddWithOpts(priorityqueue.AddOpts{RateLimited: true, Priority: &priority}, item)
		} else {
			s.work.Forget(item)
		}
		s.work.Done(item)
	}
}

// serve handles items until the queue is shut down; a failed one comes again.
func serve[T comparable](queue workqueue.TypedRateLimitingInterface[T], do func(T) error, report func(error)) {
	for {
		item, down := queue.Get()
		if down {
			return
		}
		if err := do(item); err != nil {
			report(err)
			queue.AddRateLimited(item)
		} else {
			queue.Forget(item)
		}
		queue.Done(item)
	}
}

func (s *Simulator) do(ctx context.Context, t task) error {
	if t.machine != "" {
		return s.syncMachine(ctx, t.machine)
	}
	return s.syncPod(ctx, t.pod)
}

func (s *Simulator) startInformers(ctx context.Context) error {
	s.nodeInformers = informers.NewSharedInformerFactoryWithOptions(s.opts.Client, 0, informers.WithTransform(slim))
	s.podInformers = informers.NewSharedInformerFactoryWithOptions(s.opts.Client, 0, informers.WithTransform(slim),
		informers.WithTweakListOptions(onlyBoundPods))
	nodes, pods := s.nodeInformers.Core().V1().Nodes(), s.podInformers.Core().V1().Pods()
	s.nodeLister, s.podLister, s.podIndex = nodes.Lister(), pods.Lister(), pods.Informer().GetIndexer()
	if err := pods.Informer().AddIndexers(cache.Indexers{byNode: nodeOfPod}); err != nil {
		return err
	}
	if _, err := nodes.Informer().AddEventHandler(s.nodeHandler()); err != nil {
		return err
	}
	if _, err := pods.Informer().AddEventHandler(s.podHandler()); err != nil {
		return err
	}
	for _, factory := range []informers.SharedInformerFactory{s.nodeInformers, s.podInformers} {
		factory.StartWithContext(ctx)
		if result := factory.WaitForCacheSyncWithContext(ctx); result.Err != nil && ctx.Err() == nil {
			return fmt.Errorf("reading nodes and pods: %w", result.Err)
		}
	}
	return nil
}

// slim drops what nobody here reads.
func slim(object any) (any, error) {
	if accessor, ok := object.(interface {
		SetManagedFields([]metav1.ManagedFieldsEntry)
	}); ok {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

func onlyBoundPods(options *metav1.ListOptions) {
	options.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
}

func nodeOfPod(object any) ([]string, error) {
	if pod, ok := object.(*corev1.Pod); ok && pod.Spec.NodeName != "" {
		return []string{pod.Spec.NodeName}, nil
	}
	return nil, nil
}

func (s *Simulator) machineChanged(m machine.Machine) {
	s.addresses.Reserve(m.PrivateIP)
	s.mu.Lock()
	n, known := s.machines[m.ID]
	if !known {
		n = &node{machine: m, older: !s.watching}
		s.machines[m.ID] = n
	}
	s.mu.Unlock()
	back := n.setMachine(m)
	s.work.Add(task{machine: m.ID})
	if back {
		s.reconnected(n)
	}
}

// after asks for a task once the lab's clock has moved on by d.
func (s *Simulator) after(d time.Duration, t task) { s.work.AddAfter(t, d) }

// podDue asks for a pod after a time, by what is to be done about it.
func (s *Simulator) podDue(object *corev1.Pod, after time.Duration) {
	priority := priorityOf(object)
	s.work.AddWithOpts(priorityqueue.AddOpts{Priority: &priority, After: after}, task{pod: keyOf(object)})
}
