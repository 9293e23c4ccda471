package nodegroup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
)

// candidate is a node of a group that its pods could do without, as far as the
// node itself says.
type candidate struct {
	group    *Group
	instance cloud.GroupInstance
	node     *corev1.Node
	pods     []*corev1.Pod // that need a place elsewhere
	// utilization is the larger part of cpu and memory that is requested.
	utilization float64
	ready       bool
}

// maxCandidates bounds how many nodes are tried in one look.
const maxCandidates = 100

// refusal says why a node stays, with cluster-autoscaler's name for it.
type refusal struct{ reason, text string }

// candidates are the nodes that may go, those with the least to move first, and
// why the others stay.
func (a *Autoscaler) candidates(state *state) ([]candidate, map[string]refusal) {
	var list []candidate
	stay := map[string]refusal{}
	for i := range state.groups {
		g := &state.groups[i]
		options := groupOptions(a.Keeper.Options.ScaleDown, g.Tags)
		for _, instance := range g.Instances {
			node := g.Nodes[instance.ID]
			if node == nil || node.DeletionTimestamp != nil || instance.IsLeaving() || isMarked(node) || observe.IsLeaving(node, nil) {
				continue
			}
			c := candidate{group: g, instance: instance, node: node, ready: observe.IsReady(node)}
			if why := c.examine(state, options); why.reason != "" {
				stay[node.Name] = why
				continue
			}
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(min(len(a.pods), 1), min(len(b.pods), 1)), cmp.Compare(a.utilization, b.utilization), cmp.Compare(a.node.Name, b.node.Name))
	})
	return list[:min(len(list), maxCandidates)], stay
}

// examine fills in the candidate, or says why its node stays.
func (c *candidate) examine(state *state, options ScaleDownOptions) refusal {
	switch {
	case c.node.Annotations[scaleDownDisabled] == "true":
		return refusal{"ScaleDownDisabledAnnotation", "it is annotated " + scaleDownDisabled}
	case c.instance.Protected:
		return refusal{"ScaleDownDisabledAnnotation", "its instance is protected from scale-in"}
	case c.group.Desired-c.instance.Weight < c.group.Min:
		return refusal{"NodeGroupMinSizeReached", fmt.Sprintf("its group is at its minimum size %d", c.group.Min)}
	}
	var requested model.Resources
	for _, pod := range state.podsOn[c.node.Name] {
		standing, why := state.rules.judge(pod)
		if standing == blocks {
			return refusal{"BlockedByPod", why}
		}
		if standing == mustMove {
			c.pods = append(c.pods, pod)
		}
		if !options.IgnoreDaemonSetsUtilization || !observe.IsOwnedByDaemonSet(pod) {
			requested = requested.Add(state.requests[pod.Namespace+"/"+pod.Name])
		}
	}
	c.utilization = utilization(requested, state.nodes[c.node.Name])
	if c.ready && c.utilization > options.UtilizationThreshold {
		return refusal{"NotUnderutilized", fmt.Sprintf("more than %.0f %% of it is requested", options.UtilizationThreshold*100)}
	}
	return refusal{}
}

func utilization(requested model.Resources, node *model.Node) float64 {
	most := 0.0
	if node == nil {
		return most
	}
	for _, resource := range []string{model.CPU, model.Memory} {
		if room := node.Allocatable[resource]; room > 0 {
			most = max(most, float64(requested[resource])/float64(room))
		}
	}
	return most
}

// groupOptions are the options with those that the group's tags give.
func groupOptions(options ScaleDownOptions, tags map[string]string) ScaleDownOptions {
	const prefix = "k8s.io/cluster-autoscaler/node-template/autoscaling-options/"
	if value, err := strconv.ParseFloat(tags[prefix+"scaledownutilizationthreshold"], 64); err == nil {
		options.UtilizationThreshold = value
	}
	if value, err := time.ParseDuration(tags[prefix+"scaledownunneededtime"]); err == nil {
		options.UnneededTime = value
	}
	if value, err := time.ParseDuration(tags[prefix+"scaledownunreadytime"]); err == nil {
		options.UnreadyTime = value
	}
	if value, err := strconv.ParseBool(tags[prefix+"ignoredaemonsetsutilization"]); err == nil {
		options.IgnoreDaemonSetsUtilization = value
	}
	return options
}

