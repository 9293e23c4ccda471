// Package index names the fields by which informer caches can be searched.
package index

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/interruption"
)

// Fields to be used with client.MatchingFields.
const (
	PodNode         = "spec.nodeName"
	NodeProviderID  = "spec.providerID"
	ClaimProviderID = "status.providerID"
	// NodeInstance and ClaimInstance are the instance ID in the provider ID.
	NodeInstance       = "spec.providerID/instance"
	ClaimInstance      = "status.providerID/instance"
	ClaimNodeClass     = "spec.nodeClassRef.name"
	PoolNodeClass      = "spec.template.spec.nodeClassRef.name"
	AttachmentNodeName = "spec.nodeName"
)

// Index is one searchable field of a kind of object.
type Index struct {
	Object  client.Object
	Field   string
	Extract client.IndexerFunc
}

// All lists every index that drover searches by.
func All() []Index {
	return []Index{
		{&corev1.Pod{}, PodNode, func(o client.Object) []string { return filled(o.(*corev1.Pod).Spec.NodeName) }},
		{&corev1.Node{}, NodeProviderID, func(o client.Object) []string { return filled(o.(*corev1.Node).Spec.ProviderID) }},
		{&karpv1.NodeClaim{}, ClaimProviderID, func(o client.Object) []string { return filled(o.(*karpv1.NodeClaim).Status.ProviderID) }},
		{&corev1.Node{}, NodeInstance, func(o client.Object) []string {
			return filled(interruption.InstanceOf(o.(*corev1.Node).Spec.ProviderID))
		}},
		{&karpv1.NodeClaim{}, ClaimInstance, func(o client.Object) []string {
			return filled(interruption.InstanceOf(o.(*karpv1.NodeClaim).Status.ProviderID))
		}},
		{&karpv1.NodeClaim{}, ClaimNodeClass, func(o client.Object) []string { return refName(o.(*karpv1.NodeClaim).Spec.NodeClassRef) }},
		{&karpv1.NodePool{}, PoolNodeClass, func(o client.Object) []string {
			return refName(o.(*karpv1.NodePool).Spec.Template.Spec.NodeClassRef)
		}},
		{&storagev1.VolumeAttachment{}, AttachmentNodeName, func(o client.Object) []string {
			return filled(o.(*storagev1.VolumeAttachment).Spec.NodeName)
		}},
	}
}

// Register adds all indexes to a manager's cache.
func Register(ctx context.Context, indexer client.FieldIndexer) error {
	return register(ctx, indexer, All())
}

// RegisterNodes adds those of Pods and Nodes, for clusters that need not know the
// other kinds.
func RegisterNodes(ctx context.Context, indexer client.FieldIndexer) error {
	return register(ctx, indexer, slices.DeleteFunc(All(), func(index Index) bool {
		_, isPod := index.Object.(*corev1.Pod)
		_, isNode := index.Object.(*corev1.Node)
		return !isPod && !isNode
	}))
}

func register(ctx context.Context, indexer client.FieldIndexer, all []Index) error {
	for _, index := range all {
		if err := indexer.IndexField(ctx, index.Object, index.Field, index.Extract); err != nil {
			return fmt.Errorf("indexing %T by %s: %w", index.Object, index.Field, err)
		}
	}
	return nil
}

func refName(ref *karpv1.NodeClassReference) []string {
	if ref == nil {
		return nil
	}
	return filled(ref.Name)
}

func filled(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
