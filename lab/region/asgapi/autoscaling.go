// Package asgapi is the region's Auto Scaling: groups, launch configurations,
// life cycle hooks, scaling activities.
package asgapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/world"
)

// AutoScaling implements the operations of the service, one method for each.
type AutoScaling struct {
	world *world.World
}

// New makes the service of a region.
func New(w *world.World) *AutoScaling { return &AutoScaling{world: w} }

func notYet(operation string) error {
	return awserr.New("UnsupportedOperation", "Not supported by this endpoint: %s.", operation)
}

// CreateAutoScalingGroup is not served yet.
func (a *AutoScaling) CreateAutoScalingGroup(context.Context, *autoscaling.CreateAutoScalingGroupInput) (*autoscaling.CreateAutoScalingGroupOutput, error) {
	return nil, notYet("CreateAutoScalingGroup")
}

// UpdateAutoScalingGroup is not served yet.
func (a *AutoScaling) UpdateAutoScalingGroup(context.Context, *autoscaling.UpdateAutoScalingGroupInput) (*autoscaling.UpdateAutoScalingGroupOutput, error) {
	return nil, notYet("UpdateAutoScalingGroup")
}

// DeleteAutoScalingGroup is not served yet.
func (a *AutoScaling) DeleteAutoScalingGroup(context.Context, *autoscaling.DeleteAutoScalingGroupInput) (*autoscaling.DeleteAutoScalingGroupOutput, error) {
	return nil, notYet("DeleteAutoScalingGroup")
}

// DescribeAutoScalingGroups is not served yet.
func (a *AutoScaling) DescribeAutoScalingGroups(context.Context, *autoscaling.DescribeAutoScalingGroupsInput) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	return nil, notYet("DescribeAutoScalingGroups")
}

// DescribeAutoScalingInstances is not served yet.
func (a *AutoScaling) DescribeAutoScalingInstances(context.Context, *autoscaling.DescribeAutoScalingInstancesInput) (*autoscaling.DescribeAutoScalingInstancesOutput, error) {
	return nil, notYet("DescribeAutoScalingInstances")
}

// SetDesiredCapacity is not served yet.
func (a *AutoScaling) SetDesiredCapacity(context.Context, *autoscaling.SetDesiredCapacityInput) (*autoscaling.SetDesiredCapacityOutput, error) {
	return nil, notYet("SetDesiredCapacity")
}

// TerminateInstanceInAutoScalingGroup is not served yet.
func (a *AutoScaling) TerminateInstanceInAutoScalingGroup(context.Context, *autoscaling.TerminateInstanceInAutoScalingGroupInput) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error) {
	return nil, notYet("TerminateInstanceInAutoScalingGroup")
}

// CreateOrUpdateTags is not served yet.
func (a *AutoScaling) CreateOrUpdateTags(context.Context, *autoscaling.CreateOrUpdateTagsInput) (*autoscaling.CreateOrUpdateTagsOutput, error) {
	return nil, notYet("CreateOrUpdateTags")
}

// DeleteTags is not served yet.
func (a *AutoScaling) DeleteTags(context.Context, *autoscaling.DeleteTagsInput) (*autoscaling.DeleteTagsOutput, error) {
	return nil, notYet("DeleteTags")
}

// DescribeTags is not served yet.
func (a *AutoScaling) DescribeTags(context.Context, *autoscaling.DescribeTagsInput) (*autoscaling.DescribeTagsOutput, error) {
	return nil, notYet("DescribeTags")
}

// DescribeScalingActivities is not served yet.
func (a *AutoScaling) DescribeScalingActivities(context.Context, *autoscaling.DescribeScalingActivitiesInput) (*autoscaling.DescribeScalingActivitiesOutput, error) {
	return nil, notYet("DescribeScalingActivities")
}

// CreateLaunchConfiguration is not served yet.
func (a *AutoScaling) CreateLaunchConfiguration(context.Context, *autoscaling.CreateLaunchConfigurationInput) (*autoscaling.CreateLaunchConfigurationOutput, error) {
	return nil, notYet("CreateLaunchConfiguration")
}

