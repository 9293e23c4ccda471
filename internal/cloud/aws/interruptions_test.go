package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// fakeMembers are the instances of one group, g.
type fakeMembers struct {
	mu        sync.Mutex
	members   []string
	detaches  int
	completed []string
	denied    bool
	statuses  []ec2types.InstanceStatus
}

func (f *fakeMembers) DescribeLifecycleHooks(_ context.Context, input *autoscaling.DescribeLifecycleHooksInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeLifecycleHooksOutput, error) {
	if input.LifecycleHookNames[0] != "h" {
		return &autoscaling.DescribeLifecycleHooksOutput{}, nil
	}
	return &autoscaling.DescribeLifecycleHooksOutput{LifecycleHooks: []types.LifecycleHook{{HeartbeatTimeout: sdk.Int32(300)}}}, nil
}

func (f *fakeMembers) DetachInstances(_ context.Context, input *autoscaling.DetachInstancesInput, _ ...func(*autoscaling.Options)) (*autoscaling.DetachInstancesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.detaches++
	if f.denied {
		return nil, apiError("AccessDenied", "no")
	}
	if len(input.InstanceIds) > 20 || *input.ShouldDecrementDesiredCapacity {
		return nil, apiError("ValidationError", "too many, or the size would change")
	}
	for _, id := range input.InstanceIds {
		if !slices.Contains(f.members, id) {
			return nil, apiError("ValidationError", "The instance "+id+" is not part of Auto Scaling group g.")
		}
	}
	f.members = slices.DeleteFunc(f.members, func(id string) bool { return slices.Contains(input.InstanceIds, id) })
	return &autoscaling.DetachInstancesOutput{}, nil
}

func (f *fakeMembers) TerminateInstanceInAutoScalingGroup(_ context.Context, input *autoscaling.TerminateInstanceInAutoScalingGroupInput, _ ...func(*autoscaling.Options)) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error) {
	if !slices.Contains(f.members, *input.InstanceId) {
		return nil, apiError("ValidationError", "Instance Id not found - No managed instance found for instance ID: "+*input.InstanceId)
	}
	return &autoscaling.TerminateInstanceInAutoScalingGroupOutput{}, nil
}

func (f *fakeMembers) CompleteLifecycleAction(_ context.Context, input *autoscaling.CompleteLifecycleActionInput, _ ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error) {
	if slices.Contains(f.completed, *input.InstanceId) {
		return nil, apiError("ValidationError", "No active Lifecycle Action found with instance ID "+*input.InstanceId)
	}
	f.completed = append(f.completed, *input.InstanceId)
	return &autoscaling.CompleteLifecycleActionOutput{}, nil
}

func (f *fakeMembers) RecordLifecycleActionHeartbeat(context.Context, *autoscaling.RecordLifecycleActionHeartbeatInput, ...func(*autoscaling.Options)) (*autoscaling.RecordLifecycleActionHeartbeatOutput, error) {
	return &autoscaling.RecordLifecycleActionHeartbeatOutput{}, nil
}

func (f *fakeMembers) DescribeInstanceStatus(_ context.Context, input *ec2.DescribeInstanceStatusInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstanceStatusOutput, error) {
	if strings.HasPrefix(*input.Filters[0].Name, "system-status") {
		return &ec2.DescribeInstanceStatusOutput{}, nil
	}
	return &ec2.DescribeInstanceStatusOutput{InstanceStatuses: f.statuses}, nil
}

func newTestInterruptions(t *testing.T, fake *fakeMembers) *Interruptions {
	t.Helper()
	options := Options{}
	options.complete()
	return assemble(t.Context(), options, "us-west-2", Clients{}, Cluster{}).Interruptions(fake, fake)
}

func TestInstancesAreDetachedTogether(t *testing.T) {
	fake := &fakeMembers{}
	var ids []string
	for i := range 45 {
		ids = append(ids, "i-"+strings.Repeat("0", 15)+string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	fake.members = slices.Clone(ids[1:])
	n := newTestInterruptions(t, fake)
	var group sync.WaitGroup
	for _, id := range ids {
		group.Go(func() {
			if err := n.Detach(t.Context(), "g", id, false); err != nil {
				t.Errorf("detaching %s: %v", id, err)
			}
		})
	}
	group.Wait()
	// Three calls, and one for each instance of the call that had a stranger in it.
	if len(fake.members) != 0 || fake.detaches > 3+20 {
		t.Errorf("%d are left after %d calls", len(fake.members), fake.detaches)
	}
	fake.denied = true
	var terminal *cloud.TerminalError
	if err := n.Detach(t.Context(), "g", ids[0], false); !errors.As(err, &terminal) {
		t.Errorf("an error that no repetition mends: %v", err)
	}
}

func TestHooksMayBeAnsweredTwice(t *testing.T) {
	n := newTestInterruptions(t, &fakeMembers{})
	for range 2 {
		if err := n.CompleteHook(t.Context(), cloud.HookAction{Group: "g", Hook: "h", InstanceID: "i-1"}); err != nil {
			t.Error(err)
		}
	}
	if timeout, err := n.HookTimeout(t.Context(), "g", "h"); err != nil || timeout != 5*time.Minute {
		t.Errorf("timeout %s: %v", timeout, err)
	}
	if _, err := n.HookTimeout(t.Context(), "g", "gone"); !cloud.IsNotFound(err) {
		t.Errorf("a hook that is gone: %v", err)
	}
	if err := n.Replace(t.Context(), "i-gone", true); !cloud.IsNotFound(err) {
		t.Errorf("an instance that is gone: %v", err)
	}
}

func TestWhatEC2SaysOfSickInstances(t *testing.T) {
	since := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	n := newTestInterruptions(t, &fakeMembers{statuses: []ec2types.InstanceStatus{{
		InstanceId:   sdk.String("i-1"),
		SystemStatus: &ec2types.InstanceStatusSummary{Status: ec2types.SummaryStatusImpaired, Details: []ec2types.InstanceStatusDetails{{ImpairedSince: &since}}},
		Events: []ec2types.InstanceStatusEvent{
			{Code: ec2types.EventCodeSystemReboot, Description: sdk.String("scheduled reboot"), NotBefore: &since},
			{Code: ec2types.EventCodeInstanceStop, Description: sdk.String("[Completed] stop")},
		},
	}}})
	found, err := n.Impaired(t.Context())
	if err != nil || len(found) == 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	if got := found[0]; got.Failed != "system status" || !got.Since.Equal(since) || len(got.Events) != 1 || got.Events[0].Code != "system-reboot" {
		t.Errorf("%+v", got)
	}
}

func TestAPoolThatIsTakenBackIsNotBoughtFrom(t *testing.T) {
	n := newTestInterruptions(t, &fakeMembers{})
	pool := model.OfferingKey{InstanceType: "m5.large", Zone: "us-west-2a", CapacityType: model.Spot}
	n.MarkUnavailable(pool, "SpotInterruption")
	if reason := n.provider.unavailable.current().reason(pool); !strings.HasPrefix(reason, "SpotInterruption at ") {
		t.Errorf("the pool counts as %q", reason)
	}
}
