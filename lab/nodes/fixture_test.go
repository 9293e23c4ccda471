package nodes_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes"
)

var clusterCA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("authority")})

const endpoint = "https://127.0.0.1:6443"

// nodeConfig is the user data of a node in the test cluster.
func nodeConfig(kubelet string) []byte {
	return []byte(fmt.Sprintf(`apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster: {name: test, apiServerEndpoint: "%s", certificateAuthority: %s, cidr: 10.100.0.0/16}
  kubelet: %s
`, endpoint, base64.StdEncoding.EncodeToString(clusterCA), kubelet))
}

func newMachine(number int) machine.Machine {
	return machine.Machine{
		ID: fmt.Sprintf("i-%017x", number), Type: "m5.large", Region: "us-west-2", Zone: "us-west-2a", ZoneID: "usw2-az1",
		PrivateIP: fmt.Sprintf("192.168.%d.%d", number/200, 10+number%200), SubnetCIDR: "192.168.0.0/19",
		PrivateDNSName: fmt.Sprintf("ip-192-168-%d-%d.us-west-2.compute.internal", number/200, 10+number%200),
		ImageName:      "amazon-eks-node-al2023-x86_64-standard-1.37-v20261105", RootVolumeGiB: 20,
		LaunchTime: time.Now(), State: machine.Pending,
		UserData: nodeConfig(`{flags: ["--node-labels=type=karpenter", "--register-with-taints=karpenter.sh/unregistered:NoExecute"]}`),
		Hardware: machine.Hardware{Arch: "amd64", VCPU: 2, MemoryMiB: 8192, MaxPodsENI: 29, BranchENIs: 9},
	}
}

// region is a machine.Source whose machines the test moves.
type region struct {
	mu       sync.Mutex
	machines map[string]machine.Machine
	watchers []func(machine.Machine)
	console  map[string][]string
}

func newRegion() *region {
	return &region{machines: map[string]machine.Machine{}, console: map[string][]string{}}
}

func (r *region) Watch(changed func(machine.Machine)) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.machines {
		changed(m)
	}
	r.watchers = append(r.watchers, changed)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.watchers = nil
	}
}

func (r *region) WriteConsole(id, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.console[id] = append(r.console[id], line)
}

func (r *region) consoleOf(id string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.console[id])
}

func (r *region) set(m machine.Machine, state machine.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.State = state
	r.machines[m.ID] = m
	if state == machine.Terminated {
		delete(r.machines, m.ID)
	}
	for _, changed := range r.watchers {
		changed(m)
	}
}

// lab is a simulator in a bubble of fake time, beside a fake API server.
type lab struct {
	t      *testing.T
	region *region
	client *fake.Clientset
	log    *bytes.Buffer
	dir    string
	// endpoint is where the API server is at present.
	endpoint string
	// refusal is why no machine is let into the cluster; empty lets all in.
	refusal atomic.Pointer[string]
	// trapped is why no machine gets out of its network; empty lets all out.
	trapped atomic.Pointer[string]
	stop    func()
}

func (l *lab) reach(machine.Machine) error {
	if trapped := l.trapped.Load(); trapped != nil {
		return errors.New(*trapped)
	}
	return nil
}

func (l *lab) admit(context.Context, machine.Machine, string) error {
	if refusal := l.refusal.Load(); refusal != nil {
		return errors.New(*refusal)
	}
	return nil
}

// inBubble runs a test with time that passes when everyone waits.
func inBubble(t *testing.T, test func(t *testing.T, l *lab)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, region: newRegion(), client: fake.NewClientset(), log: &bytes.Buffer{}, dir: dir, endpoint: endpoint}
		l.start()
		test(t, l)
		l.stop()
	})
}

func (l *lab) start() {
	l.t.Helper()
	simulator, err := nodes.New(nodes.Options{
		Client: l.client, Source: l.region, Clock: clock.Wall{}, DataDir: l.dir,
		Cluster: nodes.Cluster{Name: "test", Version: "1.37.2", Endpoint: l.endpoint, CA: clusterCA},
		Reach:   l.reach,
		Admit:   l.admit,
		Log:     slog.New(slog.NewTextHandler(l.log, nil)),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- simulator.Run(ctx) }()
	l.stop = func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Error(err)
		}
	}
	synctest.Wait()
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// launch brings a machine from pending to running as EC2 does.
func (l *lab) launch(m machine.Machine) {
	l.region.set(m, machine.Pending)
	wait(8 * time.Second)
	l.region.set(m, machine.Running)
}

// readyNode launches a machine and waits for its node.
func (l *lab) readyNode(m machine.Machine) *corev1.Node {
	l.t.Helper()
	l.launch(m)
	wait(30 * time.Second)
	node := l.node(m)
	if node == nil || conditionOf(node, corev1.NodeReady) != corev1.ConditionTrue {
		l.t.Fatalf("node %+v is not ready", node)
	}
	return node
}

func (l *lab) node(m machine.Machine) *corev1.Node {
	node, err := l.client.CoreV1().Nodes().Get(l.t.Context(), m.PrivateDNSName, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return node
}

func conditionOf(node *corev1.Node, kind corev1.NodeConditionType) corev1.ConditionStatus {
	for _, condition := range node.Status.Conditions {
		if condition.Type == kind {
			return condition.Status
		}
	}
	return "absent"
}

// bind creates a pod as the scheduler leaves it.
func (l *lab) bind(name string, m machine.Machine, change func(*corev1.Pod)) {
	l.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID(name)},
		Spec: corev1.PodSpec{
			NodeName: m.PrivateDNSName, RestartPolicy: corev1.RestartPolicyAlways,
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers:  []corev1.Container{{Name: "app", Image: "nginx:1.27"}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	if change != nil {
		change(pod)
	}
	if _, err := l.client.CoreV1().Pods("default").Create(l.t.Context(), pod, metav1.CreateOptions{}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) pod(name string) *corev1.Pod {
	pod, err := l.client.CoreV1().Pods("default").Get(l.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return pod
}

// deletePod asks for a graceful end, as the API server does.
func (l *lab) deletePod(name string, seconds int64) {
	l.t.Helper()
	pod := l.pod(name)
	now := metav1.Now()
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &now, &seconds
	if _, err := l.client.CoreV1().Pods("default").Update(l.t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		l.t.Fatal(err)
	}
}
