// Package present shows a plan to people and programs: as a table, as JSON or
// YAML, as names, or as everything there is to say about one pod.
package present

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/model"
)

// Result is a plan with all that is needed to show it.
type Result struct {
	// Source names where types and prices come from.
	Source   string
	Snapshot *model.Snapshot
	Plan     model.Plan
	Report   model.Report
	// Owner is the workload of a pod, such as "Deployment shop/web".
	Owner func(model.PodKey) string
	// LeftOut are pods that were not planned for.
	LeftOut []LeftOut
	// Others counts objects of kinds that no plan depends on.
	Others map[string]int
	// Notices say what was assumed.
	Notices []string
}

// LeftOut is why some pods were not planned for.
type LeftOut struct {
	Reason string `json:"reason"`
	Pods   int    `json:"pods"`
}

// Summary is the plan in numbers.
type Summary struct {
	Pods          int     `json:"pods"`
	Placed        int     `json:"placed"`
	OnExisting    int     `json:"placedOnExistingNodes"`
	Unplaced      int     `json:"unplaced"`
	ExistingNodes int     `json:"existingNodes"`
	NodesUsed     int     `json:"existingNodesUsed"`
	Launches      int     `json:"launches"`
	PricePerHour  float64 `json:"pricePerHour"`
	PricePerMonth float64 `json:"pricePerMonth"`
	// BoundPerHour and Gap as in model.Report.
	BoundPerHour float64 `json:"boundPerHour,omitempty"`
	Gap          float64 `json:"gap,omitempty"`
}

// HoursPerMonth is what AWS's own calculator takes for a month.
const HoursPerMonth = 730

// Summary counts.
func (r *Result) Summary() Summary {
	s := Summary{
		Pods: len(r.Snapshot.Pending), ExistingNodes: len(r.Snapshot.Nodes), Launches: len(r.Plan.Launches),
		OnExisting: len(r.Plan.Placements), PricePerHour: r.Plan.PricePerHour, PricePerMonth: r.Plan.PricePerHour * HoursPerMonth,
		BoundPerHour: r.Report.Bound, Gap: r.Report.Gap,
	}
	used := map[string]bool{}
	for _, placement := range r.Plan.Placements {
		used[placement.Node] = true
	}
	s.NodesUsed = len(used)
	s.Placed = s.OnExisting
	for i := range r.Plan.Launches {
		s.Placed += len(r.Plan.Launches[i].Pods)
	}
	for i := range r.Report.Unplaced {
		s.Unplaced += len(r.Report.Unplaced[i].Pods)
	}
	return s
}

// InstanceType looks up what a launch buys first; nil when the catalog has no
// such type.
func (r *Result) InstanceType(launch *model.Launch) *model.InstanceType {
	for i := range r.Snapshot.NodePools {
		pool := &r.Snapshot.NodePools[i]
		if pool.Name != launch.NodePool {
			continue
		}
		types := r.Snapshot.Catalogs[pool.NodeClass].InstanceTypes
		for j := range types {
			if types[j].Name == launch.Offerings[0].InstanceType {
				return &types[j]
			}
		}
	}
	return r.groupType(launch)
}

