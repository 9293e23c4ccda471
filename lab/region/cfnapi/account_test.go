package cfnapi_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/drover-project/drover/lab/region"
)

type ec2Filter = types.Filter

// computed is longer than a change set takes.
const computed = 5 * time.Second

func pool(text string) region.Pool {
	parts := strings.Split(text, "/")
	return region.Pool{InstanceType: parts[0], Zone: parts[1], CapacityType: parts[2]}
}

// inAccount is what a name of the scenarios stands for.
func (s *session) inAccount(name string) string {
	s.t.Helper()
	cluster, err := s.region.EKS().DescribeCluster(ctx(), &eks.DescribeClusterInput{Name: &s.options.Cluster.Name})
	if err != nil {
		s.t.Fatal(err)
	}
	config := cluster.Cluster.ResourcesVpcConfig
	switch name {
	case "vpc":
		return *config.VpcId
	case "cluster-sg":
		return *config.ClusterSecurityGroupId
	case "control-plane-sg":
		return config.SecurityGroupIds[0]
	case "private":
		return strings.Join(s.privateSubnets(*config.VpcId), ",")
	case "image":
		return s.image()
	}
	s.t.Fatalf("no thing named @%s", name)
	return ""
}

func (s *session) privateSubnets(vpc string) (ids []string) {
	out, err := s.region.EC2().DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{Filters: []types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{vpc}}, {Name: aws.String("map-public-ip-on-launch"), Values: []string{"false"}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.SortFunc(out.Subnets, func(a, b types.Subnet) int { return strings.Compare(*a.AvailabilityZone, *b.AvailabilityZone) })
	for _, n := range out.Subnets {
		ids = append(ids, *n.SubnetId)
	}
	return ids
}

func (s *session) image() string {
	out, err := s.region.SSM().GetParameter(ctx(), &ssm.GetParameterInput{Name: aws.String("/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/x86_64/standard/recommended/image_id")})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.Parameter.Value
}

// group prints the instances of an Auto Scaling group.
func (s *session) group(name string) {
	out, err := s.region.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil || len(out.AutoScalingGroups) != 1 {
		s.t.Fatalf("group %s: %v", name, err)
	}
	g := out.AutoScalingGroups[0]
	s.printf("  min=%d desired=%d max=%d", *g.MinSize, *g.DesiredCapacity, *g.MaxSize)
	var instances []string
	for _, i := range g.Instances {
		instances = append(instances, fmt.Sprintf("  %s %s %s %s", *i.InstanceType, i.LifecycleState, *i.HealthStatus, s.lifecycle(*i.InstanceId)))
	}
	slices.Sort(instances)
	s.printf("%s", strings.Join(instances, "\n"))
	for _, t := range g.Tags {
		s.printf("  tag %s=%s propagates=%v", *t.Key, *t.Value, *t.PropagateAtLaunch)
	}
	s.plans(g)
}

// plans prints what is to change the group's size, and its warm pool.
func (s *session) plans(g asgtypes.AutoScalingGroup) {
	policies, err := s.region.AutoScaling().DescribePolicies(ctx(), &autoscaling.DescribePoliciesInput{AutoScalingGroupName: g.AutoScalingGroupName})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range policies.ScalingPolicies {
		s.printf("  policy %s %s %s by %d in %d steps", *p.PolicyName, *p.PolicyType, *p.AdjustmentType, aws.ToInt32(p.ScalingAdjustment), len(p.StepAdjustments))
	}
	actions, err := s.region.AutoScaling().DescribeScheduledActions(ctx(), &autoscaling.DescribeScheduledActionsInput{AutoScalingGroupName: g.AutoScalingGroupName})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range actions.ScheduledUpdateGroupActions {
		s.printf("  scheduled %s at %s: desired %d", *a.ScheduledActionName, aws.ToString(a.Recurrence), aws.ToInt32(a.DesiredCapacity))
	}
	if c := g.WarmPoolConfiguration; c != nil {
		s.printf("  warm pool of %d %s, at least %d", *g.WarmPoolSize, c.PoolState, *c.MinSize)
	}
}

// lifecycle is spot or on demand.
func (s *session) lifecycle(id string) string {
	out, err := s.region.EC2().DescribeInstances(ctx(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		s.t.Fatal(err)
	}
	if out.Reservations[0].Instances[0].InstanceLifecycle == types.InstanceLifecycleTypeSpot {
		return "spot"
	}
	return "on demand"
}
