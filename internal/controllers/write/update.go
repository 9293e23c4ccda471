package write

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ByUpdate is a client like Remember's that updates Nodes instead of patching them:
// what people let cluster-autoscaler do to Nodes is no more, and the API server has
// less work with it, which counts where hundreds are written in a second. The object
// that is patched must be a whole one, at the version that it was read at. The client
// shares what the one given remembers.
func ByUpdate(c client.Client) client.Client {
	if known, ok := c.(*newest); ok {
		return &newest{Client: updating{known.Client}, versions: known.versions}
	}
	return Remember(updating{c})
}

type updating struct{ client.Client }

// Patch implements client.Writer.
func (u updating) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	if _, isNode := object.(*corev1.Node); !isNode {
		return u.Client.Patch(ctx, object, patch, options...)
	}
	if object.GetResourceVersion() == "" {
		return fmt.Errorf("node %s has no version: it cannot be updated", object.GetName())
	}
	return u.Update(ctx, object)
}
