package region_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/region/iamapi"
)

// policyARN is the ARN of a policy of the account.
func policyARN(name string) *string {
	return aws.String("arn:aws:iam::" + account + ":policy/" + name)
}

func newVersion(name, document string, asDefault bool) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.CreatePolicyVersion(ctx(), &iam.CreatePolicyVersionInput{PolicyArn: policyARN(name), PolicyDocument: &document, SetAsDefault: asDefault}))
	}
}

func deleteVersion(name, version string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.DeletePolicyVersion(ctx(), &iam.DeletePolicyVersionInput{PolicyArn: policyARN(name), VersionId: &version}))
	}
}

func deletePolicy(arn string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error { return done(s.DeletePolicy(ctx(), &iam.DeletePolicyInput{PolicyArn: &arn})) }
}

func putBoundary(role, arn string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.PutRolePermissionsBoundary(ctx(), &iam.PutRolePermissionsBoundaryInput{RoleName: &role, PermissionsBoundary: &arn}))
	}
}

// TestPoliciesAndVersions: one story of a policy, over two restarts.
func TestPoliciesAndVersions(t *testing.T) {
	t.Parallel()
	const managed = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
	own := *policyARN("p")
	large := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"*"}]}`, strings.Repeat("ec2:Describe*\",\"", 500)+"ec2:*")
	l := open(t, onDisk(t))
	for _, s := range []iamStep{
		{"a policy", createPolicy("p", permissions), ""},
		{"its name in capitals", createPolicy("P", permissions), "EntityAlreadyExists"},
		{"a name with a slash", createPolicy("a/b", permissions), "ValidationError"},
		{"no document", createPolicy("x", ""), "MalformedPolicyDocument"},
		{"a large document", createPolicy("x", large), "LimitExceeded"},
		{"a trust policy", createPolicy("x", trust), "MalformedPolicyDocument"},
		{"a second version", newVersion("p", permissions, true), ""},
		{"a third", newVersion("p", permissions, false), ""},
		{"a fourth", newVersion("p", permissions, false), ""},
		{"a fifth", newVersion("p", permissions, false), ""},
		{"a sixth", newVersion("p", permissions, false), "LimitExceeded"},
		{"a version of no policy", newVersion("none", permissions, false), "NoSuchEntity"},
		{"delete the default one", deleteVersion("p", "v2"), "DeleteConflict"},
		{"delete the first", deleteVersion("p", "v1"), ""},
		{"delete it again", deleteVersion("p", "v1"), "NoSuchEntity"},
		{"a sixth now", newVersion("p", permissions, false), ""},
		{"delete the policy", deletePolicy(own), "DeleteConflict"},
		{"and the versions", deleteVersion("p", "v3"), ""}, {"and", deleteVersion("p", "v4"), ""}, {"and", deleteVersion("p", "v5"), ""}, {"and", deleteVersion("p", "v6"), ""},
		{"a role", createRole("r", trust), ""},
		{"attach", attach("r", own), ""},
		{"delete the attached policy", deletePolicy(own), "DeleteConflict"},
		{"a policy of AWS that is none", attach("r", "arn:aws:iam::aws:policy/AmazonEKSWorkerNodesPolicy"), "NoSuchEntity"},
		{"another account's", attach("r", "arn:aws:iam::444455556666:policy/p"), "NoSuchEntity"},
		{"delete one of AWS", deletePolicy(managed), "AccessDenied"},
		{"delete no ARN", deletePolicy("p"), "InvalidInput"},
		{"detach", detach("r", own), ""},
		{"a boundary that is none", putBoundary("r", *policyARN("none")), "NoSuchEntity"},
		{"a boundary", putBoundary("r", own), ""},
		{"delete the boundary's policy", deletePolicy(own), "DeleteConflict"},
		{"a boundary of AWS", putBoundary("r", managed), ""},
		{"delete the policy now", deletePolicy(own), ""},
		{"delete it again", deletePolicy(own), "NoSuchEntity"},
	} {
		if got := codeOf(s.call(l.IAM())); got != s.code {
			t.Fatalf("%s: got %q, want %q", s.name, got, s.code)
		}
		if s.name == "attach" || s.name == "a fifth" {
			l.reopen()
		}
	}
}

// TestPoliciesOfAWS: those that clusters use are there, and can be read.
func TestPoliciesOfAWS(t *testing.T) {
	t.Parallel()
	l := open(t)
	for _, name := range []string{
		"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore",
		"AmazonEKSClusterPolicy", "AmazonEKSServicePolicy", "AmazonEKSVPCResourceController", "AmazonEKSFargatePodExecutionRolePolicy", "service-role/AmazonEBSCSIDriverPolicy",
		"CloudWatchAgentServerPolicy", "AutoScalingFullAccess", "AmazonEC2FullAccess", "aws-service-role/AmazonEKSServiceRolePolicy",
	} {
		arn := "arn:aws:iam::aws:policy/" + name
		p, err := l.IAM().GetPolicy(ctx(), &iam.GetPolicyInput{PolicyArn: &arn})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		v := must[*iam.GetPolicyVersionOutput](l)(l.IAM().GetPolicyVersion(ctx(), &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: p.Policy.DefaultVersionId}))
		document, err := url.QueryUnescape(*v.PolicyVersion.Document)
		if err != nil {
			t.Fatal(err)
		}
		// What AWS says can be said of a policy of one's own.
		refused(t, createPolicy("copy-"+strings.ReplaceAll(name, "/", "-"), document)(l.IAM()), "")
	}
	local := must[*iam.ListPoliciesOutput](l)(l.IAM().ListPolicies(ctx(), &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal}))
	if len(local.Policies) != 14 {
		t.Errorf("%d policies of the account", len(local.Policies))
	}
	attached := must[*iam.ListPoliciesOutput](l)(l.IAM().ListPolicies(ctx(), &iam.ListPoliciesInput{OnlyAttached: true}))
	names := each(attached.Policies, func(p types.Policy) *string { return p.PolicyName })
	if !slices.Contains(names, "AmazonEKSWorkerNodePolicy") || slices.Contains(names, "AutoScalingFullAccess") {
		t.Errorf("attached are %v", names)
	}
	entities := must[*iam.ListEntitiesForPolicyOutput](l)(l.IAM().ListEntitiesForPolicy(ctx(), &iam.ListEntitiesForPolicyInput{PolicyArn: attached.Policies[0].Arn}))
	if len(entities.PolicyRoles) == 0 || int32(len(entities.PolicyRoles)) != *attached.Policies[0].AttachmentCount {
		t.Errorf("%d roles, attachment count %d", len(entities.PolicyRoles), *attached.Policies[0].AttachmentCount)
	}
}

// TestRolesThatAreRefused: names, paths, trust in nobody, too much.
func TestRolesThatAreRefused(t *testing.T) {
	t.Parallel()
	l := open(t)
	create := func(change func(*iam.CreateRoleInput)) error {
		in := &iam.CreateRoleInput{RoleName: aws.String("new"), AssumeRolePolicyDocument: aws.String(trust)}
		change(in)
		return done(l.IAM().CreateRole(ctx(), in))
	}
	trusting := func(arn string) string { return strings.ReplaceAll(accountTrust, "arn:aws:iam::"+account+":root", arn) }
	for name, c := range map[string]struct {
		change func(*iam.CreateRoleInput)
		code   string
	}{
		"a long name":       {func(in *iam.CreateRoleInput) { in.RoleName = aws.String(strings.Repeat("r", 65)) }, "ValidationError"},
		"a name with space": {func(in *iam.CreateRoleInput) { in.RoleName = aws.String("a b") }, "ValidationError"},
		"a path without /":  {func(in *iam.CreateRoleInput) { in.Path = aws.String("a") }, "ValidationError"},
		"a short session":   {func(in *iam.CreateRoleInput) { in.MaxSessionDuration = aws.Int32(60) }, "ValidationError"},
		"a role that is not there": {func(in *iam.CreateRoleInput) {
			in.AssumeRolePolicyDocument = aws.String(trusting("arn:aws:iam::" + account + ":role/none"))
		}, "MalformedPolicyDocument"},
		"a user that is not there": {func(in *iam.CreateRoleInput) {
			in.AssumeRolePolicyDocument = aws.String(trusting("arn:aws:iam::" + account + ":user/none"))
		}, "MalformedPolicyDocument"},
		"a boundary that is none": {func(in *iam.CreateRoleInput) { in.PermissionsBoundary = aws.String("p") }, "InvalidInput"},
		"a role of the cluster": {func(in *iam.CreateRoleInput) {
			in.RoleName = aws.String(strings.ToUpper("KarpenterNodeRole-" + clusterName))
		}, "EntityAlreadyExists"},
		"the role of the cluster trusted": {func(in *iam.CreateRoleInput) {
			in.RoleName = aws.String("trusting")
			in.AssumeRolePolicyDocument = aws.String(trusting("arn:aws:iam::" + account + ":role/KarpenterNodeRole-" + clusterName))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) { refused(t, create(c.change), c.code) })
	}
	refused(t, createRole("r", trust)(l.IAM()), "")
	for n := range 10 {
		refused(t, createPolicy(fmt.Sprint("p", n), permissions)(l.IAM()), "")
		refused(t, attach("r", *policyARN(fmt.Sprint("p", n)))(l.IAM()), "")
	}
	refused(t, attach("r", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")(l.IAM()), "LimitExceeded")
	long := strings.ReplaceAll(permissions, "ec2:DescribeInstances", "ec2:"+strings.Repeat("x", 6000))
	refused(t, putInline("r", "a", long)(l.IAM()), "")
	refused(t, putInline("r", "b", long)(l.IAM()), "LimitExceeded")
}

// TestServiceLinkedRoles: only AWS changes them, and each is there once.
func TestServiceLinkedRoles(t *testing.T) {
	t.Parallel()
	l := open(t)
	create := func(service string, suffix *string) error {
		return done(l.IAM().CreateServiceLinkedRole(ctx(), &iam.CreateServiceLinkedRoleInput{AWSServiceName: &service, CustomSuffix: suffix}))
	}
	refused(t, create("eks-nodegroup.amazonaws.com", nil), "")
	refused(t, create("eks-nodegroup.amazonaws.com", nil), "InvalidInput")
	refused(t, create("eks-nodegroup.amazonaws.com", aws.String("x")), "InvalidInput")
	refused(t, create("autoscaling.amazonaws.com", aws.String("x")), "")
	refused(t, create("lambda.amazonaws.com", nil), "InvalidInput")
	const name = "AWSServiceRoleForAmazonEKSNodegroup"
	r := must[*iam.GetRoleOutput](l)(l.IAM().GetRole(ctx(), &iam.GetRoleInput{RoleName: aws.String(name)})).Role
	if *r.Arn != "arn:aws:iam::"+account+":role/aws-service-role/eks-nodegroup.amazonaws.com/"+name {
		t.Errorf("its ARN is %s", *r.Arn)
	}
	refused(t, deleteRole(name)(l.IAM()), "UnmodifiableEntity")
	refused(t, attach(name, "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")(l.IAM()), "UnmodifiableEntity")
	refused(t, done(l.IAM().DeleteServiceLinkedRole(ctx(), &iam.DeleteServiceLinkedRoleInput{RoleName: aws.String("KarpenterNodeRole-" + clusterName)})), "InvalidInput")
	task := must[*iam.DeleteServiceLinkedRoleOutput](l)(l.IAM().DeleteServiceLinkedRole(ctx(), &iam.DeleteServiceLinkedRoleInput{RoleName: aws.String(name)})).DeletionTaskId
	status := must[*iam.GetServiceLinkedRoleDeletionStatusOutput](l)(l.IAM().GetServiceLinkedRoleDeletionStatus(ctx(), &iam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: task}))
	if status.Status != "SUCCEEDED" {
		t.Errorf("the deletion is %s", status.Status)
	}
	refused(t, create("eks-nodegroup.amazonaws.com", nil), "")
}

// TestIdentityProviders: by their URL, once, with clients.
func TestIdentityProviders(t *testing.T) {
	t.Parallel()
	l := open(t)
	create := func(in iam.CreateOpenIDConnectProviderInput) error {
		return done(l.IAM().CreateOpenIDConnectProvider(ctx(), &in))
	}
	refused(t, create(iam.CreateOpenIDConnectProviderInput{Url: aws.String("http://a.example")}), "ValidationError")
	refused(t, create(iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://a.example"), ThumbprintList: []string{"xyz"}}), "ValidationError")
	refused(t, create(iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://a.example/id/B/"), ClientIDList: []string{"c"}}), "")
	refused(t, create(iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://a.example/id/B")}), "EntityAlreadyExists")
	arn := aws.String("arn:aws:iam::" + account + ":oidc-provider/a.example/id/B")
	for range 2 {
		must[*iam.AddClientIDToOpenIDConnectProviderOutput](l)(l.IAM().AddClientIDToOpenIDConnectProvider(ctx(), &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("d")}))
	}
	p := must[*iam.GetOpenIDConnectProviderOutput](l)(l.IAM().GetOpenIDConnectProvider(ctx(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}))
	if *p.Url != "a.example/id/B" || !slices.Equal(p.ClientIDList, []string{"c", "d"}) {
		t.Errorf("%s for %v", *p.Url, p.ClientIDList)
	}
	for range 2 {
		must[*iam.DeleteOpenIDConnectProviderOutput](l)(l.IAM().DeleteOpenIDConnectProvider(ctx(), &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}))
	}
	_, err := l.IAM().GetOpenIDConnectProvider(ctx(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	refused(t, err, "NoSuchEntity")
}