// together are the candidates that can all go at once: the engine finds a place
// for all their pods on the nodes that stay, nobody who waits loses one, and the
// budgets and minimum sizes hold.
func (a *Autoscaler) together(ctx context.Context, state *state, list []candidate, stay map[string]refusal) ([]candidate, error) {
	budgets := state.rules.allowance()
	room := map[string]int{}
	for i := range state.groups {
		room[state.groups[i].Name] = state.groups[i].Desired - state.groups[i].Min - state.groups[i].marked()
	}
	trial, err := a.newTrial(ctx, state, list)
	if err != nil {
		return nil, err
	}
	var accepted []candidate
	for _, c := range list {
		switch {
		case room[c.group.Name] < c.instance.Weight:
			stay[c.node.Name] = refusal{"NodeGroupMinSizeReached", fmt.Sprintf("its group would go below its minimum size %d", c.group.Min)}
		case !trial.holds(append(slices.Clone(accepted), c)):
			stay[c.node.Name] = refusal{"NoPlaceToMovePods", "its pods have no place elsewhere, or a pod that waits has its place here"}
		case !budgets.take(c.pods):
			stay[c.node.Name] = refusal{"BlockedByPod", "PodDisruptionBudgets do not let its pods go together with those of other nodes"}
		default:
			room[c.group.Name] -= c.instance.Weight
			accepted = append(accepted, c)
		}
	}
	return accepted, nil
}

// marked is how many units of the group are about to go.
func (g *Group) marked() int {
	units := 0
	for _, instance := range g.Instances {
		if node := g.Nodes[instance.ID]; node != nil && isMarked(node) && !instance.IsLeaving() {
			units += instance.Weight
		}
	}
	return units
}

// trial asks the engine what would become of the pods.
type trial struct {
	snapshot *model.Snapshot
	settings model.Settings
	moving   map[string]model.Pod // by namespace/name
	waiting  map[model.PodKey]bool
}

// newTrial notes which pods have no place today: that they have none afterwards
// either is nobody's loss.
func (a *Autoscaler) newTrial(ctx context.Context, state *state, list []candidate) (*trial, error) {
	t := &trial{snapshot: state.snapshot, settings: a.Settings, moving: map[string]model.Pod{}, waiting: map[model.PodKey]bool{}}
	var pods []*corev1.Pod
	for i := range list {
		pods = append(pods, list[i].pods...)
	}
	moving, err := a.Observer.Moving(ctx, pods)
	if err != nil {
		return nil, err
	}
	for i := range moving {
		t.moving[moving[i].String()] = moving[i]
	}
	_, report := engine.Solve(t.without(nil), t.settings)
	for _, reason := range report.Unplaced {
		for _, key := range reason.Pods {
			t.waiting[key] = true
		}
	}
	return t, nil
}

// without is the cluster without these nodes and without anything to buy, their
// pods waiting for a place.
func (t *trial) without(leaving []candidate) *model.Snapshot {
	after := *t.snapshot
	after.NodePools, after.NodeGroups, after.Catalogs = nil, nil, nil
	after.Nodes = nil
	after.Pending = slices.Clone(t.snapshot.Pending)
	gone := map[string]bool{}
	for i := range leaving {
		gone[leaving[i].node.Name] = true
		for _, pod := range leaving[i].pods {
			after.Pending = append(after.Pending, t.moving[pod.Namespace+"/"+pod.Name])
		}
	}
	for _, node := range t.snapshot.Nodes {
		if !gone[node.Name] {
			after.Nodes = append(after.Nodes, node)
			continue
		}
		// Room that is kept for pods on their way must be elsewhere too.
		for _, pod := range node.Pods {
			if pod.Promised {
				pod.Promised = false
				after.Pending = append(after.Pending, pod)
			}
		}
	}
	return &after
}

func (t *trial) holds(leaving []candidate) bool {
	_, report := engine.Solve(t.without(leaving), t.settings)
	for _, reason := range report.Unplaced {
		for _, key := range reason.Pods {
			if !t.waiting[key] {
				return false
			}
		}
	}
	return true
}
