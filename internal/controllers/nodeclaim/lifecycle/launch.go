package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/observe"
	"github.com/drover-project/drover/internal/translate"
)

// launch buys the machine. The client token comes from the claim's UID, so that
// a second call after a crash finds the machine of the first.
func (r *Reconciler) launch(ctx context.Context, claim *karpv1.NodeClaim) (bool, error) {
	if claim.StatusConditions().Get(karpv1.ConditionTypeLaunched).IsTrue() {
		return true, nil
	}
	class, err := r.readyClass(ctx, claim)
	if err != nil {
		return false, r.giveUp(ctx, claim, err)
	}
	offerings, err := translate.Offerings(claim)
	if err == nil && len(offerings) == 0 {
		err = fmt.Errorf("annotation %s is missing: drover only launches NodeClaims it made for a NodePool", translate.OfferingsAnnotation)
	}
	if err != nil {
		return false, r.refused(ctx, claim, &cloud.TerminalError{Reason: "NoOfferings", Err: err})
	}
	instance, err := r.Cloud.Launch(ctx, cloud.LaunchRequest{
		ClientToken: string(claim.UID),
		NodeClass:   class,
		NodeClaim:   claim.Name,
		NodePool:    claim.Labels[karpv1.NodePoolLabelKey],
		Offerings:   offerings,
		Labels:      claim.Labels,
		Taints:      translate.Taints(slices.Concat(claim.Spec.Taints, claim.Spec.StartupTaints, []corev1.Taint{karpv1.UnregisteredNoExecuteTaint})),
	})
	if err != nil {
		return false, r.launchFailed(ctx, claim, err)
	}
	return true, r.launched(ctx, claim, class, instance)
}

// errNotReady says that a claim's NodeClass cannot be launched from.
type errNotReady struct{ message string }

func (e errNotReady) Error() string { return e.message }

func (r *Reconciler) readyClass(ctx context.Context, claim *karpv1.NodeClaim) (*ec2v1.EC2NodeClass, error) {
	if claim.Spec.NodeClassRef == nil {
		return nil, errNotReady{"spec.nodeClassRef is missing"}
	}
	class := &ec2v1.EC2NodeClass{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: claim.Spec.NodeClassRef.Name}, class)
	if apierrors.IsNotFound(err) {
		return nil, errNotReady{fmt.Sprintf("EC2NodeClass %s does not exist", claim.Spec.NodeClassRef.Name)}
	}
	if err != nil {
		return nil, fmt.Errorf("reading EC2NodeClass %s: %w", claim.Spec.NodeClassRef.Name, err)
	}
	if root := class.StatusConditions().Root(); class.DeletionTimestamp != nil || !root.IsTrue() {
		return nil, errNotReady{fmt.Sprintf("EC2NodeClass %s is not ready: %s", class.Name, root.Message)}
	}
	return class, nil
}

// giveUp deletes a claim whose NodeClass cannot be used; the provisioner plans
// its pods again with what can.
func (r *Reconciler) giveUp(ctx context.Context, claim *karpv1.NodeClaim, cause error) error {
	var notReady errNotReady
	if !errors.As(cause, &notReady) {
		return cause
	}
	r.Events.Warning(claim, events.NodeClassNotReady, fmt.Sprintf("NodeClaim %s: %s", claim.Name, cause))
	return r.abandon(ctx, claim, "nodeclass_not_ready", cause)
}

// launchFailed sorts errors by what should happen next: plan anew, wait for a
// person, or try again.
func (r *Reconciler) launchFailed(ctx context.Context, claim *karpv1.NodeClaim, cause error) error {
	var capacity *cloud.CapacityError
	if errors.As(cause, &capacity) {
		r.Events.Warning(claim, events.InsufficientCapacityError, fmt.Sprintf("NodeClaim %s: %s", claim.Name, cause))
		return r.abandon(ctx, claim, "insufficient_capacity", cause)
	}
	var terminal *cloud.TerminalError
	if errors.As(cause, &terminal) {
		return r.refused(ctx, claim, terminal)
	}
	return fmt.Errorf("launching nodeclaim %s: %w", claim.Name, cause)
}

func (r *Reconciler) abandon(ctx context.Context, claim *karpv1.NodeClaim, reason string, cause error) error {
	if err := write.Delete(ctx, r.Client, claim); err != nil {
		return fmt.Errorf("deleting a nodeclaim that cannot be launched: %w", err)
	}
	r.Metrics.NodeClaimsDisrupted.WithLabelValues(reason, claim.Labels[karpv1.NodePoolLabelKey], "").Inc()
	r.Log.Error(cause, "failed launching nodeclaim", fields(claim)...)
	return nil
}

