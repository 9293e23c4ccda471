package nodes

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/retry"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/nodespec"
)

// cloudControllerPeriod is how often AWS's cloud controller looks for nodes
// whose instance is gone.
const cloudControllerPeriod = 5 * time.Second

// shutdownTaint marks the node of a stopped instance.
const shutdownTaint = "node.cloudprovider.kubernetes.io/shutdown"

// removeNode deletes the Node of a terminated machine, as the cloud controller
// does, and forgets the machine.
func (s *Simulator) removeNode(ctx context.Context, n *node) error {
	m := n.machine
	nodes, err := s.nodesOf(ctx, m)
	if err != nil {
		return err
	}
	for _, object := range nodes {
		if err := s.deleteNode(ctx, object); err != nil {
			return err
		}
	}
	n.removed = true
	s.mu.Lock()
	delete(s.machines, m.ID)
	s.mu.Unlock()
	s.addresses.Release(m.PrivateIP)
	return nil
}

// nodesOf finds a machine's Node by its provider ID: it may never have joined.
// It asks the API server, since the Node may be younger than the cache.
func (s *Simulator) nodesOf(ctx context.Context, m machine.Machine) ([]*corev1.Node, error) {
	var found []*corev1.Node
	for _, name := range []string{m.PrivateDNSName, m.ID} {
		object, err := s.opts.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if object.Spec.ProviderID == nodespec.ProviderID(m) {
			found = append(found, object)
		}
	}
	return found, nil
}

func (s *Simulator) deleteNode(ctx context.Context, object *corev1.Node) error {
	err := s.opts.Client.CoreV1().Nodes().Delete(ctx, object.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &object.UID}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting node %s: %w", object.Name, err)
	}
	if err == nil {
		s.log.Info("node deleted because its instance is gone", "node", object.Name, "providerID", object.Spec.ProviderID)
	}
	return nil
}

// removeOrphans deletes Nodes whose instance went while the simulator was down.
func (s *Simulator) removeOrphans(ctx context.Context) {
	nodes, err := s.nodeLister.List(labels.Everything())
	if err != nil {
		s.report(err)
		return
	}
	for _, object := range nodes {
		id := object.Spec.ProviderID[strings.LastIndex(object.Spec.ProviderID, "/")+1:]
		s.mu.Lock()
		_, known := s.machines[id]
		s.mu.Unlock()
		if known || !strings.HasPrefix(object.Spec.ProviderID, "aws:///") {
			continue
		}
		if err := s.deleteNode(ctx, object); err != nil {
			s.report(err)
		}
	}
}

// markShutdown adds or removes the taint of a stopped instance.
func (s *Simulator) markShutdown(ctx context.Context, m machine.Machine, stopped bool) error {
	nodes, err := s.nodesOf(ctx, m)
	if err != nil {
		return err
	}
	for _, found := range nodes {
		err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
			return s.setShutdownTaint(ctx, found.Name, stopped)
		})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("shutdown taint of node %s: %w", found.Name, err)
		}
	}
	return nil
}

func (s *Simulator) setShutdownTaint(ctx context.Context, name string, stopped bool) error {
	object, err := s.opts.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(object.Spec.Taints), func(t corev1.Taint) bool { return t.Key == shutdownTaint })
	if stopped {
		rest = append(rest, corev1.Taint{Key: shutdownTaint, Effect: corev1.TaintEffectNoSchedule})
	}
	if len(rest) == len(object.Spec.Taints) {
		return nil
	}
	object.Spec.Taints = rest
	_, err = s.opts.Client.CoreV1().Nodes().Update(ctx, object, metav1.UpdateOptions{})
	return err
}

// nodeHandler notices Nodes that someone deletes: their kubelets do not come
// back by themselves, as in life.
func (s *Simulator) nodeHandler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { s.nodeSeen(object) },
		DeleteFunc: func(object any) { s.nodeDeleted(object) },
	}
}

// nodeSeen reports the status of a node that has just become visible.
func (s *Simulator) nodeSeen(object any) {
	seen, ok := object.(*corev1.Node)
	if !ok {
		return
	}
	id := seen.Spec.ProviderID[strings.LastIndex(seen.Spec.ProviderID, "/")+1:]
	s.mu.Lock()
	_, known := s.machines[id]
	s.mu.Unlock()
	if known {
		s.work.Add(task{machine: id})
	}
}

func (s *Simulator) nodeDeleted(object any) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	deleted, ok := object.(*corev1.Node)
	if !ok {
		return
	}
	s.mu.Lock()
	n := s.names[deleted.Name]
	s.mu.Unlock()
	if n == nil {
		return
	}
	s.log.Info("node object deleted; its instance runs on without one", "node", deleted.Name)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.removed = true
}

// sameEndpoint compares API server URLs by host and port.
func sameEndpoint(a, b string) bool {
	hostOf := func(text string) string {
		parsed, err := url.Parse(text)
		if err != nil || parsed.Host == "" {
			return text
		}
		if parsed.Port() == "" {
			return strings.ToLower(parsed.Host) + ":443"
		}
		return strings.ToLower(parsed.Host)
	}
	return hostOf(a) == hostOf(b)
}

// sameCertificate reports whether two PEM bundles have a certificate in common.
func sameCertificate(a, b []byte) bool {
	blocks := func(text []byte) [][]byte {
		var found [][]byte
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			found = append(found, block.Bytes)
		}
		return found
	}
	for _, one := range blocks(a) {
		if slices.ContainsFunc(blocks(b), func(other []byte) bool { return bytes.Equal(one, other) }) {
			return true
		}
	}
	return false
}
