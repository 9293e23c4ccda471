package nodegroup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/grpcexpander"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// External is an expander outside of this process. It answers with the names of the
// groups that are to grow; they need not be among those it is asked about.
type External interface {
	BestOptions(ctx context.Context, options []grpcexpander.Option) ([]string, error)
}

// candidateGroup is a group that may be asked about, and what it could do.
type candidateGroup struct {
	group *model.NodeGroup
	option
}

// verdict is which groups an external expander lets grow.
type verdict struct {
	// refusal is why the groups that are not chosen do not grow; empty when all may.
	refusal string
	chosen  []string
	// unknown are names in the answer that nobody asked about.
	unknown []string
}

// errUnknownGroups is an answer with nothing in it that was asked about.
var errUnknownGroups = errors.New("it chose only groups that it was not asked about")

// judge makes rules of an answer, as Cluster Autoscaler does: an empty one keeps all
// groups from growing, one without any known name is none.
func judge(asked, answer []string) (verdict, error) {
	var v verdict
	for _, name := range answer {
		switch {
		case !slices.Contains(asked, name):
			v.unknown = append(v.unknown, name)
		case !slices.Contains(v.chosen, name):
			v.chosen = append(v.chosen, name)
		}
	}
	switch {
	case len(answer) == 0:
		v.refusal = "the external expander (--expander=grpc) chose no node group for the pods that wait"
	case len(v.chosen) == 0:
		return v, errUnknownGroups
	default:
		v.refusal = fmt.Sprintf("the external expander (--expander=grpc) chose %s; it is asked again for pods that still wait", sampleOf(v.chosen))
	}
	return v, nil
}

// sampleOf is the first few names of a list.
func sampleOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// consult has the external expander choose among the groups that the expanders
// before it left equal, and keeps the others from growing in this decision.
func (r *ranking) consult(groups []model.NodeGroup, scores [][]float64) {
	able, best := r.leaders(groups, scores)
	if len(best) == 0 || r.external == nil {
		return
	}
	names := make([]string, len(best))
	for i := range best {
		names[i] = best[i].group.Name
	}
	v := verdict{chosen: names}
	if isDecided := len(best) == 1 && len(scores[0]) > 0; isDecided {
		v.refusal = fmt.Sprintf("the expanders before the external one chose %s; it is asked about other groups for pods that still wait", names[0])
	} else {
		v = r.external(best)
	}
	if v.refusal == "" {
		return
	}
	r.verdict, r.held = v, map[string]bool{}
	for _, c := range able {
		if !slices.Contains(v.chosen, c.group.Name) {
			r.hold(c.group)
		}
	}
}

// leaders are the groups that could do something for the pods, and those of them
// with the best score so far.
func (r *ranking) leaders(groups []model.NodeGroup, scores [][]float64) (able, best []candidateGroup) {
	var top []float64
	for i := range groups {
		g := &groups[i]
		if g.NotReadyReason != "" || r.option(g).pods == 0 {
			continue
		}
		c := candidateGroup{group: g, option: r.option(g)}
		able = append(able, c)
		switch order := slices.Compare(scores[i], top); {
		case len(best) == 0 || order > 0:
			best, top = []candidateGroup{c}, scores[i]
		case order == 0:
			best = append(best, c)
		}
	}
	return able, best
}

func (r *ranking) hold(g *model.NodeGroup) {
	g.NotReadyReason = r.verdict.refusal
	r.held[g.Name] = true
}

// holdUnasked keeps groups from growing that could do nothing alone, so that nobody
// was asked about them, and do grow beside others. It reports whether there are any.
func (r *ranking) holdUnasked(snapshot *model.Snapshot, grown []model.GroupSize) bool {
	if r.verdict.refusal == "" {
		return false
	}
	found := false
	for i := range snapshot.NodeGroups {
		g := &snapshot.NodeGroups[i]
		if slices.Contains(r.verdict.chosen, g.Name) || !slices.ContainsFunc(grown, func(size model.GroupSize) bool { return size.Name == g.Name }) {
			continue
		}
		r.hold(g)
		found = true
	}
	return found
}