// refused keeps the claim, with the reason on it, so that its pods are not
// bought another node that would fail the same way; the launch is tried again
// until the launch timeout.
func (r *Reconciler) refused(ctx context.Context, claim *karpv1.NodeClaim, cause *cloud.TerminalError) error {
	before := claim.DeepCopy()
	claim.StatusConditions().SetFalse(karpv1.ConditionTypeLaunched, cause.Reason, cause.Error())
	r.Events.Warning(claim, events.FailedLaunch, fmt.Sprintf("NodeClaim %s: %s", claim.Name, cause))
	if err := write.Status(ctx, r.Client, claim, before); err != nil {
		return fmt.Errorf("recording that the launch was refused: %w", err)
	}
	return fmt.Errorf("launching nodeclaim %s: %w", claim.Name, cause)
}

// launched records the machine: its labels first, because a claim that is
// Launched is never launched again.
func (r *Reconciler) launched(ctx context.Context, claim *karpv1.NodeClaim, class *ec2v1.EC2NodeClass, instance cloud.Instance) error {
	instanceType, err := r.instanceType(ctx, class, instance.InstanceType)
	if err != nil {
		return err
	}
	before := claim.DeepCopy()
	key := model.OfferingKey{InstanceType: instance.InstanceType, Zone: instance.Zone, CapacityType: instance.CapacityType}
	if claim.Labels == nil {
		claim.Labels = map[string]string{}
	}
	maps.Copy(claim.Labels, observe.OfferingLabels(instanceType, key))
	if instance.ZoneID != "" {
		claim.Labels[ec2v1.LabelTopologyZoneID] = instance.ZoneID
	}
	if hash, ok := class.Annotations[ec2v1.AnnotationEC2NodeClassHash]; ok && claim.Annotations != nil {
		claim.Annotations[ec2v1.AnnotationEC2NodeClassHash] = hash
		claim.Annotations[ec2v1.AnnotationEC2NodeClassHashVersion] = class.Annotations[ec2v1.AnnotationEC2NodeClassHashVersion]
	}
	if err := write.Changes(ctx, r.Client, claim, before); err != nil {
		return fmt.Errorf("recording the labels of the launched instance: %w", err)
	}
	before = claim.DeepCopy()
	claim.Status.ProviderID = instance.ProviderID
	claim.Status.ImageID = instance.ImageID
	claim.Status.Capacity = translate.ResourceList(instanceType.Capacity)
	claim.Status.Allocatable = translate.ResourceList(instanceType.Allocatable)
	claim.StatusConditions().SetTrue(karpv1.ConditionTypeLaunched)
	if err := write.Status(ctx, r.Client, claim, before); err != nil {
		return fmt.Errorf("recording the launched instance: %w", err)
	}
	r.announce(claim, instance)
	return nil
}

func (r *Reconciler) announce(claim *karpv1.NodeClaim, instance cloud.Instance) {
	if dry := instance.Unavailable; len(dry) > 0 {
		note := fmt.Sprintf("%d offering(s) asked for first had no capacity: %s", len(dry), offeringsText(dry))
		r.Events.Warning(claim, events.InsufficientCapacityError, note)
		r.Log.Info("offerings without capacity were passed over", "nodeclaim", claim.Name, "offerings", offeringsText(dry))
	}
	r.Log.Info("launched nodeclaim", fields(claim,
		"instance-type", instance.InstanceType, "zone", instance.Zone, "capacity-type", string(instance.CapacityType),
		"allocatable", translate.Amounts(claim.Status.Allocatable))...)
}

func offeringsText(offerings []model.Offering) string {
	const shown = 5
	text := ""
	for i, offering := range offerings {
		if i == shown {
			return fmt.Sprintf("%s and %d more", text, len(offerings)-shown)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s in %s (%s): %s", offering.InstanceType, offering.Zone, offering.CapacityType, offering.UnavailableReason)
	}
	return text
}

func (r *Reconciler) instanceType(ctx context.Context, class *ec2v1.EC2NodeClass, name string) (model.InstanceType, error) {
	catalog, err := r.Cloud.Catalog(ctx, class)
	if err != nil {
		return model.InstanceType{}, fmt.Errorf("what instance type %s will offer is not known: %w", name, err)
	}
	for _, instanceType := range catalog.InstanceTypes {
		if instanceType.Name == name {
			return instanceType, nil
		}
	}
	return model.InstanceType{}, fmt.Errorf("EC2 launched a %s, which EC2NodeClass %s has not in its catalog", name, class.Name)
}
