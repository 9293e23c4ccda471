package region_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

type scheduled = autoscaling.PutScheduledUpdateGroupActionInput

// schedule puts an action of the group "workers".
func (l *lab) schedule(name string, change func(*scheduled)) error {
	in := &scheduled{AutoScalingGroupName: aws.String("workers"), ScheduledActionName: &name}
	change(in)
	_, err := l.AutoScaling().PutScheduledUpdateGroupAction(ctx(), in)
	return err
}

func (l *lab) scheduledActions() []asgtypes.ScheduledUpdateGroupAction {
	l.t.Helper()
	return must[*autoscaling.DescribeScheduledActionsOutput](l)(l.AutoScaling().DescribeScheduledActions(ctx(),
		&autoscaling.DescribeScheduledActionsInput{AutoScalingGroupName: aws.String("workers")})).ScheduledUpdateGroupActions
}

func (l *lab) in(d time.Duration) *time.Time { return aws.Time(l.clock.Now().Add(d)) }

func TestScheduledActionRunsOnce(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 1, 2))
	l.clock.Advance(soon)
	refused(t, l.schedule("grow", func(in *scheduled) {
		in.StartTime, in.MinSize, in.MaxSize, in.DesiredCapacity = l.in(time.Hour), aws.Int32(2), aws.Int32(5), aws.Int32(4)
	}), "")
	l.clock.Advance(59 * time.Minute)
	check(t, "before", l.states("workers"), "InService 1")
	check(t, "planned", len(l.scheduledActions()), 1)
	l.reopen()
	l.clock.Advance(2 * time.Minute)
	check(t, "after", l.states("workers"), "InService 4")
	g := l.group("workers")
	check(t, "sizes", [2]int32{*g.MinSize, *g.MaxSize}, [2]int32{2, 5})
	check(t, "planned after it ran", len(l.scheduledActions()), 0)
	if cause := *l.activities("workers")[0].Cause; !strings.Contains(cause, "a scheduled action update of AutoScalingGroup constraints to min: 2, max: 5, desired: 4 changing the desired capacity from 1 to 4.") {
		t.Errorf("cause %s", cause)
	}
}

// TestScheduledActionRecurs also while the region is closed over a run: that one
// is caught up once.
func TestScheduledActionRecurs(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 0, 10))
	minute := l.clock.Now().UTC().Minute()
	refused(t, l.schedule("hourly", func(in *scheduled) {
		in.Recurrence, in.DesiredCapacity, in.EndTime, in.TimeZone = aws.String("30 * * * *"), aws.Int32(1), l.in(5*time.Hour), aws.String("Asia/Seoul")
	}), "")
	next := *l.scheduledActions()[0].StartTime
	check(t, "minute of the next run", next.Minute(), 30)
	if wait := next.Sub(l.clock.Now()); wait <= 0 || wait > time.Hour {
		t.Fatalf("at minute %d the next run is in %s", minute, wait)
	}
	for run := range 4 {
		l.clock.Advance(l.scheduledActions()[0].StartTime.Sub(l.clock.Now()) + soon)
		check(t, "desired", *l.group("workers").DesiredCapacity, 1)
		l.setDesired("workers", 0)
		if run == 1 {
			l.reopen()
		}
	}
	l.clock.Advance(2 * time.Hour)
	check(t, "planned after the end", len(l.scheduledActions()), 0)
}

func TestScheduledActionInATimeZone(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 0, 10))
	refused(t, l.schedule("morning", func(in *scheduled) {
		in.Recurrence, in.DesiredCapacity, in.TimeZone = aws.String("0 9 * * MON-FRI"), aws.Int32(1), aws.String("Asia/Seoul")
	}), "")
	next := l.scheduledActions()[0].StartTime.UTC()
	check(t, "9:00 in Seoul is", next.Hour(), 0)
	if day := next.Weekday(); day == time.Saturday || day == time.Sunday {
		t.Errorf("it runs on %s", day)
	}
}

// TestScheduledActionsThatDoNotRun: the process is suspended, or the sizes do not
// fit together when the time comes.
func TestScheduledActionsThatDoNotRun(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 1, 1, 2))
	refused(t, l.schedule("suspended", func(in *scheduled) { in.StartTime, in.DesiredCapacity = l.in(time.Hour), aws.Int32(2) }), "")
	refused(t, l.schedule("too much", func(in *scheduled) { in.StartTime, in.DesiredCapacity = l.in(2*time.Hour), aws.Int32(9) }), "")
	must[*autoscaling.SuspendProcessesOutput](l)(l.AutoScaling().SuspendProcesses(ctx(), &autoscaling.SuspendProcessesInput{
		AutoScalingGroupName: aws.String("workers"), ScalingProcesses: []string{"ScheduledActions"}}))
	l.clock.Advance(90 * time.Minute)
	must[*autoscaling.ResumeProcessesOutput](l)(l.AutoScaling().ResumeProcesses(ctx(), &autoscaling.ResumeProcessesInput{AutoScalingGroupName: aws.String("workers")}))
	l.clock.Advance(time.Hour)
	check(t, "desired", *l.group("workers").DesiredCapacity, 1)
	failed := l.activities("workers")[0]
	if failed.StatusCode != asgtypes.ScalingActivityStatusCodeFailed || !strings.Contains(*failed.StatusMessage, "desired capacity 9 must be between the min size 1 and the max size 2") {
		t.Errorf("%s %s", failed.StatusCode, *failed.Description)
	}
}

