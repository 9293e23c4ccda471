package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/workload"
)

// workloadsVariable names the folder of neutral workloads; the catalogues are
// in the folder ec2 beside it.
const workloadsVariable = "DROVER_WORKLOADS"

// auditVariable set to "off" leaves out the audit, which may take longer than the
// decision.
const auditVariable = "DROVER_BENCH_AUDIT"

// BenchmarkWorkloads plans for every workload of a folder, over the catalogue
// that it names, beside what was recorded of peers.
func BenchmarkWorkloads(b *testing.B) {
	folder := os.Getenv(workloadsVariable)
	if folder == "" {
		b.Skipf("%s names no folder of workloads", workloadsVariable)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		b.Fatalf("no workload in %s: %v", folder, err)
	}
	for _, file := range files {
		w := readWorkload(b, file)
		catalogs := []string{w.Catalog}
		if w.Catalog == "cmr" {
			catalogs = append(catalogs, "mid", "asg12", "all")
		}
		for _, name := range catalogs {
			b.Run(w.Name+"/"+name, func(b *testing.B) {
				measure(b, snapshotOf(b, w, filepath.Join(folder, "..", "ec2", "catalog-us-east-1-"+name+".csv")))
				reportPeers(b, folder, w.Name, name)
			})
		}
	}
}

func readWorkload(t testing.TB, file string) *workload.Workload {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := workload.Decode(f, file)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func snapshotOf(t testing.TB, w *workload.Workload, file string) *model.Snapshot {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	catalog, err := workload.ReadCatalog(f, file)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := w.Snapshot(catalog)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// measure audits one plan, then times the decision alone.
func measure(b *testing.B, snapshot *model.Snapshot) {
	b.Helper()
	startPeak()
	plan, report := engine.Solve(snapshot, model.Settings{})
	most := peak()
	if os.Getenv(auditVariable) != "off" {
		for n, violation := range check.Plan(snapshot, plan) {
			if n < 5 {
				b.Error(violation)
			}
		}
	}
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		engine.Solve(snapshot, model.Settings{})
	}
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms")
	b.ReportMetric(most, "peak-MB")
	unplaced := 0
	for _, reason := range report.Unplaced {
		unplaced += len(reason.Pods)
	}
	b.ReportMetric(float64(len(plan.Launches)), "nodes")
	b.ReportMetric(plan.PricePerHour, "$/h")
	b.ReportMetric(report.Bound, "bound")
	b.ReportMetric(100*report.Gap, "gap%")
	if unplaced > 0 {
		b.ReportMetric(float64(unplaced), "unplaced")
	}
}

// processorTime is what the process has used: on a shared machine it says more
// than the clock.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkShapes plans for generated clusters.
func BenchmarkShapes(b *testing.B) {
	for _, count := range []int{1000, 5000, 10_000, 20_000} {
		b.Run(fmt.Sprintf("diverse-%d", count), func(b *testing.B) { measure(b, diverse(count)) })
	}
	b.Run("rules-10000-different", func(b *testing.B) { measure(b, everyRule(10_000, 10_000)) })
	b.Run("different-10000", func(b *testing.B) { measure(b, allDifferent(10_000)) })
	b.Run("hostspread-2000", func(b *testing.B) { measure(b, oneEachSpread(2000)) })
}
