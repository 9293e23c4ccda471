package region_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Longer than EC2 takes here for each step, before the time scale.
const (
	boot      = 10 * time.Second
	stop      = 25 * time.Second
	shutdown  = 30 * time.Second
	forgotten = shutdown + time.Hour
)

func TestInstanceLifeCycle(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(*lab){
		"in one process": func(*lab) {}, "reopened in between": func(l *lab) { l.reopen() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t, onDisk(t))
			id := l.run(1)[0]
			wants := func(state types.InstanceStateName, code int32) {
				t.Helper()
				between(l)
				if got := l.instance(id).State; got.Name != state || *got.Code != code {
					t.Fatalf("at %s: %s (%d), want %s (%d)", l.clock.Now(), got.Name, *got.Code, state, code)
				}
			}
			wants("pending", 0)
			l.clock.Advance(time.Second)
			wants("pending", 0)
			l.clock.Advance(boot)
			wants("running", 16)
			l.clock.Advance(24 * time.Hour)
			wants("running", 16)
			l.terminate(id)
			wants("shutting-down", 32)
			l.clock.Advance(shutdown)
			wants("terminated", 48)
			l.clock.Advance(59 * time.Minute)
			wants("terminated", 48)
			l.clock.Advance(2 * time.Minute)
			between(l)
			_, err := l.DescribeInstances(ctx(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
			refused(t, err, "InvalidInstanceID.NotFound")
			if tags := l.tagsOf(id); len(tags) != 0 {
				t.Errorf("a forgotten instance has tags %v", tags)
			}
		})
	}
}

// TestTimePassesWhileClosed: what falls due while no process runs has happened
// by the time one does.
func TestTimePassesWhileClosed(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	ids := l.run(2)
	l.terminate(ids[1])
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(time.Minute)
	again := openOn(t, l.clock, l.options)
	defer again.Close()
	again.clock.Advance(0)
	if a, b := again.stateOf(ids[0]), again.stateOf(ids[1]); a != "running" || b != "terminated" {
		t.Errorf("a minute later: %s and %s", a, b)
	}
}

func TestTerminatedInstanceHasNoNetwork(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.run(1)[0]
	free := l.freeAddresses(0)
	l.terminate(id)
	l.clock.Advance(shutdown)
	i := l.instance(id)
	if i.PrivateIpAddress != nil || i.SubnetId != nil || len(i.NetworkInterfaces) > 0 || len(i.BlockDeviceMappings) > 0 {
		t.Errorf("still has address %s, subnet %s", aws.ToString(i.PrivateIpAddress), aws.ToString(i.SubnetId))
	}
	if *i.StateReason.Code != "Client.UserInitiatedShutdown" || *i.Placement.AvailabilityZone != "us-west-2a" {
		t.Errorf("reason %s, zone %s", *i.StateReason.Code, *i.Placement.AvailabilityZone)
	}
	if now := l.freeAddresses(0); now != free+1 {
		t.Errorf("%d addresses free, before the end %d", now, free)
	}
}

func TestTerminateAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ id, code string }{
		"unknown":   {"i-0123456789abcdef0", "InvalidInstanceID.NotFound"},
		"malformed": {"web-1", "InvalidInstanceID.Malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			id := l.run(1)[0]
			_, err := l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{InstanceIds: []string{id, c.id}})
			refused(t, err, c.code)
			if got := l.stateOf(id); got != "pending" {
				t.Errorf("the other instance is %s", got)
			}
		})
	}
}

