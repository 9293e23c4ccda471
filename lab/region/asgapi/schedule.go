package asgapi

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

const (
	mostScheduled = 125 // of a group
	mostInBatch   = 50
)

// PutScheduledUpdateGroupAction makes a scheduled action or changes one: what
// the request does not name is as in a new one.
func (a *AutoScaling) PutScheduledUpdateGroupAction(_ context.Context, in *autoscaling.PutScheduledUpdateGroupActionInput) (*autoscaling.PutScheduledUpdateGroupActionOutput, error) {
	start := in.StartTime
	if in.Time != nil {
		if start != nil {
			return nil, invalid("Time and StartTime cannot be specified together: use StartTime")
		}
		start = in.Time
	}
	request := types.ScheduledUpdateGroupActionRequest{
		ScheduledActionName: in.ScheduledActionName, DesiredCapacity: in.DesiredCapacity, MinSize: in.MinSize, MaxSize: in.MaxSize,
		StartTime: start, EndTime: in.EndTime, Recurrence: in.Recurrence, TimeZone: in.TimeZone,
	}
	if err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error { return a.putScheduled(r, request) }); err != nil {
		return nil, err
	}
	return &autoscaling.PutScheduledUpdateGroupActionOutput{}, nil
}

// BatchPutScheduledUpdateGroupAction makes or changes up to fifty scheduled
// actions, each of which may be refused.
func (a *AutoScaling) BatchPutScheduledUpdateGroupAction(_ context.Context, in *autoscaling.BatchPutScheduledUpdateGroupActionInput) (*autoscaling.BatchPutScheduledUpdateGroupActionOutput, error) {
	if n := len(in.ScheduledUpdateGroupActions); n == 0 || n > mostInBatch {
		return nil, invalid("Between 1 and %d scheduled actions can be put at once, not %d", mostInBatch, n)
	}
	out := &autoscaling.BatchPutScheduledUpdateGroupActionOutput{FailedScheduledUpdateGroupActions: []types.FailedScheduledUpdateGroupActionRequest{}}
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		for _, request := range in.ScheduledUpdateGroupActions {
			if err := a.putScheduled(r, request); err != nil {
				out.FailedScheduledUpdateGroupActions = append(out.FailedScheduledUpdateGroupActions, notScheduled(request.ScheduledActionName, err))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func notScheduled(name *string, err error) types.FailedScheduledUpdateGroupActionRequest {
	failed := types.FailedScheduledUpdateGroupActionRequest{ScheduledActionName: name, ErrorCode: aws.String("InternalFailure"), ErrorMessage: aws.String(err.Error())}
	var known *awserr.Error
	if errors.As(err, &known) {
		failed.ErrorCode, failed.ErrorMessage = aws.String(known.Code), aws.String(known.Message)
	}
	return failed
}

// putScheduled adds a scheduled action to a group or replaces the one of its name.
func (a *AutoScaling) putScheduled(r *groups.Round, in types.ScheduledUpdateGroupActionRequest) error {
	s := world.ScheduledAction{
		Name: aws.ToString(in.ScheduledActionName), Min: in.MinSize, Max: in.MaxSize, Desired: in.DesiredCapacity,
		Start: in.StartTime, End: in.EndTime, Recurrence: strings.TrimSpace(aws.ToString(in.Recurrence)), TimeZone: aws.ToString(in.TimeZone),
	}
	now := a.world.Clock.Now()
	if err := checkScheduled(s, now); err != nil {
		return err
	}
	if s.Start == nil && s.Recurrence == "" {
		s.Start, s.Next = &now, now // at once
	} else {
		next, err := groups.NextRun(s, now)
		if err != nil {
			return invalid("The recurrence %q of a scheduled action is not valid: %v", s.Recurrence, err)
		}
		if next.IsZero() {
			return invalid("The scheduled action %s would never run: its recurrence has no time before its end", s.Name)
		}
		s.Next = next
	}
	before := slices.IndexFunc(r.Group.Scheduled, func(other world.ScheduledAction) bool { return other.Name == s.Name })
	for i, other := range r.Group.Scheduled {
		if i != before && other.Next.Equal(s.Next) {
			return awserr.New("AlreadyExists", "Conflict found with scheduled action %s: it starts at the same time, %s", other.Name, s.Next.UTC().Format(time.RFC3339))
		}
	}
	s.ARN = a.world.PartARN(r.Group, "scheduledUpdateGroupAction", "scheduledActionName", s.Name)
	list := slices.DeleteFunc(slices.Clone(r.Group.Scheduled), func(other world.ScheduledAction) bool { return other.Name == s.Name })
	if len(list) >= mostScheduled {
		return awserr.New("LimitExceeded", "You have reached the limit of %d scheduled actions for the Auto Scaling group", mostScheduled)
	}
	list = append(list, s)
	slices.SortFunc(list, func(x, y world.ScheduledAction) int { return strings.Compare(x.Name, y.Name) })
	r.Group.Scheduled = list
	return nil
}

func checkScheduled(s world.ScheduledAction, now time.Time) error {
	if err := checkPartName("scheduledActionName", s.Name); err != nil {
		return err
	}
	if s.Min == nil && s.Max == nil && s.Desired == nil {
		return invalid("At least one of the MinSize, MaxSize and DesiredCapacity parameters must be specified")
	}
	for name, size := range map[string]*int32{"minSize": s.Min, "maxSize": s.Max, "desiredCapacity": s.Desired} {
		if size != nil && *size < 0 {
			return below(*size, name, 0)
		}
	}
	if s.Min != nil && s.Max != nil && *s.Min > *s.Max {
		return invalid("Max bound, %d, must be greater than or equal to min bound, %d", *s.Max, *s.Min)
	}
	if s.Desired != nil && (s.Min != nil && *s.Desired < *s.Min || s.Max != nil && *s.Desired > *s.Max) {
		return invalid("Desired capacity must be between the specified min size and max size")
	}
	if s.Start != nil && s.Start.Before(now) {
		return invalid("Given start time %s is in the past", s.Start.UTC().Format(time.RFC3339))
	}
	if s.End != nil && (!s.End.After(now) || s.Start != nil && !s.End.After(*s.Start)) {
		return invalid("Given end time %s is not after the start time", s.End.UTC().Format(time.RFC3339))
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil {
		return invalid("The time zone %s is not valid: use a name of the IANA time zone database", s.TimeZone)
	}
	return nil
}

// checkPartName refuses a name that a part of a group cannot have.
func checkPartName(member, name string) error {
	const longest = 255
	if name == "" || len(name) > longest || strings.ContainsAny(name, ":\r\n") {
		return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must have length between 1 and %d, without colons and line breaks", name, member, longest)
	}
	return nil
}

// DescribeScheduledActions lists the scheduled actions that are still to run, of
// one group or of all, by their names or by when they run next.
func (a *AutoScaling) DescribeScheduledActions(_ context.Context, in *autoscaling.DescribeScheduledActionsInput) (*autoscaling.DescribeScheduledActionsOutput, error) {
	if err := supported(in, "AutoScalingGroupName", "EndTime", "MaxRecords", "NextToken", "ScheduledActionNames", "StartTime"); err != nil {
		return nil, err
	}
	size, err := pageSize(in.MaxRecords, mostRecords)
	if err != nil {
		return nil, err
	}
	if len(in.ScheduledActionNames) > mostInBatch {
		return nil, invalid("The number of scheduled action names that may be passed in is limited to %d", mostInBatch)
	}
	list := []types.ScheduledUpdateGroupAction{}
	err = a.eachGroup(in.AutoScalingGroupName, func(g world.Group) {
		for _, s := range g.Scheduled {
			if chosenAction(in, s) {
				list = append(list, describeScheduled(g, s))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out := &autoscaling.DescribeScheduledActionsOutput{}
	if out.ScheduledUpdateGroupActions, out.NextToken, err = awswire.Page(list, in.NextToken, size); err != nil {
		return nil, paged(err)
	}
	return out, nil
}

// chosenAction: names decide alone; otherwise the time of the next run does.
func chosenAction(in *autoscaling.DescribeScheduledActionsInput, s world.ScheduledAction) bool {
	if len(in.ScheduledActionNames) > 0 {
		return slices.Contains(in.ScheduledActionNames, s.Name)
	}
	return (in.StartTime == nil || !s.Next.Before(*in.StartTime)) && (in.EndTime == nil || !s.Next.After(*in.EndTime))
}

// eachGroup is called with the group of a name, or with all when it is empty.
func (a *AutoScaling) eachGroup(name *string, do func(world.Group)) (err error) {
	a.world.Store.View(func() {
		if aws.ToString(name) == "" {
			for _, g := range a.world.Groups.All() {
				do(g)
			}
			return
		}
		g, exists := a.world.Groups.Get(*name)
		if !exists {
			err = noGroup(*name)
			return
		}
		do(g)
	})
	return err
}

func describeScheduled(g world.Group, s world.ScheduledAction) types.ScheduledUpdateGroupAction {
	return types.ScheduledUpdateGroupAction{
		AutoScalingGroupName: aws.String(g.Name), ScheduledActionName: aws.String(s.Name), ScheduledActionARN: aws.String(s.ARN),
		MinSize: s.Min, MaxSize: s.Max, DesiredCapacity: s.Desired, StartTime: aws.Time(s.Next), Time: aws.Time(s.Next), EndTime: s.End,
		Recurrence: optional(s.Recurrence), TimeZone: optional(s.TimeZone),
	}
}

// DeleteScheduledAction deletes a scheduled action.
func (a *AutoScaling) DeleteScheduledAction(_ context.Context, in *autoscaling.DeleteScheduledActionInput) (*autoscaling.DeleteScheduledActionOutput, error) {
	if err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error { return dropScheduled(r, aws.ToString(in.ScheduledActionName)) }); err != nil {
		return nil, err
	}
	return &autoscaling.DeleteScheduledActionOutput{}, nil
}

// BatchDeleteScheduledAction deletes up to fifty scheduled actions, and says
// which of them there were not.
func (a *AutoScaling) BatchDeleteScheduledAction(_ context.Context, in *autoscaling.BatchDeleteScheduledActionInput) (*autoscaling.BatchDeleteScheduledActionOutput, error) {
	if n := len(in.ScheduledActionNames); n == 0 || n > mostInBatch {
		return nil, invalid("Between 1 and %d scheduled actions can be deleted at once, not %d", mostInBatch, n)
	}
	out := &autoscaling.BatchDeleteScheduledActionOutput{FailedScheduledActions: []types.FailedScheduledUpdateGroupActionRequest{}}
	err := a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		for _, name := range in.ScheduledActionNames {
			if err := dropScheduled(r, name); err != nil {
				out.FailedScheduledActions = append(out.FailedScheduledActions, notScheduled(&name, err))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func dropScheduled(r *groups.Round, name string) error {
	left := slices.DeleteFunc(slices.Clone(r.Group.Scheduled), func(s world.ScheduledAction) bool { return s.Name == name })
	if len(left) == len(r.Group.Scheduled) {
		return invalid("Scheduled action name not found: Auto Scaling group %s has no action %s", r.Group.Name, name)
	}
	r.Group.Scheduled = left
	return nil
}
