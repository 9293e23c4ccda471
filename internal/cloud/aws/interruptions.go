package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// GroupMembers is what the adapter needs of Amazon EC2 Auto Scaling about single
// instances.
type GroupMembers interface {
	DescribeLifecycleHooks(context.Context, *autoscaling.DescribeLifecycleHooksInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeLifecycleHooksOutput, error)
	DetachInstances(context.Context, *autoscaling.DetachInstancesInput, ...func(*autoscaling.Options)) (*autoscaling.DetachInstancesOutput, error)
	TerminateInstanceInAutoScalingGroup(context.Context, *autoscaling.TerminateInstanceInAutoScalingGroupInput, ...func(*autoscaling.Options)) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error)
	CompleteLifecycleAction(context.Context, *autoscaling.CompleteLifecycleActionInput, ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error)
	RecordLifecycleActionHeartbeat(context.Context, *autoscaling.RecordLifecycleActionHeartbeatInput, ...func(*autoscaling.Options)) (*autoscaling.RecordLifecycleActionHeartbeatOutput, error)
}

// InstanceStatuses is what the adapter needs of Amazon EC2 about the health of
// instances.
type InstanceStatuses interface {
	DescribeInstanceStatus(context.Context, *ec2.DescribeInstanceStatusInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceStatusOutput, error)
}

// DefaultInterruptionClients connect with the SDK's default configuration; of the
// options only OnCall and Logger count.
func DefaultInterruptionClients(ctx context.Context, options Options) (GroupMembers, InstanceStatuses, error) {
	configuration, err := connect(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	return autoscaling.NewFromConfig(configuration), ec2.NewFromConfig(configuration), nil
}

// Interruptions implements cloud.Interruptions.
type Interruptions struct {
	provider *Provider
	members  GroupMembers
	statuses InstanceStatuses
	detach   *batcher[membership, error]
}

var _ cloud.Interruptions = (*Interruptions)(nil)

// Interruptions gives access to what is about instances that AWS takes back. The
// pools it marks are the Provider's.
func (p *Provider) Interruptions(members GroupMembers, statuses InstanceStatuses) *Interruptions {
	n := &Interruptions{provider: p, members: members, statuses: statuses}
	n.detach = newBatcher(p.background, maxTerminations, n.detachAll)
	return n
}

// Instances implements cloud.Interruptions.
func (n *Interruptions) Instances(ctx context.Context, ids []string) (map[string]cloud.Instance, error) {
	all := map[string]cloud.Instance{}
	for chunk := range slices.Chunk(ids, maxFilterValues) {
		found, err := n.provider.describeByID(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for id, instance := range found {
			all[id] = instance
		}
	}
	return all, nil
}

// MarkUnavailable implements cloud.Interruptions.
func (n *Interruptions) MarkUnavailable(pool model.OfferingKey, reason string) {
	n.provider.unavailable.mark(pool, reason)
}

// membership is an instance of a group; lower takes it off the group's size.
type membership struct {
	group, id string
	lower     bool
}

// detachPerCall is how many instances DetachInstances takes.
const detachPerCall = 20

// Detach implements cloud.Interruptions. Concurrent calls share DetachInstances.
func (n *Interruptions) Detach(ctx context.Context, group, instanceID string, lower bool) error {
	outcome, found, err := n.detach.Do(ctx, membership{group, instanceID, lower})
	if err == nil && found {
		err = outcome
	}
	return err
}

// detachAll takes instances out of their groups, each with its own outcome.
func (n *Interruptions) detachAll(ctx context.Context, members []membership) (map[membership]error, error) {
	alike := map[membership][]membership{} // by group and size
	for _, member := range members {
		key := membership{group: member.group, lower: member.lower}
		alike[key] = append(alike[key], member)
	}
	outcome := map[membership]error{}
	for _, all := range alike {
		for chunk := range slices.Chunk(all, detachPerCall) {
			err := n.detachSome(ctx, chunk)
			for _, member := range chunk {
				if len(chunk) > 1 && isNoMember(err) {
					// One that is no member any more fails the call for all.
					outcome[member] = detached(n.detachSome(ctx, []membership{member}), member)
					continue
				}
				outcome[member] = detached(err, member)
			}
		}
	}
	return outcome, nil
}

// detachSome takes instances out of one group.
func (n *Interruptions) detachSome(ctx context.Context, members []membership) error {
	var ids []string
	for _, member := range members {
		ids = append(ids, member.id)
	}
	_, err := n.members.DetachInstances(ctx, &autoscaling.DetachInstancesInput{
		AutoScalingGroupName: &members[0].group, InstanceIds: ids, ShouldDecrementDesiredCapacity: &members[0].lower,
	})
	return err
}

func detached(err error, member membership) error {
	if isNoMember(err) {
		return nil
	}
	return classify(err, "detaching instance "+member.id+" from Auto Scaling group "+member.group)
}

// isNoMember reports whether Auto Scaling says that an instance, or its group, is
// not there, or on its way out already.
func isNoMember(err error) bool {
	text := strings.ToLower(errorText(err))
	return errorCode(err) == "ValidationError" &&
		(strings.Contains(text, "not part of") || strings.Contains(text, "not found") || strings.Contains(text, "not in correct state") || strings.Contains(text, "not inservice"))
}

// Replace implements cloud.Interruptions.
func (n *Interruptions) Replace(ctx context.Context, instanceID string, lower bool) error {
	_, err := n.members.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: &instanceID, ShouldDecrementDesiredCapacity: &lower,
	})
	text := strings.ToLower(errorText(err))
	switch {
	case err == nil:
		return nil
	case errorCode(err) == "ValidationError" && strings.Contains(text, "not found"):
		return fmt.Errorf("instance %s: %w", instanceID, cloud.ErrNotFound)
	case errorCode(err) == "ValidationError" && strings.Contains(text, "min"):
		return &cloud.MinSizeError{Message: errorText(err)}
	}
	return classify(err, "ending instance "+instanceID+" in its Auto Scaling group")
}

