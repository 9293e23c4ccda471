package region_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/drover-project/drover/lab/region"
)

func TestNodegroupBecomesActive(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	in := l.nodegroup("ng", func(in *eks.CreateNodegroupInput) {
		in.Labels = map[string]string{"team": "blue"}
		in.Taints = []types.Taint{{Key: aws.String("dedicated"), Value: aws.String("x"), Effect: types.TaintEffectNoSchedule}}
		in.Tags = map[string]string{"cost": "1"}
	})
	g := l.createNodegroup(in)
	if g.Status != types.NodegroupStatusCreating || g.Resources != nil {
		t.Errorf("at first %s with %+v", g.Status, g.Resources)
	}
	l.clock.Advance(10 * time.Second)
	if g = l.describeNodegroup("ng"); g.Status != types.NodegroupStatusCreating || g.Resources == nil {
		t.Fatalf("after 10 s %s with %+v: %v", g.Status, g.Resources, plainIssues(g))
	}
	l.clock.Advance(3 * time.Minute)
	g = l.describeNodegroup("ng")
	if g.Status != types.NodegroupStatusActive || len(g.Health.Issues) > 0 {
		t.Fatalf("after 3 min %s %v", g.Status, plainIssues(g))
	}
	checkGroupFacts(t, g)
	checkScalingGroup(t, l, g)
	nodes := c.nodesOf("ng")
	if len(nodes) != 2 {
		t.Fatalf("%d nodes", len(nodes))
	}
	for _, n := range nodes {
		image := n.Labels["eks.amazonaws.com/nodegroup-image"]
		if n.Labels["team"] != "blue" || n.Labels["eks.amazonaws.com/capacityType"] != "ON_DEMAND" || !strings.HasPrefix(image, "ami-") || len(n.Taints) != 1 {
			t.Errorf("labels %v, taints %v", n.Labels, n.Taints)
		}
		tags := l.tagsOf(n.InstanceID)
		if tags["aws:eks:cluster-name"] != clusterName || tags["eks:nodegroup-name"] != "ng" || tags["cost"] != "" {
			t.Errorf("tags of the instance: %v", tags)
		}
	}
}

func checkGroupFacts(t *testing.T, g *types.Nodegroup) {
	t.Helper()
	asg := *g.Resources.AutoScalingGroups[0].Name
	uuid := strings.TrimPrefix(asg, "eks-ng-")
	if want := "arn:aws:eks:us-west-2:" + account + ":nodegroup/" + clusterName + "/ng/" + uuid; *g.NodegroupArn != want {
		t.Errorf("ARN %s, want %s", *g.NodegroupArn, want)
	}
	if *g.Version != "1.37" || *g.ReleaseVersion != "1.37.2-20261120" || g.AmiType != types.AMITypesAl2023X8664Standard || *g.DiskSize != 20 || *g.UpdateConfig.MaxUnavailable != 1 {
		t.Errorf("defaults: %s %s %s %d GiB", *g.Version, *g.ReleaseVersion, g.AmiType, *g.DiskSize)
	}
}

