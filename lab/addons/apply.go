package addons

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	applyv1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

const (
	// FieldManager owns the fields that the lab applies.
	FieldManager = "drover-lab"
	// recordName is a ConfigMap in kube-system with the digest of each object
	// as it was last applied.
	recordName = "drover-lab-applied"
)

// Applier applies objects once: an object whose content has not changed since
// is not touched again, whatever the user has done to it, even deleted it.
type Applier struct {
	core    kubernetes.Interface
	dynamic dynamic.Interface
	mapper  meta.RESTMapper
	log     *slog.Logger
}

// NewApplier makes an Applier for the cluster.
func NewApplier(config *rest.Config, log *slog.Logger) (*Applier, error) {
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for add-ons: %w", err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for add-ons: %w", err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(core.Discovery()))
	return &Applier{core: core, dynamic: client, mapper: mapper, log: log}, nil
}

// Apply applies the objects that are new or have changed, in order, by
// server-side apply. Where a user has taken over a field, that object stays as
// the user wants it, with a line in the log.
func (a *Applier) Apply(ctx context.Context, objects []*unstructured.Unstructured) error {
	applied, err := a.readRecord(ctx)
	if err != nil {
		return err
	}
	digests := map[string]string{}
	changes := 0
	for _, object := range objects {
		key, digest, err := identify(object)
		if err != nil {
			return err
		}
		digests[key] = digest
		if applied[key] == digest {
			continue
		}
		changes++
		if err := a.applyOne(ctx, object); err != nil {
			return fmt.Errorf("applying %s: %w", key, err)
		}
	}
	if changes == 0 {
		return nil
	}
	return a.writeRecord(ctx, digests)
}

func (a *Applier) applyOne(ctx context.Context, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	var client dynamic.ResourceInterface = a.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		client = a.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace())
	}
	_, err = client.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: FieldManager})
	if apierrors.IsConflict(err) {
		a.log.WarnContext(ctx, "left an add-on as its new owner has it", "kind", kind.Kind, "namespace", object.GetNamespace(), "name", object.GetName(), "reason", err)
		return nil
	}
	return err
}

func (a *Applier) readRecord(ctx context.Context) (map[string]string, error) {
	record, err := a.core.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, recordName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading which add-ons are applied: %w", err)
	}
	return record.Data, nil
}

func (a *Applier) writeRecord(ctx context.Context, digests map[string]string) error {
	record := applyv1.ConfigMap(recordName, metav1.NamespaceSystem).WithData(digests)
	_, err := a.core.CoreV1().ConfigMaps(metav1.NamespaceSystem).Apply(ctx, record, metav1.ApplyOptions{FieldManager: FieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("recording which add-ons are applied: %w", err)
	}
	return nil
}

// identify gives the key of an object, which is a valid ConfigMap key, and the
// digest of its content.
func identify(object *unstructured.Unstructured) (key, digest string, err error) {
	if object.GetName() == "" || object.GetKind() == "" {
		return "", "", errors.New("an add-on has no kind or no name")
	}
	content, err := object.MarshalJSON()
	if err != nil {
		return "", "", fmt.Errorf("encoding %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	sum := sha256.Sum256(content)
	parts := []string{strings.ToLower(object.GetKind()), object.GetNamespace(), strings.ReplaceAll(object.GetName(), ":", "_")}
	return strings.Join(parts, "."), hex.EncodeToString(sum[:]), nil
}
