package region_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// remoteGroup is a node group with a key, whose SSH comes from sources.
func (l *lab) remoteGroup(sources ...string) *eks.CreateNodegroupInput {
	l.t.Helper()
	must[*ec2.CreateKeyPairOutput](l)(l.CreateKeyPair(ctx(), &ec2.CreateKeyPairInput{KeyName: aws.String("mine"), KeyType: "ed25519"}))
	return l.nodegroup("ng", func(in *eks.CreateNodegroupInput) {
		in.RemoteAccess = &types.RemoteAccessConfig{Ec2SshKey: aws.String("mine"), SourceSecurityGroups: sources}
	})
}

// securityGroups finds the security groups of a name.
func (l *lab) securityGroups(name string) []ec2types.SecurityGroup {
	l.t.Helper()
	return must[*ec2.DescribeSecurityGroupsOutput](l)(l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{
		Filters: []ec2types.Filter{{Name: aws.String("group-name"), Values: []string{name}}},
	})).SecurityGroups
}

// clusterGroup is the cluster's security group.
func (l *lab) clusterGroup() (id, vpc string) {
	l.t.Helper()
	c := must[*eks.DescribeClusterOutput](l)(l.EKS().DescribeCluster(ctx(), &eks.DescribeClusterInput{Name: aws.String(clusterName)})).Cluster.ResourcesVpcConfig
	return *c.ClusterSecurityGroupId, *c.VpcId
}

// ssh is where a security group lets SSH come from.
func ssh(g ec2types.SecurityGroup) (from []string) {
	for _, p := range g.IpPermissions {
		for _, r := range p.IpRanges {
			from = append(from, fmt.Sprintf("%s %d-%d %s", *p.IpProtocol, *p.FromPort, *p.ToPort, *r.CidrIp))
		}
		for _, r := range p.UserIdGroupPairs {
			from = append(from, fmt.Sprintf("%s %d-%d %s", *p.IpProtocol, *p.FromPort, *p.ToPort, *r.GroupId))
		}
	}
	return from
}

func TestRemoteAccessOfANodegroup(t *testing.T) {
	t.Parallel()
	for name, fromCluster := range map[string]bool{"from everywhere": false, "from a security group": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, c := openEKS(t)
			cluster, vpc := l.clusterGroup()
			var sources []string
			want := "tcp 22-22 0.0.0.0/0"
			if fromCluster {
				sources, want = []string{cluster}, "tcp 22-22 "+cluster
			}
			g := l.active(l.remoteGroup(sources...))
			uuid := (*g.Resources.AutoScalingGroups[0].Name)[len("eks-ng-"):]
			made := l.securityGroups("eks-remoteAccess-" + uuid)
			if len(made) != 1 || *made[0].GroupId != aws.ToString(g.Resources.RemoteAccessSecurityGroup) || *made[0].VpcId != vpc {
				t.Fatalf("%+v of %s", made, aws.ToString(g.Resources.RemoteAccessSecurityGroup))
			}
			if from := ssh(made[0]); !slices.Equal(from, []string{want}) {
				t.Errorf("SSH comes from %v", from)
			}
			l.opensNodes(c, cluster, *made[0].GroupId)
			must[*eks.UpdateNodegroupConfigOutput](l)(l.EKS().UpdateNodegroupConfig(ctx(), &eks.UpdateNodegroupConfigInput{
				ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng"), Labels: &types.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{"a": "b"}},
			}))
			l.clock.Advance(time.Minute)
			l.opensNodes(c, cluster, *made[0].GroupId)
			l.deleteNodegroup("ng")
			if left := l.securityGroups("eks-remoteAccess-" + uuid); len(left) != 0 {
				t.Errorf("%+v is left", left)
			}
		})
	}
}

// opensNodes checks that the nodes of the group have the key and both security
// groups.
func (l *lab) opensNodes(c *cluster, groups ...string) {
	l.t.Helper()
	nodes := c.nodesOf("ng")
	for _, n := range nodes {
		i := l.instance(n.InstanceID)
		var has []string
		for _, g := range i.SecurityGroups {
			has = append(has, *g.GroupId)
		}
		if aws.ToString(i.KeyName) != "mine" || !slices.Equal(has, groups) {
			l.t.Errorf("key %s and security groups %v, not %v", aws.ToString(i.KeyName), has, groups)
		}
	}
	if len(nodes) != 2 {
		l.t.Errorf("%d nodes", len(nodes))
	}
}

func (l *lab) deleteNodegroup(name string) {
	l.t.Helper()
	must[*eks.DeleteNodegroupOutput](l)(l.EKS().DeleteNodegroup(ctx(), &eks.DeleteNodegroupInput{ClusterName: aws.String(clusterName), NodegroupName: &name}))
	l.clock.Advance(5 * time.Minute)
}

// TestRemoteAccessThatOthersUse: a node group whose security group another
// refers to is not deleted until that is over.
func TestRemoteAccessThatOthersUse(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	cluster, _ := l.clusterGroup()
	g := l.active(l.remoteGroup())
	rule := []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
		UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: g.Resources.RemoteAccessSecurityGroup}},
	}}
	must[*ec2.AuthorizeSecurityGroupIngressOutput](l)(l.AuthorizeSecurityGroupIngress(ctx(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &cluster, IpPermissions: rule}))
	l.deleteNodegroup("ng")
	left := l.describeNodegroup("ng")
	if left.Status != types.NodegroupStatusDeleteFailed || len(left.Health.Issues) != 1 || left.Health.Issues[0].Code != types.NodegroupIssueCodeEc2SecurityGroupDeletionFailure {
		t.Fatalf("%s %v", left.Status, plainIssues(left))
	}
	must[*ec2.RevokeSecurityGroupIngressOutput](l)(l.RevokeSecurityGroupIngress(ctx(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &cluster, IpPermissions: rule}))
	l.deleteNodegroup("ng")
	if groups := must[*eks.ListNodegroupsOutput](l)(l.EKS().ListNodegroups(ctx(), &eks.ListNodegroupsInput{ClusterName: aws.String(clusterName)})).Nodegroups; slices.Contains(groups, "ng") {
		t.Errorf("node groups %v", groups)
	}
}

// TestRemoteAccessContinuesAfterAKill closes the region again and again while a
// group with a key comes and goes: there is one security group, then none.
func TestRemoteAccessContinuesAfterAKill(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t, onDisk(t))
	l.createNodegroup(l.remoteGroup())
	for range 12 {
		l.clock.Advance(15 * time.Second)
		c.reopenEKS()
	}
	g := l.describeNodegroup("ng")
	uuid := (*g.Resources.AutoScalingGroups[0].Name)[len("eks-ng-"):]
	if made := l.securityGroups("eks-remoteAccess-" + uuid); g.Status != types.NodegroupStatusActive || len(made) != 1 || len(ssh(made[0])) != 1 {
		t.Fatalf("%s with %+v", g.Status, made)
	}
	l.deleteNodegroup("ng")
	c.reopenEKS()
	if left := l.securityGroups("eks-remoteAccess-" + uuid); len(left) != 0 {
		t.Errorf("%+v is left", left)
	}
}
