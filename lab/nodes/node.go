package nodes

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/images"
	"github.com/drover-project/drover/lab/nodes/nodespec"
	"github.com/drover-project/drover/lab/nodes/userdata"
)

// How long the parts of a start take. With about 8 s in which EC2 keeps an
// instance pending, a node is Ready some 31 s after its launch.
const (
	pendingTime  = 8 * time.Second
	bootTime     = 14 * time.Second // until the kubelet registers
	networkTime  = 9 * time.Second  // from there until the CNI plugin is set up
	deviceTime   = 20 * time.Second // from Ready until device plugins report
	bootVariance = 1500 * time.Millisecond
)

// node is the software on one machine.
type node struct {
	mu      sync.Mutex
	machine machine.Machine
	// power is the present period between power on and power off; nil while
	// the machine is not running.
	power *power
	// older means that the machine was there before the simulator started, so
	// that its user data may name an address that the API server had then.
	older bool
	// removed means that the cloud controller has deleted the Node.
	removed bool
}

// power is what a machine forgets when it is switched off.
type power struct {
	config     userdata.Config
	broken     bool // its user data does not lead to a node
	refusal    string
	name       string
	registerAt time.Time
	readyAt    time.Time
	devicesAt  time.Time
	registered bool
	readySaid  bool
	// built is the Node as this kubelet would register it.
	built *corev1.Node
	// continued is a node that was up before the simulator started.
	continued  bool
	lease      *coordinationv1.Lease
	reportedAt time.Time // of the last full status
	images     *images.Store
	// since is when the machine was rebooted last before this period began.
	since time.Time
}

// setMachine reports whether the machine can be reached again.
func (n *node) setMachine(m machine.Machine) (back bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	back = n.machine.Unreachable && !m.Unreachable
	n.machine = m
	return back
}

// reconnected lets the kubelet of a machine that nobody reached catch up.
func (s *Simulator) reconnected(n *node) {
	n.mu.Lock()
	p, id := n.power, n.machine.ID
	n.mu.Unlock()
	if p != nil && p.registered {
		s.heartbeats.Add(id)
		s.addPodsOf(p.name)
	}
}

// cutOff reports whether the machine of a node cannot reach the API server.
func (s *Simulator) cutOff(nodeName string) bool {
	s.mu.Lock()
	n := s.names[nodeName]
	s.mu.Unlock()
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.machine.Unreachable
}

// syncMachine brings the software of a machine in line with the machine.
func (s *Simulator) syncMachine(ctx context.Context, id string) error {
	s.mu.Lock()
	n := s.machines[id]
	s.mu.Unlock()
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch n.machine.State {
	case machine.Running:
		return s.syncRunning(ctx, n)
	case machine.Stopping, machine.ShuttingDown:
		s.powerOff(n)
	case machine.Stopped:
		s.powerOff(n)
		return s.markShutdown(ctx, n.machine, true)
	case machine.Terminated:
		s.powerOff(n)
		return s.removeNode(ctx, n)
	}
	return nil
}

func (s *Simulator) syncRunning(ctx context.Context, n *node) error {
	now := s.opts.Clock.Now()
	if n.power != nil && !n.power.since.Equal(n.machine.Rebooted) {
		s.powerOff(n)
	}
	if n.power == nil {
		s.powerOn(n, now)
	}
	p := n.power
	switch {
	case p.broken:
		return nil
	case n.machine.Unreachable:
		return nil // it cannot reach the API server; it is looked at when it can
	case !p.registered && now.Before(p.registerAt):
		s.after(p.registerAt.Sub(now), task{machine: n.machine.ID})
		return nil
	case !p.registered && !s.admitted(ctx, n):
		s.after(s.opts.Clock.Scaled(admissionRetry), task{machine: n.machine.ID})
		return nil
	case !p.registered:
		if err := s.register(ctx, n, now); err != nil {
			return err
		}
	}
	return s.syncStatus(n, now)
}

