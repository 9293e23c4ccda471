package region_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/drover-project/drover/lab/region"
)

// cli runs the aws CLI against a region that is served, and gives what it prints.
func (w wire) cli(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the aws CLI is not installed")
	}
	cmd := exec.Command("aws", args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "AWS_CONFIG_FILE="+home+"/none", "AWS_ENDPOINT_URL="+w.endpoint, "AWS_REGION=us-west-2",
		"AWS_DEFAULT_REGION=us-west-2", "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY=secret", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "error: " + strings.TrimSpace(string(out))
	}
	return strings.TrimSpace(string(out))
}

// TestGroupsByTheCLI is what the workshop does with the groups of a cluster.
func TestGroupsByTheCLI(t *testing.T) {
	t.Parallel()
	l := open(t, func(o *region.Options) { o.BaseNodes = 0 }).withNodes("m5.large")
	w := serve(t, l)
	w.cli(t, "autoscaling", "create-auto-scaling-group", "--auto-scaling-group-name", "eks-nodes", "--min-size", "3", "--max-size", "3",
		"--launch-template", "LaunchTemplateName=nodes,Version=$Default", "--vpc-zone-identifier", strings.Join(l.subnets(), ","),
		"--tags", "Key=eks:cluster-name,Value=eksworkshop-eksctl,PropagateAtLaunch=true")
	l.clock.Advance(soon)
	table := func() string {
		return w.cli(t, "autoscaling", "describe-auto-scaling-groups", "--output", "text",
			"--query", "AutoScalingGroups[? Tags[? (Key=='eks:cluster-name') && Value=='eksworkshop-eksctl']].[AutoScalingGroupName, MinSize, MaxSize,DesiredCapacity]")
	}
	check(t, "before", table(), "eks-nodes\t3\t3\t3")
	check(t, "update", w.cli(t, "autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", "eks-nodes", "--min-size", "3", "--desired-capacity", "3", "--max-size", "4"), "")
	check(t, "after", table(), "eks-nodes\t3\t4\t3")
	refused := w.cli(t, "autoscaling", "set-desired-capacity", "--auto-scaling-group-name", "eks-nodes", "--desired-capacity", "5")
	check(t, "refused", strings.HasSuffix(refused, "An error occurred (ValidationError) when calling the SetDesiredCapacity operation: New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup."), true)
	check(t, "instances", w.cli(t, "autoscaling", "describe-auto-scaling-instances", "--query", "AutoScalingInstances[].[LifecycleState,HealthStatus]", "--output", "text"),
		strings.TrimSpace(strings.Repeat("InService\tHEALTHY\n", 3)))
}
