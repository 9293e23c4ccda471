package asgapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/groups"
)

// Limits of an account.
const (
	mostGroups         = 500
	mostConfigurations = 200
)

// DescribeAccountLimits gives the account's limits and what it has.
func (a *AutoScaling) DescribeAccountLimits(context.Context, *autoscaling.DescribeAccountLimitsInput) (*autoscaling.DescribeAccountLimitsOutput, error) {
	out := &autoscaling.DescribeAccountLimitsOutput{MaxNumberOfAutoScalingGroups: number(mostGroups), MaxNumberOfLaunchConfigurations: number(mostConfigurations)}
	a.world.Store.View(func() {
		out.NumberOfAutoScalingGroups, out.NumberOfLaunchConfigurations = number(a.world.Groups.Len()), number(a.world.LaunchConfigurations.Len())
	})
	return out, nil
}

// DescribeAdjustmentTypes lists how scaling policies may state a change.
func (a *AutoScaling) DescribeAdjustmentTypes(context.Context, *autoscaling.DescribeAdjustmentTypesInput) (*autoscaling.DescribeAdjustmentTypesOutput, error) {
	out := &autoscaling.DescribeAdjustmentTypesOutput{}
	for _, name := range []string{"ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"} {
		out.AdjustmentTypes = append(out.AdjustmentTypes, types.AdjustmentType{AdjustmentType: aws.String(name)})
	}
	return out, nil
}

// terminationPolicies are those that a group can have.
func terminationPolicies() []string {
	return []string{groups.PolicyAllocationStrategy, groups.PolicyNextHour, groups.PolicyDefault, groups.PolicyNewest,
		groups.PolicyOldest, groups.PolicyOldestConfiguration, groups.PolicyOldestTemplate}
}

// DescribeTerminationPolicyTypes lists the termination policies.
func (a *AutoScaling) DescribeTerminationPolicyTypes(context.Context, *autoscaling.DescribeTerminationPolicyTypesInput) (*autoscaling.DescribeTerminationPolicyTypesOutput, error) {
	return &autoscaling.DescribeTerminationPolicyTypesOutput{TerminationPolicyTypes: terminationPolicies()}, nil
}

// DescribeLifecycleHookTypes lists the transitions that hooks run in.
func (a *AutoScaling) DescribeLifecycleHookTypes(context.Context, *autoscaling.DescribeLifecycleHookTypesInput) (*autoscaling.DescribeLifecycleHookTypesOutput, error) {
	return &autoscaling.DescribeLifecycleHookTypesOutput{LifecycleHookTypes: transitions()}, nil
}