// powerOn reads the user data and plans the boot. A machine that was running
// before the simulator started is not made to boot again.
func (s *Simulator) powerOn(n *node, now time.Time) {
	m := n.machine
	p := &power{images: images.New(s.opts.Clock.Scaled), since: m.Rebooted}
	n.power = p
	s.console(m.ID, fmt.Sprintf("[    0.000000] %s starting on %s", m.ImageName, m.Type))
	config, err := userdata.Parse(m)
	if err == nil {
		err = s.checkCluster(config, n.older)
	}
	if err != nil {
		p.broken = true
		s.console(m.ID, "cloud-init: "+err.Error())
		s.signal(m, false)
		s.log.Warn("instance runs but joins no cluster", "instance", m.ID, "image", m.ImageName, "reason", err.Error())
		return
	}
	p.config, p.name = config, nodespec.Name(m, config)
	fromLaunch := m.LaunchTime.Add(s.opts.Clock.Scaled(pendingTime + s.vary(m.ID, bootTime)))
	p.registerAt = later(now, fromLaunch)
	if !m.Rebooted.IsZero() {
		p.registerAt = later(p.registerAt, m.Rebooted.Add(s.opts.Clock.Scaled(s.vary(m.ID, bootTime))))
	}
	if existing, err := s.nodeLister.Get(p.name); err == nil && existing.Spec.ProviderID == nodespec.ProviderID(m) {
		p.continued = existing.Status.NodeInfo.BootID == nodespec.BootID(m)
		if p.continued {
			p.registerAt = now
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// vary makes a duration differ from machine to machine, the same way each time.
func (s *Simulator) vary(id string, d time.Duration) time.Duration {
	return d + time.Duration((2*s.fraction(id)-1)*float64(bootVariance))
}

// fraction is in [0, 1) by the machine and the seed.
func (s *Simulator) fraction(id string) float64 {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%d/%s", s.opts.Seed, id)
	return float64(hash.Sum64()%1000) / 1000
}

// checkCluster compares what user data says with the cluster of the lab. The
// node of another cluster would join that one.
func (s *Simulator) checkCluster(config userdata.Config, older bool) error {
	cluster := s.opts.Cluster
	switch {
	case config.ClusterName != cluster.Name:
		return fmt.Errorf("user data names cluster %q; this is %q", config.ClusterName, cluster.Name)
	case !older && config.Endpoint != "" && cluster.Endpoint != "" && !sameEndpoint(config.Endpoint, cluster.Endpoint):
		return fmt.Errorf("user data gives the API server %s; it is at %s", config.Endpoint, cluster.Endpoint)
	case len(config.CA) > 0 && len(cluster.CA) > 0 && !sameCertificate(config.CA, cluster.CA):
		return errors.New("user data gives a certificate authority that did not sign this API server")
	}
	return nil
}

// register creates the Node, or takes over the one that is there: a kubelet
// that starts again leaves labels and taints as they are.
func (s *Simulator) register(ctx context.Context, n *node, now time.Time) error {
	p := n.power
	object, err := nodespec.Build(n.machine, p.config, s.specCluster())
	if err != nil {
		p.broken = true
		s.console(n.machine.ID, "kubelet: "+err.Error())
		s.log.Warn("instance runs but its kubelet does not start", "instance", n.machine.ID, "reason", err.Error())
		return nil
	}
	p.built = object.DeepCopy()
	nodespec.SetConditions(&object.Status, nodespec.Conditions(false, now))
	_, err = s.opts.Client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	exists := apierrors.IsAlreadyExists(err)
	if err != nil && !exists {
		return fmt.Errorf("registering node %s: %w", p.name, err)
	}
	s.joined(n, exists, now)
	if exists {
		return s.markShutdown(ctx, n.machine, false)
	}
	return nil
}

func (s *Simulator) joined(n *node, exists bool, now time.Time) {
	p := n.power
	network := s.opts.Clock.Scaled(s.vary(n.machine.ID+"/network", networkTime))
	p.registered, p.readyAt = true, now.Add(network)
	if existing, err := s.nodeLister.Get(p.name); exists && err == nil && p.continued && isReady(existing) {
		p.readyAt, p.readySaid = now, true
	}
	p.devicesAt = p.readyAt.Add(s.opts.Clock.Scaled(deviceTime))
	if p.continued {
		p.devicesAt = p.readyAt
	}
	s.mu.Lock()
	s.names[p.name], s.nodeIPs[n.machine.PrivateIP] = n, n
	s.mu.Unlock()
	n.removed = false
	s.console(n.machine.ID, "kubelet: registered node "+p.name)
	s.signal(n.machine, true)
	s.log.Info(map[bool]string{true: "node goes on", false: "node joined"}[p.continued], "node", p.name, "instance", n.machine.ID, "type", n.machine.Type, "zone", n.machine.Zone)
	if !p.continued {
		s.nodeEvent(n, "Starting", "Starting kubelet.")
		s.nodeEvent(n, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")
	}
	s.heartbeats.AddAfter(n.machine.ID, time.Duration(s.fraction(n.machine.ID)*float64(heartbeatPeriod)))
	s.addPodsOf(p.name)
}

func isReady(object *corev1.Node) bool {
	for _, condition := range object.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (s *Simulator) specCluster() nodespec.Cluster {
	return nodespec.Cluster{Name: s.opts.Cluster.Name, Version: s.opts.Cluster.Version}
}

// powerOff ends everything on the machine at once; nobody is told.
func (s *Simulator) powerOff(n *node) {
	p := n.power
	if p == nil {
		return
	}
	n.power = nil
	if !p.registered {
		return
	}
	s.mu.Lock()
	delete(s.names, p.name)
	delete(s.nodeIPs, n.machine.PrivateIP)
	s.mu.Unlock()
	s.killPodsOf(p.name)
	s.log.Info("node's machine went down", "node", p.name, "instance", n.machine.ID, "state", string(n.machine.State))
}

func (s *Simulator) console(id, line string) {
	if console, keeps := s.opts.Source.(machine.Console); keeps {
		console.WriteConsole(id, line)
	}
}

// signal tells the stacks that a machine's user data names how its start went.
// It does so again after a restart of the simulator: one signal of a machine
// counts once.
func (s *Simulator) signal(m machine.Machine, well bool) {
	signaller, passes := s.opts.Source.(machine.Signaller)
	if !passes {
		return
	}
	for _, signal := range userdata.Signals(m) {
		signal.Success = signal.Success && well
		if err := signaller.Signal(signal); err != nil {
			s.console(m.ID, "cfn-signal: "+err.Error())
		}
	}
}
