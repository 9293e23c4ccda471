package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// outcome is one decision in numbers.
type outcome struct {
	took      time.Duration // of the processor, garbage collection included
	allocated uint64        // bytes
	objects   uint64        // allocations
	nodes     int
	cost      float64 // USD per hour
	unplaced  int
}

// leastMeasured is how much processor time one measurement takes at least: short
// decisions are repeated, so that each bears its share of garbage collection.
const leastMeasured = 200 * time.Millisecond

// measured repeats a decision and counts what one of them takes. prepare makes
// what the decision reads and is not counted.
func measured(prepare func() (decide func() error)) (outcome, error) {
	runtime.GC()
	var sum outcome
	times := 0
	for ; times == 0 || sum.took < leastMeasured; times++ {
		decide := prepare()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := processorTime()
		err := decide()
		sum.took += processorTime() - start
		runtime.ReadMemStats(&after)
		if err != nil {
			return outcome{}, err
		}
		sum.allocated += after.TotalAlloc - before.TotalAlloc
		sum.objects += after.Mallocs - before.Mallocs
	}
	return outcome{took: sum.took / time.Duration(times), allocated: sum.allocated / uint64(times), objects: sum.objects / uint64(times)}, nil
}

// processorTime is what the process has used on all cores, in its own code and in
// the kernel: other programs on the machine change it less than the clock.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // cannot fail for the process itself
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// best is the run that took least: what disturbs a run only makes it longer.
func best(runs []outcome) outcome {
	return slices.MinFunc(runs, func(a, b outcome) int { return cmp.Compare(a.took, b.took) })
}

func measureDrover(snapshot *model.Snapshot, o options) (outcome, error) {
	var runs []outcome
	for range o.runs {
		var plan model.Plan
		var report model.Report
		run, _ := measured(func() func() error {
			return func() error {
				plan, report = engine.Solve(snapshot, model.Settings{})
				return nil
			}
		})
		run.nodes, run.cost = len(plan.Launches), plan.PricePerHour
		for _, reason := range report.Unplaced {
			run.unplaced += len(reason.Pods)
		}
		if violations := check.Plan(snapshot, plan); len(violations) > 0 {
			return run, fmt.Errorf("the auditor found %d broken rules, the first: %v", len(violations), violations[0])
		}
		runs = append(runs, run)
	}
	return best(runs), nil
}

func measureKarpenter(snapshot *model.Snapshot, o options) (outcome, error) {
	var runs []outcome
	for range o.runs {
		var found answer
		run, err := measured(func() func() error {
			question := newQuestion(snapshot, o.cores)
			return func() (err error) {
				found, err = question.solve()
				return err
			}
		})
		if err != nil {
			return run, err
		}
		run.nodes, run.cost, run.unplaced = found.nodes, found.cost, found.unplaced
		runs = append(runs, run)
	}
	return best(runs), nil
}

// table prints a row as soon as it is known: the larger cases take minutes.
type table struct{ out io.Writer }

const rowFormat = "%-14s %7s %5s | %9s %9s %11s %6s %10s | %9s %9s %11s %6s %10s | %8s %7s\n"

func newTable(out io.Writer) table {
	fmt.Fprintf(out, rowFormat, "", "", "", "KARPENTER", "", "", "", "", "DROVER", "", "", "", "", "", "")
	fmt.Fprintf(out, rowFormat, "WORKLOAD", "PODS", "TYPES", "SECONDS", "MB", "ALLOCATIONS", "NODES", "$/H",
		"SECONDS", "MB", "ALLOCATIONS", "NODES", "$/H", "FASTER", "COST")
	return table{out}
}

func (t table) add(name string, snapshot *model.Snapshot, theirs, ours outcome) {
	types := 0
	for _, catalog := range snapshot.Catalogs {
		types = len(catalog.InstanceTypes)
	}
	cells := []any{name, fmt.Sprint(len(snapshot.Pending)), fmt.Sprint(types)}
	for _, each := range []outcome{theirs, ours} {
		cells = append(cells, fmt.Sprintf("%.4f", each.took.Seconds()), fmt.Sprintf("%.1f", float64(each.allocated)/1e6),
			fmt.Sprint(each.objects), fmt.Sprint(each.nodes), fmt.Sprintf("%.2f", each.cost))
	}
	cells = append(cells, fmt.Sprintf("%.0fx", theirs.took.Seconds()/ours.took.Seconds()), fmt.Sprintf("%.1f%%", ours.cost/theirs.cost*100))
	fmt.Fprintf(t.out, rowFormat, cells...)
	if theirs.unplaced+ours.unplaced > 0 {
		fmt.Fprintf(t.out, "%14s left out: %d pods by Karpenter, %d by drover\n", "", theirs.unplaced, ours.unplaced)
	}
}