// withoutHold is the snapshot with the groups open that only the verdict held back:
// what was chosen may be shared among like groups.
func (r *ranking) withoutHold(snapshot *model.Snapshot) *model.Snapshot {
	if len(r.held) == 0 {
		return snapshot
	}
	open := *snapshot
	open.NodeGroups = slices.Clone(snapshot.NodeGroups)
	for i := range open.NodeGroups {
		if r.held[open.NodeGroups[i].Name] {
			open.NodeGroups[i].NotReadyReason = ""
		}
	}
	return &open
}

// explain says of the nodes that are bought who chose their group.
func (r *ranking) explain(plan *model.Plan, report *model.Report) {
	if r.verdict.refusal == "" {
		return
	}
	for i := range plan.Launches {
		if i < len(report.Launches) && slices.Contains(r.verdict.chosen, plan.Launches[i].NodeGroup) {
			report.Launches[i].Chosen.Message += "; the external expander (--expander=grpc) chose the node group"
		}
	}
}

// ask puts the question to the external expander. Whatever goes wrong, all groups may
// grow, as if it were not there: pods must not wait for a server that is down.
func (d *Decider) ask(candidates []candidateGroup, more []*corev1.Pod) verdict {
	options, err := d.options(candidates, more)
	var answer []string
	if err == nil {
		answer, err = d.External.BestOptions(context.Background(), options)
	}
	var v verdict
	if err == nil {
		asked := make([]string, len(options))
		for i := range options {
			asked[i] = options[i].Group
		}
		v, err = judge(asked, answer)
	}
	unknown := ""
	if len(v.unknown) > 0 {
		unknown = "the external expander chose groups that it was not asked about, which are left out: " + sampleOf(v.unknown)
	}
	d.say("unknown groups", unknown)
	if err != nil {
		d.say("external expander", fmt.Sprintf("the external expander did not choose: %v: all node groups may grow, as if it were not there", err))
		return verdict{}
	}
	said := "the external expander chose no node group"
	if len(v.chosen) > 0 {
		said = fmt.Sprintf("the external expander chose %s of %d node groups", sampleOf(v.chosen), len(options))
	}
	d.say("external expander", said)
	return v
}

// options are the candidates in Kubernetes' objects: pods that exist, and more that
// do not yet.
func (d *Decider) options(candidates []candidateGroup, more []*corev1.Pod) ([]grpcexpander.Option, error) {
	var list corev1.PodList
	if err := d.Pods.List(context.Background(), &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	pods := make(map[model.PodKey]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[model.PodKey{Namespace: list.Items[i].Namespace, Name: list.Items[i].Name}] = &list.Items[i]
	}
	for _, pod := range more {
		pods[model.PodKey{Namespace: pod.Namespace, Name: pod.Name}] = pod
	}
	options := make([]grpcexpander.Option, 0, len(candidates))
	for _, c := range candidates {
		g := c.group
		option := grpcexpander.Option{Group: g.Name, Nodes: c.nodes, Debug: fmt.Sprintf("%s (%d:%d)", g.Name, g.Min, g.Max), Node: sampleNode(g)}
		for _, key := range c.keys {
			if pod := pods[key]; pod != nil {
				option.Pods = append(option.Pods, pod)
			}
		}
		options = append(options, option)
	}
	return options, nil
}

// sampleNode is what the group's next node may look like: of its first type, in the
// first pool of it that has capacity. Taints that go by themselves are left out.
func sampleNode(g *model.NodeGroup) *corev1.Node {
	group := Group{NodeGroup: cloud.NodeGroup{NodeGroup: *g}}
	instance := cloud.GroupInstance{InstanceType: g.Types[0].Name}
	for _, offering := range g.Types[0].Offerings {
		if offering.UnavailableReason == "" {
			instance.Zone, instance.CapacityType = offering.Zone, offering.CapacityType
			break
		}
	}
	expected := group.expected(instance, "template-node-for-"+g.Name)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: expected.Name, Labels: expected.Labels}}
	for _, taint := range expected.Taints {
		if !slices.ContainsFunc(g.StartupTaints, func(own model.Taint) bool { return own.Key == taint.Key && own.Effect == taint.Effect }) {
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: taint.Key, Value: taint.Value, Effect: corev1.TaintEffect(taint.Effect)})
		}
	}
	node.Status.Allocatable, node.Status.Capacity = translate.ResourceList(expected.Allocatable), translate.ResourceList(expected.Capacity)
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	return node
}
