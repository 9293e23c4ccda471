package present

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/drover-project/drover/internal/model"
)

// Table writes the plan for people. wide adds what single nodes are like and
// what runs on them.
func (r *Result) Table(out io.Writer, wide bool) error {
	var text strings.Builder
	if len(r.Plan.Launches) > 0 {
		r.launchTable(&text, wide)
		text.WriteString("\n")
	}
	if wide && len(r.Plan.Placements) > 0 {
		r.placementTable(&text)
		text.WriteString("\n")
	}
	r.totals(&text)
	r.unplaced(&text)
	r.preferences(&text)
	r.notes(&text)
	_, err := io.WriteString(out, text.String())
	return err
}

func (r *Result) launchTable(text *strings.Builder, wide bool) {
	rows := r.rows()
	extended := extendedResources(rows)
	pool := "NODEPOOL"
	if len(r.Snapshot.NodeGroups) > 0 {
		pool = "POOL-OR-GROUP"
	}
	header := []string{"COUNT", pool, "INSTANCE-TYPE", "ZONE", "CAPACITY-TYPE", "PODS", "CPU", "MEMORY"}
	for _, name := range extended {
		header = append(header, strings.ToUpper(name))
	}
	header = append(header, "$/H")
	if wide {
		header = append(header, "$/H-EACH", "ROOM-EACH", "WORKLOADS")
	}
	table := tabwriter.NewWriter(text, 0, 0, 3, ' ', 0)
	line(table, header)
	for _, one := range rows {
		cells := []string{
			number(one.count), one.pool, one.offering.InstanceType, anyOf(one.offering.Zone), anyOf(string(one.offering.CapacityType)), number(one.pods),
			share(one.requests, one.room, model.CPU), share(one.requests, one.room, model.Memory),
		}
		for _, name := range extended {
			cells = append(cells, share(one.requests, one.room, name))
		}
		cells = append(cells, Dollars(float64(one.count)*one.price))
		if wide {
			cells = append(cells, Dollars(one.price), amounts(room(one.each)), workloads(one.work, 3))
		}
		line(table, cells)
	}
	_ = table.Flush() // a strings.Builder takes everything
}

// room leaves out of an instance type's room what the plan does not count.
func room(all model.Resources) model.Resources {
	return model.Resources{model.CPU: all[model.CPU], model.Memory: all[model.Memory]}
}

