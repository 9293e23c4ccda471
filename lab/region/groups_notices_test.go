package region_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region"
)

// scalingInbox is a queue with everything that Auto Scaling tells EventBridge.
func (l *lab) scalingInbox() mailbox {
	l.t.Helper()
	q := l.inbox("scaling")
	l.rule("scaling", `{"source": ["aws.autoscaling"]}`, target("scaling"))
	return q
}

// kinds are the detail types of events in order.
func kinds(list []told) string {
	var all []string
	for _, e := range list {
		all = append(all, e.DetailType)
	}
	return strings.Join(all, ", ")
}

// TestLifecycleActionsAreTold: the event of a hook has what it takes to answer.
func TestLifecycleActionsAreTold(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	q := l.scalingInbox()
	launch, end := hook("launch", launching, "ABANDON", 300), hook("end", terminating, "CONTINUE", 300)
	end.NotificationMetadata = aws.String("drain")
	l.hooked(launch, end)
	l.reopen()
	events := q.events()
	check(t, "events", kinds(events), "EC2 Instance-launch Lifecycle Action")
	id := l.memberIDs("workers", asgtypes.LifecycleStatePendingWait)[0]
	check(t, "resource", events[0].Resources[0], *l.group("workers").AutoScalingGroupARN)
	token := fmt.Sprint(events[0].Detail["LifecycleActionToken"])
	delete(events[0].Detail, "LifecycleActionToken")
	text, _ := json.Marshal(events[0].Detail)
	check(t, "detail", string(text), `{"AutoScalingGroupName":"workers","Destination":"AutoScalingGroup","EC2InstanceId":"`+id+
		`","LifecycleHookName":"launch","LifecycleTransition":"autoscaling:EC2_INSTANCE_LAUNCHING","Origin":"EC2"}`)
	answer := &autoscaling.CompleteLifecycleActionInput{AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("launch"), LifecycleActionToken: &token, LifecycleActionResult: aws.String("CONTINUE")}
	must[*autoscaling.CompleteLifecycleActionOutput](l)(l.AutoScaling().CompleteLifecycleAction(ctx(), answer))
	l.clock.Advance(soon)
	check(t, "state", l.states("workers"), "InService 1")
	events = q.events()
	check(t, "events", kinds(events), "EC2 Instance Launch Successful")
	check(t, "resources", strings.Join(events[0].Resources, " "), *l.group("workers").AutoScalingGroupARN+" arn:aws:ec2:us-west-2:111122223333:instance/"+id)
	for name, want := range map[string]string{"EC2InstanceId": id, "StatusCode": "InProgress", "Origin": "EC2", "Description": "Launching a new EC2 instance: " + id, "AutoScalingGroupName": "workers"} {
		check(t, name, fmt.Sprint(events[0].Detail[name]), want)
	}

	l.setDesired("workers", 0)
	l.clock.Advance(10 * time.Second)
	events = q.events()
	check(t, "events", kinds(events), "EC2 Instance-terminate Lifecycle Action")
	check(t, "metadata", fmt.Sprint(events[0].Detail["NotificationMetadata"], events[0].Detail["Origin"], events[0].Detail["Destination"]), "drainAutoScalingGroupEC2")
	token = fmt.Sprint(events[0].Detail["LifecycleActionToken"])
	l.clock.Advance(290 * time.Second)
	must[*autoscaling.RecordLifecycleActionHeartbeatOutput](l)(l.AutoScaling().RecordLifecycleActionHeartbeat(ctx(), &autoscaling.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("end"), LifecycleActionToken: &token}))
	l.clock.Advance(290 * time.Second)
	check(t, "state after a heartbeat", l.states("workers"), "Terminating:Wait 1")
	l.clock.Advance(2 * time.Minute)
	events = q.events()
	check(t, "events", kinds(events), "EC2 Instance Terminate Successful")
	check(t, "route", fmt.Sprint(events[0].Detail["Origin"], events[0].Detail["Destination"]), "AutoScalingGroupEC2")
}

