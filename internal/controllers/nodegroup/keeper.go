package nodegroup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/interruption"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

// Keeper knows the node groups: what AWS says of them, which Nodes are theirs,
// and what has been tried with them. It may be used concurrently.
type Keeper struct {
	Cloud   cloud.NodeGroups
	Options Options
	Clock   clock.PassiveClock
	Log     logr.Logger

	// Turn is held by whoever decides about groups: growing and shrinking at the
	// same time would each count on what the other takes.
	Turn sync.Mutex

	mu     sync.Mutex
	memory map[string]*memory
	gone   []string // groups that AWS no longer has, until somebody is told
	last   []Group
	said   map[string]string
}

// Group is a node group with its Nodes.
type Group struct {
	cloud.NodeGroup
	// Nodes that have joined, by instance ID.
	Nodes map[string]*corev1.Node
	// Coming are the members that have not joined, Late those of them that have
	// taken too long.
	Coming, Late []cloud.GroupInstance
	// Placeholders is how many instances are still awaited that AWS has not
	// named yet; Unfulfilled how many it fails to bring.
	Placeholders, Unfulfilled int
	// Grew is when the desired size was last seen to rise.
	Grew time.Time
	// Backoff says why the group is not asked to grow, until when.
	Backoff      string
	BackoffUntil time.Time
}

// memory is what outlives a look.
type memory struct {
	desired   int
	grew      time.Time
	short     time.Time            // since when it has fewer instances than it wants
	firstSeen map[string]time.Time // instances that have not joined
	backoff   string
	until     time.Time
	pause     time.Duration
	told      time.Time // the failure that was told last
	zones     zoneMemory
}

// How long a group is left alone after it failed: longer each time, and short
// again after it has been well for a while.
const (
	firstBackoff = 5 * time.Minute
	lastBackoff  = 30 * time.Minute
	forgetAfter  = 3 * time.Hour
	// failureGrace is how long after a failure AWS may still bring the instance
	// from another pool.
	failureGrace = 20 * time.Second
)

// Look asks AWS for the groups and sorts the Nodes into them.
func (k *Keeper) Look(ctx context.Context, nodes []corev1.Node) ([]Group, error) {
	found, err := k.Cloud.Groups(ctx, k.Options.Selection)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	byID := make(map[string]*corev1.Node, len(nodes))
	for i := range nodes {
		byID[nodes[i].Spec.ProviderID] = &nodes[i]
	}
	if k.memory == nil {
		k.memory, k.said = map[string]*memory{}, map[string]string{}
	}
	groups := make([]Group, 0, len(found))
	present := map[string]bool{}
	for i := range found {
		present[found[i].Name] = true
		groups = append(groups, k.group(&found[i], byID))
	}
	for name := range k.memory {
		if !present[name] {
			delete(k.memory, name)
			k.gone = append(k.gone, name)
		}
	}
	k.last = groups
	return groups, nil
}

func (k *Keeper) group(found *cloud.NodeGroup, byID map[string]*corev1.Node) Group {
	now := k.Clock.Now()
	g := Group{NodeGroup: *found, Nodes: map[string]*corev1.Node{}}
	m := k.memory[g.Name]
	if m == nil {
		m = &memory{desired: g.Desired, firstSeen: map[string]time.Time{}}
		k.memory[g.Name] = m
		k.Log.Info("node group found", "node-group", g.Name, "min", g.Min, "max", g.Max, "desired", g.Desired, "instance-types", typeNames(&g.NodeGroup.NodeGroup))
	}
	larger := g.Desired > m.desired
	if larger {
		m.grew = now
	}
	m.desired, g.Grew = g.Desired, m.grew
	k.members(&g, m, byID)
	g.discountReplaced()
	k.shortfall(&g, m)
	k.watchZones(&g, m, larger)
	if now.Before(m.until) {
		g.Backoff, g.BackoffUntil = m.backoff, m.until
	}
	learn(&g)
	nameStartupTaints(&g.NodeGroup.NodeGroup)
	if g.NotReadyReason == "" && g.Backoff != "" {
		g.NotReadyReason = g.Backoff + "; it is asked again at " + g.BackoffUntil.UTC().Format(time.TimeOnly)
	}
	k.sayUnread(&g)
	return g
}

// members sorts the instances by whether they have joined.
func (k *Keeper) members(g *Group, m *memory, byID map[string]*corev1.Node) {
	seen := map[string]time.Time{}
	for _, instance := range g.Instances {
		if node := byID[instance.ProviderID]; node != nil {
			g.Nodes[instance.ID] = node
			continue
		}
		if instance.IsLeaving() {
			continue
		}
		since, known := m.firstSeen[instance.ID]
		if !known {
			since = k.Clock.Now()
		}
		seen[instance.ID] = since
		if k.Clock.Now().Sub(since) >= k.Options.MaxNodeProvisionTime {
			g.Late = append(g.Late, instance)
		} else {
			g.Coming = append(g.Coming, instance)
		}
	}
	m.firstSeen = seen
}

// shortfall counts what the group wants and has not got. AWS is still about to
// bring it, as long as one of the pools it could come from may have capacity; or
// it fails to, and pods must not count on it.
func (k *Keeper) shortfall(g *Group, m *memory) {
	have, unit := 0, 1
	for _, instance := range g.Instances {
		if !instance.IsLeaving() && !isReplaced(g, instance) {
			have += instance.Weight
		}
	}
	for i := range g.Types {
		unit = max(unit, g.Types[i].Weight)
	}
	missing := max(0, g.Desired-have+unit-1) / unit
	now := k.Clock.Now()
	if missing == 0 {
		m.short = time.Time{}
		return
	}
	if m.short.IsZero() || m.grew.After(m.short) {
		m.short = now
	}
	overdue := now.Sub(m.short) >= k.Options.MaxNodeProvisionTime
	if overdue && g.NotReadyReason == "" {
		g.NotReadyReason = fmt.Sprintf("it has waited for %d instances since %s and does not get them", missing, m.short.UTC().Format(time.TimeOnly))
	}
	if overdue || fails(g, m.grew, now) {
		g.Unfulfilled = missing
		return
	}
	g.Placeholders = missing
}