func checkScalingGroup(t *testing.T, l *lab, g *types.Nodegroup) {
	t.Helper()
	asg := l.asgOf(g)
	tags := map[string]string{}
	for _, tag := range asg.Tags {
		if !aws.ToBool(tag.PropagateAtLaunch) {
			t.Errorf("tag %s does not propagate", *tag.Key)
		}
		tags[*tag.Key] = *tag.Value
	}
	want := map[string]string{
		"eks:cluster-name": clusterName, "eks:nodegroup-name": "ng", "k8s.io/cluster-autoscaler/enabled": "true",
		"k8s.io/cluster-autoscaler/" + clusterName: "owned", "kubernetes.io/cluster/" + clusterName: "owned",
	}
	if !maps.Equal(tags, want) {
		t.Errorf("tags of the Auto Scaling group: %v", tags)
	}
	d := asg.MixedInstancesPolicy.InstancesDistribution
	if *d.OnDemandPercentageAboveBaseCapacity != 100 || *d.OnDemandBaseCapacity != 0 || *d.OnDemandAllocationStrategy != "prioritized" || !aws.ToBool(asg.CapacityRebalance) {
		t.Errorf("distribution %+v, rebalance %v", *d, aws.ToBool(asg.CapacityRebalance))
	}
	name, userData := l.templateOf(asg)
	if name != "eks-"+strings.TrimPrefix(*asg.AutoScalingGroupName, "eks-ng-") || !strings.Contains(userData, "maxPods: 29") {
		t.Errorf("launch template %s with\n%s", name, userData)
	}
	hooks := must[*autoscaling.DescribeLifecycleHooksOutput](l)(l.AutoScaling().DescribeLifecycleHooks(ctx(), &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: asg.AutoScalingGroupName}))
	var names []string
	for _, h := range hooks.LifecycleHooks {
		names = append(names, *h.LifecycleHookName)
		if *h.HeartbeatTimeout != 1800 || *h.DefaultResult != "CONTINUE" {
			t.Errorf("hook %+v", h)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"Launch-LC-Hook", "Terminate-LC-Hook"}) {
		t.Errorf("hooks %v", names)
	}
}

func TestSpotNodegroup(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	g := l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) {
		in.CapacityType, in.InstanceTypes = types.CapacityTypesSpot, []string{"m5.large", "m5a.large", "c5.large"}
	}))
	d := l.asgOf(g).MixedInstancesPolicy.InstancesDistribution
	if *d.OnDemandPercentageAboveBaseCapacity != 0 || *d.SpotAllocationStrategy != "price-capacity-optimized" {
		t.Errorf("distribution %+v", *d)
	}
	for _, n := range c.nodesOf("ng") {
		if i := l.instance(n.InstanceID); i.InstanceLifecycle != ec2types.InstanceLifecycleTypeSpot || n.Labels["eks.amazonaws.com/capacityType"] != "SPOT" {
			t.Errorf("%s is %s, labelled %s", n.Name, i.InstanceLifecycle, n.Labels["eks.amazonaws.com/capacityType"])
		}
	}
}

func TestSizeFollowsTheAutoScalingGroup(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	g := l.active(l.nodegroup("ng"))
	must[*autoscaling.SetDesiredCapacityOutput](l)(l.AutoScaling().SetDesiredCapacity(ctx(), &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: g.Resources.AutoScalingGroups[0].Name, DesiredCapacity: aws.Int32(3),
	}))
	l.clock.Advance(3 * time.Minute)
	if g = l.describeNodegroup("ng"); *g.ScalingConfig.DesiredSize != 3 || len(l.asgOf(g).Instances) != 3 {
		t.Errorf("desired size %d, %d instances", *g.ScalingConfig.DesiredSize, len(l.asgOf(g).Instances))
	}
}

func TestNodesAreDrainedWhenTheGroupShrinks(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	g := l.active(l.nodegroup("ng"))
	kept := map[string]bool{}
	for _, n := range c.nodesOf("ng") {
		p := c.run(n.Name, "web-"+n.Name)
		c.kept[p] = true
		kept[n.InstanceID] = true
	}
	must[*eks.UpdateNodegroupConfigOutput](l)(l.EKS().UpdateNodegroupConfig(ctx(), &eks.UpdateNodegroupConfigInput{
		ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng"), ScalingConfig: &types.NodegroupScalingConfig{DesiredSize: aws.Int32(1)},
	}))
	l.clock.Advance(10 * time.Minute)
	if n := len(l.asgOf(g).Instances); n != 2 {
		t.Fatalf("%d instances while a budget keeps the pod of the one that goes", n)
	}
	waiting := slices.IndexFunc(l.asgOf(g).Instances, func(i asgtypes.Instance) bool { return i.LifecycleState == asgtypes.LifecycleStateTerminatingWait })
	if waiting < 0 {
		t.Fatalf("no instance waits in its hook: %+v", l.asgOf(g).Instances)
	}
	l.clock.Advance(10 * time.Minute)
	if n := len(l.asgOf(g).Instances); n != 1 {
		t.Errorf("%d instances after the 15 minutes", n)
	}
}

