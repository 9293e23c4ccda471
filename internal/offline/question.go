package offline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/offers"
	"github.com/drover-project/drover/internal/workload"
)

// Question is what an input asks of the engine.
type Question struct {
	Snapshot *model.Snapshot
	// Owner is the workload of a pod, such as "Deployment shop/web".
	Owner func(model.PodKey) string
	// LeftOut are pods of the input that are not part of the question.
	LeftOut []LeftOut
	Notices []string
}

// LeftOut is why some pods are not planned for.
type LeftOut struct {
	Reason string
	Pods   int
}

// Ask turns an input into a question, buying in the market. An error is a
// mistake in the input.
func Ask(ctx context.Context, input *manifest.Input, market *offers.Market, options Options) (*Question, error) {
	switch {
	case len(input.Workloads) == 0:
		return askCluster(ctx, input, market, options)
	case len(input.Workloads) > 1:
		return nil, fmt.Errorf("%s and %s are both workloads in the neutral form: give one", input.Workloads[0].File, input.Workloads[1].File)
	case len(input.Objects) > 0:
		return nil, fmt.Errorf("%s is a workload in the neutral form, and %s has Kubernetes objects: give one or the other", input.Workloads[0].File, input.Objects[0].File)
	}
	return askWorkload(ctx, input.Workloads[0], market, options)
}

func askCluster(ctx context.Context, input *manifest.Input, market *offers.Market, options Options) (*Question, error) {
	if len(input.Objects) == 0 {
		return nil, errors.New("the input has no object that a plan depends on: give Deployments, Pods or the like")
	}
	cluster := New(input, options)
	observer := observe.Observer{Reader: cluster.Reader(), Cloud: market}
	snapshot, err := observer.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	question := &Question{Snapshot: snapshot, Owner: cluster.Owner, LeftOut: cluster.leftOut(snapshot), Notices: slices.Clone(input.Replaced)}
	question.Notices = append(question.Notices, cluster.Notices()...)
	if input.Others["Kustomization"] > 0 {
		question.Notices = append(question.Notices, "Kustomizations are not applied: plan for what they make with `kubectl kustomize FOLDER | drover solve -f -`")
	}
	if len(input.NewerFields) > 0 {
		question.Notices = append(question.Notices, fmt.Sprintf("fields of a newer API are not taken into account: %s", strings.Join(sample(input.NewerFields), ", ")))
	}
	return question, nil
}

// sample is each text once, at most a few.
func sample(texts []string) []string {
	const most = 5
	texts = slices.Compact(slices.Sorted(slices.Values(texts)))
	if len(texts) > most {
		return append(texts[:most:most], fmt.Sprintf("and %d more", len(texts)-most))
	}
	return texts
}

func askWorkload(ctx context.Context, w *workload.Workload, market *offers.Market, options Options) (*Question, error) {
	question := &Question{Owner: groupOf}
	var err error
	if market.Table != nil {
		question.Snapshot, err = w.Snapshot(market.Table)
		return question, err
	}
	pods, err := w.Pods()
	if err != nil {
		return nil, err
	}
	// The workload's own zones are the ones its selectors speak of.
	inZones := *market
	inZones.Zones = nil
	for _, zone := range w.Zones {
		inZones.Zones = append(inZones.Zones, catalog.Zone{Name: zone})
	}
	cluster := New(&manifest.Input{}, options)
	observer := observe.Observer{Reader: cluster.Reader(), Cloud: &inZones}
	if question.Snapshot, err = observer.Snapshot(ctx); err != nil {
		return nil, err
	}
	question.Snapshot.Pending = pods
	question.Notices = append(cluster.Notices(), fmt.Sprintf("zones are those of the workload, %s, at the prices of %s", strings.Join(w.Zones, ", "), market.Region))
	return question, nil
}

// groupOf is the group of a pod that a neutral workload made: its name without
// the number.
func groupOf(key model.PodKey) string {
	if i := strings.LastIndexByte(key.Name, '-'); i > 0 {
		return key.Name[:i]
	}
	return key.Name
}

// leftOut says which pods are neither waiting for a node nor on one, by reason.
func (c *Cluster) leftOut(snapshot *model.Snapshot) []LeftOut {
	known := map[model.PodKey]bool{}
	for i := range snapshot.Pending {
		known[snapshot.Pending[i].PodKey] = true
	}
	for i := range snapshot.Nodes {
		for j := range snapshot.Nodes[i].Pods {
			known[snapshot.Nodes[i].Pods[j].PodKey] = true
		}
	}
	count := maps.Clone(c.refused)
	reasons := slices.Collect(maps.Keys(count))
	for _, pod := range all[*corev1.Pod](c.store) {
		if known[model.PodKey{Namespace: pod.Namespace, Name: pod.Name}] {
			continue
		}
		reason := whyLeftOut(pod)
		if count[reason] == 0 {
			reasons = append(reasons, reason)
		}
		count[reason]++
	}
	slices.Sort(reasons)
	var left []LeftOut
	for _, reason := range reasons {
		left = append(left, LeftOut{Reason: reason, Pods: count[reason]})
	}
	return left
}

func whyLeftOut(pod *corev1.Pod) string {
	switch {
	case isOver(pod):
		return "ended"
	case pod.Spec.NodeName != "":
		return "bound to nodes that are not in the input; add the Nodes, or plan for them anew with --from-scratch"
	case pod.DeletionTimestamp != nil:
		return "being deleted"
	case observe.IsOwnedByDaemonSet(pod):
		return "of a DaemonSet, which come with their node"
	case len(pod.Spec.SchedulingGates) > 0:
		return "held back by spec.schedulingGates"
	case pod.Spec.SchedulerName != "" && pod.Spec.SchedulerName != corev1.DefaultSchedulerName:
		return "placed by another scheduler (spec.schedulerName)"
	}
	return "not waiting for a node, by their PodScheduled condition"
}
