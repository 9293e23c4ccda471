package asgapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/world"
)

// processes are all that a group has. Load balancers and alarms are nothing that
// the region has, so those never run.
func processes() []string {
	return []string{groups.Launch, groups.Terminate, "AddToLoadBalancer", "AlarmNotification", groups.AZRebalance, groups.HealthCheck,
		"InstanceRefresh", groups.ReplaceUnhealthy, groups.ScheduledActions}
}

func namedProcesses(names []string) ([]string, error) {
	if len(names) == 0 {
		return processes(), nil
	}
	for _, name := range names {
		if !slices.Contains(processes(), name) {
			return nil, invalid("Invalid scaling process: %s. Valid processes are %s", name, strings.Join(processes(), ", "))
		}
	}
	return names, nil
}

// SuspendProcesses stops processes of a group, all when none is named.
func (a *AutoScaling) SuspendProcesses(_ context.Context, in *autoscaling.SuspendProcessesInput) (*autoscaling.SuspendProcessesOutput, error) {
	names, err := namedProcesses(in.ScalingProcesses)
	if err != nil {
		return nil, err
	}
	now := a.world.Clock.Now().UTC().Format("2006-01-02T15:04:05Z")
	err = a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		suspended := slices.Clone(r.Group.Suspended)
		for _, name := range names {
			if r.Runs(name) {
				suspended = append(suspended, world.Suspension{Process: name, Reason: "User suspended at " + now})
			}
		}
		slices.SortFunc(suspended, func(x, y world.Suspension) int { return strings.Compare(x.Process, y.Process) })
		r.Group.Suspended = suspended
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.SuspendProcessesOutput{}, nil
}

// ResumeProcesses lets processes of a group run again, all when none is named.
func (a *AutoScaling) ResumeProcesses(_ context.Context, in *autoscaling.ResumeProcessesInput) (*autoscaling.ResumeProcessesOutput, error) {
	names, err := namedProcesses(in.ScalingProcesses)
	if err != nil {
		return nil, err
	}
	err = a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		r.Group.Suspended = slices.DeleteFunc(slices.Clone(r.Group.Suspended), func(s world.Suspension) bool { return slices.Contains(names, s.Process) })
		r.Retry()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.ResumeProcessesOutput{}, nil
}

// DescribeScalingProcessTypes lists the processes.
func (a *AutoScaling) DescribeScalingProcessTypes(context.Context, *autoscaling.DescribeScalingProcessTypesInput) (*autoscaling.DescribeScalingProcessTypesOutput, error) {
	out := &autoscaling.DescribeScalingProcessTypesOutput{}
	for _, name := range slices.Sorted(slices.Values(processes())) {
		out.Processes = append(out.Processes, types.ProcessType{ProcessName: aws.String(name)})
	}
	return out, nil
}

const granularity = "1Minute"

// metrics are those that a group can collect.
func metrics() []string {
	var names []string
	for _, kind := range []string{"Capacity", "Instances"} {
		for _, state := range []string{"InService", "Pending", "Standby", "Terminating", "Total"} {
			names = append(names, "Group"+state+kind)
		}
	}
	names = append(names, "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity", "GroupDesiredCapacity", "GroupMaxSize", "GroupMinSize")
	for _, what := range []string{"Desired", "Pending", "Terminating", "Total", "Warmed"} {
		names = append(names, "WarmPool"+what+"Capacity")
	}
	slices.Sort(names)
	return names
}

func namedMetrics(names []string) ([]string, error) {
	if len(names) == 0 {
		return metrics(), nil
	}
	for _, name := range names {
		if !slices.Contains(metrics(), name) {
			return nil, invalid("Metric type %s is not valid. Valid metric types are %s", name, strings.Join(metrics(), ", "))
		}
	}
	return names, nil
}

// EnableMetricsCollection notes metrics as collected, all when none is named.
func (a *AutoScaling) EnableMetricsCollection(_ context.Context, in *autoscaling.EnableMetricsCollectionInput) (*autoscaling.EnableMetricsCollectionOutput, error) {
	names, err := namedMetrics(in.Metrics)
	if err != nil {
		return nil, err
	}
	if aws.ToString(in.Granularity) != granularity {
		return nil, invalid("Granularity %s is not valid. The only valid granularity is %s", aws.ToString(in.Granularity), granularity)
	}
	err = a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		enabled := append(slices.Clone(r.Group.Metrics), names...)
		slices.Sort(enabled)
		r.Group.Metrics = slices.Compact(enabled)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.EnableMetricsCollectionOutput{}, nil
}

// DisableMetricsCollection is the opposite, of all when none is named.
func (a *AutoScaling) DisableMetricsCollection(_ context.Context, in *autoscaling.DisableMetricsCollectionInput) (*autoscaling.DisableMetricsCollectionOutput, error) {
	names, err := namedMetrics(in.Metrics)
	if err != nil {
		return nil, err
	}
	err = a.change(in.AutoScalingGroupName, func(r *groups.Round) error {
		r.Group.Metrics = slices.DeleteFunc(slices.Clone(r.Group.Metrics), func(m string) bool { return slices.Contains(names, m) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.DisableMetricsCollectionOutput{}, nil
}

// DescribeMetricCollectionTypes lists the metrics.
func (a *AutoScaling) DescribeMetricCollectionTypes(context.Context, *autoscaling.DescribeMetricCollectionTypesInput) (*autoscaling.DescribeMetricCollectionTypesOutput, error) {
	out := &autoscaling.DescribeMetricCollectionTypesOutput{Granularities: []types.MetricGranularityType{{Granularity: aws.String(granularity)}}}
	for _, name := range metrics() {
		out.Metrics = append(out.Metrics, types.MetricCollectionType{Metric: aws.String(name)})
	}
	return out, nil
}
