package region_test

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/userdata"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/nodegroups"
)

// cluster is a Kubernetes cluster in which every instance becomes a node some
// time after its launch.
type cluster struct {
	l *lab

	mu sync.Mutex
	// absent keeps all further instances from joining.
	absent bool
	state  map[string]*nodegroups.Node
	pods   map[string][]nodegroups.Pod // by node
	// kept are the pods that a disruption budget keeps, stuck those that ignore
	// their eviction.
	kept, stuck map[nodegroups.Pod]bool
	evicted     []string
}

// joins is how long an instance takes to become a node.
const joins = 30 * time.Second

// openEKS makes a region with a cluster.
func openEKS(t *testing.T, change ...func(*region.Options)) (*lab, *cluster) {
	t.Helper()
	l := open(t, change...)
	c := &cluster{l: l, state: map[string]*nodegroups.Node{}, pods: map[string][]nodegroups.Pod{}, kept: map[nodegroups.Pod]bool{}, stuck: map[nodegroups.Pod]bool{}}
	l.Connect(c)
	return l, c
}

// reopenEKS is reopen with the same cluster.
func (c *cluster) reopenEKS() {
	c.l.reopen()
	c.l.Connect(c)
}

func (c *cluster) Nodes(context.Context) ([]nodegroups.Node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []nodegroups.Node
	stop := c.l.Watch(func(m machine.Machine) {
		if n, joined := c.node(m); joined {
			list = append(list, n)
		}
	})
	stop()
	return list, nil
}

// node is the node of a machine, which has the labels of its user data.
func (c *cluster) node(m machine.Machine) (nodegroups.Node, bool) {
	if m.State != machine.Running || c.l.clock.Now().Sub(m.LaunchTime) < joins || c.absent && c.state[m.PrivateDNSName] == nil {
		return nodegroups.Node{}, false
	}
	n := c.state[m.PrivateDNSName]
	if n == nil || n.InstanceID != m.ID {
		config, err := userdata.Parse(m)
		if err != nil {
			return nodegroups.Node{}, false
		}
		n = &nodegroups.Node{Name: m.PrivateDNSName, InstanceID: m.ID, Ready: true, Labels: maps.Clone(config.Labels), ReadySince: c.l.clock.Now()}
		for _, taint := range config.Taints {
			n.Taints = append(n.Taints, types.Taint{Key: aws.String(taint.Key), Value: aws.String(taint.Value), Effect: types.TaintEffect(taint.Effect)})
		}
		c.state[m.PrivateDNSName] = n
	}
	return *n, true
}

func (c *cluster) Change(_ context.Context, name string, change nodegroups.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.state[name]
	if n == nil {
		return nil
	}
	n.Cordoned = n.Cordoned && !change.Uncordon || change.Cordon
	n.Labels = maps.Clone(n.Labels)
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	maps.Copy(n.Labels, change.SetLabels)
	for _, key := range change.RemoveLabels {
		delete(n.Labels, key)
	}
	n.Taints = append(slices.Clone(n.Taints), change.SetTaints...)
	return nil
}

func (c *cluster) Pods(_ context.Context, node string) ([]nodegroups.Pod, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pods[node]), nil
}

func (c *cluster) Evict(ctx context.Context, p nodegroups.Pod) error {
	if c.kept[p] {
		return &nodegroups.Blocked{Pod: p, Budgets: []string{p.Namespace + "/budget"}, Reason: "needs 1 healthy pods and has 1 currently"}
	}
	if c.stuck[p] {
		return nil
	}
	return c.Delete(ctx, p)
}

func (c *cluster) Delete(_ context.Context, p nodegroups.Pod) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for node, pods := range c.pods {
		c.pods[node] = slices.DeleteFunc(slices.Clone(pods), func(o nodegroups.Pod) bool { return o == p })
	}
	c.evicted = append(c.evicted, p.String())
	return nil
}

// run puts a pod on a node.
func (c *cluster) run(node, pod string) nodegroups.Pod {
	p := nodegroups.Pod{Namespace: "default", Name: pod}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods[node] = append(c.pods[node], p)
	return p
}

