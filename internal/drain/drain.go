// Package drain empties nodes the way `kubectl drain` does, through the eviction
// API, and says which PodDisruptionBudget holds which pod.
package drain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/drover-project/drover/internal/say"
)

// Options of draining; the zero value works.
type Options struct {
	// MaxGrace bounds the grace period of pods; 0 leaves them their own.
	MaxGrace time.Duration
	// EvictionWait is the pause between attempts; 0 means 10 seconds.
	EvictionWait time.Duration
	// NodeWait is the pause after each node.
	NodeWait time.Duration
	// DisableEviction deletes pods, whatever their budgets say.
	DisableEviction bool
	// Parallel is how many nodes are drained at once; 0 means 1.
	Parallel int
}

const defaultEvictionWait = 10 * time.Second

// Drainer empties nodes of a cluster.
type Drainer struct {
	Kube kubernetes.Interface
	Log  *say.Log
	// Sleep waits, or returns the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Cordon marks a node unschedulable, or takes the mark away. It reports whether
// that changed anything.
func (d *Drainer) Cordon(ctx context.Context, node *corev1.Node, unschedulable bool) (bool, error) {
	if node.Spec.Unschedulable == unschedulable {
		return false, nil
	}
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, unschedulable)
	_, err := d.Kube.CoreV1().Nodes().Patch(ctx, node.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return false, fmt.Errorf("marking node %q: %w", node.Name, err)
	}
	return true, nil
}

// Drain cordons all nodes first, so that no pod moves from one to the next, and
// empties them. It ends when they are empty or the context does; the error then
// names what is left and what holds it.
func (d *Drainer) Drain(ctx context.Context, nodes []corev1.Node, options Options) error {
	for i := range nodes {
		changed, err := d.Cordon(ctx, &nodes[i], true)
		if err != nil {
			return err
		}
		if changed {
			d.Log.Info("cordon node %q", nodes[i].Name)
		}
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(max(1, options.Parallel))
	for i := range nodes {
		group.Go(func() error { return d.node(inner, nodes[i].Name, options) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	names := make([]string, len(nodes))
	for i := range nodes {
		names[i] = nodes[i].Name
	}
	slices.Sort(names)
	d.Log.Success("drained all nodes: [%s]", strings.Join(names, " "))
	return nil
}

// node empties one node.
func (d *Drainer) node(ctx context.Context, name string, options Options) error {
	pause := options.EvictionWait
	if pause == 0 {
		pause = defaultEvictionWait
	}
	told := map[string]string{}
	for {
		pods, err := d.podsOn(ctx, name)
		if err != nil {
			return err
		}
		if len(pods) == 0 {
			break
		}
		held, err := d.round(ctx, pods, options)
		if err != nil {
			return err
		}
		d.tell(name, held, told)
		if err := d.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("draining node %q: %s: %w", name, left(pods, held), err)
		}
	}
	d.Log.Info("drained node %q", name)
	if options.NodeWait > 0 {
		return d.Sleep(ctx, options.NodeWait)
	}
	return nil
}

// tell says once what holds a pod.
func (d *Drainer) tell(node string, held []Hold, told map[string]string) {
	for _, one := range held {
		if told[one.Pod] != one.Reason {
			told[one.Pod] = one.Reason
			d.Log.Warning("pod %s cannot be evicted from node %q yet: %s", one.Pod, node, one.Reason)
		}
	}
}

func left(pods []corev1.Pod, held []Hold) string {
	if len(held) == 0 {
		return fmt.Sprintf("%d pods are still terminating", len(pods))
	}
	var parts []string
	for _, one := range held {
		parts = append(parts, fmt.Sprintf("pod %s is left: %s", one.Pod, one.Reason))
	}
	return strings.Join(parts, "; ")
}

// round asks for the eviction of every pod that is not leaving already.
func (d *Drainer) round(ctx context.Context, pods []corev1.Pod, options Options) ([]Hold, error) {
	var held []Hold
	for i := range pods {
		pod := &pods[i]
		if pod.DeletionTimestamp != nil {
			continue
		}
		err := d.remove(ctx, pod, options)
		switch {
		case err == nil, apierrors.IsNotFound(err):
		case apierrors.IsTooManyRequests(err):
			held = append(held, Hold{Pod: key(pod), Node: pod.Spec.NodeName, Reason: d.reason(ctx, pod, err)})
		case apierrors.IsForbidden(err) && apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		default:
			return nil, fmt.Errorf("evicting pod %s: %w", key(pod), err)
		}
	}
	return held, nil
}

func key(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }

func (d *Drainer) remove(ctx context.Context, pod *corev1.Pod, options Options) error {
	deletion := metav1.DeleteOptions{}
	if options.MaxGrace > 0 && pod.Spec.TerminationGracePeriodSeconds != nil {
		if most := int64(options.MaxGrace.Seconds()); *pod.Spec.TerminationGracePeriodSeconds > most {
			deletion.GracePeriodSeconds = &most
		}
	}
	if options.DisableEviction {
		return d.Kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, deletion)
	}
	return d.Kube.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}, DeleteOptions: &deletion,
	})
}

// podsOn lists the pods that have to leave: not those of DaemonSets, which would
// come back, not static ones, not finished ones.
func (d *Drainer) podsOn(ctx context.Context, node string) ([]corev1.Pod, error) {
	list, err := d.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of node %q: %w", node, err)
	}
	pods := slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return pod.Spec.NodeName != node || stays(&pod) })
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(key(&a), key(&b)) })
	return pods, nil
}

func stays(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return true
	}
	if _, static := pod.Annotations[corev1.MirrorPodAnnotationKey]; static {
		return true
	}
	owner := metav1.GetControllerOf(pod)
	return owner != nil && owner.Kind == "DaemonSet"
}
