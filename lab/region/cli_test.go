package region_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/lab/clock"
)

// shell runs the aws CLI against a region, in one folder.
type shell struct {
	t    *testing.T
	dir  string
	env  []string
	vars map[string]string // what $NAME in a command stands for
}

func newShell(t *testing.T, endpoint string) *shell {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the aws CLI is not installed: its use of the region is not checked")
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	dir := t.TempDir()
	// The CLI keeps sessions in its home.
	return &shell{t: t, dir: dir, vars: map[string]string{}, env: append(env, "HOME="+dir,
		"AWS_ENDPOINT_URL="+endpoint, "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=us-west-2",
		"AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1", "AWS_DEFAULT_OUTPUT=text")}
}

func (s *shell) file(name, content string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// aws runs one command, whose words have no spaces, and gives what it prints
// and complains.
func (s *shell) aws(command string) (stdout, stderr string) {
	s.t.Helper()
	words := strings.Fields(command)
	for i := range words {
		words[i] = os.Expand(words[i], func(name string) string { return s.vars[name] })
	}
	cmd := exec.Command("aws", words...)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return strings.TrimSpace(string(out)), strings.TrimSpace(string(failed.Stderr))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(out)), ""
}

// cliStep is a command, the variable that gets what it prints, and what that
// is; fails is a part of its complaint instead.
type cliStep struct{ command, into, want, fails string }

func (s *shell) run(steps []cliStep) {
	s.t.Helper()
	for _, step := range steps {
		stdout, stderr := s.aws(step.command)
		switch {
		case step.fails != "" && strings.Contains(stderr, step.fails):
		case stderr != "" || step.fails != "":
			s.t.Fatalf("aws %s: %q, complains %q; want complaint %q", step.command, stdout, stderr, step.fails)
		case step.want != "" && stdout != os.Expand(step.want, func(name string) string { return s.vars[name] }):
			s.t.Errorf("aws %s: %q, want %q", step.command, stdout, step.want)
		}
		if step.into != "" {
			s.vars[step.into] = stdout
		}
	}
}

// autoscalerPolicy is what the workshop gives the Cluster Autoscaler.
const autoscalerPolicy = `{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": ["autoscaling:DescribeAutoScalingGroups", "autoscaling:SetDesiredCapacity", "ec2:DescribeLaunchTemplateVersions"],
            "Resource": "*",
            "Effect": "Allow"
        }
    ]
}`

// TestPoliciesFromTheCommandLine: the workshops' own commands.
func TestPoliciesFromTheCommandLine(t *testing.T) {
	t.Parallel()
	tokens := newSigner(t)
	// The CLI holds the end of its credentials against the real time.
	l := openOn(t, clock.NewManual(time.Now()), options(tokens.of))
	t.Cleanup(func() { _ = l.Close() })
	s := newShell(t, serve(t, l).endpoint)
	s.file("policy.json", autoscalerPolicy)
	s.file("trust.json", podTrust)
	s.file("token", tokens.token(t, "kube-system:cluster-autoscaler", "sts.amazonaws.com", l.clock.Now().Add(time.Hour)))
	s.run([]cliStep{
		{command: "iam create-policy --policy-name k8s-asg-policy --policy-document file://policy.json --query Policy.Arn", want: "arn:aws:iam::" + account + ":policy/k8s-asg-policy", into: "POLICY"},
		{command: "iam get-policy-version --policy-arn $POLICY --version-id v1 --query PolicyVersion.Document.Statement[0].Action[2]", want: "ec2:DescribeLaunchTemplateVersions"},
		{command: "iam create-role --role-name ca --assume-role-policy-document file://trust.json --query Role.Arn", want: "arn:aws:iam::" + account + ":role/ca", into: "ROLE"},
		{command: "iam get-role --role-name ca --query Role.AssumeRolePolicyDocument.Statement[0].Action", want: "sts:AssumeRoleWithWebIdentity"},
		{command: "iam create-open-id-connect-provider --url " + issuer + " --client-id-list sts.amazonaws.com --query OpenIDConnectProviderArn", want: providerARN},
	})

	// The CLI itself takes the role of a pod, by the variables that the pod has.
	s.env = slices.DeleteFunc(s.env, func(v string) bool { return strings.HasPrefix(v, "AWS_ACCESS") || strings.HasPrefix(v, "AWS_SECRET") })
	s.env = append(s.env, "AWS_ROLE_ARN=arn:aws:iam::"+account+":role/ca", "AWS_ROLE_SESSION_NAME=cli", "AWS_WEB_IDENTITY_TOKEN_FILE="+filepath.Join(s.dir, "token"))
	s.run([]cliStep{{command: "sts get-caller-identity --query Arn", want: fmt.Sprintf("arn:aws:sts::%s:assumed-role/ca/cli", account)}})
}

// TestNetworksFromTheCommandLine: a VPC as the courses make it.
func TestNetworksFromTheCommandLine(t *testing.T) {
	t.Parallel()
	l := open(t)
	s := newShell(t, serve(t, l).endpoint)
	s.run([]cliStep{
		{command: "ec2 create-vpc --cidr-block 192.168.0.0/24 --tag-specifications ResourceType=vpc,Tags=[{Key=Name,Value=edu}] --query Vpc.VpcId", into: "VPC"},
		{command: "ec2 create-subnet --vpc-id $VPC --cidr-block 192.168.0.0/27 --availability-zone us-west-2a --query Subnet.SubnetId", into: "PUBLIC"},
		{command: "ec2 create-subnet --vpc-id $VPC --cidr-block 192.168.0.16/28", fails: "(InvalidSubnet.Conflict)"},
		{command: "ec2 modify-subnet-attribute --subnet-id $PUBLIC --map-public-ip-on-launch"},
		{command: "ec2 describe-subnets --filters Name=vpc-id,Values=$VPC Name=map-public-ip-on-launch,Values=true --query Subnets[].AvailableIpAddressCount", want: "27"},
		{command: "ec2 create-nat-gateway --subnet-id $PUBLIC --connectivity-type private --query NatGateway.NatGatewayId", into: "NAT"},
		{command: "ec2 create-route-table --vpc-id $VPC --query RouteTable.RouteTableId", into: "RTB"},
		{command: "ec2 create-route --route-table-id $RTB --destination-cidr-block 0.0.0.0/0 --nat-gateway-id $NAT --query Return", want: "True"},
		{command: "ec2 create-security-group --vpc-id $VPC --group-name nodes --description nodes --query GroupId", into: "SG"},
		{command: "ec2 authorize-security-group-ingress --group-id $SG --protocol tcp --port 22-23 --cidr 10.0.0.0/8 --query SecurityGroupRules[].ToPort", want: "23"},
		{command: "ec2 authorize-security-group-ingress --group-id $SG --protocol all --source-group $SG --query SecurityGroupRules[].ReferencedGroupInfo.GroupId", want: "$SG"},
	})
	l.clock.Advance(natBoot)
	s.run([]cliStep{
		{command: "ec2 wait nat-gateway-available --nat-gateway-ids $NAT"},
		{command: "ec2 describe-route-tables --route-table-ids $RTB --query RouteTables[].Routes[].State", want: "active\tactive"},
	})
}