// isReplaced reports whether the group launches another instance in this one's
// stead: AWS takes it back, or the group does not wait to see whether it does.
func isReplaced(g *Group, instance cloud.GroupInstance) bool {
	node := g.Nodes[instance.ID]
	if node == nil {
		return false
	}
	return slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool {
		if taint.Key != observe.InterruptionTaint {
			return false
		}
		kind := interruption.Kind(taint.Value)
		return kind == interruption.SpotInterruption || (kind == interruption.RebalanceRecommendation && g.Rebalances)
	})
}

// Member says which group an instance belongs to, as far as the latest look knows.
func (k *Keeper) Member(instanceID string) (cloud.GroupMember, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.last {
		g := &k.last[i]
		for _, instance := range g.Instances {
			if instance.ID == instanceID {
				return cloud.GroupMember{Group: g.Name, Managed: g.Managed, Lifecycle: instance.Lifecycle, Rebalances: g.Rebalances, Desired: g.Desired}, true
			}
		}
	}
	return cloud.GroupMember{}, false
}

// fails reports whether a launch has failed since the group grew, and no other
// pool is left that AWS would still try.
func fails(g *Group, grew, now time.Time) bool {
	if len(g.Failures) == 0 || g.Failures[0].At.Before(grew) || now.Sub(g.Failures[0].At) < failureGrace {
		return false
	}
	return !g.Failures[0].Capacity || isDry(g)
}

// isDry reports whether all pools of a way of buying that the group uses are
// known to have no capacity.
func isDry(g *Group) bool {
	open, used := map[model.CapacityType]bool{}, map[model.CapacityType]bool{}
	for i := range g.Types {
		for _, offering := range g.Types[i].Offerings {
			used[offering.CapacityType] = true
			open[offering.CapacityType] = open[offering.CapacityType] || offering.UnavailableReason == ""
		}
	}
	for capacityType := range used {
		if !open[capacityType] {
			return true
		}
	}
	return false
}

// sayUnread logs once what could not be read of a group.
func (k *Keeper) sayUnread(g *Group) {
	for _, text := range g.Unread {
		if key := g.Name + "\x00" + text; k.said[key] == "" {
			k.said[key] = text
			k.Log.Info("not everything about a node group could be read; what its nodes show is used", "node-group", g.Name, "unread", text)
		}
	}
}

// fail lets a group rest after it has failed.
func (k *Keeper) fail(name, why string) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.memory[name]
	if m == nil {
		return time.Time{}
	}
	now := k.Clock.Now()
	switch {
	case m.pause == 0 || now.Sub(m.until) > forgetAfter:
		m.pause = firstBackoff
	default:
		m.pause = min(2*m.pause, lastBackoff)
	}
	m.backoff, m.until = why, now.Add(m.pause)
	return m.until
}

// isNewFailure reports whether a failure has not been told yet, once.
func (k *Keeper) isNewFailure(name string, at time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.memory[name]
	if m == nil || !at.After(m.told) {
		return false
	}
	m.told = at
	return true
}

// Last is the result of the latest look.
func (k *Keeper) Last() []Group {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last
}

// View implements observe.GroupSource.
func (k *Keeper) View(ctx context.Context, nodes []corev1.Node) (observe.GroupView, error) {
	groups, err := k.Look(ctx, nodes)
	if err != nil {
		return observe.GroupView{}, err
	}
	view := observe.GroupView{Starting: map[string]model.Node{}}
	for i := range groups {
		g := &groups[i]
		view.Groups = append(view.Groups, g.NodeGroup.NodeGroup)
		view.Launching = append(view.Launching, g.launching()...)
		for _, instance := range g.Instances {
			if node := g.Nodes[instance.ID]; node != nil && k.isStarting(node) {
				view.Starting[instance.ProviderID] = g.expected(instance, node.Name)
			}
		}
	}
	return view, nil
}

// isStarting reports whether a node has joined and may still become ready.
func (k *Keeper) isStarting(node *corev1.Node) bool {
	return !observe.IsReady(node) && k.Clock.Now().Sub(node.CreationTimestamp.Time) < k.Options.MaxNodeProvisionTime
}

// launching are the nodes that the group is still to bring.
func (g *Group) launching() []model.Node {
	var nodes []model.Node
	for _, instance := range g.Coming {
		nodes = append(nodes, g.expected(instance, instance.ID))
	}
	for i, instance := range g.placeholders() {
		nodes = append(nodes, g.expected(instance, placeholder(g.Name, i)))
	}
	slices.SortFunc(nodes, func(a, b model.Node) int { return cmp.Compare(a.Name, b.Name) })
	return nodes
}

// expected is what is certain of a member: its type and zone where it has been
// launched, else what all that may come have in common.
func (g *Group) expected(instance cloud.GroupInstance, name string) model.Node {
	return groupnodes.Expected(&g.NodeGroup.NodeGroup, instance.InstanceType, instance.Zone, instance.CapacityType, name)
}

// takeGone hands over, once, the names of the groups that went away.
func (k *Keeper) takeGone() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	gone := k.gone
	k.gone = nil
	slices.Sort(gone)
	return gone
}
