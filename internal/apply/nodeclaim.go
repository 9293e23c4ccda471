package apply

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

const suffixLength = 5

// NewNodeClaim writes the launch down as a NodeClaim. Everything that the cloud
// is going to be asked for is on the object before anyone asks.
func NewNodeClaim(pool *karpv1.NodePool, launch *model.Launch) *karpv1.NodeClaim {
	claim := pool.Spec.Template.ToNodeClaim()
	claim.Name = pool.Name + "-" + utilrand.String(suffixLength)
	claim.Finalizers = []string{karpv1.TerminationFinalizer}
	claim.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "karpenter.sh/v1", Kind: "NodePool", Name: pool.Name, UID: pool.UID,
		BlockOwnerDeletion: new(true),
	}}
	claim.Annotations = maps.Clone(claim.Annotations)
	if claim.Annotations == nil {
		claim.Annotations = map[string]string{}
	}
	claim.Annotations[translate.OfferingsAnnotation] = translate.EncodeOfferings(launch.Offerings)
	if launch.SpotFallback != "" {
		claim.Annotations[translate.SpotFallbackAnnotation] = launch.SpotFallback
	}
	claim.Annotations[karpv1.NodePoolHashAnnotationKey] = pool.Hash()
	claim.Annotations[karpv1.NodePoolHashVersionAnnotationKey] = karpv1.NodePoolHashVersion
	claim.Labels = claimLabels(pool, launch)
	claim.Spec.Requirements = translate.KarpenterRequirements(claimRequirements(pool.Name, launch))
	claim.Spec.Resources.Requests = translate.ResourceList(launch.Requests)
	return claim
}

// claimLabels are the pool's, and those of the user's own keys that the pods
// narrowed to one value. What depends on the offering is added after launch.
func claimLabels(pool *karpv1.NodePool, launch *model.Launch) map[string]string {
	labels := observe.PoolLabels(pool)
	for _, requirement := range launch.Requirements {
		single := requirement.Operator == model.In && len(requirement.Values) == 1
		if single && !karpv1.WellKnownLabels.Has(requirement.Key) && karpv1.IsRestrictedLabel(requirement.Key) == nil {
			labels[requirement.Key] = requirement.Values[0]
		}
	}
	return labels
}

// claimRequirements are the launch's, with the labels that the offerings decide
// narrowed to what the offerings have.
func claimRequirements(pool string, launch *model.Launch) []model.Requirement {
	decided := map[string][]string{karpv1.NodePoolLabelKey: {pool}}
	for _, offering := range launch.Offerings {
		add(decided, corev1.LabelInstanceTypeStable, offering.InstanceType)
		add(decided, corev1.LabelTopologyZone, offering.Zone)
		add(decided, karpv1.CapacityTypeLabelKey, string(offering.CapacityType))
	}
	var requirements []model.Requirement
	for _, requirement := range launch.Requirements {
		if _, ok := decided[requirement.Key]; ok || !acceptable(requirement.Key) {
			continue
		}
		if requirement.Operator == model.In && requirement.MinValues > len(requirement.Values) {
			requirement.MinValues = 0
		}
		requirements = append(requirements, requirement)
	}
	for _, key := range slices.Sorted(maps.Keys(decided)) {
		requirements = append(requirements, model.Requirement{Key: key, Operator: model.In, Values: decided[key]})
	}
	return requirements
}

// acceptable reports whether the NodeClaim CRD allows a requirement on the key.
func acceptable(key string) bool {
	return key == ec2v1.LabelNodeClass || karpv1.IsRestrictedLabel(key) == nil
}

func add(values map[string][]string, key, value string) {
	if !slices.Contains(values[key], value) {
		values[key] = append(values[key], value)
	}
}

// amounts is how resources look in a log line.
func amounts(resources model.Resources) map[string]string {
	return translate.Amounts(translate.ResourceList(resources))
}

// typesText lists the first instance types that a launch may get.
func typesText(offerings []model.Offering) string {
	const shown = 5
	var names []string
	for _, offering := range offerings {
		if !slices.Contains(names, offering.InstanceType) {
			names = append(names, offering.InstanceType)
		}
	}
	if len(names) > shown {
		return fmt.Sprintf("%s and %d other(s)", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}
