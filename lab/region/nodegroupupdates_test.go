package region_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

const (
	oldRelease = "1.37.2-20261105"
	newRelease = "1.37.2-20261120"
)

func ofOldRelease(in *eks.CreateNodegroupInput) { in.ReleaseVersion = aws.String(oldRelease) }

// upgrade begins an upgrade of group ng to the latest release.
func (l *lab) upgrade(force bool) string {
	l.t.Helper()
	out := must[*eks.UpdateNodegroupVersionOutput](l)(l.EKS().UpdateNodegroupVersion(ctx(), &eks.UpdateNodegroupVersionInput{
		ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng"), Force: force,
	}))
	if out.Update.Status != types.UpdateStatusInProgress || out.Update.Type != types.UpdateTypeVersionUpdate {
		l.t.Fatalf("update %+v", *out.Update)
	}
	return *out.Update.Id
}

func (l *lab) configure(change func(*eks.UpdateNodegroupConfigInput)) string {
	l.t.Helper()
	in := &eks.UpdateNodegroupConfigInput{ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng")}
	change(in)
	return *must[*eks.UpdateNodegroupConfigOutput](l)(l.EKS().UpdateNodegroupConfig(ctx(), in)).Update.Id
}

func TestUpgradeReplacesNodesOneByOne(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	g := l.active(l.nodegroup("ng", ofOldRelease))
	old := c.nodesOf("ng")
	web := c.run(old[0].Name, "web")
	id := l.upgrade(false)
	var most, unavailable int
	for range 600 {
		l.clock.Advance(5 * time.Second)
		most = max(most, staying(l.asgOf(g)))
		unavailable = max(unavailable, ending(l.asgOf(g)))
		if l.describeUpdate("ng", id).Status != types.UpdateStatusInProgress {
			break
		}
	}
	if u := l.describeUpdate("ng", id); u.Status != types.UpdateStatusSuccessful {
		t.Fatalf("%s %+v", u.Status, u.Errors)
	}
	if most != 2+2*3 || unavailable > 1 {
		t.Errorf("at most %d instances, %d ending at once; want 2 and twice the zones, 1", most, unavailable)
	}
	l.clock.Advance(2 * time.Minute)
	g = l.describeNodegroup("ng")
	asg := l.asgOf(g)
	if g.Status != types.NodegroupStatusActive || *g.ReleaseVersion != newRelease || *asg.MaxSize != 3 || *asg.DesiredCapacity != 2 || len(asg.Instances) != 2 {
		t.Errorf("%s %s, max %d, desired %d, %d instances", g.Status, *g.ReleaseVersion, *asg.MaxSize, *asg.DesiredCapacity, len(asg.Instances))
	}
	for _, n := range c.nodesOf("ng") {
		if n.Labels["eks.amazonaws.com/nodegroup-image"] == old[0].Labels["eks.amazonaws.com/nodegroup-image"] || n.Cordoned {
			t.Errorf("node %s has image %s, cordoned %v", n.Name, n.Labels["eks.amazonaws.com/nodegroup-image"], n.Cordoned)
		}
	}
	if !slices.Contains(c.evicted, web.String()) {
		t.Errorf("evicted %v", c.evicted)
	}
}

// staying counts the instances of a group that do not end.
func staying(g asgtypes.AutoScalingGroup) (n int) {
	for _, i := range g.Instances {
		if !strings.HasPrefix(string(i.LifecycleState), "Terminating") {
			n++
		}
	}
	return n
}

// ending counts the instances of a group that end while it is larger than it
// will be: those that are replaced.
func ending(g asgtypes.AutoScalingGroup) (n int) {
	if *g.DesiredCapacity < 8 {
		return 0
	}
	for _, i := range g.Instances {
		if strings.HasPrefix(string(i.LifecycleState), "Terminating") {
			n++
		}
	}
	return n
}

func TestUpgradeThatABudgetBlocks(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	l.active(l.nodegroup("ng", ofOldRelease))
	web := c.run(c.nodesOf("ng")[0].Name, "web")
	c.kept[web] = true
	c.run(c.nodesOf("ng")[1].Name, "other")
	id := l.upgrade(false)
	l.clock.Advance(5 * time.Minute)
	for _, n := range c.nodesOf("ng")[:1] {
		if u := l.describeUpdate("ng", id); u.Status != types.UpdateStatusInProgress {
			t.Fatalf("after 5 min %s on %s", u.Status, n.Name)
		}
	}
	l.clock.Advance(25 * time.Minute)
	u := l.describeUpdate("ng", id)
	if u.Status != types.UpdateStatusFailed || len(u.Errors) != 1 {
		t.Fatalf("%s %+v", u.Status, u.Errors)
	}
	e := u.Errors[0]
	want := "Reached max retries while trying to evict pods from nodes in node group ng: pod default/web cannot be evicted, PodDisruptionBudget default/budget: needs 1 healthy pods and has 1 currently"
	if e.ErrorCode != types.ErrorCodePodEvictionFailure || *e.ErrorMessage != want || len(e.ResourceIds) != 1 || !strings.HasSuffix(e.ResourceIds[0], ".compute.internal") {
		t.Errorf("%s %s %v", e.ErrorCode, *e.ErrorMessage, e.ResourceIds)
	}
	g := l.describeNodegroup("ng")
	asg := l.asgOf(g)
	if g.Status != types.NodegroupStatusActive || *g.ReleaseVersion != oldRelease || *asg.MaxSize != 3 || *asg.DesiredCapacity != 2 {
		t.Errorf("after the failure %s %s %q, max %d, desired %d", g.Status, *g.ReleaseVersion, plainIssues(g), *asg.MaxSize, *asg.DesiredCapacity)
	}
	for _, n := range c.nodesOf("ng") {
		if n.InstanceID != "" && n.Cordoned && !strings.Contains(l.lifecycle(asg, n.InstanceID), "Terminating") {
			t.Errorf("node %s stays cordoned", n.Name)
		}
	}
	id = l.upgrade(true)
	l.clock.Advance(30 * time.Minute)
	if u := l.describeUpdate("ng", id); u.Status != types.UpdateStatusSuccessful || !slices.Contains(c.evicted, web.String()) {
		t.Errorf("by force %s %+v, evicted %v", u.Status, u.Errors, c.evicted)
	}
}

// lifecycle is the state of an instance in its group.
func (l *lab) lifecycle(g asgtypes.AutoScalingGroup, id string) string {
	for _, i := range g.Instances {
		if *i.InstanceId == id {
			return string(i.LifecycleState)
		}
	}
	return ""
}

func TestUpgradeWhoseNewNodesDoNotCome(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	l.active(l.nodegroup("ng", ofOldRelease))
	before := c.nodesOf("ng")
	c.absent = true
	id := l.upgrade(false)
	l.clock.Advance(40 * time.Minute)
	u := l.describeUpdate("ng", id)
	if u.Status != types.UpdateStatusFailed || u.Errors[0].ErrorCode != types.ErrorCodeNodeCreationFailure {
		t.Fatalf("%s %+v", u.Status, u.Errors)
	}
	g := l.describeNodegroup("ng")
	if asg := l.asgOf(g); *asg.MaxSize != 3 || *asg.DesiredCapacity != 2 || len(asg.Instances) != 2 || *g.ReleaseVersion != oldRelease {
		t.Errorf("max %d, desired %d, %d instances of %s", *asg.MaxSize, *asg.DesiredCapacity, len(asg.Instances), *g.ReleaseVersion)
	}
	if after := c.nodesOf("ng"); len(after) != 2 || after[0].Name != before[0].Name || after[0].Cordoned {
		t.Errorf("nodes %+v", after)
	}
}

func TestMinimalUpgradeNeverGrows(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	g := l.active(l.nodegroup("ng", ofOldRelease, func(in *eks.CreateNodegroupInput) {
		in.UpdateConfig = &types.NodegroupUpdateConfig{MaxUnavailable: aws.Int32(1), UpdateStrategy: types.NodegroupUpdateStrategiesMinimal}
	}))
	id := l.upgrade(false)
	fewest := 2
	for range 360 {
		l.clock.Advance(5 * time.Second)
		asg := l.asgOf(g)
		if *asg.DesiredCapacity != 2 || *asg.MaxSize != 3 {
			t.Fatalf("desired %d, max %d", *asg.DesiredCapacity, *asg.MaxSize)
		}
		fewest = min(fewest, len(c.nodesOf("ng")))
	}
	if u := l.describeUpdate("ng", id); u.Status != types.UpdateStatusSuccessful || fewest < 1 {
		t.Errorf("%s %+v; %d nodes at least", u.Status, u.Errors, fewest)
	}
}

func TestAnOutsiderWhoGrowsTheGroupDuringAnUpgrade(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	g := l.active(l.nodegroup("ng", ofOldRelease))
	id := l.upgrade(false)
	l.clock.Advance(30 * time.Second)
	l.updateGroup(sized(*g.Resources.AutoScalingGroups[0].Name, 1, 20, 12))
	l.clock.Advance(40 * time.Minute)
	u := l.describeUpdate("ng", id)
	if asg := l.asgOf(g); u.Status != types.UpdateStatusSuccessful || *asg.DesiredCapacity != 12 || *asg.MaxSize < 12 {
		t.Errorf("%s %+v, desired %d, max %d", u.Status, u.Errors, *asg.DesiredCapacity, *asg.MaxSize)
	}
}

func TestConfigurationReachesNodes(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) { in.Labels = map[string]string{"a": "1", "b": "1"} }))
	id := l.configure(func(in *eks.UpdateNodegroupConfigInput) {
		in.ScalingConfig = &types.NodegroupScalingConfig{MinSize: aws.Int32(2), MaxSize: aws.Int32(5), DesiredSize: aws.Int32(3)}
		in.Labels = &types.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{"a": "2", "c": "3"}, RemoveLabels: []string{"b"}}
		in.Taints = &types.UpdateTaintsPayload{AddOrUpdateTaints: []types.Taint{{Key: aws.String("x"), Effect: types.TaintEffectNoExecute}}}
		in.UpdateConfig = &types.NodegroupUpdateConfig{MaxUnavailablePercentage: aws.Int32(50)}
	})
	if g := l.describeNodegroup("ng"); g.Status != types.NodegroupStatusUpdating || g.Labels["a"] != "1" {
		t.Errorf("at first %s with %v", g.Status, g.Labels)
	}
	_, err := l.EKS().UpdateNodegroupVersion(ctx(), &eks.UpdateNodegroupVersionInput{ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng")})
	refused(t, err, "ResourceInUseException")
	l.clock.Advance(3 * time.Minute)
	u := l.describeUpdate("ng", id)
	var kinds []string
	for _, p := range u.Params {
		kinds = append(kinds, fmt.Sprint(p.Type, "=", *p.Value))
	}
	want := []string{"MinSize=2", "MaxSize=5", "DesiredSize=3", `LabelsToAdd={"a":"2","c":"3"}`, `LabelsToRemove=["b"]`,
		`TaintsToAdd=[{"effect":"NO_EXECUTE","key":"x","value":""}]`, "MaxUnavailablePercentage=50"}
	if u.Status != types.UpdateStatusSuccessful || !slices.Equal(kinds, want) {
		t.Errorf("%s %+v %q", u.Status, u.Errors, kinds)
	}
	g := l.describeNodegroup("ng")
	if asg := l.asgOf(g); g.Status != types.NodegroupStatusActive || *g.ScalingConfig.MinSize != 2 || *asg.MaxSize != 5 || len(asg.Instances) != 3 {
		t.Errorf("%s, %+v", g.Status, *g.ScalingConfig)
	}
	nodes := c.nodesOf("ng")
	for _, n := range nodes {
		if _, has := n.Labels["b"]; has || n.Labels["a"] != "2" || n.Labels["c"] != "3" || len(n.Taints) != 1 {
			t.Errorf("labels %v, taints %v", n.Labels, n.Taints)
		}
	}
	if len(nodes) != 3 {
		t.Errorf("%d nodes", len(nodes))
	}
	l.clock.Advance(time.Minute)
	if g = l.describeNodegroup("ng"); g.Status != types.NodegroupStatusActive {
		t.Errorf("later %s %q", g.Status, plainIssues(g))
	}
}

func TestUpgradeToAnotherTemplateVersion(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	id := l.ownTemplate("mine", &ec2types.RequestLaunchTemplateData{InstanceType: "m5.large"})
	l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) {
		in.InstanceTypes, in.LaunchTemplate = nil, &types.LaunchTemplateSpecification{Id: &id}
	}))
	for _, n := range c.nodesOf("ng") {
		if n.Labels["eks.amazonaws.com/sourceLaunchTemplateId"] != id || n.Labels["eks.amazonaws.com/sourceLaunchTemplateVersion"] != "1" {
			t.Errorf("labels %v", n.Labels)
		}
	}
	must[*ec2.CreateLaunchTemplateVersionOutput](l)(l.CreateLaunchTemplateVersion(ctx(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: "m5.xlarge"},
	}))
	u := must[*eks.UpdateNodegroupVersionOutput](l)(l.EKS().UpdateNodegroupVersion(ctx(), &eks.UpdateNodegroupVersionInput{
		ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng"), LaunchTemplate: &types.LaunchTemplateSpecification{Id: &id, Version: aws.String("2")},
	})).Update
	l.clock.Advance(30 * time.Minute)
	if u := l.describeUpdate("ng", *u.Id); u.Status != types.UpdateStatusSuccessful {
		t.Fatalf("%s %+v", u.Status, u.Errors)
	}
	for _, n := range c.nodesOf("ng") {
		if i := l.instance(n.InstanceID); i.InstanceType != "m5.xlarge" || n.Labels["eks.amazonaws.com/sourceLaunchTemplateVersion"] != "2" {
			t.Errorf("%s with %v", i.InstanceType, n.Labels)
		}
	}
	if g := l.describeNodegroup("ng"); *g.LaunchTemplate.Version != "2" || *g.LaunchTemplate.Name != "mine" {
		t.Errorf("launch template %+v", *g.LaunchTemplate)
	}
}