// Terminate implements cloud.Interruptions. Concurrent calls share
// TerminateInstances.
func (n *Interruptions) Terminate(ctx context.Context, instanceID string) error {
	if _, found, err := n.provider.terminate.Do(ctx, instanceID); err != nil || found {
		return err
	}
	return fmt.Errorf("instance %s: %w", instanceID, cloud.ErrNotFound)
}

// HookTimeout implements cloud.Interruptions.
func (n *Interruptions) HookTimeout(ctx context.Context, group, hook string) (time.Duration, error) {
	answer, err := n.members.DescribeLifecycleHooks(ctx, &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: &group, LifecycleHookNames: []string{hook}})
	if err != nil {
		return 0, classify(err, "describing life cycle hook "+hook+" of Auto Scaling group "+group)
	}
	if len(answer.LifecycleHooks) == 0 {
		return 0, fmt.Errorf("life cycle hook %s of Auto Scaling group %s: %w", hook, group, cloud.ErrNotFound)
	}
	return time.Duration(sdk.ToInt32(answer.LifecycleHooks[0].HeartbeatTimeout)) * time.Second, nil
}

// CompleteHook implements cloud.Interruptions.
func (n *Interruptions) CompleteHook(ctx context.Context, action cloud.HookAction) error {
	input := &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: &action.Group, LifecycleHookName: &action.Hook, InstanceId: &action.InstanceID, LifecycleActionResult: sdk.String("CONTINUE"),
	}
	if action.Token != "" {
		input.LifecycleActionToken = &action.Token
	}
	_, err := n.members.CompleteLifecycleAction(ctx, input)
	if isNoAction(err) {
		return nil
	}
	return classify(err, "completing life cycle hook "+action.Hook+" of instance "+action.InstanceID)
}

// isNoAction reports whether no life cycle action waits for an answer.
func isNoAction(err error) bool {
	text := strings.ToLower(errorText(err))
	return errorCode(err) == "ValidationError" && (strings.Contains(text, "no active lifecycle action") || strings.Contains(text, "not found"))
}

// ExtendHook implements cloud.Interruptions.
func (n *Interruptions) ExtendHook(ctx context.Context, action cloud.HookAction) error {
	input := &autoscaling.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: &action.Group, LifecycleHookName: &action.Hook, InstanceId: &action.InstanceID,
	}
	if action.Token != "" {
		input.LifecycleActionToken = &action.Token
	}
	_, err := n.members.RecordLifecycleActionHeartbeat(ctx, input)
	if isNoAction(err) {
		return nil
	}
	return classify(err, "extending life cycle hook "+action.Hook+" of instance "+action.InstanceID)
}

// Impaired implements cloud.Interruptions: instances of which a status check
// fails, or that have scheduled events, of the whole region.
func (n *Interruptions) Impaired(ctx context.Context) ([]cloud.InstanceHealth, error) {
	var list []cloud.InstanceHealth
	for _, filter := range []ec2types.Filter{
		{Name: sdk.String("instance-status.status"), Values: []string{"impaired"}},
		{Name: sdk.String("system-status.status"), Values: []string{"impaired"}},
		{Name: sdk.String("event.code"), Values: []string{"instance-reboot", "system-reboot", "system-maintenance", "instance-retirement", "instance-stop"}},
	} {
		pages := ec2.NewDescribeInstanceStatusPaginator(n.statuses, &ec2.DescribeInstanceStatusInput{Filters: []ec2types.Filter{filter}})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, classify(err, "describing the status of instances")
			}
			for i := range page.InstanceStatuses {
				list = append(list, healthOf(&page.InstanceStatuses[i]))
			}
		}
	}
	return list, nil
}

func healthOf(status *ec2types.InstanceStatus) cloud.InstanceHealth {
	health := cloud.InstanceHealth{InstanceID: sdk.ToString(status.InstanceId)}
	names := [...]string{"instance status", "system status"}
	for i, summary := range [...]*ec2types.InstanceStatusSummary{status.InstanceStatus, status.SystemStatus} {
		if summary == nil || summary.Status != ec2types.SummaryStatusImpaired {
			continue
		}
		health.Failed = names[i]
		for _, detail := range summary.Details {
			if since := sdk.ToTime(detail.ImpairedSince); !since.IsZero() {
				health.Since = since
			}
		}
	}
	for _, event := range status.Events {
		if !strings.HasPrefix(sdk.ToString(event.Description), "[C") { // [Completed], [Canceled]
			health.Events = append(health.Events, cloud.InstanceEvent{Code: string(event.Code), NotBefore: sdk.ToTime(event.NotBefore)})
		}
	}
	return health
}
