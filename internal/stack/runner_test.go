package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/internal/eks"
)

// script is a service whose stack goes through given states.
type script struct {
	states    []string
	events    []Event
	deleted   bool
	protected bool
}

func (s *script) CreateStack(context.Context, Request) (string, error) { return "id", nil }

func (s *script) DescribeStack(context.Context, string) (*Stack, error) {
	if len(s.states) == 0 {
		return nil, eks.ErrNotFound
	}
	state := s.states[0]
	if len(s.states) > 1 {
		s.states = s.states[1:]
	} else if s.deleted {
		s.states = nil
	}
	return &Stack{ID: "id", Name: "s", Status: state, Protected: s.protected}, nil
}

func (s *script) ListStacks(context.Context) ([]Stack, error) { return nil, nil }

func (s *script) StackEvents(context.Context, string) ([]Event, error) { return s.events, nil }

func (s *script) StackResources(context.Context, string) ([]Physical, error) { return nil, nil }

func (s *script) ProtectStack(_ context.Context, _ string, protected bool) error {
	s.protected = protected
	return nil
}

func (s *script) DeleteStack(context.Context, string) error {
	if s.protected {
		return errors.New("protected")
	}
	s.deleted = true
	return nil
}

func runnerOf(s *script, patience int) (*Runner, *strings.Builder) {
	var said strings.Builder
	return &Runner{
		Service: s, Say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) },
		Sleep: func(context.Context, time.Duration) error {
			if patience--; patience < 0 {
				return context.DeadlineExceeded
			}
			return nil
		},
	}, &said
}

func TestTheFirstFailureIsTheReason(t *testing.T) {
	s := &script{
		states: []string{"CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"}, protected: true,
		events: []Event{
			{LogicalID: "Role", Type: "AWS::IAM::Role", Status: "CREATE_COMPLETE"},
			{LogicalID: "Group", Type: "AWS::EKS::Nodegroup", Status: "CREATE_FAILED", Reason: "no capacity"},
			{LogicalID: "Other", Type: "AWS::EC2::SecurityGroup", Status: "CREATE_FAILED", Reason: "Resource creation cancelled"},
			{LogicalID: "s", Type: "AWS::CloudFormation::Stack", Status: "ROLLBACK_IN_PROGRESS", Reason: "The following resource(s) failed"},
		},
	}
	runner, said := runnerOf(s, 10)
	_, err := runner.Create(t.Context(), Request{Name: "s"})
	var failed *FailedError
	if !errors.As(err, &failed) || len(failed.Steps) != 1 || failed.Steps[0].LogicalID != "Group" {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(err.Error(), "Group (AWS::EKS::Nodegroup) CREATE_FAILED: no capacity") {
		t.Error(err)
	}
	if !s.deleted || s.protected {
		t.Error("what is left is not taken away")
	}
	if strings.Count(said.String(), "no capacity") != 1 {
		t.Errorf("said:\n%s", said.String())
	}
}

func TestAStackThatTakesTooLongSaysHowFarItIs(t *testing.T) {
	runner, said := runnerOf(&script{states: []string{"CREATE_IN_PROGRESS"}}, 30)
	_, err := runner.Create(t.Context(), Request{Name: "s"})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "CREATE_IN_PROGRESS") {
		t.Error(err)
	}
	if strings.Count(said.String(), "waiting for CloudFormation stack") < 3 {
		t.Errorf("long waiting is not told of:\n%s", said.String())
	}
}

func TestDeletingTakesTheProtectionOff(t *testing.T) {
	s := &script{states: []string{"CREATE_COMPLETE", "DELETE_IN_PROGRESS"}, protected: true}
	runner, _ := runnerOf(s, 10)
	if err := runner.Delete(t.Context(), "s", true); err != nil || !s.deleted {
		t.Errorf("%v, deleted %t", err, s.deleted)
	}
	if err := runner.Delete(t.Context(), "s", true); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
	failing := &script{states: []string{"CREATE_COMPLETE", "DELETE_FAILED"}, events: []Event{{LogicalID: "SG", Type: "x", Status: "DELETE_FAILED", Reason: "in use"}}}
	runner, _ = runnerOf(failing, 10)
	if err := runner.Delete(t.Context(), "s", true); err == nil || !strings.Contains(err.Error(), "SG (x) DELETE_FAILED: in use") {
		t.Error(err)
	}
}
