package engine_test

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
)

// TestScenarios solves the text files of testdata and compares plan and
// reasons; go test -rewrite writes what the engine says now. Every plan is
// audited too.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			snapshot, settings, err := scenario.Parse(d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			plan, report := engine.Solve(snapshot, settings)
			for _, violation := range check.Plan(snapshot, plan) {
				t.Errorf("%s: %s", d.Pos, violation)
			}
			return printPlan(plan, report, d.HasArg("explain"))
		})
	})
}

func printPlan(plan model.Plan, report model.Report, explain bool) string {
	var out strings.Builder
	byNode := map[string][]model.PodKey{}
	for _, p := range plan.Placements {
		byNode[p.Node] = append(byNode[p.Node], p.Pod)
	}
	for _, node := range sorted(byNode) {
		fmt.Fprintf(&out, "node %s: %s\n", node, groups(byNode[node]))
	}
	for i := 0; i < len(plan.Launches); {
		line, same := launchLine(plan.Launches[i]), 1
		for i+same < len(plan.Launches) && launchLine(plan.Launches[i+same]) == line {
			same++
		}
		fmt.Fprintf(&out, "launch %dx %s\n", same, line)
		if explain {
			printLaunch(&out, plan.Launches[i], report.Launches[i])
		}
		i += same
	}
	for _, size := range plan.Groups {
		fmt.Fprintf(&out, "size %s %d->%d", size.Name, size.From, size.To)
		if size.Surplus > 0 {
			fmt.Fprintf(&out, " surplus %d", size.Surplus)
		}
		fmt.Fprintln(&out)
	}
	for _, why := range report.Groups {
		fmt.Fprintf(&out, "%s: %s: %s\n", why.NodeGroup, why.Code, why.Message)
	}
	if len(plan.Launches) > 0 {
		fmt.Fprintf(&out, "%g $/h\n", plan.PricePerHour)
	}
	for _, extra := range report.Extras {
		fmt.Fprintf(&out, "extra %s %g $/h\n", extra.Rule, extra.PricePerHour)
	}
	if report.InterruptionsPerHour > 0 {
		fmt.Fprintf(&out, "interruptions %g $/h\n", report.InterruptionsPerHour)
	}
	for _, u := range report.Unplaced {
		fmt.Fprintf(&out, "unplaced %s: %s: %s\n", groups(u.Pods), u.Code, u.Message)
		for _, alternative := range u.Alternatives {
			if explain {
				fmt.Fprintf(&out, "  %s: %s: %s\n", alternative.NodePool+alternative.NodeGroup, alternative.Code, alternative.Message)
			}
		}
	}
	for _, p := range report.Preferences {
		fmt.Fprintf(&out, "preference %s: %s\n", groups(p.Pods), p.Message)
	}
	return out.String()
}

func launchLine(launch model.Launch) string {
	first := launch.Offerings[0]
	name := launch.NodePool
	if launch.NodeGroup != "" {
		name = "nodegroup " + launch.NodeGroup
	}
	return fmt.Sprintf("%s %s/%s/%s %g $/h: %s", name, first.InstanceType, first.Zone, first.CapacityType, first.PricePerHour, groups(launch.Pods))
}

func printLaunch(out *strings.Builder, launch model.Launch, reason model.LaunchReason) {
	var names []string
	for _, o := range launch.Offerings {
		name := o.InstanceType + "/" + o.Zone
		if o.CapacityType == model.Spot {
			name += "/spot"
		}
		names = append(names, name)
	}
	fmt.Fprintf(out, "  offerings %s\n", strings.Join(names, " "))
	for _, r := range launch.Requirements {
		fmt.Fprintf(out, "  label %s %s %s\n", r.Key, r.Operator, strings.Join(r.Values, ","))
	}
	var requests []string
	for _, name := range launch.Requests.Names() {
		requests = append(requests, fmt.Sprintf("%s=%d", name, launch.Requests[name]))
	}
	if launch.SpotFallback != "" {
		fmt.Fprintf(out, "  for lack of Spot: %s\n", launch.SpotFallback)
	}
	fmt.Fprintf(out, "  requests %s\n  because %s\n", strings.Join(requests, " "), reason.Chosen.Message)
	for _, r := range reason.Rejected {
		fmt.Fprintf(out, "  not %s/%s: %s: %s\n", r.InstanceType, r.Zone, r.Code, r.Message)
	}
	if reason.RejectedMore > 0 {
		fmt.Fprintf(out, "  and %d more\n", reason.RejectedMore)
	}
}

// groups writes pods as NAME xCOUNT.
func groups(keys []model.PodKey) string {
	counts := map[string]int{}
	for _, key := range keys {
		counts[key.Name[:strings.LastIndex(key.Name, "-")]]++
	}
	var words []string
	for _, name := range sorted(counts) {
		words = append(words, fmt.Sprintf("%s x%d", name, counts[name]))
	}
	return strings.Join(words, ", ")
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