// ownTemplate makes a launch template of a user's and gives its id.
func (l *lab) ownTemplate(name string, data *ec2types.RequestLaunchTemplateData) string {
	l.t.Helper()
	return *must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: data})).LaunchTemplate.LaunchTemplateId
}

// TestNodegroupsContinueAfterAKill closes the region again and again while a
// group is created, upgraded and deleted.
func TestNodegroupsContinueAfterAKill(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t, onDisk(t))
	until := func(what string, done func() bool) {
		t.Helper()
		for range 400 {
			if done() {
				return
			}
			l.clock.Advance(7 * time.Second)
			c.reopenEKS()
		}
		t.Fatalf("%s does not happen", what)
	}
	status := func() types.NodegroupStatus { return l.describeNodegroup("ng").Status }
	l.createNodegroup(l.nodegroup("ng", ofOldRelease))
	until("the creation", func() bool { return status() == types.NodegroupStatusActive })
	id := l.configure(func(in *eks.UpdateNodegroupConfigInput) {
		in.ScalingConfig = &types.NodegroupScalingConfig{DesiredSize: aws.Int32(3)}
	})
	until("the configuration", func() bool { return l.describeUpdate("ng", id).Status == types.UpdateStatusSuccessful })
	until("the third node", func() bool { return len(c.nodesOf("ng")) == 3 })
	id = l.upgrade(false)
	until("the upgrade", func() bool { return l.describeUpdate("ng", id).Status == types.UpdateStatusSuccessful })
	until("the old size", func() bool { return len(l.asgOf(l.describeNodegroup("ng")).Instances) == 3 })
	must[*eks.DeleteNodegroupOutput](l)(l.EKS().DeleteNodegroup(ctx(), &eks.DeleteNodegroupInput{ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng")}))
	until("the deletion", func() bool {
		return len(must[*eks.ListNodegroupsOutput](l)(l.EKS().ListNodegroups(ctx(), &eks.ListNodegroupsInput{ClusterName: aws.String(clusterName)})).Nodegroups) == 0
	})
	templates := must[*ec2.DescribeLaunchTemplatesOutput](l)(l.DescribeLaunchTemplates(ctx(), &ec2.DescribeLaunchTemplatesInput{})).LaunchTemplates
	if len(templates) > 0 {
		t.Errorf("%d launch templates are left", len(templates))
	}
}

// TestNothingIsDrainedBlindly: while the cluster is not known, no node is taken
// for empty.
func TestNothingIsDrainedBlindly(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t, onDisk(t))
	g := l.active(l.nodegroup("ng", ofOldRelease))
	old := c.nodesOf("ng")
	for _, n := range old {
		c.kept[c.run(n.Name, "web-"+n.Name)] = true
	}
	l.upgrade(false)
	l.updateGroup(sized(*g.Resources.AutoScalingGroups[0].Name, 1, 3, 1))
	l.clock.Advance(time.Minute)
	for range 3 {
		l.reopen() // without its cluster
		l.clock.Advance(2 * time.Minute)
		for _, n := range old {
			if s := l.stateOf(n.InstanceID); s != ec2types.InstanceStateNameRunning {
				t.Fatalf("%s is %s though nobody knows whether it is empty", n.Name, s)
			}
		}
	}
}
