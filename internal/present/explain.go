package present

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// shownFallbacks and shownRejected bound what is said of one pod.
const (
	shownFallbacks = 5
	shownRejected  = 20
)

// Find looks a pod that was planned for up by NAMESPACE/NAME, or by NAME when
// that is clear. The error says what names would have been clear.
func (r *Result) Find(name string) (*model.Pod, error) {
	var found []*model.Pod
	for i := range r.Snapshot.Pending {
		pod := &r.Snapshot.Pending[i]
		if pod.String() == name || pod.Name == name {
			found = append(found, pod)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		var names []string
		for _, pod := range found {
			names = append(names, pod.String())
		}
		return nil, fmt.Errorf("--explain %s: several pods have this name: use one of %s", name, strings.Join(names, ", "))
	case len(r.Snapshot.Pending) == 0:
		return nil, fmt.Errorf("--explain %s: no pod waits for a node", name)
	}
	return nil, fmt.Errorf("--explain %s: no pod of this name waits for a node: it must be NAMESPACE/NAME or NAME, such as %s", name, r.similar(name))
}

// similar are a few pods whose names begin most like the one given.
func (r *Result) similar(name string) string {
	likeness := func(pod *model.Pod) int {
		return max(common(pod.Name, name), common(pod.String(), name))
	}
	pods := make([]*model.Pod, len(r.Snapshot.Pending))
	for i := range pods {
		pods[i] = &r.Snapshot.Pending[i]
	}
	slices.SortStableFunc(pods, func(a, b *model.Pod) int { return likeness(b) - likeness(a) })
	var names []string
	for _, pod := range pods[:min(3, len(pods))] {
		names = append(names, pod.String())
	}
	return strings.Join(names, ", ")
}

func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// Explain writes everything that is known of one pod's place.
func (r *Result) Explain(out io.Writer, pod *model.Pod) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Pod:       %s", pod.PodKey)
	if owner := r.Owner(pod.PodKey); owner != "" && owner != "Pod "+pod.String() {
		fmt.Fprintf(&text, " of %s", owner)
	}
	fmt.Fprintf(&text, "\nRequests:  %s\n", amounts(pod.Requests))
	r.explainPlace(&text, pod.PodKey)
	for i := range r.Report.Preferences {
		if slices.Contains(r.Report.Preferences[i].Pods, pod.PodKey) {
			fmt.Fprintf(&text, "Not kept:  %s\n", r.Report.Preferences[i].Message)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func (r *Result) explainPlace(text *strings.Builder, key model.PodKey) {
	for i := range r.Report.Unplaced {
		if reason := &r.Report.Unplaced[i]; slices.Contains(reason.Pods, key) {
			fmt.Fprintf(text, "Place:     none\nWhy:       %s: %s\n", reason.Code, reason.Message)
			if len(reason.Alternatives) < 2 {
				return // the reason above is that NodePool's
			}
			for j := range reason.Alternatives {
				other := &reason.Alternatives[j]
				fmt.Fprintf(text, "           %s: %s: %s\n", alternative(other), other.Code, other.Message)
			}
			return
		}
	}
	for i := range r.Plan.Placements {
		if r.Plan.Placements[i].Pod == key {
			fmt.Fprintf(text, "Place:     node %s, which is already there\n", r.Plan.Placements[i].Node)
			r.explainReason(text, key)
			return
		}
	}
	for i := range r.Plan.Launches {
		if slices.Contains(r.Plan.Launches[i].Pods, key) {
			r.explainLaunch(text, i, key)
			return
		}
	}
}

func (r *Result) explainReason(text *strings.Builder, key model.PodKey) {
	for i := range r.Report.Placed {
		if reason := &r.Report.Placed[i]; slices.Contains(reason.Pods, key) {
			fmt.Fprintf(text, "Why:       %s: %s\n", reason.Code, reason.Message)
			return
		}
	}
}

func (r *Result) explainLaunch(text *strings.Builder, i int, key model.PodKey) {
	launch := &r.Plan.Launches[i]
	first := launch.Offerings[0]
	fmt.Fprintf(text, "Place:     node %d of %d to launch: %s %s in %s, %s $/h, %s\n",
		i+1, len(r.Plan.Launches), first.InstanceType, anyOf(string(first.CapacityType)), anyOf(first.Zone), Dollars(first.PricePerHour), From(launch))
	if others := len(launch.Pods) - 1; others > 0 {
		work := map[string]int{}
		for _, pod := range launch.Pods {
			if pod != key {
				work[r.Owner(pod)]++
			}
		}
		fmt.Fprintf(text, "With:      %s\n", workloads(work, 5))
	}
	if instanceType := r.InstanceType(launch); instanceType != nil {
		fmt.Fprintf(text, "Node use:  %s of %s\n", amounts(room(launch.Requests)), amounts(room(instanceType.Allocatable)))
	}
	r.explainReason(text, key)
	if i < len(r.Report.Launches) {
		explainChoice(text, &r.Report.Launches[i])
	}
	if rest := launch.Offerings[1:]; len(rest) > 0 {
		fmt.Fprintf(text, "If there is no capacity, in this order:\n")
		for _, offering := range rest[:min(shownFallbacks, len(rest))] {
			fmt.Fprintf(text, "           %s %s in %s, %s $/h\n", offering.InstanceType, offering.CapacityType, offering.Zone, Dollars(offering.PricePerHour))
		}
		if more := len(rest) - shownFallbacks; more > 0 {
			fmt.Fprintf(text, "           and %d more\n", more)
		}
	}
}

func explainChoice(text *strings.Builder, reason *model.LaunchReason) {
	fmt.Fprintf(text, "Type:      %s: %s\n", reason.Chosen.Code, reason.Chosen.Message)
	if len(reason.Rejected) == 0 {
		return
	}
	text.WriteString("Cheaper, but:\n")
	for _, rejected := range reason.Rejected[:min(shownRejected, len(reason.Rejected))] {
		where := rejected.InstanceType + " " + string(rejected.CapacityType)
		if rejected.Zone != "" {
			where += " in " + rejected.Zone
		}
		fmt.Fprintf(text, "           %s, %s $/h: %s: %s\n", strings.TrimSpace(where), Dollars(rejected.PricePerHour), rejected.Code, rejected.Message)
	}
	if more := max(len(reason.Rejected)-shownRejected, 0) + reason.RejectedMore; more > 0 {
		fmt.Fprintf(text, "           and %d more\n", more)
	}
}
