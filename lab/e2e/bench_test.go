package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkThousandMixedPods creates 1,000 pods of mixed shapes at once on a
// fresh lab and waits until all run. It reports what drover itself spent:
// seconds deciding, memory, and calls to AWS and to Kubernetes.
//
//	go test ./e2e -run '^$' -bench ThousandMixedPods -benchtime 1x
func BenchmarkThousandMixedPods(b *testing.B) {
	for range b.N {
		l := startBenchLab(b, "--time-scale", "10")
		l.kubectl(b, "", "apply", "-k", filepath.Join(examplesDir(b), "karpenter/nodepool"))
		l.kubectl(b, benchPool, "apply", "-f", "-")
		l.kubectl(b, "", "wait", "--for=condition=Ready", "nodepool/bench", "--timeout=60s")
		start := time.Now()
		l.kubectl(b, mixedDeployments(1000), "apply", "-f", "-")
		l.kubectl(b, "", "rollout", "status", "deployment", "-l", "bench=mixed", "--timeout=300s")
		b.ReportMetric(time.Since(start).Seconds(), "s-to-running")
		l.settle(b)
		l.report(b)
	}
}

const benchPool = `
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: bench}
spec:
  template:
    metadata: {labels: {type: bench}}
    spec:
      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
      requirements:
        - {key: karpenter.sh/capacity-type, operator: In, values: [on-demand]}
        - {key: kubernetes.io/arch, operator: In, values: [amd64]}
        - {key: karpenter.k8s.aws/instance-category, operator: In, values: [c, m, r]}
        - {key: karpenter.k8s.aws/instance-generation, operator: Gt, values: ["4"]}
        - {key: karpenter.k8s.aws/instance-cpu, operator: Lt, values: ["33"]}
`

// mixedDeployments renders deployments whose replicas add up to pods: sizes
// repeat in a fixed pattern, every fourth spreads over zones, every tenth over
// hosts, every seventh keeps its pods apart.
func mixedDeployments(pods int) string {
	cpus := []int{100, 250, 500, 1000, 1500}
	memories := []int{128, 256, 512, 1024, 2048, 4096}
	var out strings.Builder
	for i := 0; pods > 0; i++ {
		replicas := min(pods, 1+(i*7)%25)
		pods -= replicas
		fmt.Fprintf(&out, deploymentTemplate, i, replicas, i, i, placement(i), cpus[i%len(cpus)], memories[i%len(memories)])
	}
	return out.String()
}

const deploymentTemplate = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: mixed-%d, labels: {bench: mixed}}
spec:
  replicas: %d
  selector: {matchLabels: {app: mixed-%d}}
  template:
    metadata: {labels: {app: mixed-%d}}
    spec:
      nodeSelector: {type: bench}
%s      containers:
        - {name: c, image: registry.k8s.io/pause:3.10, resources: {requests: {cpu: %dm, memory: %dMi}}}
