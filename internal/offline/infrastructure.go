package offline

import (
	"fmt"
	"slices"

	"github.com/aws/karpenter-provider-aws/pkg/apis"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/awslabs/operatorpkg/status"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// defaultNodes completes nodes written by hand: what a kubelet would report.
func (c *Cluster) defaultNodes() {
	for _, node := range all[*corev1.Node](c.store) {
		if node.Labels == nil {
			node.Labels = map[string]string{}
		}
		if node.Labels[corev1.LabelHostname] == "" {
			node.Labels[corev1.LabelHostname] = node.Name
		}
		if node.Status.Allocatable == nil {
			node.Status.Allocatable = node.Status.Capacity
		}
		if len(node.Status.Allocatable) == 0 {
			c.notice("Node " + node.Name + " has no status.allocatable: nothing is planned on it")
		}
		if len(node.Status.Conditions) == 0 {
			node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		}
	}
}

// defaultStorage gives claims without a class the default one, and makes
// classes that the input does not have: their volumes are made where the pod is.
func (c *Cluster) defaultStorage() {
	byDefault := ""
	for _, class := range all[*storagev1.StorageClass](c.store) {
		if class.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			byDefault = class.Name
		}
	}
	for _, claim := range all[*corev1.PersistentVolumeClaim](c.store) {
		c.defaultClaim(&claim.Spec, byDefault)
	}
	for _, pod := range all[*corev1.Pod](c.store) {
		for _, volume := range pod.Spec.Volumes {
			if volume.Ephemeral != nil && volume.Ephemeral.VolumeClaimTemplate != nil {
				c.defaultClaim(&volume.Ephemeral.VolumeClaimTemplate.Spec, byDefault)
			}
		}
	}
}

// assumedClass stands for the default StorageClass of a cluster that has one
// and does not show it.
const assumedClass = "default"

func (c *Cluster) defaultClaim(spec *corev1.PersistentVolumeClaimSpec, byDefault string) {
	if spec.VolumeName != "" {
		return
	}
	if spec.StorageClassName == nil {
		if byDefault == "" {
			byDefault = assumedClass
		}
		spec.StorageClassName = &byDefault
	}
	name := *spec.StorageClassName
	if name == "" || c.store.has(&storagev1.StorageClass{}, client.ObjectKey{Name: name}) {
		return
	}
	c.notice("StorageClass " + name + " is not in the input: its volumes are taken to be made in the zone of their pod (WaitForFirstConsumer)")
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	c.store.put(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, VolumeBindingMode: &mode})
}

// defaultPools makes NodePools and EC2NodeClasses that no controller has looked
// at ready, and stands in for those that are missing.
func (c *Cluster) defaultPools(options Options) {
	pools := all[*karpv1.NodePool](c.store)
	if len(pools) == 0 && !options.HasGroups {
		pool := defaultPool(options)
		pools = append(pools, pool)
		c.store.put(pool)
		what := "on-demand, linux, amd64, families c, m and r of generation 3 and later"
		if options.AnyType {
			what = "on-demand, every type of the catalogue"
		}
		c.notice("no NodePool in the input: planned with a NodePool \"default\" (" + what + ")")
	}
	for _, pool := range pools {
		if len(pool.Status.Conditions) == 0 {
			makeReady(pool.StatusConditions())
		}
		ref := pool.Spec.Template.Spec.NodeClassRef
		if ref != nil && !c.store.has(&ec2v1.EC2NodeClass{}, client.ObjectKey{Name: ref.Name}) {
			c.store.put(defaultClass(ref.Name))
			if !isStandIn(pool) {
				c.notice(fmt.Sprintf("EC2NodeClass %s of NodePool %s is not in the input: planned with AL2023 and its defaults", ref.Name, pool.Name))
			}
		}
		if !isStandIn(pool) && allowsSpot(pool) && !options.SpotKnown {
			c.notice("Spot prices are not known here: Spot offerings of NodePool " + pool.Name + " are left out")
		}
	}
	for _, class := range all[*ec2v1.EC2NodeClass](c.store) {
		if len(class.Status.Conditions) == 0 {
			makeReady(class.StatusConditions())
		}
	}
}

func makeReady(conditions status.ConditionSet) {
	for _, condition := range conditions.List() {
		if conditions.IsDependentCondition(condition.Type) {
			conditions.SetTrue(condition.Type)
		}
	}
}

// standIn marks the NodePool that the input does not have.
const standIn = "drover.sh/stand-in"

func isStandIn(pool *karpv1.NodePool) bool { return pool.Annotations[standIn] != "" }

func defaultPool(options Options) *karpv1.NodePool {
	pool := &karpv1.NodePool{ObjectMeta: metav1.ObjectMeta{Name: "default", Annotations: map[string]string{standIn: "true"}}}
	in := func(key string, values ...string) {
		pool.Spec.Template.Spec.Requirements = append(pool.Spec.Template.Spec.Requirements,
			karpv1.NodeSelectorRequirementWithMinValues{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values})
	}
	in(karpv1.CapacityTypeLabelKey, karpv1.CapacityTypeOnDemand)
	if !options.AnyType {
		in(corev1.LabelOSStable, string(corev1.Linux))
		in(corev1.LabelArchStable, karpv1.ArchitectureAmd64)
		in(ec2v1.LabelInstanceCategory, "c", "m", "r")
		pool.Spec.Template.Spec.Requirements = append(pool.Spec.Template.Spec.Requirements,
			karpv1.NodeSelectorRequirementWithMinValues{Key: ec2v1.LabelInstanceGeneration, Operator: corev1.NodeSelectorOpGt, Values: []string{"2"}})
	}
	pool.Spec.Template.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: apis.Group, Kind: "EC2NodeClass", Name: "default"}
	return pool
}

func defaultClass(name string) *ec2v1.EC2NodeClass {
	class := &ec2v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: name}}
	class.Spec.AMISelectorTerms = []ec2v1.AMISelectorTerm{{Alias: "al2023@latest"}}
	return class
}

// allowsSpot reports whether the pool would buy Spot if its price were known.
func allowsSpot(pool *karpv1.NodePool) bool {
	for _, requirement := range pool.Spec.Template.Spec.Requirements {
		if requirement.Key != karpv1.CapacityTypeLabelKey {
			continue
		}
		named := slices.Contains(requirement.Values, karpv1.CapacityTypeSpot)
		if (requirement.Operator == corev1.NodeSelectorOpIn && !named) || (requirement.Operator == corev1.NodeSelectorOpNotIn && named) {
			return false
		}
	}
	return true
}