// groupType is what all types have in common of which a launch of a node group gets one.
func (r *Result) groupType(launch *model.Launch) *model.InstanceType {
	names := strings.Split(launch.Offerings[0].InstanceType, "|")
	var kinds []model.GroupType
	for i := range r.Snapshot.NodeGroups {
		if group := &r.Snapshot.NodeGroups[i]; group.Name == launch.NodeGroup {
			kinds = slices.DeleteFunc(slices.Clone(group.Types), func(t model.GroupType) bool { return !slices.Contains(names, t.Name) })
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	shared := groupnodes.SharedByAll(kinds, "")
	return &shared
}

// anyOf is a zone or a way of buying, "any" for a node group's node that may be of each.
func anyOf(text string) string {
	if text == "" {
		return "any"
	}
	return text
}

// From names what a launch is bought by: a NodePool or a node group.
func From(launch *model.Launch) string {
	if launch.NodeGroup != "" {
		return "node group " + launch.NodeGroup
	}
	return "NodePool " + launch.NodePool
}

// alternative names what could not serve pods.
func alternative(reason *model.PoolReason) string {
	if reason.NodeGroup != "" {
		return "node group " + reason.NodeGroup
	}
	return "NodePool " + reason.NodePool
}

// row is launches that are bought the same way.
type row struct {
	pool     string
	offering model.OfferingKey
	count    int
	price    float64 // of one
	pods     int
	requests model.Resources
	room     model.Resources // allocatable of all
	each     model.Resources // allocatable of one
	work     map[string]int  // pods by workload
}

// rows groups the launches, dearest group first.
func (r *Result) rows() []*row {
	type key struct {
		pool string
		model.OfferingKey
	}
	byKey := map[key]*row{}
	var rows []*row
	for i := range r.Plan.Launches {
		launch := &r.Plan.Launches[i]
		first := launch.Offerings[0]
		pool := launch.NodePool + launch.NodeGroup
		k := key{pool, first.OfferingKey}
		one := byKey[k]
		if one == nil {
			one = &row{pool: pool, offering: first.OfferingKey, price: first.PricePerHour, work: map[string]int{}}
			byKey[k] = one
			rows = append(rows, one)
		}
		one.count++
		one.pods += len(launch.Pods)
		one.requests = one.requests.Add(launch.Requests)
		if instanceType := r.InstanceType(launch); instanceType != nil {
			one.each = instanceType.Allocatable
			one.room = one.room.Add(instanceType.Allocatable)
		}
		for _, pod := range launch.Pods {
			one.work[r.Owner(pod)]++
		}
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.pool, b.pool), cmp.Compare(float64(b.count)*b.price, float64(a.count)*a.price),
			cmp.Compare(a.offering.InstanceType, b.offering.InstanceType), cmp.Compare(a.offering.Zone, b.offering.Zone))
	})
	return rows
}

// share is how full something is, as text; "-" when it has no such room.
func share(requests, room model.Resources, name string) string {
	if room[name] == 0 {
		return "-"
	}
	return strconv.Itoa(int((requests[name]*100+room[name]/2)/room[name])) + "%"
}

// Dollars writes a price with as many digits as say something.
func Dollars(price float64) string {
	switch {
	case price >= 1000:
		return thousands(price, 2)
	case price >= 100:
		return strconv.FormatFloat(price, 'f', 2, 64)
	}
	return strconv.FormatFloat(price, 'f', 4, 64)
}

// thousands writes a number with commas.
func thousands(number float64, digits int) string {
	text := strconv.FormatFloat(number, 'f', digits, 64)
	whole, fraction, hasFraction := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		return whole + "." + fraction
	}
	return whole
}

func number(n int) string { return thousands(float64(n), 0) }

// Counted is "1 pod" or "2 pods".
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

// amount writes an amount of a resource the way Kubernetes does.
func amount(name string, value int64) string {
	const mebibyte, gibibyte = 1 << 20, 1 << 30
	switch name {
	case model.CPU:
		if value%1000 == 0 {
			return strconv.FormatInt(value/1000, 10)
		}
		return strconv.FormatInt(value, 10) + "m"
	case model.Memory, model.EphemeralStorage:
		switch {
		case value%gibibyte == 0:
			return strconv.FormatInt(value/gibibyte, 10) + "Gi"
		case value%mebibyte == 0:
			return strconv.FormatInt(value/mebibyte, 10) + "Mi"
		}
	}
	return strconv.FormatInt(value, 10)
}

// amounts lists resources, CPU and memory first, without the pod itself.
func amounts(resources model.Resources) string {
	var parts []string
	for _, name := range resourceNames(resources) {
		parts = append(parts, name+" "+amount(name, resources[name]))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func resourceNames(resources model.Resources) []string {
	names := slices.DeleteFunc(resources.Names(), func(name string) bool { return name == model.PodCount || resources[name] == 0 })
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return names
}

func rank(resource string) int {
	if i := slices.Index([]string{model.CPU, model.Memory}, resource); i >= 0 {
		return i
	}
	return 2
}

// workloads lists "3 Deployment shop/web, 1 Pod default/x", most pods first, at
// most some of them.
func workloads(work map[string]int, most int) string {
	names := make([]string, 0, len(work))
	for name := range work {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(work[b], work[a]), cmp.Compare(a, b)) })
	var parts []string
	for i, name := range names {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more", len(names)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%d %s", work[name], name))
	}
	return strings.Join(parts, ", ")
}
