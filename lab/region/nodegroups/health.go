package nodegroups

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

func issue(code types.NodegroupIssueCode, message string, resources ...string) types.Issue {
	return types.Issue{Code: code, Message: aws.String(message), ResourceIds: resources}
}

func autoScalingGroupNotFound(g world.NodeGroup) types.Issue {
	return issue(types.NodegroupIssueCodeAutoScalingGroupNotFound,
		fmt.Sprintf("AutoScalingGroup %s could not be found", g.AutoScalingGroup()), g.AutoScalingGroup())
}

// notJoined is the issue of instances that run without becoming nodes.
func notJoined(v view, instances []string) types.Issue {
	message := "Instances failed to join the kubernetes cluster"
	if v.unreachable != nil {
		return issue(types.NodegroupIssueCodeClusterUnreachable, "The cluster's API server does not answer: "+v.unreachable.Error(), v.group.Name())
	}
	if len(instances) == 0 {
		message = "Unhealthy nodes in the kubernetes cluster"
		for id, n := range v.members() {
			if !n.Ready {
				instances = append(instances, id)
			}
		}
		slices.Sort(instances)
	}
	return issue(types.NodegroupIssueCodeNodeCreationFailure, message, instances...)
}

// absent are the instances in service that are no nodes.
func absent(v view) (ids []string) {
	for _, i := range v.asg.Instances {
		if _, joined := v.nodes[aws.ToString(i.InstanceId)]; !joined && i.LifecycleState == asgtypes.LifecycleStateInService {
			ids = append(ids, aws.ToString(i.InstanceId))
		}
	}
	slices.Sort(ids)
	return ids
}

// launchFailure is the issue of a group that has fewer instances than it is to
// have and whose last launch failed.
func (s *Service) launchFailure(ctx context.Context, v view) (found types.Issue, failing bool) {
	if v.asg == nil || len(v.asg.Instances) >= int(aws.ToInt32(v.asg.DesiredCapacity)) {
		return found, false
	}
	out, err := s.scaling.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: v.asg.AutoScalingGroupName})
	if err != nil || len(out.Activities) == 0 || out.Activities[0].StatusCode != asgtypes.ScalingActivityStatusCodeFailed {
		return found, false
	}
	kind := "On-Demand"
	if v.group.Description.CapacityType == types.CapacityTypesSpot {
		kind = "Spot"
	}
	message := aws.ToString(out.Activities[0].StatusMessage)
	return issue(launchCode(message), fmt.Sprintf("Could not launch %s Instances. %s", kind, message), v.group.AutoScalingGroup()), true
}

// launchCode is the code for the message of a failed launch.
func launchCode(message string) types.NodegroupIssueCode {
	switch {
	case strings.Contains(message, "free addresses"), strings.Contains(message, "InsufficientFreeAddresses"):
		return types.NodegroupIssueCodeInsufficientFreeAddresses
	case strings.Contains(message, "LimitExceeded"), strings.Contains(message, "capacity limit"), strings.Contains(message, "vCPU limit"):
		return types.NodegroupIssueCodeInstanceLimitExceeded
	case strings.Contains(message, "IAM Instance Profile"), strings.Contains(message, "instance profile"):
		return types.NodegroupIssueCodeIamInstanceProfileNotFound
	}
	return types.NodegroupIssueCodeAsgInstanceLaunchFailures
}

// examine finds what is wrong with a group and says so in its status.
func (s *Service) examine(ctx context.Context, v view) {
	issues := s.missing(v)
	if v.asg == nil {
		issues = append(issues, autoScalingGroupNotFound(v.group))
	} else if found, failing := s.launchFailure(ctx, v); failing {
		issues = append(issues, found)
	}
	if late := s.late(v); len(late) > 0 {
		issues = append(issues, notJoined(v, late))
	}
	status := types.NodegroupStatusActive
	if len(issues) > 0 {
		status = types.NodegroupStatusDegraded
	}
	d := v.group.Description
	if d.Status == status && (d.Health == nil && len(issues) == 0 || d.Health != nil && reflect.DeepEqual(append([]types.Issue{}, d.Health.Issues...), append([]types.Issue{}, issues...))) {
		return
	}
	s.change(v.group, func(_ *store.Tx, now *world.NodeGroup) error {
		s.enter(now, status, PhaseSettled, issues...)
		return nil
	})
}

// missing are the issues of what EKS made and others deleted.
func (s *Service) missing(v view) (issues []types.Issue) {
	g := v.group
	s.world.Store.View(func() {
		role := aws.ToString(g.Description.NodeRole)
		if _, exists := s.world.Roles.Get(RoleName(role)); !exists {
			issues = append(issues, issue(types.NodegroupIssueCodeIamNodeRoleNotFound, fmt.Sprintf("The role with name %s cannot be found.", RoleName(role)), role))
		}
		if _, exists := s.world.Profiles.Get(g.ResourceName()); !exists {
			issues = append(issues, issue(types.NodegroupIssueCodeIamInstanceProfileNotFound, fmt.Sprintf("Instance Profile %s cannot be found.", g.ResourceName()), g.ResourceName()))
		}
		if _, exists := s.world.Templates.Get(g.Template); !exists {
			issues = append(issues, issue(types.NodegroupIssueCodeEc2LaunchTemplateNotFound, fmt.Sprintf("EC2 Launch Template %s could not be found", g.Template), g.Template))
		}
	})
	if used, known := usedVersion(v.asg); known && used != fmt.Sprint(g.TemplateVersion) {
		issues = append(issues, issue(types.NodegroupIssueCodeEc2LaunchTemplateVersionMismatch,
			fmt.Sprintf("Amazon EC2 Launch Template version %s of Auto Scaling group %s is not version %d, which Amazon EKS set", used, g.AutoScalingGroup(), g.TemplateVersion), g.Template))
	}
	return issues
}

// usedVersion is the template version that an Auto Scaling group launches.
func usedVersion(group *asgtypes.AutoScalingGroup) (version string, known bool) {
	if group == nil || group.MixedInstancesPolicy == nil || group.MixedInstancesPolicy.LaunchTemplate == nil || group.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification == nil {
		return "", false
	}
	return aws.ToString(group.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version), true
}

// late are the instances that should have become nodes by now.
func (s *Service) late(v view) (ids []string) {
	if v.asg == nil || !s.knows(v) {
		return nil
	}
	launched := map[string]time.Time{}
	s.world.Store.View(func() {
		for _, id := range absent(v) {
			if i, exists := s.world.Instances.Get(id); exists {
				launched[id] = i.LaunchTime
			}
		}
	})
	for _, id := range slices.Sorted(maps.Keys(launched)) {
		if s.passed(launched[id], joinPatience) {
			ids = append(ids, id)
		}
	}
	return ids
}
