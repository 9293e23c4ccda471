package region_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region"
)

const viewPolicy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"

func TestAccessEntriesDecide(t *testing.T) {
	t.Parallel()
	l := open(t)
	cluster, role := aws.String(clusterName), aws.String(l.role("dev", trust))
	session := region.Caller{ARN: "arn:aws:sts::" + account + ":assumed-role/dev/jo"}
	if _, err := l.Identify(session, nil); err == nil {
		t.Error("a role without an entry authenticates")
	}
	must[*eks.CreateAccessEntryOutput](l)(l.EKS().CreateAccessEntry(ctx(), &eks.CreateAccessEntryInput{ClusterName: cluster, PrincipalArn: role, KubernetesGroups: []string{"dev"}}))
	must[*eks.AssociateAccessPolicyOutput](l)(l.EKS().AssociateAccessPolicy(ctx(), &eks.AssociateAccessPolicyInput{
		ClusterName: cluster, PrincipalArn: role, PolicyArn: aws.String(viewPolicy), AccessScope: &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"dev"}},
	}))
	who := must[region.Identity](l)(l.Identify(session, nil))
	if who.Username != session.ARN || !slices.Equal(who.Groups, []string{"dev"}) || len(l.Policies(session.ARN)) != 1 {
		t.Errorf("%+v with %d policies", who, len(l.Policies(session.ARN)))
	}
	must[*eks.DeleteAccessEntryOutput](l)(l.EKS().DeleteAccessEntry(ctx(), &eks.DeleteAccessEntryInput{ClusterName: cluster, PrincipalArn: role}))
	if _, err := l.Identify(session, nil); err == nil || len(l.Policies(session.ARN)) > 0 {
		t.Error("a role whose entry was deleted authenticates")
	}
	lab := must[region.Identity](l)(l.Identify(region.Caller{ARN: "arn:aws:iam::" + account + ":user/lab"}, nil))
	if len(lab.Policies) != 1 || !strings.HasSuffix(*lab.Policies[0].PolicyArn, "/AmazonEKSClusterAdminPolicy") {
		t.Errorf("the lab's user is %+v", lab)
	}
}

func TestModeOfAuthentication(t *testing.T) {
	t.Parallel()
	l := open(t)
	mapped := map[string]string{"mapRoles": "- {rolearn: 'arn:aws:iam::" + account + ":role/dev', username: dev, groups: [dev]}"}
	caller := region.Caller{ARN: l.role("dev", trust)}
	if who := must[region.Identity](l)(l.Identify(caller, mapped)); who.Username != "dev" {
		t.Errorf("by aws-auth %+v", who)
	}
	change := func(mode types.AuthenticationMode) error {
		return done(l.EKS().UpdateClusterConfig(ctx(), &eks.UpdateClusterConfigInput{Name: aws.String(clusterName), AccessConfig: &types.UpdateAccessConfigRequest{AuthenticationMode: mode}}))
	}
	refused(t, change(types.AuthenticationModeConfigMap), "InvalidParameterException")
	refused(t, change(types.AuthenticationModeApi), "")
	if _, err := l.Identify(caller, mapped); err == nil {
		t.Error("aws-auth counts in mode API")
	}
	ids := must[*eks.ListUpdatesOutput](l)(l.EKS().ListUpdates(ctx(), &eks.ListUpdatesInput{Name: aws.String(clusterName)})).UpdateIds
	describe := func() types.UpdateStatus {
		return must[*eks.DescribeUpdateOutput](l)(l.EKS().DescribeUpdate(ctx(), &eks.DescribeUpdateInput{Name: aws.String(clusterName), UpdateId: &ids[0]})).Update.Status
	}
	if s := describe(); s != types.UpdateStatusInProgress {
		t.Errorf("at first %s", s)
	}
	l.clock.Advance(time.Minute)
	if s := describe(); s != types.UpdateStatusSuccessful {
		t.Errorf("later %s", s)
	}
}

