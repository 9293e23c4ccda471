package observe

import (
	"fmt"
	"math"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

// NodesLimit is the key of spec.limits that bounds the number of nodes.
const NodesLimit = "nodes"

// PreferencePolicyAnnotation says, on a NodePool, whether preferred rules of pods
// matter for its nodes: Respect, the default, or Ignore.
const PreferencePolicyAnnotation = "drover.sh/preference-policy"

// OnDemandBaseAnnotation and OnDemandPercentageAnnotation say, on a NodePool, how
// many of its nodes are to be on demand: the first BASE, and PERCENTAGE of those
// above.
const (
	OnDemandBaseAnnotation       = "drover.sh/on-demand-base"
	OnDemandPercentageAnnotation = "drover.sh/on-demand-percentage"
)

func setOnDemandShare(pool *model.NodePool, annotations map[string]string) {
	share := model.OnDemandShare{}
	for _, each := range []struct {
		key  string
		into *int
		most int
		form string
	}{
		{OnDemandBaseAnnotation, &share.Base, math.MaxInt32, "a whole number from 0"},
		{OnDemandPercentageAnnotation, &share.Percentage, 100, "a whole number from 0 to 100"},
	} {
		text, given := annotations[each.key]
		if !given {
			continue
		}
		n, err := strconv.Atoi(text)
		if (err != nil || n < 0 || n > each.most) && pool.NotReadyReason == "" {
			pool.NotReadyReason = fmt.Sprintf("the annotation %s is %q: it must be %s", each.key, text, each.form)
		}
		*each.into, pool.OnDemand = n, &share
	}
}

func setPreferencePolicy(pool *model.NodePool, policy string) {
	switch policy {
	case "", "Respect":
	case "Ignore":
		pool.IgnorePreferences = true
	default:
		if pool.NotReadyReason == "" {
			pool.NotReadyReason = fmt.Sprintf("the annotation %s is %q: it must be Respect or Ignore", PreferencePolicyAnnotation, policy)
		}
	}
}

// modelPools lists the NodePools that are not being deleted, by name.
func (v *view) modelPools() []model.NodePool {
	usage := v.usage()
	var pools []model.NodePool
	for i := range v.pools {
		pool := &v.pools[i]
		if pool.DeletionTimestamp != nil {
			continue
		}
		template := pool.Spec.Template
		translated := model.NodePool{
			Name:           pool.Name,
			Labels:         PoolLabels(pool),
			Requirements:   translate.Requirements(template.Spec.Requirements),
			Taints:         translate.Taints(template.Spec.Taints),
			StartupTaints:  translate.Taints(template.Spec.StartupTaints),
			Limits:         translate.Resources(corev1.ResourceList(pool.Spec.Limits)),
			Usage:          usage[pool.Name],
			NotReadyReason: v.notReady(pool),
		}
		if template.Spec.NodeClassRef != nil {
			translated.NodeClass = template.Spec.NodeClassRef.Name
		}
		if pool.Spec.Weight != nil {
			translated.Weight = *pool.Spec.Weight
		}
		setPreferencePolicy(&translated, pool.Annotations[PreferencePolicyAnnotation])
		setOnDemandShare(&translated, pool.Annotations)
		pools = append(pools, translated)
	}
	return pools
}

// PoolLabels are the labels that every node of the pool has.
func PoolLabels(pool *karpv1.NodePool) map[string]string {
	labels := merged(pool.Spec.Template.Labels, map[string]string{karpv1.NodePoolLabelKey: pool.Name})
	if ref := pool.Spec.Template.Spec.NodeClassRef; ref != nil {
		labels[karpv1.NodeClassLabelKey(ref.GroupKind())] = ref.Name
	}
	return labels
}

// notReady says what keeps a pool from launching, or nothing.
func (v *view) notReady(pool *karpv1.NodePool) string {
	if pool.Spec.Replicas != nil {
		return "spec.replicas makes it a static pool, and drover only launches for pods: remove spec.replicas"
	}
	conditions := pool.DeepCopy().StatusConditions()
	if root := conditions.Root(); !root.IsTrue() {
		for _, condition := range conditions.List() {
			if condition.IsFalse() && condition.Type != root.Type {
				return fmt.Sprintf("%s is False: %s", condition.Type, condition.Message)
			}
		}
		return "it has not been checked yet"
	}
	if pool.Spec.Template.Spec.NodeClassRef == nil {
		return "spec.template.spec.nodeClassRef is missing"
	}
	return v.trouble(pool.Spec.Template.Spec.NodeClassRef.Name)
}

// usage sums, for each pool, the capacity of its nodes and of those on their
// way. A claim that ends counts for as long as it may have a machine.
func (v *view) usage() map[string]model.Resources {
	capacity := make(map[string]corev1.ResourceList, len(v.nodes))
	for i := range v.nodes {
		capacity[v.nodes[i].Spec.ProviderID] = v.nodes[i].Status.Capacity
	}
	usage := map[string]model.Resources{}
	for i := range v.claims {
		claim := &v.claims[i]
		if claim.DeletionTimestamp != nil && claim.Status.ProviderID == "" {
			continue
		}
		used := translate.Resources(claim.Status.Capacity)
		if reported := capacity[claim.Status.ProviderID]; claim.Status.ProviderID != "" && len(reported) > 0 {
			used = translate.Resources(reported)
		}
		if len(used) == 0 {
			used = v.planned(claim).capacity
		}
		pool := claim.Labels[karpv1.NodePoolLabelKey]
		usage[pool] = usage[pool].Add(used).Add(model.Resources{NodesLimit: 1})
	}
	return usage
}
