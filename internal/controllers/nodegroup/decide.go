package nodegroup

import (
	"context"
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/model"
)

// PriorityConfigMap and priorityKey are where the priority expander's patterns
// are.
const (
	PriorityConfigMap = "cluster-autoscaler-priority-expander"
	priorityKey       = "priorities"
)

// Decider makes plans with the expanders' order of groups.
type Decider struct {
	Options Options
	// Live reads the priority ConfigMap from the API server itself.
	Live client.Reader
	// External is asked where the expanders say so, about the pods that Pods has.
	External External
	Pods     client.Reader
	Log      logr.Logger

	mu   sync.Mutex
	said map[string]string // by what it is about
}

// Decide is engine.Solve with the groups in the expanders' order, shared among
// like groups where that is asked for.
func (d *Decider) Decide(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report) {
	return d.DecideFor(snapshot, settings, nil)
}

// DecideFor is Decide about pods that Pods does not have, among those of the snapshot
// that ask: they do not exist yet.
func (d *Decider) DecideFor(snapshot *model.Snapshot, settings model.Settings, pods []*corev1.Pod) (model.Plan, model.Report) {
	r := &ranking{snapshot: snapshot, settings: settings, seed: d.Options.RandomSeed, levels: d.levels()}
	if d.External != nil {
		r.external = func(candidates []candidateGroup) verdict { return d.ask(candidates, pods) }
	}
	ranked := r.rank(d.Options.Expanders)
	plan, report, limited := d.limited(ranked, settings)
	if r.holdUnasked(ranked, plan.Groups) {
		plan, report, limited = d.limited(ranked, settings)
	}
	r.explain(&plan, &report)
	if d.Options.Balance {
		plan = balance(r.withoutHold(limited), plan)
	}
	return plan, report
}

// levels are read anew for every decision, so that a change counts at once. What
// cannot be read orders nothing, and is said once.
func (d *Decider) levels() priorities {
	wanted := false
	for _, expander := range d.Options.Expanders {
		wanted = wanted || expander == expanderPriority
	}
	if !wanted || d.Live == nil {
		return nil
	}
	var config corev1.ConfigMap
	err := d.Live.Get(context.Background(), client.ObjectKey{Namespace: d.Options.Namespace, Name: PriorityConfigMap}, &config)
	switch {
	case apierrors.IsNotFound(err):
		d.say(priorityKey, fmt.Sprintf("ConfigMap %s/%s does not exist: the priority expander orders nothing", d.Options.Namespace, PriorityConfigMap))
		return nil
	case err != nil:
		d.say(priorityKey, fmt.Sprintf("reading ConfigMap %s/%s: %v: the priority expander orders nothing", d.Options.Namespace, PriorityConfigMap, err))
		return nil
	}
	levels, err := parsePriorities(config.Data[priorityKey])
	if err != nil {
		d.say(priorityKey, fmt.Sprintf("ConfigMap %s/%s: %v: the priority expander orders nothing", d.Options.Namespace, PriorityConfigMap, err))
		return nil
	}
	d.say(priorityKey, "")
	return levels
}

// say logs what is new about something; empty is nothing to say.
func (d *Decider) say(about, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.said == nil {
		d.said = map[string]string{}
	}
	if text != d.said[about] && text != "" {
		d.Log.Info(text)
	}
	d.said[about] = text
}

// limited decides within the most nodes that the cluster may have. Each group may
// take all the room there is; where together they take more, each keeps what is
// left of what it took.
func (d *Decider) limited(snapshot *model.Snapshot, settings model.Settings) (model.Plan, model.Report, *model.Snapshot) {
	most := d.Options.MaxNodesTotal
	if most <= 0 {
		plan, report := engine.Solve(snapshot, settings)
		return plan, report, snapshot
	}
	room := max(0, most-len(snapshot.Nodes))
	limited := withRoom(snapshot, most, func(string) int { return room })
	plan, report := engine.Solve(limited, settings)
	if grown := sumOf(plan.Groups); grown > room {
		left := map[string]int{}
		for _, size := range plan.Groups {
			left[size.Name] = min(size.To-size.From, room)
			room -= left[size.Name]
		}
		limited = withRoom(snapshot, most, func(group string) int { return left[group] })
		plan, report = engine.Solve(limited, settings)
	}
	return plan, report, limited
}

func sumOf(sizes []model.GroupSize) int {
	sum := 0
	for _, size := range sizes {
		sum += size.To - size.From
	}
	return sum
}

// withRoom lets each group grow by so much.
func withRoom(snapshot *model.Snapshot, most int, room func(group string) int) *model.Snapshot {
	limited := *snapshot
	limited.NodeGroups = append([]model.NodeGroup(nil), snapshot.NodeGroups...)
	for i := range limited.NodeGroups {
		g := &limited.NodeGroups[i]
		left := room(g.Name)
		g.Max = min(g.Max, g.Desired+left)
		if left == 0 && g.NotReadyReason == "" {
			g.NotReadyReason = fmt.Sprintf("the cluster has its most nodes, %d (--max-nodes-total)", most)
		}
	}
	return &limited
}