func TestOnlyNodesWhoseRoleIsMappedJoin(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t)
	g := l.active(l.nodegroup("ng", func(in *eks.CreateNodegroupInput) { in.NodeRole = aws.String(l.role("own", ec2Trust)) }))
	m := l.machine(c.nodesOf("ng")[0].InstanceID)
	if m.RoleARN != *g.NodeRole {
		t.Fatalf("the machine's role is %q", m.RoleARN)
	}
	if err := l.AdmitNode(m, m.PrivateDNSName, nil); err != nil {
		t.Errorf("a node of a managed group: %v", err)
	}
	must[*eks.DeleteAccessEntryOutput](l)(l.EKS().DeleteAccessEntry(ctx(), &eks.DeleteAccessEntryInput{ClusterName: aws.String(clusterName), PrincipalArn: g.NodeRole}))
	if err := l.AdmitNode(m, m.PrivateDNSName, nil); err == nil || !strings.Contains(err.Error(), "role/own has no access entry and is not mapped") {
		t.Errorf("without its entry: %v", err)
	}
	mapped := map[string]string{"mapRoles": "- {rolearn: '" + *g.NodeRole + "', username: 'system:node:{{EC2PrivateDNSName}}', groups: ['system:nodes']}"}
	if err := l.AdmitNode(m, m.PrivateDNSName, mapped); err != nil {
		t.Errorf("by aws-auth: %v", err)
	}
	if err := l.AdmitNode(machine.Machine{}, "x", nil); err == nil || !strings.Contains(err.Error(), "no instance profile") {
		t.Errorf("without a profile: %v", err)
	}
}

func TestAccessEntriesRefuse(t *testing.T) {
	t.Parallel()
	l := open(t)
	role := l.role("dev", trust)
	type create = eks.CreateAccessEntryInput
	for name, c := range map[string]struct {
		in         create
		code, text string
	}{
		"principal":  {create{PrincipalArn: aws.String("arn:aws:iam::" + account + ":role/none")}, "InvalidParameterException", "invalid principal"},
		"type":       {create{PrincipalArn: &role, Type: aws.String("LINUX")}, "InvalidParameterException", "Invalid access entry type"},
		"node group": {create{PrincipalArn: &role, Type: aws.String("EC2_LINUX"), KubernetesGroups: []string{"a"}}, "InvalidParameterException", "are set by EKS"},
		"system":     {create{PrincipalArn: &role, KubernetesGroups: []string{"system:masters"}}, "InvalidParameterException", "cannot start with"},
		"user name":  {create{PrincipalArn: &role, Username: aws.String("eks:me")}, "InvalidParameterException", "must not begin with"},
		"there":      {create{PrincipalArn: aws.String(l.nodeRole())}, "ResourceInUseException", "already in use"},
	} {
		c.in.ClusterName = aws.String(clusterName)
		_, err := l.EKS().CreateAccessEntry(ctx(), &c.in)
		says(t, name, err, c.code, c.text)
	}
	associate := func(principal, policy string, scope *types.AccessScope) error {
		return done(l.EKS().AssociateAccessPolicy(ctx(), &eks.AssociateAccessPolicyInput{ClusterName: aws.String(clusterName), PrincipalArn: &principal, PolicyArn: &policy, AccessScope: scope}))
	}
	whole := &types.AccessScope{Type: types.AccessScopeTypeCluster}
	says(t, "nobody", associate(role, viewPolicy, whole), "ResourceNotFoundException", "principalArn could not be found")
	says(t, "a node", associate(l.nodeRole(), viewPolicy, whole), "InvalidRequestException", "EC2_LINUX does not support access policies")
	says(t, "policy", associate(role, "arn:x", whole), "InvalidParameterException", "policyArn")
	says(t, "scope", associate(role, viewPolicy, &types.AccessScope{Type: types.AccessScopeTypeNamespace}), "InvalidParameterException", "at least one namespace")
}