func TestTerminate(t *testing.T) {
	t.Parallel()
	l := open(t)
	id := l.run(1)[0]
	_, err := l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{})
	refused(t, err, "MissingParameter")
	_, err = l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}, DryRun: aws.Bool(true)})
	refused(t, err, "DryRunOperation")
	if got := l.stateOf(id); got != "pending" {
		t.Fatalf("a dry run made it %s", got)
	}
	for _, want := range []struct{ before, after types.InstanceStateName }{{"pending", "shutting-down"}, {"shutting-down", "shutting-down"}} {
		out := must[*ec2.TerminateInstancesOutput](l)(l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
		if c := out.TerminatingInstances[0]; c.PreviousState.Name != want.before || c.CurrentState.Name != want.after {
			t.Errorf("from %s to %s, want %+v", c.PreviousState.Name, c.CurrentState.Name, want)
		}
	}
	l.clock.Advance(shutdown)
	out := must[*ec2.TerminateInstancesOutput](l)(l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	if c := out.TerminatingInstances[0]; c.PreviousState.Name != "terminated" || c.CurrentState.Name != "terminated" {
		t.Errorf("ending what has ended: %+v", c)
	}
	l.clock.Advance(time.Hour)
	_, err = l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	refused(t, err, "InvalidInstanceID.NotFound")
}

func TestStopAndStart(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	id := l.run(1)[0]
	l.clock.Advance(boot)
	address := *l.instance(id).PrivateIpAddress
	must[*ec2.StopInstancesOutput](l)(l.StopInstances(ctx(), &ec2.StopInstancesInput{InstanceIds: []string{id}}))
	if got := l.stateOf(id); got != "stopping" {
		t.Fatalf("after stopping: %s", got)
	}
	_, err := l.StartInstances(ctx(), &ec2.StartInstancesInput{InstanceIds: []string{id}})
	refused(t, err, "IncorrectInstanceState")
	l.reopen()
	l.clock.Advance(stop)
	if i := l.instance(id); i.State.Name != "stopped" || *i.PrivateIpAddress != address {
		t.Fatalf("%s at %s, want stopped at %s", i.State.Name, *i.PrivateIpAddress, address)
	}
	must[*ec2.StartInstancesOutput](l)(l.StartInstances(ctx(), &ec2.StartInstancesInput{InstanceIds: []string{id}}))
	l.clock.Advance(boot)
	i := l.instance(id)
	if i.State.Name != "running" || *i.PrivateIpAddress != address || !i.LaunchTime.After(start()) || i.StateReason != nil {
		t.Errorf("started again: %s at %s, launched %s, reason %v", i.State.Name, *i.PrivateIpAddress, i.LaunchTime, i.StateReason)
	}
	l.terminate(id)
	_, err = l.StopInstances(ctx(), &ec2.StopInstancesInput{InstanceIds: []string{id}})
	refused(t, err, "IncorrectInstanceState")
	_, err = l.StartInstances(ctx(), &ec2.StartInstancesInput{InstanceIds: []string{id}})
	refused(t, err, "IncorrectInstanceState")
}

func TestSpotInstancesCannotStop(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.template("nodes", "x86_64")
	ids := fleetIDs(l.launchFleet(l.fleet("nodes", spot, 1, anyOrder("m5.large", "a"))))
	_, err := l.StopInstances(ctx(), &ec2.StopInstancesInput{InstanceIds: ids})
	refused(t, err, "UnsupportedOperation")
}

// TestStartNeedsQuota: a stopped instance does not count against the quota, so
// it must fit in again when it starts.
func TestStartNeedsQuota(t *testing.T) {
	t.Parallel()
	l := open(t, quota(2, 0))
	id := l.run(1)[0]
	l.clock.Advance(boot)
	must[*ec2.StopInstancesOutput](l)(l.StopInstances(ctx(), &ec2.StopInstancesInput{InstanceIds: []string{id}}))
	l.clock.Advance(stop)
	other := l.run(1)
	_, err := l.StartInstances(ctx(), &ec2.StartInstancesInput{InstanceIds: []string{id}})
	refused(t, err, "VcpuLimitExceeded")
	l.terminate(other...)
	must[*ec2.StartInstancesOutput](l)(l.StartInstances(ctx(), &ec2.StartInstancesInput{InstanceIds: []string{id}}))
}
