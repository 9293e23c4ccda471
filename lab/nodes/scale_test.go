package nodes_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes"
)

// BenchmarkNodes brings up many nodes with pods and reports goroutines, memory,
// and CPU both of the start and of standing by.
func BenchmarkNodes(b *testing.B) {
	watch.DefaultChanSize = 1 << 20 // the fake API server panics where it is full
	for _, size := range []struct{ nodes, podsPerNode int }{{1000, 10}, {5000, 4}} {
		b.Run(fmt.Sprintf("%dx%d", size.nodes, size.podsPerNode), func(b *testing.B) {
			for range b.N {
				bringUp(b, size.nodes, size.podsPerNode)
			}
		})
	}
}

func bringUp(b *testing.B, nodeCount, podsPerNode int) {
	region, client := newRegion(), fake.NewSimpleClientset()
	before := runtime.NumGoroutine()
	fast, err := clock.NewWall(10)
	if err != nil {
		b.Fatal(err)
	}
	simulator, err := nodes.New(nodes.Options{
		Client: client, Source: region, Clock: fast, DataDir: b.TempDir(), Log: slog.New(slog.DiscardHandler),
		Cluster: nodes.Cluster{Name: "test", Version: "1.37.2", Endpoint: endpoint, CA: clusterCA},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- simulator.Run(ctx) }()
	start, cpu := time.Now(), cpuTime()
	for i := range nodeCount {
		region.set(newMachine(i), machine.Running)
	}
	awaitAll(b, "nodes ready", nodeCount, func() int { return readyNodes(b, client) })
	bindMany(b, client, nodeCount, podsPerNode)
	awaitAll(b, "pods running", nodeCount*podsPerNode, func() int { return runningPods(b, client) })
	b.ReportMetric(time.Since(start).Seconds(), "s-to-running")
	b.ReportMetric((cpuTime() - cpu).Seconds(), "cpu-s-to-running")
	b.ReportMetric(float64(runtime.NumGoroutine()-before), "goroutines")
	reportStandBy(b)
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// reportStandBy measures two heartbeat periods.
func reportStandBy(b *testing.B) {
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(memory.HeapAlloc>>20), "heap-MiB")
	cpu := cpuTime()
	time.Sleep(20 * time.Second)
	b.ReportMetric((cpuTime()-cpu).Seconds()/20, "idle-cores")
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func awaitAll(b *testing.B, what string, want int, count func() int) {
	b.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for have := count(); have < want; have = count() {
		if time.Now().After(deadline) {
			b.Fatalf("%s: %d of %d", what, have, want)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func readyNodes(b *testing.B, client *fake.Clientset) int {
	list, err := client.CoreV1().Nodes().List(b.Context(), metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	count := 0
	for i := range list.Items {
		if conditionOf(&list.Items[i], corev1.NodeReady) == corev1.ConditionTrue {
			count++
		}
	}
	return count
}

func runningPods(b *testing.B, client *fake.Clientset) int {
	list, err := client.CoreV1().Pods("default").List(b.Context(), metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	count := 0
	for _, pod := range list.Items {
		if pod.Status.Phase == corev1.PodRunning {
			count++
		}
	}
	return count
}

func bindMany(b *testing.B, client *fake.Clientset, nodeCount, podsPerNode int) {
	for i := range nodeCount {
		for j := range podsPerNode {
			name := fmt.Sprintf("p-%d-%d", i, j)
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID(name)},
				Spec: corev1.PodSpec{
					NodeName: newMachine(i).PrivateDNSName, RestartPolicy: corev1.RestartPolicyAlways,
					Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
					Containers:  []corev1.Container{{Name: "app", Image: "nginx:1.27"}},
				},
				Status: corev1.PodStatus{Phase: corev1.PodPending},
			}
			if _, err := client.CoreV1().Pods("default").Create(b.Context(), pod, metav1.CreateOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