// DescribeLaunchConfigurations is not served yet.
func (a *AutoScaling) DescribeLaunchConfigurations(context.Context, *autoscaling.DescribeLaunchConfigurationsInput) (*autoscaling.DescribeLaunchConfigurationsOutput, error) {
	return nil, notYet("DescribeLaunchConfigurations")
}

// DeleteLaunchConfiguration is not served yet.
func (a *AutoScaling) DeleteLaunchConfiguration(context.Context, *autoscaling.DeleteLaunchConfigurationInput) (*autoscaling.DeleteLaunchConfigurationOutput, error) {
	return nil, notYet("DeleteLaunchConfiguration")
}

// PutLifecycleHook is not served yet.
func (a *AutoScaling) PutLifecycleHook(context.Context, *autoscaling.PutLifecycleHookInput) (*autoscaling.PutLifecycleHookOutput, error) {
	return nil, notYet("PutLifecycleHook")
}

// DescribeLifecycleHooks is not served yet.
func (a *AutoScaling) DescribeLifecycleHooks(context.Context, *autoscaling.DescribeLifecycleHooksInput) (*autoscaling.DescribeLifecycleHooksOutput, error) {
	return nil, notYet("DescribeLifecycleHooks")
}

// DeleteLifecycleHook is not served yet.
func (a *AutoScaling) DeleteLifecycleHook(context.Context, *autoscaling.DeleteLifecycleHookInput) (*autoscaling.DeleteLifecycleHookOutput, error) {
	return nil, notYet("DeleteLifecycleHook")
}

// DescribeLifecycleHookTypes is not served yet.
func (a *AutoScaling) DescribeLifecycleHookTypes(context.Context, *autoscaling.DescribeLifecycleHookTypesInput) (*autoscaling.DescribeLifecycleHookTypesOutput, error) {
	return nil, notYet("DescribeLifecycleHookTypes")
}

// RecordLifecycleActionHeartbeat is not served yet.
func (a *AutoScaling) RecordLifecycleActionHeartbeat(context.Context, *autoscaling.RecordLifecycleActionHeartbeatInput) (*autoscaling.RecordLifecycleActionHeartbeatOutput, error) {
	return nil, notYet("RecordLifecycleActionHeartbeat")
}

// CompleteLifecycleAction is not served yet.
func (a *AutoScaling) CompleteLifecycleAction(context.Context, *autoscaling.CompleteLifecycleActionInput) (*autoscaling.CompleteLifecycleActionOutput, error) {
	return nil, notYet("CompleteLifecycleAction")
}

// SetInstanceHealth is not served yet.
func (a *AutoScaling) SetInstanceHealth(context.Context, *autoscaling.SetInstanceHealthInput) (*autoscaling.SetInstanceHealthOutput, error) {
	return nil, notYet("SetInstanceHealth")
}

// SetInstanceProtection is not served yet.
func (a *AutoScaling) SetInstanceProtection(context.Context, *autoscaling.SetInstanceProtectionInput) (*autoscaling.SetInstanceProtectionOutput, error) {
	return nil, notYet("SetInstanceProtection")
}

// SuspendProcesses is not served yet.
func (a *AutoScaling) SuspendProcesses(context.Context, *autoscaling.SuspendProcessesInput) (*autoscaling.SuspendProcessesOutput, error) {
	return nil, notYet("SuspendProcesses")
}

// ResumeProcesses is not served yet.
func (a *AutoScaling) ResumeProcesses(context.Context, *autoscaling.ResumeProcessesInput) (*autoscaling.ResumeProcessesOutput, error) {
	return nil, notYet("ResumeProcesses")
}

// AttachInstances is not served yet.
func (a *AutoScaling) AttachInstances(context.Context, *autoscaling.AttachInstancesInput) (*autoscaling.AttachInstancesOutput, error) {
	return nil, notYet("AttachInstances")
}

