package ec2api

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// RebootInstances starts the software of running instances anew; others it
// leaves as they are.
func (e *EC2) RebootInstances(_ context.Context, in *ec2.RebootInstancesInput) (*ec2.RebootInstancesOutput, error) {
	if err := awswire.Supported(in, "InstanceIds", "DryRun"); err != nil {
		return nil, err
	}
	_, err := e.change(in.InstanceIds, in.DryRun, func(tx *store.Tx, i world.Instance) (world.Instance, error) {
		return i, e.world.Reboot(tx, i)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.RebootInstancesOutput{}, nil
}

// keptEvents is how long DescribeInstanceStatus tells of an event that is over.
const keptEvents = 7 * 24 * time.Hour

// scheduledEvents are an instance's events as EC2 describes them.
func (e *EC2) scheduledEvents(i world.Instance) (events []types.InstanceStatusEvent) {
	for _, s := range i.Notices.Scheduled {
		prefix := map[string]string{world.EventCompleted: "[Completed] ", world.EventCanceled: "[Canceled] "}[s.State]
		if s.State != world.EventActive && e.world.Clock.Now().Sub(s.NotBefore) > keptEvents {
			continue
		}
		event := types.InstanceStatusEvent{
			Code: types.EventCode(s.Code), Description: aws.String(prefix + s.Description), InstanceEventId: aws.String(s.ID), NotBefore: aws.Time(s.NotBefore),
		}
		if !s.NotAfter.IsZero() {
			event.NotAfter = aws.Time(s.NotAfter)
		}
		events = append(events, event)
	}
	return events
}

// impairedAfter is how long nobody reaches an instance until its checks fail.
const impairedAfter = time.Minute

// impairment is since when an instance fails its status checks.
func (e *EC2) impairment(i world.Instance) (since time.Time, impaired bool) {
	since, unreachable := e.world.UnreachableSince(i)
	if i.State != machine.Running || !unreachable || !e.world.Over(since, impairedAfter) {
		return since, false
	}
	return since.Add(e.world.Clock.Scaled(impairedAfter)), true
}