func TestDeleteNodegroup(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	g := l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) { in.NodeRole = aws.String(l.role("own", ec2Trust)) }))
	asg, uuid := l.asgOf(g), strings.TrimPrefix(*g.Resources.AutoScalingGroups[0].Name, "eks-ng-")
	p := c.run(c.nodesOf("ng")[0].Name, "web")
	refused(t, done(l.EKS().DescribeAccessEntry(ctx(), &eks.DescribeAccessEntryInput{ClusterName: aws.String(clusterName), PrincipalArn: g.NodeRole})), "")
	out := must[*eks.DeleteNodegroupOutput](l)(l.EKS().DeleteNodegroup(ctx(), &eks.DeleteNodegroupInput{ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng")}))
	if out.Nodegroup.Status != types.NodegroupStatusDeleting {
		t.Errorf("status %s", out.Nodegroup.Status)
	}
	l.clock.Advance(5 * time.Minute)
	_, err := l.EKS().DescribeNodegroup(ctx(), &eks.DescribeNodegroupInput{ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng")})
	refused(t, err, "ResourceNotFoundException")
	if !slices.Contains(c.evicted, p.String()) {
		t.Errorf("evicted %v", c.evicted)
	}
	for _, i := range asg.Instances {
		if s := l.stateOf(*i.InstanceId); s != ec2types.InstanceStateNameTerminated {
			t.Errorf("%s is %s", *i.InstanceId, s)
		}
	}
	if groups := must[*autoscaling.DescribeAutoScalingGroupsOutput](l)(l.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{})); len(groups.AutoScalingGroups) > 0 {
		t.Errorf("there are still %d Auto Scaling groups", len(groups.AutoScalingGroups))
	}
	_, err = l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{"eks-" + uuid}})
	refused(t, err, "InvalidLaunchTemplateName.NotFoundException")
	_, err = l.IAM().GetInstanceProfile(ctx(), &iam.GetInstanceProfileInput{InstanceProfileName: aws.String("eks-" + uuid)})
	refused(t, err, "NoSuchEntity")
	_, err = l.EKS().DescribeAccessEntry(ctx(), &eks.DescribeAccessEntryInput{ClusterName: aws.String(clusterName), PrincipalArn: g.NodeRole})
	refused(t, err, "ResourceNotFoundException")
}

const ec2Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// role makes a role and gives its ARN.
func (l *lab) role(name, trust string) string {
	l.t.Helper()
	return *must[*iam.CreateRoleOutput](l)(l.IAM().CreateRole(ctx(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})).Role.Arn
}

func TestCreationFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(*lab, *cluster)
		change func(*lab, *eks.CreateNodegroupInput)
		after  time.Duration
		issue  string
	}{
		"nodes do not join": {
			before: func(_ *lab, c *cluster) { c.absent = true },
			after:  25 * time.Minute, issue: "NodeCreationFailure: Instances failed to join the kubernetes cluster [i-",
		},
		"no capacity": {
			before: func(l *lab, _ *cluster) { l.limit("m5.large", "*", "on-demand", 0) },
			after:  10 * time.Minute, issue: "AsgInstanceLaunchFailures: Could not launch On-Demand Instances. ",
		},
		"a public subnet without public addresses": {
			before: func(l *lab, _ *cluster) {
				must[*ec2.CreateTagsOutput](l)(l.CreateTags(ctx(), &ec2.CreateTagsInput{Resources: l.subnets()[:1], Tags: []ec2types.Tag{tag("kubernetes.io/role/elb", "1")}}))
			},
			after: time.Minute, issue: "Ec2SubnetInvalidConfiguration: One or more Amazon EC2 Subnets of [subnet-",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, k := openEKS(t)
			c.before(l, k)
			l.createNodegroup(l.nodegroup("ng"))
			l.clock.Advance(c.after)
			g := l.describeNodegroup("ng")
			if g.Status != types.NodegroupStatusCreateFailed || len(g.Health.Issues) != 1 || !strings.HasPrefix(plainIssues(g)[0], c.issue) {
				t.Fatalf("%s %q, want CREATE_FAILED with %s", g.Status, plainIssues(g), c.issue)
			}
			must[*eks.DeleteNodegroupOutput](l)(l.EKS().DeleteNodegroup(ctx(), &eks.DeleteNodegroupInput{ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng")}))
			l.clock.Advance(5 * time.Minute)
			if n := len(must[*eks.ListNodegroupsOutput](l)(l.EKS().ListNodegroups(ctx(), &eks.ListNodegroupsInput{ClusterName: aws.String(clusterName)})).Nodegroups); n > 0 {
				t.Errorf("the failed group cannot be deleted: %s", l.describeNodegroup("ng").Status)
			}
		})
	}
}

func TestHealthOfAnActiveGroup(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	g := l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) { in.NodeRole = aws.String(l.role("own", ec2Trust)) }))
	expect := func(status types.NodegroupStatus, codes ...string) {
		t.Helper()
		l.clock.Advance(time.Minute)
		g := l.describeNodegroup("ng")
		if got := plainIssues(g); g.Status != status || !slices.EqualFunc(got, codes, strings.HasPrefix) {
			t.Fatalf("%s %q, want %s %q", g.Status, got, status, codes)
		}
	}
	must[*ec2.DeleteLaunchTemplateOutput](l)(l.DeleteLaunchTemplate(ctx(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: l.asgOf(g).MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateId}))
	expect(types.NodegroupStatusDegraded, "Ec2LaunchTemplateNotFound")
	must[*autoscaling.DeleteAutoScalingGroupOutput](l)(l.AutoScaling().DeleteAutoScalingGroup(ctx(), &autoscaling.DeleteAutoScalingGroupInput{
		AutoScalingGroupName: g.Resources.AutoScalingGroups[0].Name, ForceDelete: aws.Bool(true),
	}))
	l.clock.Advance(5 * time.Minute)
	expect(types.NodegroupStatusDegraded, "Ec2LaunchTemplateNotFound", "AutoScalingGroupNotFound")
}

