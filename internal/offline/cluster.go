package offline

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/model"
)

// Options change what the cluster is made to be.
type Options struct {
	// FromScratch leaves nodes out and makes every pod that would come back on
	// another node pending.
	FromScratch bool
	// AnyType makes the NodePool that stands in when the input has none buy
	// every type that is offered.
	AnyType bool
	// HasGroups says that there are node groups to buy: no NodePool stands in.
	HasGroups bool
	// SpotKnown says that the market offers Spot.
	SpotKnown bool
}

// Cluster is what the manifests make.
type Cluster struct {
	store  *store
	owners map[model.PodKey]string
	// living are the pods that have not ended, by their workload.
	living map[string][]*corev1.Pod
	// refused counts the pods that the API server would not create, by reason.
	refused map[string]int
	notices []string
}

// New makes a cluster of the input's objects. It takes them over: they are
// completed in place.
func New(input *manifest.Input, options Options) *Cluster {
	c := &Cluster{store: newStore(), owners: map[model.PodKey]string{}, living: map[string][]*corev1.Pod{}, refused: map[string]int{}}
	for _, class := range builtinPriorities() {
		c.store.put(class)
	}
	for _, object := range input.Objects {
		if !options.FromScratch || c.survives(object.Object) {
			c.store.put(object.Object)
		}
	}
	c.defaultNamespaces()
	c.defaultNodes()
	c.defaultLimitRanges()
	for _, pod := range all[*corev1.Pod](c.store) {
		if options.FromScratch {
			release(pod)
		}
		if refusal := c.defaultPod(pod); refusal != "" {
			c.refused[refusal]++
			c.store.remove(pod)
			continue
		}
		c.adopt(pod)
	}
	c.createPods()
	c.defaultDaemonSets()
	c.defaultStorage()
	c.defaultPools(options)
	return c
}

// Reader answers like the informer caches of such a cluster.
func (c *Cluster) Reader() client.Reader { return c.store }

// Owner is the workload a pod belongs to, such as "Deployment shop/web", or the
// pod itself.
func (c *Cluster) Owner(key model.PodKey) string { return c.owners[key] }

// Notices say what was assumed because the input does not say it.
func (c *Cluster) Notices() []string { return c.notices }

func (c *Cluster) notice(text string) {
	if !slices.Contains(c.notices, text) {
		c.notices = append(c.notices, text)
	}
}

// survives reports whether the object is there before any node is.
func (c *Cluster) survives(object client.Object) bool {
	switch o := object.(type) {
	case *corev1.Node, *karpv1.NodeClaim:
		return false
	case *corev1.Pod:
		_, isMirror := o.Annotations[corev1.MirrorPodAnnotationKey]
		owner := metav1.GetControllerOfNoCopy(o)
		return !isMirror && (owner == nil || owner.Kind != "DaemonSet")
	}
	return true
}

// release makes a pod that runs one that waits for a node.
func release(pod *corev1.Pod) {
	if !isOver(pod) && pod.DeletionTimestamp == nil {
		pod.Spec.NodeName = ""
		pod.Status = corev1.PodStatus{Phase: corev1.PodPending}
	}
}

func isOver(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// adopt notes which workload a pod counts for.
func (c *Cluster) adopt(pod *corev1.Pod) {
	workload := c.workloadOf(pod)
	c.owners[model.PodKey{Namespace: pod.Namespace, Name: pod.Name}] = workload
	if !isOver(pod) && pod.DeletionTimestamp == nil {
		c.living[workload] = append(c.living[workload], pod)
	}
}

// workloadOf follows a pod's owners as far as the input has them. A ReplicaSet
// that is not in the input is recognised as its Deployment's by its name.
func (c *Cluster) workloadOf(pod *corev1.Pod) string {
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil {
		return label("Pod", pod.Namespace, pod.Name)
	}
	if owner.Kind != "ReplicaSet" {
		return label(owner.Kind, pod.Namespace, owner.Name)
	}
	if set, ok := find[*appsv1.ReplicaSet](c.store, pod.Namespace, owner.Name); ok {
		if deployment := metav1.GetControllerOfNoCopy(set); deployment != nil {
			return label(deployment.Kind, pod.Namespace, deployment.Name)
		}
		return label("ReplicaSet", pod.Namespace, owner.Name)
	}
	if name, ok := deploymentName(owner.Name, pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]); ok {
		return label("Deployment", pod.Namespace, name)
	}
	return label("ReplicaSet", pod.Namespace, owner.Name)
}

// deploymentName takes the hash off the name of a Deployment's ReplicaSet.
func deploymentName(set, hash string) (string, bool) {
	suffix := "-" + hash
	if hash == "" || len(set) <= len(suffix) || set[len(set)-len(suffix):] != suffix {
		return "", false
	}
	return set[:len(set)-len(suffix)], true
}

func label(kind, namespace, name string) string { return kind + " " + namespace + "/" + name }

// defaultNamespaces adds the namespaces that objects are in, and the label that
// every namespace has.
func (c *Cluster) defaultNamespaces() {
	missing := map[string]bool{}
	for _, objects := range c.store.objects {
		for key := range objects {
			if key.Namespace != "" && !c.store.has(&corev1.Namespace{}, client.ObjectKey{Name: key.Namespace}) {
				missing[key.Namespace] = true
			}
		}
	}
	for name := range missing {
		c.store.put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	for _, namespace := range all[*corev1.Namespace](c.store) {
		if namespace.Labels == nil {
			namespace.Labels = map[string]string{}
		}
		namespace.Labels[corev1.LabelMetadataName] = namespace.Name
	}
}