// nodesOf are the nodes of a group, by name.
func (c *cluster) nodesOf(group string) (list []nodegroups.Node) {
	all, _ := c.Nodes(ctx())
	for _, n := range all {
		if n.Labels["eks.amazonaws.com/nodegroup"] == group {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b nodegroups.Node) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (l *lab) nodeRole() string {
	return "arn:aws:iam::" + account + ":role/KarpenterNodeRole-" + clusterName
}

// nodegroup is a request for a managed node group of m5.large, 1 to 3, 2 at first.
func (l *lab) nodegroup(name string, change ...func(*eks.CreateNodegroupInput)) *eks.CreateNodegroupInput {
	in := &eks.CreateNodegroupInput{
		ClusterName: aws.String(clusterName), NodegroupName: aws.String(name), NodeRole: aws.String(l.nodeRole()), Subnets: l.subnets(),
		InstanceTypes: []string{"m5.large"}, ScalingConfig: sizes(1, 3, 2),
	}
	for _, c := range change {
		c(in)
	}
	return in
}

func sizes(least, most, desired int32) *types.NodegroupScalingConfig {
	return &types.NodegroupScalingConfig{MinSize: &least, MaxSize: &most, DesiredSize: &desired}
}

func (l *lab) createNodegroup(in *eks.CreateNodegroupInput) *types.Nodegroup {
	l.t.Helper()
	return must[*eks.CreateNodegroupOutput](l)(l.EKS().CreateNodegroup(ctx(), in)).Nodegroup
}

// active makes a group and waits until it is active.
func (l *lab) active(in *eks.CreateNodegroupInput) *types.Nodegroup {
	l.t.Helper()
	l.createNodegroup(in)
	l.clock.Advance(3 * time.Minute)
	g := l.describeNodegroup(*in.NodegroupName)
	if g.Status != types.NodegroupStatusActive {
		l.t.Fatalf("the group is %s: %+v", g.Status, plainIssues(g))
	}
	return g
}

func (l *lab) describeNodegroup(name string) *types.Nodegroup {
	l.t.Helper()
	return must[*eks.DescribeNodegroupOutput](l)(l.EKS().DescribeNodegroup(ctx(), &eks.DescribeNodegroupInput{ClusterName: aws.String(clusterName), NodegroupName: &name})).Nodegroup
}

// plainIssues are a group's issues as "Code: message [resources]".
func plainIssues(g *types.Nodegroup) (list []string) {
	for _, i := range g.Health.Issues {
		list = append(list, string(i.Code)+": "+*i.Message+" ["+strings.Join(i.ResourceIds, " ")+"]")
	}
	return list
}

func (l *lab) describeUpdate(group, id string) *types.Update {
	l.t.Helper()
	return must[*eks.DescribeUpdateOutput](l)(l.EKS().DescribeUpdate(ctx(), &eks.DescribeUpdateInput{Name: aws.String(clusterName), NodegroupName: &group, UpdateId: &id})).Update
}

func (l *lab) asgOf(g *types.Nodegroup) asgtypes.AutoScalingGroup {
	l.t.Helper()
	out := must[*autoscaling.DescribeAutoScalingGroupsOutput](l)(l.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{
		AutoScalingGroupNames: []string{*g.Resources.AutoScalingGroups[0].Name},
	}))
	if len(out.AutoScalingGroups) != 1 {
		l.t.Fatalf("there are %d Auto Scaling groups %s", len(out.AutoScalingGroups), *g.Resources.AutoScalingGroups[0].Name)
	}
	return out.AutoScalingGroups[0]
}

// templateOf is the newest version of the launch template of an Auto Scaling
// group, with its user data as text.
func (l *lab) templateOf(g asgtypes.AutoScalingGroup) (name, userData string) {
	l.t.Helper()
	spec := g.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification
	out := must[*ec2.DescribeLaunchTemplateVersionsOutput](l)(l.DescribeLaunchTemplateVersions(ctx(), &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: spec.LaunchTemplateId, Versions: []string{*spec.Version},
	}))
	v := out.LaunchTemplateVersions[0]
	text, err := base64.StdEncoding.DecodeString(aws.ToString(v.LaunchTemplateData.UserData))
	if err != nil {
		l.t.Fatal(err)
	}
	return *v.LaunchTemplateName, string(text)
}

// sized is a change of an Auto Scaling group's size.
func sized(name string, least, most, desired int32) *autoscaling.UpdateAutoScalingGroupInput {
	return &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &name, MinSize: &least, MaxSize: &most, DesiredCapacity: &desired}
}