// TestFailuresAreTold: launches that fall short or are given up are events.
func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	q := l.scalingInbox()
	if _, err := l.SetCapacity(region.Pool{InstanceType: "m5.large"}, 0); err != nil {
		t.Fatal(err)
	}
	l.createGroup(l.groupInput("workers", 0, 1, 1))
	l.clock.Advance(10 * time.Second)
	events := q.events()
	check(t, "event", events[0].DetailType, "EC2 Instance Launch Unsuccessful")
	check(t, "status", fmt.Sprint(events[0].Detail["StatusCode"]), "Failed")
	if message := fmt.Sprint(events[0].Detail["StatusMessage"]); !strings.Contains(message, "capacity") || !strings.Contains(message, "Launching EC2 instance failed") {
		t.Errorf("message %q", message)
	}
	if _, err := l.FreeCapacity(region.Pool{}); err != nil {
		t.Fatal(err)
	}
	must[*autoscaling.PutLifecycleHookOutput](l)(l.AutoScaling().PutLifecycleHook(ctx(), &autoscaling.PutLifecycleHookInput{
		AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("launch"), LifecycleTransition: aws.String(launching)}))
	l.clock.Advance(time.Minute)
	refused(t, l.complete("launch", l.memberIDs("workers", asgtypes.LifecycleStatePendingWait)[0], "ABANDON"), "")
	q.events()
	l.setDesired("workers", 0)
	l.clock.Advance(time.Minute)
	check(t, "events", kinds(q.events()), "EC2 Instance Launch Unsuccessful, EC2 Instance Terminate Successful")
}

// hookRole makes the role by which Auto Scaling notifies, and gives its ARN.
func (l *lab) hookRole(service string) string {
	l.t.Helper()
	refused(l.t, createRole("notifier", `{"Statement":{"Effect":"Allow","Principal":{"Service":"`+service+`"},"Action":"sts:AssumeRole"}}`)(l.IAM()), "")
	return "arn:aws:iam::" + account + ":role/notifier"
}

// TestHooksNotifyQueues: a hook's own target is tried at once, then told of every
// action, by a queue that admits nobody.
func TestHooksNotifyQueues(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	q, role := l.queue("direct", nil), l.hookRole("autoscaling.amazonaws.com")
	h := hook("end", terminating, "CONTINUE", 300)
	h.NotificationTargetARN, h.RoleARN, h.NotificationMetadata = aws.String(queueARN("direct")), &role, aws.String("drain")
	l.hooked(h)
	read := func() map[string]string {
		t.Helper()
		messages := q.receive(30)
		check(t, "messages", len(messages), 1)
		refused(t, q.delete(messages[0]), "")
		var body map[string]string
		if err := json.Unmarshal([]byte(*messages[0].Body), &body); err != nil {
			t.Fatal(err)
		}
		return body
	}
	check(t, "event", read()["Event"], "autoscaling:TEST_NOTIFICATION")
	described := must[*autoscaling.DescribeLifecycleHooksOutput](l)(l.AutoScaling().DescribeLifecycleHooks(ctx(), &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("workers")})).LifecycleHooks[0]
	check(t, "target", *described.NotificationTargetARN+" "+*described.RoleARN, queueARN("direct")+" "+role)

	id := l.memberIDs("workers", "InService")[0]
	l.setDesired("workers", 0)
	l.clock.Advance(10 * time.Second)
	body := read()
	for name, want := range map[string]string{
		"AutoScalingGroupName": "workers", "LifecycleHookName": "end", "LifecycleTransition": terminating, "EC2InstanceId": id, "NotificationMetadata": "drain",
		"Service": "AWS Auto Scaling", "AccountId": account, "Origin": "AutoScalingGroup", "Destination": "EC2", "Event": "", "Time": "2026-11-24T08:00:23.000Z",
	} {
		check(t, name, body[name], want)
	}
	token := body["LifecycleActionToken"]
	must[*autoscaling.CompleteLifecycleActionOutput](l)(l.AutoScaling().CompleteLifecycleAction(ctx(), &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("end"), LifecycleActionToken: &token, LifecycleActionResult: aws.String("CONTINUE")}))

	put := func(change func(*autoscaling.PutLifecycleHookInput)) error {
		in := &autoscaling.PutLifecycleHookInput{AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("end")}
		change(in)
		_, err := l.AutoScaling().PutLifecycleHook(ctx(), in)
		return err
	}
	refused(t, put(func(in *autoscaling.PutLifecycleHookInput) { in.RoleARN = aws.String(role + "x") }), "ValidationError")
	refused(t, put(func(in *autoscaling.PutLifecycleHookInput) { in.NotificationTargetARN = aws.String(queueARN("none")) }), "ValidationError")
	refused(t, put(func(in *autoscaling.PutLifecycleHookInput) {
		in.NotificationTargetARN = aws.String("arn:aws:sns:us-west-2:111122223333:topic")
	}), "ValidationError")
	check(t, "no test of what is refused", q.counts(), "0 0 0")
	refused(t, put(func(in *autoscaling.PutLifecycleHookInput) { in.HeartbeatTimeout = aws.Int32(60) }), "")
	check(t, "event", read()["Event"], "autoscaling:TEST_NOTIFICATION")
	refused(t, put(func(in *autoscaling.PutLifecycleHookInput) { in.NotificationTargetARN = aws.String("") }), "")
	check(t, "no target, no test", q.counts(), "0 0 0")
}

