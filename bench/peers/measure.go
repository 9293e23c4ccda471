package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
)

// outcome is one decision in numbers.
type outcome struct {
	took      time.Duration
	allocated uint64 // bytes
	objects   uint64 // allocations
	nodes     int
	cost      float64 // USD per hour
	unplaced  int
}

// measured runs a decision and counts what it allocates.
func measured(decide func() error) (outcome, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := decide()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return outcome{took: took, allocated: after.TotalAlloc - before.TotalAlloc, objects: after.Mallocs - before.Mallocs}, err
}

// median is the run in the middle by time.
func median(runs []outcome) outcome {
	slices.SortFunc(runs, func(a, b outcome) int { return int(a.took - b.took) })
	return runs[len(runs)/2]
}

func measureDrover(snapshot *model.Snapshot, o options) (outcome, error) {
	var runs []outcome
	for range o.runs {
		var plan model.Plan
		var report model.Report
		run, _ := measured(func() error {
			plan, report = engine.Solve(snapshot, model.Settings{})
			return nil
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
	return median(runs), nil
}

func measureKarpenter(snapshot *model.Snapshot, o options) (outcome, error) {
	var runs []outcome
	for range o.runs {
		question := newQuestion(snapshot, o.cores)
		var answer answer
		run, err := measured(func() (err error) {
			answer, err = question.solve()
			return err
		})
		if err != nil {
			return run, err
		}
		run.nodes, run.cost, run.unplaced = answer.nodes, answer.cost, answer.unplaced
		runs = append(runs, run)
	}
	return median(runs), nil
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
