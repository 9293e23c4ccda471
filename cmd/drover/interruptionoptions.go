package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"

	"github.com/drover-project/drover/internal/cloud/aws"
	"github.com/drover-project/drover/internal/controllers"
	"github.com/drover-project/drover/internal/controllers/interruption"
	"github.com/drover-project/drover/internal/evacuate"
)

// interruptionFlags are the flags about nodes that AWS takes back.
type interruptionFlags struct {
	queue        string
	force        string
	statusChecks bool
	policy       interruption.Policy
}

// interruptionEnvironment names the variables of those flags.
func interruptionEnvironment() map[string]string {
	return map[string]string{
		"interruption-queue":         "INTERRUPTION_QUEUE",
		"interruption-force":         "INTERRUPTION_FORCE",
		"interruption-force-before":  "INTERRUPTION_FORCE_BEFORE",
		"interruption-margin":        "INTERRUPTION_MARGIN",
		"interruption-status-checks": "INTERRUPTION_STATUS_CHECKS",
		"rebalance-expiry":           "REBALANCE_EXPIRY",
		"scheduled-event-lead":       "SCHEDULED_EVENT_LEAD",
		"group-termination-time":     "GROUP_TERMINATION_TIME",
	}
}

func (f *interruptionFlags) register(flags *pflag.FlagSet) {
	p := &f.policy
	*p = interruption.DefaultPolicy()
	flags.StringVar(&f.queue, "interruption-queue", "", "name or URL of the SQS queue that tells of instances which AWS takes back; default: none, agents on the nodes tell")
	flags.StringVar(&f.force, "interruption-force", string(p.Force), "what is done with pods that PodDisruptionBudgets hold until AWS takes their node: never, or delete")
	flags.DurationVar(&p.ForceBefore, "interruption-force-before", p.ForceBefore, "how long before that they are deleted")
	flags.DurationVar(&p.Margin, "interruption-margin", p.Margin, "time kept between the end of a pod's grace period and the end of its node")
	flags.BoolVar(&f.statusChecks, "interruption-status-checks", true, "with a queue: look at EC2's status checks and scheduled events every minute as well")
	flags.DurationVar(&p.RebalanceExpiry, "rebalance-expiry", p.RebalanceExpiry, "how long a rebalance recommendation counts when no interruption follows")
	flags.DurationVar(&p.ScheduledLead, "scheduled-event-lead", p.ScheduledLead, "how long before a scheduled event its node is emptied")
	flags.DurationVar(&p.GroupTermination, "group-termination-time", p.GroupTermination, "how long a node may take that its Auto Scaling group ends, where the life cycle hook does not give it longer")
}

func (f *interruptionFlags) validate(require func(ok bool, format string, args ...any)) {
	require(f.force == string(evacuate.ForceNever) || f.force == string(evacuate.ForceDelete), "--interruption-force %q must be never or delete", f.force)
	for _, each := range []struct {
		name  string
		value time.Duration
		least time.Duration
	}{
		{"interruption-force-before", f.policy.ForceBefore, 0}, {"interruption-margin", f.policy.Margin, 0},
		{"rebalance-expiry", f.policy.RebalanceExpiry, time.Second}, {"scheduled-event-lead", f.policy.ScheduledLead, 0},
		{"group-termination-time", f.policy.GroupTermination, time.Second},
	} {
		require(each.value >= each.least, "--%s %s must be at least %s", each.name, each.value, each.least)
	}
	if f.queue != "" {
		_, err := aws.NewQueue(nil, f.queue, "")
		require(err == nil, "--interruption-queue: %v", err)
	}
}

// interruptionScope is where interruptions are dealt with.
type interruptionScope struct {
	// cluster is its name, in the tags of instances; namespace is for events about
	// the queue and what is known of Spot.
	cluster, namespace string
	onCall             func(service, operation string, took time.Duration, err error)
}

// instanceSource is what knows the instances: all of the adapter, or its node groups.
type instanceSource interface {
	Interruptions(aws.GroupMembers, aws.InstanceStatuses) *aws.Interruptions
}

// setup connects to what the flags name.
func (f *interruptionFlags) setup(ctx context.Context, scope interruptionScope, source instanceSource, log logr.Logger) (*controllers.Interruptions, error) {
	members, statuses, err := aws.DefaultInterruptionClients(ctx, aws.Options{OnCall: scope.onCall})
	if err != nil {
		return nil, err
	}
	policy := f.policy
	policy.Force = evacuate.Force(f.force)
	wanted := &controllers.Interruptions{
		Cloud: source.Interruptions(members, statuses), Policy: policy, Cluster: scope.cluster, Namespace: scope.namespace,
		StatusChecks: f.statusChecks && f.queue != "",
	}
	if f.queue == "" {
		return wanted, nil
	}
	queue, err := aws.ConnectQueue(ctx, f.queue, aws.Options{
		Logger: slog.New(logr.ToSlogHandler(log.WithName("interruption"))), OnCall: scope.onCall,
	})
	if err != nil {
		return nil, fmt.Errorf("--interruption-queue: %w", err)
	}
	wanted.Queue = queue
	return wanted, nil
}
