package clustertest

import (
	"context"
	"errors"
	"sync"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// ErrKilled is what every call of a killed process gets.
var ErrKilled = errors.New("the process was killed")

// Faults kill a process at one of its calls that change something, to the API
// server or to the cloud: ahead of the call, or after it but before its answer.
type Faults struct {
	// At counts changing calls from 1; 0 never kills.
	At int
	// Answered kills after the call took effect.
	Answered bool

	mu    sync.Mutex
	calls int
	dead  bool
}

// Dead reports whether the process was killed.
func (f *Faults) Dead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// Calls is how many changing calls the process made.
func (f *Faults) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// around runs a changing call, or not, or loses its answer.
func (f *Faults) around(call func() error) error {
	f.mu.Lock()
	f.calls++
	now := f.calls == f.At
	if f.dead || (now && !f.Answered) {
		f.dead = true
		f.mu.Unlock()
		return ErrKilled
	}
	f.mu.Unlock()
	err := call()
	if now {
		f.mu.Lock()
		f.dead = true
		f.mu.Unlock()
		return ErrKilled
	}
	return err
}

// Client is the process's connection to the API server.
func (f *Faults) Client(underlying client.WithWatch) client.Client {
	return interceptor.NewClient(underlying, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if f.Dead() {
				return ErrKilled
			}
			return c.Get(ctx, key, object, options...)
		},
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			return f.around(func() error { return c.Create(ctx, object, options...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			return f.around(func() error { return c.Delete(ctx, object, options...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			return f.around(func() error { return c.Patch(ctx, object, patch, options...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, name string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			return f.around(func() error { return c.SubResource(name).Patch(ctx, object, patch, options...) })
		},
		SubResourceCreate: func(ctx context.Context, c client.Client, name string, object, sub client.Object, options ...client.SubResourceCreateOption) error {
			return f.around(func() error { return c.SubResource(name).Create(ctx, object, sub, options...) })
		},
	})
}

// Queue is the process's connection to a queue.
func (f *Faults) Queue(underlying cloud.Queue) cloud.Queue {
	return &mortalQueue{Queue: underlying, faults: f}
}

type mortalQueue struct {
	cloud.Queue
	faults *Faults
}

func (m *mortalQueue) Receive(ctx context.Context) ([]cloud.QueueMessage, error) {
	if m.faults.Dead() {
		return nil, ErrKilled
	}
	return m.Queue.Receive(ctx)
}

func (m *mortalQueue) Delete(ctx context.Context, messages []cloud.QueueMessage) error {
	return m.faults.around(func() error { return m.Queue.Delete(ctx, messages) })
}

func (m *mortalQueue) Postpone(ctx context.Context, messages []cloud.QueueMessage, after time.Duration) error {
	return m.faults.around(func() error { return m.Queue.Postpone(ctx, messages, after) })
}

// Interruptions is the process's connection to what is about interruptions.
func (f *Faults) Interruptions(underlying cloud.Interruptions) cloud.Interruptions {
	return &mortalInterruptions{Interruptions: underlying, faults: f}
}

type mortalInterruptions struct {
	cloud.Interruptions
	faults *Faults
}

func (m *mortalInterruptions) Detach(ctx context.Context, group, instanceID string, lower bool) error {
	return m.faults.around(func() error { return m.Interruptions.Detach(ctx, group, instanceID, lower) })
}

func (m *mortalInterruptions) Replace(ctx context.Context, instanceID string, lower bool) error {
	return m.faults.around(func() error { return m.Interruptions.Replace(ctx, instanceID, lower) })
}

func (m *mortalInterruptions) Terminate(ctx context.Context, instanceID string) error {
	return m.faults.around(func() error { return m.Interruptions.Terminate(ctx, instanceID) })
}

func (m *mortalInterruptions) CompleteHook(ctx context.Context, action cloud.HookAction) error {
	return m.faults.around(func() error { return m.Interruptions.CompleteHook(ctx, action) })
}

// Cloud is the process's connection to the cloud.
func (f *Faults) Cloud(underlying cloud.Provider) cloud.Provider {
	return &mortal{Provider: underlying, faults: f}
}

type mortal struct {
	cloud.Provider
	faults *Faults
}

func (m *mortal) Launch(ctx context.Context, request cloud.LaunchRequest) (instance cloud.Instance, err error) {
	err = m.faults.around(func() error {
		var failure error
		instance, failure = m.Provider.Launch(ctx, request)
		return failure
	})
	return instance, err
}

func (m *mortal) Terminate(ctx context.Context, providerID string) error {
	return m.faults.around(func() error { return m.Provider.Terminate(ctx, providerID) })
}

func (m *mortal) Catalog(ctx context.Context, class *ec2v1.EC2NodeClass) (model.Catalog, error) {
	if m.faults.Dead() {
		return model.Catalog{}, ErrKilled
	}
	return m.Provider.Catalog(ctx, class)
}
