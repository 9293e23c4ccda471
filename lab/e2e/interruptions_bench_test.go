package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	interruptedNodes = 200
	podsPerNode      = 10
	noticeLeaves     = 2 * time.Minute
	settle           = 45 * time.Second
)

// BenchmarkInterruptions takes 200 Spot nodes with 2,000 pods back in the same
// second, once with drover handling it and once with the node termination
// handler, which is built from the Go proxy and runs in queue mode; drover buys
// the replacements both times. Times are those of reality (time scale 1).
//
//	go test ./e2e -run '^$' -bench Interruptions -benchtime 1x -timeout 40m
func BenchmarkInterruptions(b *testing.B) {
	for _, handler := range []struct {
		name  string
		start func(*testing.B, benchLab) (clients []string)
	}{
		{"drover", func(*testing.B, benchLab) []string { return []string{"drover"} }},
		{"node-termination-handler", startTerminationHandler},
	} {
		b.Run(handler.name, func(b *testing.B) {
			for range b.N {
				l := startBenchLab(b, "--time-scale", "1", "--audit")
				clients := handler.start(b, l)
				fillSpotNodes(b, l)
				interruptAll(b, l, clients)
			}
		})
	}
}

// fillSpotNodes gets 200 nodes with 10 pods each, whose budgets let half of them
// be disrupted at a time.
func fillSpotNodes(b *testing.B, l benchLab) {
	b.Helper()
	l.kubectl(b, "", "apply", "-k", filepath.Join(examplesDir(b), "karpenter/nodepool"))
	l.kubectl(b, spotPool, "apply", "-f", "-")
	l.kubectl(b, "", "wait", "--for=condition=Ready", "nodepool/spot", "--timeout=120s")
	var deployments strings.Builder
	const each = 50
	for i := range interruptedNodes * podsPerNode / each {
		fmt.Fprintf(&deployments, spotDeployment, i, each, i, i, i, i)
	}
	l.kubectl(b, deployments.String(), "apply", "-f", "-")
	l.kubectl(b, "", "rollout", "status", "deployment", "-l", "bench=spot", "--timeout=600s")
	time.Sleep(settle) // the events of 2,000 starts are still being written
}

const spotPool = `
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: spot}
spec:
  disruption: {consolidationPolicy: WhenEmpty, consolidateAfter: Never}
  template:
    metadata: {labels: {type: spot}}
    spec:
      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
      requirements:
        - {key: karpenter.sh/capacity-type, operator: In, values: [spot]}
        - {key: kubernetes.io/arch, operator: In, values: [amd64]}
        - {key: karpenter.k8s.aws/instance-category, operator: In, values: [c, m, r]}
        - {key: karpenter.k8s.aws/instance-generation, operator: Gt, values: ["4"]}
        - {key: karpenter.k8s.aws/instance-cpu, operator: In, values: ["4"]}
`

const spotDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: spot-%d, labels: {bench: spot}}
spec:
  replicas: %d
  selector: {matchLabels: {app: spot-%d}}
  template:
    metadata: {labels: {app: spot-%d, bench: spot}}
    spec:
      nodeSelector: {type: spot}
      terminationGracePeriodSeconds: 20
      containers:
        - {name: c, image: registry.k8s.io/pause:3.10, resources: {requests: {cpu: 350m, memory: 256Mi}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: spot-%d}
spec: {maxUnavailable: 50%%, selector: {matchLabels: {app: spot-%d}}}
---
`

// interruptAll interrupts every Spot node and reports what became of them and
// of their pods until they were taken back.
func interruptAll(b *testing.B, l benchLab, clients []string) {
	b.Helper()
	w := watchCluster(b, l)
	before := w.spotNodes()
	start := time.Now()
	l.run(b, "", "drover-lab", "interrupt", "--all", "--data-dir", l.data)
	least := w.ready(nil)
	for time.Since(start) < noticeLeaves-2*time.Second {
		time.Sleep(250 * time.Millisecond)
		least = min(least, w.ready(nil))
	}
	pods := float64(interruptedNodes * podsPerNode)
	b.ReportMetric(float64(len(before)), "nodes-interrupted")
	b.ReportMetric(float64(len(w.cordonedWithin(before, start, 2*time.Second)))/float64(len(before))*100, "%-cordoned-in-2s")
	b.ReportMetric(w.lastCordon(before, start).Seconds(), "s-to-all-cordoned")
	b.ReportMetric(float64(w.ready(before))/pods*100, "%-pods-ready-elsewhere-before-reclaim")
	b.ReportMetric(float64(least)/pods*100, "%-least-ready")
	reportCalls(b, l, clients, float64(len(before)), time.Since(start))
}

// reportCalls reports the requests of a program, whatever it calls itself, per
// interrupted node.
func reportCalls(b *testing.B, l benchLab, clients []string, nodes float64, since time.Duration) {
	b.Helper()
	kubernetes, aws := 0, 0
	for _, client := range clients {
		var calls []struct {
			API   string `json:"api"`
			Count int    `json:"count"`
		}
		out := l.run(b, "", "drover-lab", "calls", "--client", client, "--since", since.Round(time.Second).String(), "-o", "json", "--data-dir", l.data)
		if err := json.Unmarshal([]byte(out), &calls); err != nil {
			b.Fatal(err)
		}
		for _, call := range calls {
			if call.API == "kubernetes" {
				kubernetes += call.Count
			} else {
				aws += call.Count
			}
		}
	}
	b.ReportMetric(float64(kubernetes)/nodes, "kubernetes-calls/node")
	b.ReportMetric(float64(aws)/nodes, "aws-calls/node")
}

// clusterWatch knows where pods are and when nodes were closed to new ones.
type clusterWatch struct {
	mu     sync.Mutex
	spot   map[string]bool      // nodes of the NodePool, by name
	closed map[string]time.Time // nodes that take no more pods
	pods   map[string]string    // ready pods: their node
}

func watchCluster(b *testing.B, l benchLab) *clusterWatch {
	b.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(l.data, "kubeconfig"))
	if err != nil {
		b.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	w := &clusterWatch{spot: map[string]bool{}, closed: map[string]time.Time{}, pods: map[string]string{}}
	factory := informers.NewSharedInformerFactory(client, 0)
	watch := func(informer cache.SharedIndexInformer, changed, gone func(any)) {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: changed, UpdateFunc: func(_, now any) { changed(now) }, DeleteFunc: gone,
		}); err != nil {
			b.Fatal(err)
		}
	}
	watch(factory.Core().V1().Nodes().Informer(), w.node, func(any) {})
	watch(factory.Core().V1().Pods().Informer(), w.pod, w.podGone)
	ctx := b.Context()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return w
}

func (w *clusterWatch) node(object any) {
	node := object.(*corev1.Node)
	w.mu.Lock()
	defer w.mu.Unlock()
	if node.Labels["type"] == "spot" {
		w.spot[node.Name] = true
	}
	_, known := w.closed[node.Name]
	shut := node.Spec.Unschedulable || slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool {
		return taint.Key == "karpenter.sh/disrupted" || taint.Key == "node.kubernetes.io/unschedulable"
	})
	if shut && !known {
		w.closed[node.Name] = time.Now()
	}
}

func (w *clusterWatch) pod(object any) {
	pod := object.(*corev1.Pod)
	if pod.Labels["bench"] != "spot" {
		return
	}
	ready := pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if ready {
		w.pods[string(pod.UID)] = pod.Spec.NodeName
	} else {
		delete(w.pods, string(pod.UID))
	}
}

func (w *clusterWatch) podGone(object any) {
	if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pods, string(object.(*corev1.Pod).UID))
}

func (w *clusterWatch) spotNodes() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.spot)
}

// ready counts the ready pods that are on none of some nodes.
func (w *clusterWatch) ready(without map[string]bool) (count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, node := range w.pods {
		if !without[node] {
			count++
		}
	}
	return count
}

func (w *clusterWatch) cordonedWithin(nodes map[string]bool, start time.Time, within time.Duration) (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range nodes {
		if at, closed := w.closed[name]; closed && at.Sub(start) <= within {
			names = append(names, name)
		}
	}
	return names
}

// lastCordon is how long after start the last node was closed; those that never
// were count as taken back open.
func (w *clusterWatch) lastCordon(nodes map[string]bool, start time.Time) (last time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range nodes {
		at, closed := w.closed[name]
		if !closed {
			return noticeLeaves
		}
		last = max(last, at.Sub(start))
	}
	return last
}