func TestScheduledActionsRefused(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 1, 1, 2))
	refused(t, l.schedule("taken", func(in *scheduled) { in.StartTime, in.DesiredCapacity = l.in(time.Hour), aws.Int32(2) }), "")
	for name, c := range map[string]struct {
		change func(*scheduled)
		code   string
	}{
		"group":   {func(in *scheduled) { in.AutoScalingGroupName, in.MinSize = aws.String("none"), aws.Int32(1) }, "ValidationError"},
		"no size": {func(*scheduled) {}, "ValidationError"},
		"below":   {func(in *scheduled) { in.MinSize = aws.Int32(-1) }, "ValidationError"},
		"bounds":  {func(in *scheduled) { in.MinSize, in.MaxSize = aws.Int32(3), aws.Int32(2) }, "ValidationError"},
		"desired": {func(in *scheduled) { in.MinSize, in.DesiredCapacity = aws.Int32(3), aws.Int32(2) }, "ValidationError"},
		"past":    {func(in *scheduled) { in.MinSize, in.StartTime = aws.Int32(1), l.in(-time.Minute) }, "ValidationError"},
		"end": {func(in *scheduled) {
			in.MinSize, in.StartTime, in.EndTime = aws.Int32(1), l.in(time.Hour), l.in(time.Minute)
		}, "ValidationError"},
		"recurrence": {func(in *scheduled) { in.MinSize, in.Recurrence = aws.Int32(1), aws.String("@every 1h") }, "ValidationError"},
		"six fields": {func(in *scheduled) { in.MinSize, in.Recurrence = aws.Int32(1), aws.String("0 0 * * * *") }, "ValidationError"},
		"hour 25":    {func(in *scheduled) { in.MinSize, in.Recurrence = aws.Int32(1), aws.String("0 25 * * *") }, "ValidationError"},
		"never": {func(in *scheduled) {
			in.MinSize, in.Recurrence, in.EndTime = aws.Int32(1), aws.String("0 0 31 2 *"), l.in(time.Hour)
		}, "ValidationError"},
		"zone": {func(in *scheduled) {
			in.MinSize, in.Recurrence, in.TimeZone = aws.Int32(1), aws.String("0 0 * * *"), aws.String("Mars/Olympus")
		}, "ValidationError"},
		"two times": {func(in *scheduled) {
			in.MinSize, in.StartTime, in.Time = aws.Int32(1), l.in(time.Hour), l.in(time.Hour)
		}, "ValidationError"},
		"same time": {func(in *scheduled) { in.MinSize, in.StartTime = aws.Int32(1), l.in(time.Hour) }, "AlreadyExists"},
	} {
		if err := l.schedule("new", c.change); err == nil {
			t.Errorf("%s is not refused", name)
		} else {
			refused(t, err, c.code)
		}
	}
	_, err := l.AutoScaling().DeleteScheduledAction(ctx(), &autoscaling.DeleteScheduledActionInput{AutoScalingGroupName: aws.String("workers"), ScheduledActionName: aws.String("none")})
	refused(t, err, "ValidationError")
}

func TestScheduledActionsInBatches(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 1, 1, 2))
	put := must[*autoscaling.BatchPutScheduledUpdateGroupActionOutput](l)(l.AutoScaling().BatchPutScheduledUpdateGroupAction(ctx(), &autoscaling.BatchPutScheduledUpdateGroupActionInput{
		AutoScalingGroupName: aws.String("workers"), ScheduledUpdateGroupActions: []asgtypes.ScheduledUpdateGroupActionRequest{
			{ScheduledActionName: aws.String("a"), MinSize: aws.Int32(1), StartTime: l.in(time.Hour)},
			{ScheduledActionName: aws.String("b"), StartTime: l.in(time.Hour)},
			{ScheduledActionName: aws.String("c"), MinSize: aws.Int32(1), Recurrence: aws.String("0 0 * * *")},
		},
	}))
	check(t, "refused", len(put.FailedScheduledUpdateGroupActions), 1)
	check(t, "of them", *put.FailedScheduledUpdateGroupActions[0].ScheduledActionName, "b")
	check(t, "planned", len(l.scheduledActions()), 2)
	deleted := must[*autoscaling.BatchDeleteScheduledActionOutput](l)(l.AutoScaling().BatchDeleteScheduledAction(ctx(), &autoscaling.BatchDeleteScheduledActionInput{
		AutoScalingGroupName: aws.String("workers"), ScheduledActionNames: []string{"a", "none"},
	}))
	check(t, "not deleted", len(deleted.FailedScheduledActions), 1)
	check(t, "left", *l.scheduledActions()[0].ScheduledActionName, "c")
}
