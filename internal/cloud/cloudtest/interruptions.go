package cloudtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// Interruptions is an in-memory cloud.Interruptions about the instances of a Fake
// and of Groups; either may be nil. It writes down what it is asked.
type Interruptions struct {
	Cloud  *Fake
	Groups *Groups
	// Known are instances besides; Timeout is what every hook has.
	Known   map[string]cloud.Instance
	Timeout time.Duration
	Health  []cloud.InstanceHealth
	// Refuse, when set, is what Detach gets.
	Refuse error

	mu        sync.Mutex
	Detached  []string
	Ended     []string
	Completed []cloud.HookAction
	Extended  []cloud.HookAction
	Described int
}

var _ cloud.Interruptions = (*Interruptions)(nil)

// Instances implements cloud.Interruptions.
func (n *Interruptions) Instances(_ context.Context, ids []string) (map[string]cloud.Instance, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Described++
	found := map[string]cloud.Instance{}
	for _, id := range ids {
		if instance, ok := n.Known[id]; ok {
			found[id] = instance
		}
	}
	return found, nil
}

// MarkUnavailable implements cloud.Interruptions.
func (n *Interruptions) MarkUnavailable(pool model.OfferingKey, _ string) {
	if n.Cloud == nil {
		return
	}
	n.Cloud.mu.Lock()
	defer n.Cloud.mu.Unlock()
	n.Cloud.unavailable[pool] = n.Cloud.world.Now()
}

// Detach implements cloud.Interruptions.
func (n *Interruptions) Detach(_ context.Context, group, instanceID string, lower bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Refuse != nil {
		return n.Refuse
	}
	n.Groups.mu.Lock()
	defer n.Groups.mu.Unlock()
	g := n.Groups.groups[group]
	if g == nil {
		return nil
	}
	at := slices.IndexFunc(g.Instances, func(i cloud.GroupInstance) bool { return i.ID == instanceID })
	if at < 0 {
		return nil
	}
	g.Instances = slices.Delete(slices.Clone(g.Instances), at, at+1)
	if lower {
		g.Desired--
	}
	n.Detached = append(n.Detached, instanceID)
	return nil
}

// Replace implements cloud.Interruptions.
func (n *Interruptions) Replace(ctx context.Context, instanceID string, lower bool) error {
	if lower {
		return n.Groups.Shrink(ctx, instanceID)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Groups.mu.Lock()
	defer n.Groups.mu.Unlock()
	for _, g := range n.Groups.groups {
		if at := slices.IndexFunc(g.Instances, func(i cloud.GroupInstance) bool { return i.ID == instanceID }); at >= 0 {
			g.Instances = slices.Delete(slices.Clone(g.Instances), at, at+1)
			n.Ended = append(n.Ended, instanceID)
			return nil
		}
	}
	return fmt.Errorf("instance %s: %w", instanceID, cloud.ErrNotFound)
}

// Terminate implements cloud.Interruptions.
func (n *Interruptions) Terminate(_ context.Context, instanceID string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Ended = append(n.Ended, instanceID)
	return nil
}

// HookTimeout implements cloud.Interruptions.
func (n *Interruptions) HookTimeout(context.Context, string, string) (time.Duration, error) {
	return n.Timeout, nil
}

// CompleteHook implements cloud.Interruptions.
func (n *Interruptions) CompleteHook(_ context.Context, action cloud.HookAction) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.Completed, action) { // nothing waits for a second answer
		n.Completed = append(n.Completed, action)
	}
	return nil
}

// ExtendHook implements cloud.Interruptions.
func (n *Interruptions) ExtendHook(_ context.Context, action cloud.HookAction) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Extended = append(n.Extended, action)
	return nil
}

// Impaired implements cloud.Interruptions.
func (n *Interruptions) Impaired(context.Context) ([]cloud.InstanceHealth, error) {
	return n.Health, nil
}
