package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drover-project/drover/internal/eks"
)

// Stack is one that exists.
type Stack struct {
	ID, Name, Status, StatusReason string
	Tags                           map[string]string
	Outputs                        map[string]string
	Created                        time.Time
	Protected                      bool
}

// Event is one step of a stack.
type Event struct {
	LogicalID, Type, Status, Reason string
	Time                            time.Time
}

// Physical is what a resource of a template became.
type Physical struct{ LogicalID, PhysicalID, Type, Status string }

// Request is a stack to make.
type Request struct {
	Name, Template string
	Tags           map[string]string
	// Protected forbids deletion until the protection is taken away.
	Protected bool
	// NamedRoles is true when the template names IAM roles itself.
	NamedRoles bool
}

// Service is what is needed of CloudFormation. Names are names or ids; what does
// not exist is eks.ErrNotFound, what should not exist yet is eks.ErrExists.
type Service interface {
	CreateStack(ctx context.Context, request Request) (id string, err error)
	DescribeStack(ctx context.Context, name string) (*Stack, error)
	// ListStacks lists all that were not deleted.
	ListStacks(ctx context.Context) ([]Stack, error)
	StackEvents(ctx context.Context, name string) ([]Event, error)
	StackResources(ctx context.Context, name string) ([]Physical, error)
	ProtectStack(ctx context.Context, name string, protected bool) error
	DeleteStack(ctx context.Context, name string) error
}

// Runner carries stacks through.
type Runner struct {
	Service Service
	// Sleep waits, or returns the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// Say tells people what is going on.
	Say func(format string, args ...any)
}

// Pauses between looks at a stack: short at first, since small stacks take seconds.
const (
	firstPause = time.Second
	mostPause  = 15 * time.Second
)

// FailedError says which step of a stack failed.
type FailedError struct {
	Stack, Status string
	// Steps are the first failures, the cause of the others.
	Steps []Event
}

func (e *FailedError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "stack %q ended as %s", e.Stack, e.Status)
	for _, step := range e.Steps {
		fmt.Fprintf(&text, "; %s (%s) %s: %s", step.LogicalID, step.Type, step.Status, step.Reason)
	}
	return text.String()
}

// Create makes a stack and waits for it. A stack that fails is taken away again
// once CloudFormation has rolled it back, so that the same request can be made
// anew; the error is then a FailedError.
func (r *Runner) Create(ctx context.Context, request Request) (*Stack, error) {
	r.Say("deploying stack %q", request.Name)
	id, err := r.Service.CreateStack(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("creating stack %q: %w", request.Name, err)
	}
	r.Say("waiting for CloudFormation stack %q", request.Name)
	made, err := r.wait(ctx, id, request.Name)
	if err != nil {
		return nil, err
	}
	if made.Status == "CREATE_COMPLETE" {
		return made, nil
	}
	failed := &FailedError{Stack: request.Name, Status: made.Status, Steps: r.failures(ctx, id)}
	return nil, errors.Join(failed, r.takeAway(ctx, id, request.Name))
}

// takeAway removes what is left of a stack that failed.
func (r *Runner) takeAway(ctx context.Context, id, name string) error {
	if err := r.Service.ProtectStack(ctx, id, false); err != nil && !errors.Is(err, eks.ErrNotFound) {
		return fmt.Errorf("taking away what is left of stack %q: %w", name, err)
	}
	if err := r.Service.DeleteStack(ctx, id); err != nil && !errors.Is(err, eks.ErrNotFound) {
		return fmt.Errorf("taking away what is left of stack %q: %w", name, err)
	}
	return nil
}

// failures are the earliest steps that failed, without those that were only
// cancelled because of another.
func (r *Runner) failures(ctx context.Context, name string) []Event {
	events, err := r.Service.StackEvents(ctx, name)
	if err != nil {
		return []Event{{LogicalID: "events", Status: "unknown", Reason: err.Error()}}
	}
	var failed []Event
	for _, event := range events {
		own := event.Type != "AWS::CloudFormation::Stack"
		if own && strings.HasSuffix(event.Status, "_FAILED") && !strings.Contains(strings.ToLower(event.Reason), "cancelled") {
			failed = append(failed, event)
		}
	}
	if len(failed) > 3 {
		failed = failed[:3]
	}
	return failed
}

// wait waits until a stack has come to rest. It tells of steps that fail as soon
// as they do.
func (r *Runner) wait(ctx context.Context, id, name string) (*Stack, error) {
	told := map[string]bool{}
	pause, since := firstPause, time.Duration(0)
	for {
		now, err := r.Service.DescribeStack(ctx, id)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(now.Status, "_IN_PROGRESS") {
			return now, nil
		}
		if strings.HasPrefix(now.Status, "ROLLBACK") {
			for _, step := range r.failures(ctx, id) {
				if !told[step.LogicalID] {
					told[step.LogicalID] = true
					r.Say("stack %q: %s (%s) failed: %s", name, step.LogicalID, step.Type, step.Reason)
				}
			}
		}
		if err := r.Sleep(ctx, pause); err != nil {
			return nil, fmt.Errorf("waiting for CloudFormation stack %q, which is %s and goes on by itself: %w", name, now.Status, err)
		}
		if since += pause; since >= 2*mostPause {
			since = 0
			r.Say("waiting for CloudFormation stack %q", name)
		}
		pause = min(pause*3/2, mostPause)
	}
}

// Delete takes a stack away. With wait it returns when the stack is gone.
func (r *Runner) Delete(ctx context.Context, name string, wait bool) error {
	found, err := r.Service.DescribeStack(ctx, name)
	if errors.Is(err, eks.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if found.Protected {
		if err := r.Service.ProtectStack(ctx, found.ID, false); err != nil {
			return fmt.Errorf("taking the protection off stack %q: %w", name, err)
		}
	}
	if err := r.Service.DeleteStack(ctx, found.ID); err != nil {
		return fmt.Errorf("deleting stack %q: %w", name, err)
	}
	if !wait {
		return nil
	}
	r.Say("waiting for CloudFormation stack %q to get deleted", name)
	gone, err := r.wait(ctx, found.ID, name)
	if errors.Is(err, eks.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if gone.Status != "DELETE_COMPLETE" {
		return &FailedError{Stack: name, Status: gone.Status, Steps: r.failures(ctx, found.ID)}
	}
	return nil
}