func extendedResources(rows []*row) []string {
	names := map[string]bool{}
	for _, one := range rows {
		for name, value := range one.requests {
			if value > 0 && name != model.CPU && name != model.Memory && name != model.PodCount {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func line(table io.Writer, cells []string) {
	fmt.Fprintln(table, strings.Join(cells, "\t"))
}

func (r *Result) placementTable(text *strings.Builder) {
	var names []string
	work := map[string]map[string]int{}
	for _, placement := range r.Plan.Placements {
		if work[placement.Node] == nil {
			work[placement.Node] = map[string]int{}
			names = append(names, placement.Node)
		}
		work[placement.Node][r.Owner(placement.Pod)]++
	}
	slices.Sort(names)
	table := tabwriter.NewWriter(text, 0, 0, 3, ' ', 0)
	line(table, []string{"EXISTING-NODE", "NEW-PODS", "WORKLOADS"})
	for _, name := range names {
		pods := 0
		for _, count := range work[name] {
			pods += count
		}
		line(table, []string{name, number(pods), workloads(work[name], 5)})
	}
	_ = table.Flush()
}

func (r *Result) totals(text *strings.Builder) {
	s := r.Summary()
	if s.Pods == 0 {
		text.WriteString("No pod waits for a node: nothing to do.\n")
		return
	}
	if s.OnExisting > 0 {
		fmt.Fprintf(text, "%s on %s.\n", placed(s.OnExisting), Counted(s.NodesUsed, "node")+" already there")
	}
	if s.Launches > 0 {
		fmt.Fprintf(text, "%s to launch for %s: %s $/h, %s $ a month.\n",
			Counted(s.Launches, "node"), Counted(s.Placed-s.OnExisting, "pod"), Dollars(s.PricePerHour), thousands(s.PricePerMonth, 0))
	} else if s.Placed > 0 {
		text.WriteString("Nothing to launch.\n")
	}
	r.extras(text)
	r.proof(text)
	if s.Unplaced > 0 {
		fmt.Fprintf(text, "%s of %s without a place.\n", number(s.Unplaced), Counted(s.Pods, "pod"))
	}
}

// extras say what the plan pays beyond the cheapest way to buy its nodes.
func (r *Result) extras(text *strings.Builder) {
	for _, extra := range r.Report.Extras {
		fmt.Fprintf(text, "  %s $/h of that are for %s\n", Dollars(extra.PricePerHour), extraText(extra.Rule))
	}
	if r.Report.InterruptionsPerHour > 0 {
		fmt.Fprintf(text, "Interruptions of Spot are expected to cost %s $/h more; the proof below counts them.\n", Dollars(r.Report.InterruptionsPerHour))
	}
	for _, why := range r.Report.Groups {
		fmt.Fprintf(text, "Node group %s %s.\n", why.NodeGroup, why.Message)
	}
}

func extraText(rule model.Code) string {
	if rule == model.CodeSpotDiversity {
		return "spreading workloads over Spot pools"
	}
	return "NodePools that ask for nodes on demand"
}

// proof says how far the plan can be from the cheapest.
func (r *Result) proof(text *strings.Builder) {
	if r.Report.Bound <= 0 || len(r.Plan.Launches) == 0 {
		return
	}
	if r.Report.Gap <= 0 {
		text.WriteString("Proven: no plan costs less.\n")
		return
	}
	fmt.Fprintf(text, "Proven: no plan costs less than %s $/h, so this one is at most %.1f%% above the cheapest.\n", Dollars(r.Report.Bound), r.Report.Gap*100)
	for _, part := range r.Report.Shares {
		fmt.Fprintf(text, "  %s $/h of that are due to %s\n", Dollars(part.PricePerHour), ruleText(part.Rule))
	}
	for _, part := range r.Report.GapShares {
		fmt.Fprintf(text, "  "+gapText(part.Rule)+"\n", Dollars(part.PricePerHour))
	}
}

// gapText says where a part of the gap comes from, with a verb for how much it is.
func gapText(rule model.Code) string {
	switch rule {
	case model.CodeWholeNodes:
		return "about %s $/h of the gap are what whole nodes cost more than parts of them, and rules over zones and nodes, if any"
	case model.CodeStepBudget:
		return "up to %s $/h of the gap a longer proof (--max-steps) might close"
	}
	return "about %s $/h more are due to " + ruleText(rule) + ", which this proof leaves out"
}

// ruleText names a kind of hard rule for people.
func ruleText(rule model.Code) string {
	switch rule {
	case model.CodeRequirement:
		return "node selectors, node affinity and taints"
	case model.CodePodAntiAffinity:
		return "pods that keep off each other's nodes"
	case model.CodeTopologySpread:
		return "topology spread over nodes, each of which starts empty"
	case model.CodePodAffinity:
		return "pods that must share nodes"
	case model.CodeLimitReached:
		return "limits of NodePools"
	}
	return string(rule)
}

func placed(pods int) string {
	if pods == 1 {
		return "1 pod goes"
	}
	return number(pods) + " pods go"
}

// who names the pods of a reason by their workloads, a single one by its name.
func (r *Result) who(pods []model.PodKey) string {
	work := map[string]int{}
	for _, pod := range pods {
		work[r.Owner(pod)]++
	}
	if len(work) == 1 {
		for name := range work {
			if len(pods) == 1 {
				return "Pod " + pods[0].String()
			}
			return fmt.Sprintf("%s (%s)", name, Counted(len(pods), "pod"))
		}
	}
	return fmt.Sprintf("%s: %s", Counted(len(pods), "pod"), workloads(work, 3))
}

func (r *Result) unplaced(text *strings.Builder) {
	if len(r.Report.Unplaced) == 0 {
		return
	}
	text.WriteString("\nWithout a place:\n")
	for i := range r.Report.Unplaced {
		reason := &r.Report.Unplaced[i]
		fmt.Fprintf(text, "  %s\n    %s: %s\n", r.who(reason.Pods), reason.Code, reason.Message)
		if len(reason.Alternatives) > 1 {
			for j := range reason.Alternatives {
				other := &reason.Alternatives[j]
				fmt.Fprintf(text, "    %s: %s: %s\n", alternative(other), other.Code, other.Message)
			}
		}
	}
}

func (r *Result) preferences(text *strings.Builder) {
	if len(r.Report.Preferences) == 0 {
		return
	}
	text.WriteString("\nPreferences not kept:\n")
	for i := range r.Report.Preferences {
		reason := &r.Report.Preferences[i]
		fmt.Fprintf(text, "  %s\n    %s\n", r.who(reason.Pods), reason.Message)
	}
}

// Notes are what a reader should know about the input and the prices.
func (r *Result) Notes() []string {
	notes := []string{"types and prices: " + r.Source}
	notes = append(notes, r.Notices...)
	for _, left := range r.LeftOut {
		notes = append(notes, fmt.Sprintf("%s not planned for: %s", Counted(left.Pods, "pod"), left.Reason))
	}
	if len(r.Others) > 0 {
		var kinds []string
		total := 0
		for _, kind := range slices.Sorted(maps.Keys(r.Others)) {
			kinds = append(kinds, fmt.Sprintf("%d %s", r.Others[kind], kind))
			total += r.Others[kind]
		}
		notes = append(notes, fmt.Sprintf("%s of kinds that no plan depends on: %s", Counted(total, "object"), strings.Join(kinds, ", ")))
	}
	return notes
}

func (r *Result) notes(text *strings.Builder) {
	text.WriteString("\nNotes:\n")
	for _, note := range r.Notes() {
		fmt.Fprintf(text, "  %s\n", note)
	}
}

// Names writes one line for each node to launch: NODEPOOL/TYPE/ZONE/CAPACITY-TYPE,
// with nodegroup/NAME in the place of the NodePool where a group grows.
func (r *Result) Names(out io.Writer) error {
	var text strings.Builder
	for i := range r.Plan.Launches {
		first := r.Plan.Launches[i].Offerings[0]
		from := r.Plan.Launches[i].NodePool
		if group := r.Plan.Launches[i].NodeGroup; group != "" {
			from = "nodegroup/" + group
		}
		fmt.Fprintf(&text, "%s/%s/%s/%s\n", from, first.InstanceType, anyOf(first.Zone), anyOf(string(first.CapacityType)))
	}
	_, err := io.WriteString(out, text.String())
	return err
}
