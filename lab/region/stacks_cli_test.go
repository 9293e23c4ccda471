package region_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStacksByTheCLI: the unmodified aws CLI makes, waits for, reads, changes and
// deletes stacks.
func TestStacksByTheCLI(t *testing.T) {
	t.Parallel()
	l, c := openEKS(t, onDisk(t))
	w := serve(t, l)
	file := filepath.Join(t.TempDir(), "stack.yaml")
	if err := os.WriteFile(file, []byte(stackBody), 0o600); err != nil {
		t.Fatal(err)
	}
	cfn := func(arguments ...string) string { return w.cli(t, append([]string{"cloudformation"}, arguments...)...) }
	check(t, "capabilities", cfn("validate-template", "--template-body", "file://"+file, "--query", "Parameters[].[ParameterKey,DefaultValue]", "--output", "text"), "Key\ta")
	if got := cfn("create-stack", "--stack-name", "net", "--template-body", "file://"+file, "--tags", "Key=team,Value=a", "--query", "StackId", "--output", "text"); !strings.HasPrefix(got, "arn:aws:cloudformation:us-west-2:111122223333:stack/net/") {
		t.Fatalf("create-stack: %s", got)
	}
	if got := cfn("create-stack", "--stack-name", "net", "--template-body", "file://"+file); !strings.Contains(got, "An error occurred (AlreadyExistsException) when calling the CreateStack operation: Stack [net] already exists") {
		t.Errorf("twice: %s", got)
	}
	l.clock.Advance(time.Minute)
	check(t, "wait", cfn("wait", "stack-create-complete", "--stack-name", "net"), "")
	resource := cfn("describe-stack-resources", "--stack-name", "net", "--logical-resource-id", "Gateway", "--query", "StackResources[].PhysicalResourceId", "--output", "text")
	check(t, "output", cfn("describe-stacks", "--stack-name", "net", "--query", "Stacks[0].Outputs[].[OutputKey,OutputValue]", "--output", "text"), "Gateway\t"+resource)
	check(t, "tag", w.cli(t, "ec2", "describe-internet-gateways", "--filters", "Name=tag:aws:cloudformation:logical-id,Values=Gateway", "Name=tag:team,Values=a",
		"--query", "InternetGateways[].InternetGatewayId", "--output", "text"), resource)
	check(t, "stacks", cfn("describe-stacks", "--query", "Stacks[].StackName", "--output", "text"), "eksctl-eksworkshop-eksctl-cluster\tnet")
	if got := cfn("update-stack", "--stack-name", "net", "--use-previous-template"); !strings.Contains(got, "ValidationError) when calling the UpdateStack operation: No updates are to be performed.") {
		t.Errorf("update without a change: %s", got)
	}
	cfn("update-stack", "--stack-name", "net", "--use-previous-template", "--parameters", "ParameterKey=Key,ParameterValue=b")
	l.clock.Advance(time.Minute)
	check(t, "wait for the update", cfn("wait", "stack-update-complete", "--stack-name", "net"), "")
	cfn("delete-stack", "--stack-name", "net")
	c.reopenEKS()
	l.clock.Advance(time.Minute)
	served := serve(t, l)
	check(t, "wait for the end", served.cli(t, "cloudformation", "wait", "stack-delete-complete", "--stack-name", "net"), "")
	if got := served.cli(t, "cloudformation", "describe-stacks", "--stack-name", "net"); !strings.Contains(got, "An error occurred (ValidationError) when calling the DescribeStacks operation: Stack with id net does not exist") {
		t.Errorf("deleted: %s", got)
	}
}
