package region_test

import (
	"encoding/base64"
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

	"github.com/drover-project/drover/lab/region/bootdata"
)

func TestNodegroupOfTheUsersOwnImage(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	boot, err := bootdata.AL2023(bootdata.Node{
		Cluster: bootdata.Cluster{Name: clusterName, Endpoint: "https://127.0.0.1:6443", CA: []byte("pem"), ServiceCIDR: "10.100.0.0/16", DNS: "10.100.0.10"},
		Labels:  map[string]string{"mine": "yes"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	image := l.imageOf("x86_64")
	id := l.ownTemplate("mine", &ec2types.RequestLaunchTemplateData{ImageId: &image, InstanceType: "m5.large", UserData: aws.String(base64.StdEncoding.EncodeToString(boot))})
	g := l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) {
		in.InstanceTypes, in.LaunchTemplate = nil, &types.LaunchTemplateSpecification{Id: &id}
		in.Labels = map[string]string{"team": "blue"}
		in.Taints = []types.Taint{{Key: aws.String("k"), Effect: types.TaintEffectNoSchedule}}
	}))
	if g.AmiType != types.AMITypesCustom || *g.ReleaseVersion != image || g.DiskSize != nil {
		t.Errorf("%s of release %s", g.AmiType, *g.ReleaseVersion)
	}
	if _, userData := l.templateOf(l.asgOf(g)); userData != string(boot) {
		t.Errorf("the user data is not the user's:\n%s", userData)
	}
	l.clock.Advance(time.Minute)
	for _, n := range c.nodesOf("ng") {
		if n.Labels["mine"] != "yes" || n.Labels["team"] != "blue" || n.Labels["eks.amazonaws.com/nodegroup-image"] != image || len(n.Taints) != 1 {
			t.Errorf("labels %v, taints %v", n.Labels, n.Taints)
		}
	}
	if n := len(c.nodesOf("ng")); n != 2 {
		t.Errorf("%d nodes are labelled", n)
	}
}

func TestBottlerocketNodegroup(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	g := l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) {
		in.AmiType, in.InstanceTypes = types.AMITypesBottlerocketArm64, []string{"m7g.large"}
		in.Labels = map[string]string{"team": "blue"}
	}))
	if !strings.HasPrefix(*g.ReleaseVersion, "1.53.0-") {
		t.Errorf("release %s", *g.ReleaseVersion)
	}
	if _, userData := l.templateOf(l.asgOf(g)); !strings.Contains(userData, "[settings.kubernetes]") {
		t.Errorf("user data\n%s", userData)
	}
	if nodes := c.nodesOf("ng"); len(nodes) != 2 || nodes[0].Labels["team"] != "blue" {
		t.Errorf("nodes %+v", nodes)
	}
}

func TestOlderKubernetesOfANodegroup(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) { in.Version = aws.String("1.35") }))
	u := must[*eks.UpdateNodegroupVersionOutput](l)(l.EKS().UpdateNodegroupVersion(ctx(), &eks.UpdateNodegroupVersionInput{
		ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng"), Version: aws.String("1.36"),
	})).Update
	l.clock.Advance(30 * time.Minute)
	if u = l.describeUpdate("ng", *u.Id); u.Status != types.UpdateStatusSuccessful {
		t.Fatalf("%s %+v", u.Status, u.Errors)
	}
	g := l.describeNodegroup("ng")
	if *g.Version != "1.36" || *g.ReleaseVersion != "1.36.4-20261120" || len(c.nodesOf("ng")) != 2 {
		t.Errorf("%s %s with %d nodes", *g.Version, *g.ReleaseVersion, len(c.nodesOf("ng")))
	}
}

func TestBrokenNodesAreReplaced(t *testing.T) {
	t.Parallel()
	for name, repair := range map[string]*types.NodeRepairConfig{"with repair": {Enabled: aws.Bool(true)}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, c := openEKS(t)
			g := l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) { in.NodeRepairConfig = repair }))
			broken := c.nodesOf("ng")[0]
			c.state[broken.Name].Ready, c.state[broken.Name].ReadySince = false, l.clock.Now()
			l.clock.Advance(25 * time.Minute)
			if l.stateOf(broken.InstanceID) != ec2types.InstanceStateNameRunning {
				t.Fatal("replaced before 30 minutes are over")
			}
			l.clock.Advance(10 * time.Minute)
			there := slices.ContainsFunc(l.asgOf(g).Instances, func(i asgtypes.Instance) bool { return *i.InstanceId == broken.InstanceID })
			if there != (repair == nil) || len(c.nodesOf("ng")) != 2 {
				t.Errorf("the broken node is there: %v; %d nodes", there, len(c.nodesOf("ng")))
			}
		})
	}
}

// TestHealthSaysWhatOthersChanged: a group whose objects are changed behind
// EKS's back is degraded until they are as they were.
func TestHealthSaysWhatOthersChanged(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	g := l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) { in.NodeRole = aws.String(l.role("own", ec2Trust)) }))
	asg := l.asgOf(g)
	expect := func(status types.NodegroupStatus, codes ...string) {
		t.Helper()
		l.clock.Advance(time.Minute)
		if g := l.describeNodegroup("ng"); g.Status != status || !slices.EqualFunc(plainIssues(g), codes, strings.HasPrefix) {
			t.Fatalf("%s %q, want %s %q", g.Status, plainIssues(g), status, codes)
		}
	}
	use := func(version string) {
		t.Helper()
		policy := *asg.MixedInstancesPolicy
		template := *policy.LaunchTemplate
		template.LaunchTemplateSpecification = &asgtypes.LaunchTemplateSpecification{LaunchTemplateId: template.LaunchTemplateSpecification.LaunchTemplateId, Version: &version}
		policy.LaunchTemplate = &template
		l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: asg.AutoScalingGroupName, MixedInstancesPolicy: &policy})
	}
	must[*ec2.CreateLaunchTemplateVersionOutput](l)(l.CreateLaunchTemplateVersion(ctx(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: asg.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateId, SourceVersion: aws.String("1"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{},
	}))
	use("2")
	expect(types.NodegroupStatusDegraded, "Ec2LaunchTemplateVersionMismatch")
	use("1")
	expect(types.NodegroupStatusActive)
	profile := aws.String("eks-" + strings.TrimPrefix(*asg.AutoScalingGroupName, "eks-ng-"))
	must[*iam.RemoveRoleFromInstanceProfileOutput](l)(l.IAM().RemoveRoleFromInstanceProfile(ctx(), &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: profile, RoleName: aws.String("own")}))
	must[*iam.DeleteRoleOutput](l)(l.IAM().DeleteRole(ctx(), &iam.DeleteRoleInput{RoleName: aws.String("own")}))
	expect(types.NodegroupStatusDegraded, "IamNodeRoleNotFound: The role with name own cannot be found. [arn:aws:iam::"+account+":role/own]")
	must[*iam.DeleteInstanceProfileOutput](l)(l.IAM().DeleteInstanceProfile(ctx(), &iam.DeleteInstanceProfileInput{InstanceProfileName: profile}))
	expect(types.NodegroupStatusDegraded, "IamNodeRoleNotFound", "IamInstanceProfileNotFound")
}
