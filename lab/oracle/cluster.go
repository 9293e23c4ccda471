package oracle

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/daemon"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"

	"github.com/drover-project/drover/internal/model"
)

// Cluster is what a plan makes of a snapshot, as Kubernetes objects.
type Cluster struct {
	// ready nodes exist; the others join later: nodes on their way and those
	// that the plan buys.
	ready, later []*corev1.Node
	bound        []bound
	daemons      []bound
	storage      *storage
	// planned pods in the order of the scheduler's queue, with their node; left
	// are the pending pods without one that nothing but room keeps waiting.
	planned, left []bound
}

// bound is a pod with the node that it is on or meant for.
type bound struct {
	pod  *corev1.Pod
	node string
}

// Choice says which of a launch's offerings the node turns into; launch is its
// index in the plan, offerings their number. A node group's launch has one for
// every type in every zone that may come.
type Choice func(launch, offerings int) int

// First takes the offering that the plan asks for first.
func First(int, int) int { return 0 }

// NewCluster carries the plan out on paper. A plan that names pods, nodes,
// pools or types that the snapshot does not have is an error.
func NewCluster(snapshot *model.Snapshot, plan *model.Plan, choose Choice) (*Cluster, error) {
	c := &Cluster{storage: newStorage()}
	for i := range snapshot.Nodes {
		c.existing(&snapshot.Nodes[i], snapshot.DaemonSets)
	}
	target := map[model.PodKey]string{}
	for _, p := range plan.Placements {
		target[p.Pod] = p.Node
	}
	for i := range plan.Launches {
		name, launch := fmt.Sprintf("launch-%d", i), &plan.Launches[i]
		if launch.NodeGroup == "" {
			if err := c.launched(name, launch, choose(i, len(launch.Offerings)), snapshot); err != nil {
				return nil, fmt.Errorf("launch %d: %w", i, err)
			}
		}
		for _, key := range plan.Launches[i].Pods {
			target[key] = name
		}
	}
	if err := c.grow(snapshot, plan, choose); err != nil {
		return nil, err
	}
	return c, c.queue(snapshot, target)
}

func (c *Cluster) existing(node *model.Node, daemons []model.DaemonSet) {
	object := nodeObject(node.Name, node.Labels, lasting(node.Taints, node.StartupTaints), node.Allocatable)
	object.Spec.Unschedulable = node.Unschedulable
	if node.Launching {
		c.later = append(c.later, object)
	} else {
		c.ready = append(c.ready, object)
	}
	for i := range node.Pods {
		pod := podObject(&node.Pods[i])
		pod.UID = types.UID(node.Name + "/" + string(pod.UID)) // a name may have come back
		c.storage.mount(pod, node.Pods[i].Volumes)
		c.bound = append(c.bound, bound{pod, node.Name})
	}
	c.storage.limit(node.Name, node.AttachLimits)
	c.storage.attach(node.Name, node.Attached)
next:
	for i := range daemons {
		for j := range node.Pods {
			if belongsTo(&node.Pods[j], &daemons[i]) {
				continue next
			}
		}
		c.daemon(object, &daemons[i])
	}
}

// daemon adds the DaemonSet's pod for the node when the DaemonSet controller
// would make one.
func (c *Cluster) daemon(node *corev1.Node, set *model.DaemonSet) {
	object := daemonSetObject(set)
	if runs, _ := daemon.NodeShouldRunDaemonPod(klog.Background(), node, object); !runs {
		return
	}
	pod := podObject(&set.Template)
	pod.Name = fmt.Sprintf("%s-%s", set.Name, node.Name)
	pod.UID = types.UID("daemon/" + pod.Namespace + "/" + pod.Name)
	daemonutil.AddOrUpdateDaemonPodTolerations(&pod.Spec)
	pod.Spec.Affinity = daemonutil.ReplaceDaemonSetPodNodeNameNodeAffinity(pod.Spec.Affinity, node.Name)
	c.daemons = append(c.daemons, bound{pod, node.Name})
}

// launched adds the node that one of the launch's offerings turns into.
func (c *Cluster) launched(name string, launch *model.Launch, choice int, snapshot *model.Snapshot) error {
	if choice < 0 || choice >= len(launch.Offerings) {
		return fmt.Errorf("has no offering %d", choice)
	}
	pool := find(snapshot.NodePools, func(p *model.NodePool) bool { return p.Name == launch.NodePool })
	if pool == nil {
		return fmt.Errorf("there is no NodePool %q", launch.NodePool)
	}
	offering := launch.Offerings[choice]
	catalog := snapshot.Catalogs[pool.NodeClass]
	kind := find(catalog.InstanceTypes, func(k *model.InstanceType) bool { return k.Name == offering.InstanceType })
	if kind == nil {
		return fmt.Errorf("NodeClass %q has no instance type %q", pool.NodeClass, offering.InstanceType)
	}
	node := nodeObject(name, nodeLabels(pool, kind, offering, launch.Requirements), lasting(pool.Taints, pool.StartupTaints), kind.Allocatable)
	c.later = append(c.later, node)
	c.storage.limit(name, kind.AttachLimits)
	for i := range snapshot.DaemonSets {
		c.daemon(node, &snapshot.DaemonSets[i])
	}
	return nil
}

func find[T any](list []T, is func(*T) bool) *T {
	for i := range list {
		if is(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// nodeLabels are what a node gets that joins for a NodeClaim: the user's own
// keys narrowed to one value, the pool's labels, and what machine and offering
// decide.
func nodeLabels(pool *model.NodePool, kind *model.InstanceType, offering model.Offering, narrowed []model.Requirement) map[string]string {
	labels := map[string]string{}
	for _, r := range narrowed {
		if r.Operator == model.In && len(r.Values) == 1 && !strings.Contains(r.Key, "kubernetes.io/") && !strings.Contains(r.Key, "karpenter.") && !strings.Contains(r.Key, "k8s.aws/") {
			labels[r.Key] = r.Values[0]
		}
	}
	for key, value := range pool.Labels {
		labels[key] = value
	}
	for key, value := range kind.Labels {
		labels[key] = value
	}
	labels[corev1.LabelInstanceTypeStable] = kind.Name
	labels[corev1.LabelTopologyZone] = offering.Zone
	labels["karpenter.sh/capacity-type"] = string(offering.CapacityType)
	labels["karpenter.sh/nodepool"] = pool.Name
	if offering.ZoneID != "" {
		labels["topology.k8s.aws/zone-id"] = offering.ZoneID
	}
	return labels
}

// queue lines the planned pods up by priority, then as the snapshot has them.
func (c *Cluster) queue(snapshot *model.Snapshot, target map[model.PodKey]string) error {
	for i := range snapshot.Pending {
		pod := &snapshot.Pending[i]
		if node, ok := target[pod.PodKey]; ok {
			object := podObject(pod)
			c.storage.mount(object, pod.Volumes)
			c.planned = append(c.planned, bound{object, node})
			delete(target, pod.PodKey)
		} else if len(pod.Blocked)+len(pod.Unsupported) == 0 && pod.Group == "" && !pod.OwnedByDaemonSet {
			object := podObject(pod)
			c.storage.mount(object, pod.Volumes)
			c.left = append(c.left, bound{object, ""})
		}
	}
	for key := range target {
		return fmt.Errorf("pod %s is planned but not pending", key)
	}
	byPriority(c.planned)
	byPriority(c.left)
	return nil
}