// TestHookRolesThatAreRefused: a role that is not for Auto Scaling does not do.
func TestHookRolesThatAreRefused(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	role := l.hookRole("ec2.amazonaws.com")
	l.queue("direct", nil)
	in := l.groupInput("workers", 0, 1, 2)
	h := hook("end", terminating, "CONTINUE", 300)
	h.NotificationTargetARN, h.RoleARN = aws.String(queueARN("direct")), &role
	in.LifecycleHookSpecificationList = []asgtypes.LifecycleHookSpecification{h}
	_, err := l.AutoScaling().CreateAutoScalingGroup(ctx(), in)
	refused(t, err, "ValidationError")
}

// TestInstancesKnowWhereTheyGo: the metadata service has the state that the
// group moves an instance to.
func TestInstancesKnowWhereTheyGo(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t)).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 3, 3))
	l.clock.Advance(4 * time.Second)
	ids := l.memberIDs("workers", "Pending")
	check(t, "on the way in", l.machine(ids[0]).Notices.TargetLifecycle, "InService")
	l.clock.Advance(soon)
	must[*autoscaling.EnterStandbyOutput](l)(l.AutoScaling().EnterStandby(ctx(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: aws.String("workers"), InstanceIds: ids[:1], ShouldDecrementDesiredCapacity: aws.Bool(true)}))
	check(t, "standby", l.machine(ids[0]).Notices.TargetLifecycle, "Standby")
	l.clock.Advance(soon)
	must[*autoscaling.ExitStandbyOutput](l)(l.AutoScaling().ExitStandby(ctx(), &autoscaling.ExitStandbyInput{AutoScalingGroupName: aws.String("workers"), InstanceIds: ids[:1]}))
	check(t, "back", l.machine(ids[0]).Notices.TargetLifecycle, "InService")
	must[*autoscaling.DetachInstancesOutput](l)(l.AutoScaling().DetachInstances(ctx(), &autoscaling.DetachInstancesInput{AutoScalingGroupName: aws.String("workers"), InstanceIds: ids[1:2], ShouldDecrementDesiredCapacity: aws.Bool(true)}))
	check(t, "detached", l.machine(ids[1]).Notices.TargetLifecycle, "Detached")
	must[*autoscaling.PutLifecycleHookOutput](l)(l.AutoScaling().PutLifecycleHook(ctx(), &autoscaling.PutLifecycleHookInput{
		AutoScalingGroupName: aws.String("workers"), LifecycleHookName: aws.String("end"), LifecycleTransition: aws.String(terminating)}))
	must[*autoscaling.TerminateInstanceInAutoScalingGroupOutput](l)(l.AutoScaling().TerminateInstanceInAutoScalingGroup(ctx(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: &ids[2], ShouldDecrementDesiredCapacity: aws.Bool(true)}))
	check(t, "on the way out", l.machine(ids[2]).Notices.TargetLifecycle, "Terminated")
	l.clock.Advance(soon)
	l.reopen()
	check(t, "state", string(l.machine(ids[2]).State), "running") // its hook waits
	check(t, "after reopening", l.machine(ids[2]).Notices.TargetLifecycle, "Terminated")
}