---
`

func placement(i int) string {
	self := fmt.Sprintf("labelSelector: {matchLabels: {app: mixed-%d}}", i)
	switch {
	case i%4 == 1:
		return "      topologySpreadConstraints: [{topologyKey: topology.kubernetes.io/zone, maxSkew: 1, whenUnsatisfiable: DoNotSchedule, " + self + "}]\n"
	case i%10 == 2:
		return "      topologySpreadConstraints: [{topologyKey: kubernetes.io/hostname, maxSkew: 1, whenUnsatisfiable: DoNotSchedule, " + self + "}]\n"
	case i%7 == 3:
		return "      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, " + self + "}]}}\n"
	}
	return ""
}

type benchLab struct{ dir, data string }

func startBenchLab(b *testing.B, flags ...string) benchLab {
	b.Helper()
	l := benchLab{dir: b.TempDir()}
	l.data = filepath.Join(l.dir, "lab")
	ports, err := freePorts(2)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.run(b, "", "drover-lab", "down", "--data-dir", l.data) })
	up := []string{"up", "--detach", "--data-dir", l.data, "--api-port", ports[0], "--aws-port", ports[1]}
	l.run(b, "", "drover-lab", append(up, flags...)...)
	return l
}

func (l benchLab) kubectl(b *testing.B, stdin string, args ...string) string {
	b.Helper()
	return l.run(b, stdin, "kubectl", args...)
}

func (l benchLab) run(b *testing.B, stdin, program string, args ...string) string {
	b.Helper()
	path := filepath.Join(built.dir, program)
	if _, err := os.Stat(path); err != nil {
		path = program
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "HOME="+l.dir)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// report reads the metrics of every drover process through the API server's pod
// proxy: the one that leads may have changed.
func (l benchLab) report(b *testing.B) {
	b.Helper()
	var metrics, logs strings.Builder
	for pod := range strings.FieldsSeq(l.kubectl(b, "", "get", "pods", "-n", "karpenter", "-o", "jsonpath={.items[*].metadata.name}")) {
		port := l.kubectl(b, "", "get", "pod", "-n", "karpenter", pod, "-o", `jsonpath={.spec.containers[0].ports[?(@.name=="http-metrics")].containerPort}`)
		metrics.WriteString(l.kubectl(b, "", "get", "--raw", "/api/v1/namespaces/karpenter/pods/"+pod+":"+port+"/proxy/metrics"))
		logs.WriteString(l.kubectl(b, "", "logs", "-n", "karpenter", pod))
	}
	sum := func(metric string) float64 { return sumMetric(metrics.String(), metric) }
	b.ReportMetric(sum("karpenter_scheduler_scheduling_duration_seconds_sum"), "s-deciding")
	b.ReportMetric(sum("karpenter_scheduler_scheduling_duration_seconds_count"), "decisions")
	b.ReportMetric(sum("process_resident_memory_bytes")/1e6, "MB-resident")
	b.ReportMetric(sum("rest_client_requests_total"), "kubernetes-calls")
	b.ReportMetric(sum("drover_aws_requests_total"), "aws-calls")
	l.reportPurchases(b, logs.String())
	l.reportNodes(b)
}

// reportNodes counts the nodes there are and those that were bought in all, and
// what they cost, from the reason that each NodeClaim has and the event that it
// had.
func (l benchLab) reportNodes(b *testing.B) {
	b.Helper()
	report := func(what, reasons string) {
		count, cost := 0, 0.0
		for _, price := range regexp.MustCompile(`at (\S+) \$/h is the cheapest`).FindAllStringSubmatch(reasons, -1) {
			amount, err := strconv.ParseFloat(price[1], 64)
			if err != nil {
				b.Fatalf("reading why a node was bought: %v", err)
			}
			count, cost = count+1, cost+amount
		}
		b.ReportMetric(float64(count), "nodes-"+what)
		b.ReportMetric(cost, "$/h-"+what)
	}
	const each = `jsonpath={range .items[*]}{%s}{"\n"}{end}`
	report("bought", l.kubectl(b, "", "get", "events", "-A", "--field-selector", "reason=Launching", "-o", fmt.Sprintf(each, ".message")))
	report("kept", l.kubectl(b, "", "get", "nodeclaims", "-l", "type=bench", "-o", fmt.Sprintf(each, `.metadata.annotations.drover\.sh/reason`)))
}

// settle waits until no more nodes are taken away for being empty.
func (l benchLab) settle(b *testing.B) {
	b.Helper()
	const quiet = 20 * time.Second
	ended := func() int {
		claims := l.kubectl(b, "", "get", "nodeclaims", "-o", "name")
		return strings.Count(claims, "\n")
	}
	for last, since := ended(), time.Now(); time.Since(since) < quiet; time.Sleep(time.Second) {
		if now := ended(); now != last {
			last, since = now, time.Now()
		}
	}
}

// reportPurchases reads from drover's log how often it bought, and for how many
// pods after the first time.
func (l benchLab) reportPurchases(b *testing.B, logs string) {
	b.Helper()
	var pods []int
	for line := range strings.Lines(logs) {
		if !strings.Contains(line, "computed new nodeclaim(s)") {
			continue
		}
		var purchase struct{ Pods int }
		if err := json.Unmarshal([]byte(line), &purchase); err != nil {
			b.Fatalf("reading drover's log: %v: %s", err, line)
		}
		pods = append(pods, purchase.Pods)
	}
	all := 0
	for _, count := range pods {
		all += count
	}
	b.ReportMetric(float64(len(pods)), "purchases")
	b.ReportMetric(float64(all), "pods-bought-for")
}

// sumMetric adds up all series of one metric in the text exposition format.
func sumMetric(exposition, name string) float64 {
	series := regexp.MustCompile(`(?m)^` + name + `(?:\{[^}]*\})? (\S+)$`)
	var sum float64
	for _, m := range series.FindAllStringSubmatch(exposition, -1) {
		value, err := strconv.ParseFloat(m[1], 64)
		if err == nil {
			sum += value
		}
	}
	return sum
}
