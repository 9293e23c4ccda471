package write

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// remembered is how many objects' newest versions a client keeps; more than
	// are ever written between a change and its watch event.
	remembered = 20_000
	// rememberedFor bounds how long a change is held back: versions start again
	// from an old one when a cluster is restored from a backup.
	rememberedFor = time.Minute
)

// newest is a client that knows which version of an object its own writes made.
// While the informer cache still holds an older one, a change to that would be
// refused: [Changes] and [Status] then do not ask. A refused patch costs the API
// server as much as two that hold, and the more of them there are, the later it
// tells of what has changed.
type newest struct {
	client.Client
	versions *cache.LRUExpireCache // by object, the resource version of the last answer
}

// NewClient makes the manager's client; it is a client.NewClientFunc.
func NewClient(configuration *rest.Config, options client.Options) (client.Client, error) {
	made, err := client.New(configuration, options)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return Remember(made), nil
}

// Remember is a client whose stale changes are conflicts before they are sent.
func Remember(c client.Client) client.Client {
	return &newest{Client: c, versions: cache.NewLRUExpireCache(remembered)}
}

type identity struct {
	kind reflect.Type
	key  types.NamespacedName
	uid  types.UID
}

func identityOf(object client.Object) identity {
	return identity{kind: reflect.TypeOf(object), key: client.ObjectKeyFromObject(object), uid: object.GetUID()}
}

// isStale reports whether this client has written a newer version of the object.
func (n *newest) isStale(object client.Object) bool {
	version, known := n.versions.Get(identityOf(object))
	if !known {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), version.(string))
	return err == nil && order < 0
}

func (n *newest) note(object client.Object) {
	if version := object.GetResourceVersion(); version != "" {
		n.versions.Add(identityOf(object), version, rememberedFor)
	}
}

// Patch implements client.Writer.
func (n *newest) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	err := n.Client.Patch(ctx, object, patch, options...)
	if err == nil {
		n.note(object)
	}
	return err
}

// Status implements client.StatusClient.
func (n *newest) Status() client.SubResourceWriter {
	return newestStatus{SubResourceWriter: n.Client.Status(), of: n}
}

type newestStatus struct {
	client.SubResourceWriter
	of *newest
}

// Patch implements client.SubResourceWriter.
func (s newestStatus) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
	err := s.SubResourceWriter.Patch(ctx, object, patch, options...)
	if err == nil {
		s.of.note(object)
	}
	return err
}
