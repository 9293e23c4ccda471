package groups

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/world"
)

// Beginnings of the descriptions of activities that EventBridge is told of.
const (
	launchingInstance   = "Launching a new EC2 instance"
	terminatingInstance = "Terminating EC2 instance"
)

// eventSource is Auto Scaling in EventBridge, servicePrincipal in policies.
const (
	eventSource      = "aws.autoscaling"
	servicePrincipal = "autoscaling.amazonaws.com"
)

// isoTime is how Auto Scaling writes times.
const isoTime = "2006-01-02T15:04:05.000Z"

// Where instances come from and go to.
const (
	placeEC2   = "EC2"
	placeGroup = "AutoScalingGroup"
	placePool  = "WarmPool"
)

// route is where an instance comes from and goes to in a transition; nil is one
// that was never launched.
func route(m *world.Member, launching bool) (origin, destination string) {
	inside := placeGroup
	if m != nil && m.Warm() {
		inside = placePool
	}
	switch {
	case launching && m != nil && m.FromPool:
		return placePool, placeGroup
	case launching:
		return placeEC2, inside
	case m != nil && m.Returns:
		return placeGroup, placePool
	}
	return inside, placeEC2
}

// actionDetail is what EventBridge is told of a life cycle action.
type actionDetail struct {
	LifecycleActionToken string
	AutoScalingGroupName string
	LifecycleHookName    string
	EC2InstanceId        string
	LifecycleTransition  string
	NotificationMetadata string `json:",omitempty"`
	Origin, Destination  string
}

// notification is what the target of a hook gets of an action itself, or once as
// a test.
type notification struct {
	Origin               string `json:",omitempty"`
	LifecycleHookName    string `json:",omitempty"`
	Destination          string `json:",omitempty"`
	AccountId            string
	RequestId            string
	LifecycleTransition  string `json:",omitempty"`
	AutoScalingGroupName string
	AutoScalingGroupARN  string `json:",omitempty"`
	Service, Time        string
	Event                string `json:",omitempty"`
	EC2InstanceId        string `json:",omitempty"`
	NotificationMetadata string `json:",omitempty"`
	LifecycleActionToken string `json:",omitempty"`
}

// announceAction tells EventBridge, and the target of the hook when it has one,
// that an action waits for an answer.
func (r *Round) announceAction(m *world.Member, h world.Hook, token string) {
	origin, destination := route(m, h.Transition == Launching)
	kind := "EC2 Instance-launch Lifecycle Action"
	if h.Transition == Terminating {
		kind = "EC2 Instance-terminate Lifecycle Action"
	}
	r.fail(r.world.Emit(r.tx, kind, eventSource, []string{r.Group.ARN}, actionDetail{
		LifecycleActionToken: token, AutoScalingGroupName: r.Group.Name, LifecycleHookName: h.Name, EC2InstanceId: m.InstanceID,
		LifecycleTransition: h.Transition, NotificationMetadata: h.Metadata, Origin: origin, Destination: destination,
	}))
	if h.Target == "" {
		return
	}
	sent := r.notify(h, notification{
		Origin: origin, Destination: destination, LifecycleHookName: h.Name, RequestId: r.world.FixedUUID("notification " + token), LifecycleTransition: h.Transition,
		EC2InstanceId: m.InstanceID, NotificationMetadata: h.Metadata, LifecycleActionToken: token,
	})
	if !sent {
		group := r.Group.Name
		r.tx.OnCommit(func() {
			r.world.Options.Log.Warn("Auto Scaling could not notify the target of a lifecycle hook", "group", group, "hook", h.Name, "target", h.Target)
		})
	}
}

// TestHook sends the test notification of a hook to its target, and reports
// whether that can be done: the queue is there, and Auto Scaling may take the role.
func (r *Round) TestHook(h world.Hook) bool {
	return r.takes(h.Role) && r.notify(h, notification{
		AutoScalingGroupARN: r.Group.ARN, Event: "autoscaling:TEST_NOTIFICATION", RequestId: r.world.FixedUUID(fmt.Sprint("test ", h.Name, r.now())),
	})
}

// notify sends to the target of a hook, and reports whether that is there.
func (r *Round) notify(h world.Hook, n notification) bool {
	queue, exists := r.world.QueueOf(h.Target)
	if !exists {
		return false
	}
	n.AccountId, n.AutoScalingGroupName, n.Service, n.Time = r.world.Options.Account, r.Group.Name, "AWS Auto Scaling", r.now().UTC().Format(isoTime)
	body, err := json.Marshal(n)
	r.fail(err)
	_, err = r.keeper.queues.Send(r.tx, queue, world.Message{Body: string(body), Sender: servicePrincipal}, 0)
	r.fail(err)
	return true
}

// takes reports whether Auto Scaling may take a role.
func (r *Round) takes(arn string) bool {
	role, exists := r.world.Roles.Get(arn[strings.LastIndexByte(arn, '/')+1:])
	if !exists || r.world.RoleARN(role) != arn {
		return false
	}
	trust, err := policy.Trust(role.TrustPolicy)
	return err == nil && trust.Allows(policy.Request{
		Action: "sts:AssumeRole", Principals: []policy.Principal{{Kind: "Service", ID: servicePrincipal}},
	})
}

// activityDetail is what EventBridge is told of a scaling activity that ended.
type activityDetail struct {
	StatusCode, Description, AutoScalingGroupName, ActivityId string
	Details                                                   map[string]string
	RequestId, StatusMessage                                  string
	EndTime, EC2InstanceId, StartTime, Cause                  string
	Origin, Destination                                       string
}

// announceActivity tells EventBridge of a launch or a termination that ended,
// of an instance unless that is nil.
func (r *Round) announceActivity(id string, m *world.Member) {
	a, found := r.world.Activities.Get(id)
	launching := strings.HasPrefix(a.Description, launchingInstance)
	if !found || !launching && !strings.HasPrefix(a.Description, terminatingInstance) {
		return
	}
	verb, result, status := "Terminate", "Unsuccessful", string(a.Status)
	if launching {
		verb = "Launch"
	}
	if a.Status == types.ScalingActivityStatusCodeSuccessful {
		// EventBridge is told before the activity itself is over.
		result, status = "Successful", string(types.ScalingActivityStatusCodeInProgress)
	}
	origin, destination := route(m, launching)
	resources := []string{r.Group.ARN}
	instance := ""
	if m != nil {
		instance = m.InstanceID
		resources = append(resources, r.world.InstanceARN(instance))
	}
	ended := r.now()
	if a.Ended != nil {
		ended = *a.Ended
	}
	r.fail(r.world.Emit(r.tx, "EC2 Instance "+verb+" "+result, eventSource, resources, activityDetail{
		StatusCode: status, Description: a.Description, AutoScalingGroupName: r.Group.Name, ActivityId: a.ID, RequestId: a.ID,
		Details: map[string]string{"Availability Zone": a.Zone, "Subnet ID": a.Subnet}, StatusMessage: a.Message, Cause: a.Cause, EC2InstanceId: instance,
		StartTime: stamp(a.Started), EndTime: stamp(ended), Origin: origin, Destination: destination,
	}))
}

func stamp(t time.Time) string { return t.UTC().Format(isoTime) }
