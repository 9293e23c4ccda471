package ec2api

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// TerminateInstances begins to end instances, all of them or, when one does not
// exist, none. Ending one that has ended is no error.
func (e *EC2) TerminateInstances(_ context.Context, in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error) {
	if err := awswire.Supported(in, "InstanceIds", "DryRun", "Force", "SkipOsShutdown"); err != nil {
		return nil, err
	}
	changes, err := e.change(in.InstanceIds, in.DryRun, func(tx *store.Tx, i world.Instance) (world.Instance, error) {
		if i.State == machine.Terminated || i.State == machine.ShuttingDown {
			return i, nil
		}
		i.Reason = world.Reason{Code: "Client.UserInitiatedShutdown", Message: "User initiated shutdown"}
		return e.world.Enter(tx, i, machine.ShuttingDown)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.TerminateInstancesOutput{TerminatingInstances: changes}, nil
}

// StopInstances begins to stop instances, of Spot only those of persistent
// requests.
func (e *EC2) StopInstances(_ context.Context, in *ec2.StopInstancesInput) (*ec2.StopInstancesOutput, error) {
	if err := awswire.Supported(in, "InstanceIds", "DryRun", "Force", "SkipOsShutdown"); err != nil {
		return nil, err
	}
	changes, err := e.change(in.InstanceIds, in.DryRun, func(tx *store.Tx, i world.Instance) (world.Instance, error) {
		switch {
		case i.Spot && !e.persistent(i):
			return i, awserr.New("UnsupportedOperation", "You can't stop the Spot Instance '%s' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.", i.ID)
		case i.State == machine.Stopping || i.State == machine.Stopped:
			return i, nil
		case i.State == machine.Terminated || i.State == machine.ShuttingDown:
			return i, wrongState(i, "stopped")
		}
		i.Reason = world.Reason{Code: "Client.UserInitiatedShutdown", Message: "User initiated shutdown"}
		return e.world.Enter(tx, i, machine.Stopping)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.StopInstancesOutput{StoppingInstances: changes}, nil
}

// StartInstances begins to start stopped instances.
func (e *EC2) StartInstances(_ context.Context, in *ec2.StartInstancesInput) (*ec2.StartInstancesOutput, error) {
	if err := awswire.Supported(in, "InstanceIds", "DryRun"); err != nil {
		return nil, err
	}
	changes, err := e.change(in.InstanceIds, in.DryRun, func(tx *store.Tx, i world.Instance) (world.Instance, error) {
		return e.start(tx, i)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.StartInstancesOutput{StartingInstances: changes}, nil
}

func (e *EC2) start(tx *store.Tx, i world.Instance) (world.Instance, error) {
	switch i.State {
	case machine.Pending, machine.Running:
		return i, nil
	case machine.Stopped:
		if err := e.checkQuota(i); err != nil {
			return i, err
		}
		if pool := e.world.PoolOf(i); e.world.Out(pool.Zone) {
			return i, e.world.Insufficient(pool)
		}
		i.Reason, i.LaunchTime = world.Reason{}, e.world.Clock.Now()
		return e.world.Enter(tx, i, machine.Pending)
	}
	return i, wrongState(i, "started")
}

// persistent reports whether an instance is of a persistent Spot request.
func (e *EC2) persistent(i world.Instance) bool {
	r, found := e.world.SpotRequests.Get(i.SpotRequest)
	return found && r.Persistent
}

// checkQuota refuses to start an instance that the account has no vCPUs left for:
// while it was stopped it did not count.
func (e *EC2) checkQuota(i world.Instance) error {
	t, _ := e.world.Catalog.Type(i.Type)
	if left, limited := e.world.QuotaLeft(i.CapacityType()); limited && left < t.VCPU {
		return e.quotaExceeded(i.Spot)
	}
	return nil
}

func wrongState(i world.Instance, done string) error {
	return awserr.New("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be %s. It is %s.", i.ID, done, i.State)
}

// transition begins a change of one instance and gives it as it is then.
type transition func(*store.Tx, world.Instance) (world.Instance, error)

// change applies a transition to instances in one transaction.
func (e *EC2) change(ids []string, dry *bool, apply transition) ([]types.InstanceStateChange, error) {
	if len(ids) == 0 {
		return nil, missing("InstanceId")
	}
	changes := []types.InstanceStateChange{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		found, err := e.findInstances(ids)
		if err != nil {
			return err
		}
		if err := dryRun(dry); err != nil {
			return err
		}
		for _, i := range found {
			after, err := apply(tx, i)
			if err != nil {
				return err
			}
			changes = append(changes, types.InstanceStateChange{
				InstanceId: aws.String(i.ID), PreviousState: state(i.State), CurrentState: state(after.State),
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// GetConsoleOutput gives what a machine printed while it booted.
func (e *EC2) GetConsoleOutput(_ context.Context, in *ec2.GetConsoleOutputInput) (*ec2.GetConsoleOutputOutput, error) {
	if aws.ToString(in.InstanceId) == "" {
		return nil, missing("InstanceId")
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var found []world.Instance
	var err error
	e.world.Store.View(func() { found, err = e.findInstances([]string{*in.InstanceId}) })
	if err != nil {
		return nil, err
	}
	text := ""
	if lines := found[0].Console; len(lines) > 0 {
		text = strings.Join(lines, "\r\n") + "\r\n"
	}
	return &ec2.GetConsoleOutputOutput{
		InstanceId: in.InstanceId, Timestamp: aws.Time(e.world.Clock.Now()), Output: aws.String(base64.StdEncoding.EncodeToString([]byte(text))),
	}, nil
}

// DescribeInstanceStatus gives the health checks of running instances, of all
// when asked to, and their scheduled events. Instances that nobody reaches fail
// their checks.
func (e *EC2) DescribeInstanceStatus(_ context.Context, in *ec2.DescribeInstanceStatusInput) (*ec2.DescribeInstanceStatusOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Filters", "IncludeAllInstances", "InstanceIds", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if in.MaxResults != nil && len(in.InstanceIds) > 0 {
		return nil, invalidCombination("The parameter instancesSet cannot be used with the parameter maxResults")
	}
	if err := usual().check(in.MaxResults); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var list []types.InstanceStatus
	var err error
	e.world.Store.View(func() {
		var found []world.Instance
		if found, err = e.findInstances(in.InstanceIds); err != nil {
			return
		}
		for _, i := range found {
			if i.State == machine.Running || aws.ToBool(in.IncludeAllInstances) {
				list = append(list, e.status(i))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if list, err = statusFilters().Select(list, in.Filters); err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstanceStatusOutput{}
	out.InstanceStatuses, out.NextToken, err = awswire.Page(list, in.NextToken, in.MaxResults)
	return out, err
}

func (e *EC2) status(i world.Instance) types.InstanceStatus {
	subnet, _ := e.world.Network.Subnet(i.SubnetID)
	summary := types.SummaryStatusNotApplicable
	var details []types.InstanceStatusDetails
	if i.State == machine.Running {
		summary = types.SummaryStatusOk
		details = []types.InstanceStatusDetails{{Name: types.StatusNameReachability, Status: types.StatusTypePassed}}
	}
	if since, impaired := e.impairment(i); impaired {
		summary = types.SummaryStatusImpaired
		details = []types.InstanceStatusDetails{{Name: types.StatusNameReachability, Status: types.StatusTypeFailed, ImpairedSince: aws.Time(since)}}
	}
	check := func() *types.InstanceStatusSummary {
		return &types.InstanceStatusSummary{Status: summary, Details: details}
	}
	return types.InstanceStatus{
		InstanceId: aws.String(i.ID), InstanceState: state(i.State), InstanceStatus: check(), SystemStatus: check(), Events: e.scheduledEvents(i),
		AttachedEbsStatus: attachedEBS(summary),
		AvailabilityZone:  aws.String(subnet.Zone.Name), AvailabilityZoneId: aws.String(subnet.Zone.ID),
	}
}

// attachedEBS says whether an instance reaches its volumes. In the lab a running
// one always does.
func attachedEBS(reached types.SummaryStatus) *types.EbsStatusSummary {
	if reached == types.SummaryStatusNotApplicable {
		return &types.EbsStatusSummary{Status: reached}
	}
	return &types.EbsStatusSummary{
		Status: types.SummaryStatusOk, Details: []types.EbsStatusDetails{{Name: types.StatusNameReachability, Status: types.StatusTypePassed}},
	}
}

func statusFilters() ec2filter.Set[types.InstanceStatus] {
	return ec2filter.Set[types.InstanceStatus]{Fields: map[string]func(types.InstanceStatus) []string{
		"availability-zone":            func(s types.InstanceStatus) []string { return []string{*s.AvailabilityZone} },
		"availability-zone-id":         func(s types.InstanceStatus) []string { return []string{*s.AvailabilityZoneId} },
		"instance-state-name":          func(s types.InstanceStatus) []string { return []string{string(s.InstanceState.Name)} },
		"instance-state-code":          func(s types.InstanceStatus) []string { return []string{fmt.Sprint(*s.InstanceState.Code)} },
		"instance-status.status":       func(s types.InstanceStatus) []string { return []string{string(s.InstanceStatus.Status)} },
		"system-status.status":         func(s types.InstanceStatus) []string { return []string{string(s.SystemStatus.Status)} },
		"instance-status.reachability": reachability, "system-status.reachability": reachability,
		"event.code":              events(func(e types.InstanceStatusEvent) string { return string(e.Code) }),
		"event.description":       events(func(e types.InstanceStatusEvent) string { return *e.Description }),
		"event.instance-event-id": events(func(e types.InstanceStatusEvent) string { return *e.InstanceEventId }),
		"event.not-before":        events(func(e types.InstanceStatusEvent) string { return timestamp(*e.NotBefore) }),
		"event.not-after":         events(func(e types.InstanceStatusEvent) string { return timestamp(aws.ToTime(e.NotAfter)) }),
	}}
}

// events is the accessor for a filter by what events say.
func events(of func(types.InstanceStatusEvent) string) func(types.InstanceStatus) []string {
	return func(s types.InstanceStatus) (values []string) {
		for _, event := range s.Events {
			values = append(values, of(event))
		}
		return values
	}
}

func reachability(s types.InstanceStatus) (statuses []string) {
	for _, d := range s.InstanceStatus.Details {
		statuses = append(statuses, string(d.Status))
	}
	return statuses
}