func TestNoCapacityDegradesUntilThereIsSome(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	l.active(l.nodegroup("ng"))
	l.limit("m5.large", "*", "on-demand", 0)
	must[*eks.UpdateNodegroupConfigOutput](l)(l.EKS().UpdateNodegroupConfig(ctx(), &eks.UpdateNodegroupConfigInput{
		ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng"), ScalingConfig: sizes(1, 3, 3),
	}))
	l.clock.Advance(5 * time.Minute)
	if g := l.describeNodegroup("ng"); g.Status != types.NodegroupStatusDegraded || !strings.HasPrefix(plainIssues(g)[0], "AsgInstanceLaunchFailures") {
		t.Fatalf("%s %q", g.Status, plainIssues(g))
	}
	if _, err := l.FreeCapacity(region.Pool{}); err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(10 * time.Minute)
	if g := l.describeNodegroup("ng"); g.Status != types.NodegroupStatusActive || len(g.Health.Issues) > 0 {
		t.Fatalf("%s %q", g.Status, plainIssues(g))
	}
}

func TestTheFirstNodeGroupIsAManagedOne(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t, func(o *region.Options) { o.BaseNodes = 3 })
	g := l.describeNodegroup("default")
	asg := l.asgOf(g)
	if g.Status != types.NodegroupStatusActive || *asg.MinSize != 3 || *asg.MaxSize != 3 || *asg.DesiredCapacity != 3 || len(asg.Instances) != 3 {
		t.Fatalf("%s, %d/%d/%d with %d instances", g.Status, *asg.MinSize, *asg.MaxSize, *asg.DesiredCapacity, len(asg.Instances))
	}
	l.clock.Advance(5 * time.Minute)
	if g = l.describeNodegroup("default"); g.Status != types.NodegroupStatusActive {
		t.Fatalf("later %s %q", g.Status, plainIssues(g))
	}
	l.terminate(*asg.Instances[0].InstanceId)
	l.clock.Advance(10 * time.Minute)
	if n := len(l.asgOf(g).Instances); n != 3 {
		t.Errorf("%d instances after one was terminated", n)
	}
}