// DetachInstances is not served yet.
func (a *AutoScaling) DetachInstances(context.Context, *autoscaling.DetachInstancesInput) (*autoscaling.DetachInstancesOutput, error) {
	return nil, notYet("DetachInstances")
}

// EnterStandby is not served yet.
func (a *AutoScaling) EnterStandby(context.Context, *autoscaling.EnterStandbyInput) (*autoscaling.EnterStandbyOutput, error) {
	return nil, notYet("EnterStandby")
}

// ExitStandby is not served yet.
func (a *AutoScaling) ExitStandby(context.Context, *autoscaling.ExitStandbyInput) (*autoscaling.ExitStandbyOutput, error) {
	return nil, notYet("ExitStandby")
}

// EnableMetricsCollection is not served yet.
func (a *AutoScaling) EnableMetricsCollection(context.Context, *autoscaling.EnableMetricsCollectionInput) (*autoscaling.EnableMetricsCollectionOutput, error) {
	return nil, notYet("EnableMetricsCollection")
}

// DisableMetricsCollection is not served yet.
func (a *AutoScaling) DisableMetricsCollection(context.Context, *autoscaling.DisableMetricsCollectionInput) (*autoscaling.DisableMetricsCollectionOutput, error) {
	return nil, notYet("DisableMetricsCollection")
}

// DescribeMetricCollectionTypes is not served yet.
func (a *AutoScaling) DescribeMetricCollectionTypes(context.Context, *autoscaling.DescribeMetricCollectionTypesInput) (*autoscaling.DescribeMetricCollectionTypesOutput, error) {
	return nil, notYet("DescribeMetricCollectionTypes")
}

// DescribeAccountLimits is not served yet.
func (a *AutoScaling) DescribeAccountLimits(context.Context, *autoscaling.DescribeAccountLimitsInput) (*autoscaling.DescribeAccountLimitsOutput, error) {
	return nil, notYet("DescribeAccountLimits")
}

// DescribeAdjustmentTypes is not served yet.
func (a *AutoScaling) DescribeAdjustmentTypes(context.Context, *autoscaling.DescribeAdjustmentTypesInput) (*autoscaling.DescribeAdjustmentTypesOutput, error) {
	return nil, notYet("DescribeAdjustmentTypes")
}

// DescribeTerminationPolicyTypes is not served yet.
func (a *AutoScaling) DescribeTerminationPolicyTypes(context.Context, *autoscaling.DescribeTerminationPolicyTypesInput) (*autoscaling.DescribeTerminationPolicyTypesOutput, error) {
	return nil, notYet("DescribeTerminationPolicyTypes")
}

// DescribeScalingProcessTypes is not served yet.
func (a *AutoScaling) DescribeScalingProcessTypes(context.Context, *autoscaling.DescribeScalingProcessTypesInput) (*autoscaling.DescribeScalingProcessTypesOutput, error) {
	return nil, notYet("DescribeScalingProcessTypes")
}

// StartInstanceRefresh is not served yet.
func (a *AutoScaling) StartInstanceRefresh(context.Context, *autoscaling.StartInstanceRefreshInput) (*autoscaling.StartInstanceRefreshOutput, error) {
	return nil, notYet("StartInstanceRefresh")
}

// DescribeInstanceRefreshes is not served yet.
func (a *AutoScaling) DescribeInstanceRefreshes(context.Context, *autoscaling.DescribeInstanceRefreshesInput) (*autoscaling.DescribeInstanceRefreshesOutput, error) {
	return nil, notYet("DescribeInstanceRefreshes")
}

// CancelInstanceRefresh is not served yet.
func (a *AutoScaling) CancelInstanceRefresh(context.Context, *autoscaling.CancelInstanceRefreshInput) (*autoscaling.CancelInstanceRefreshOutput, error) {
	return nil, notYet("CancelInstanceRefresh")
}
