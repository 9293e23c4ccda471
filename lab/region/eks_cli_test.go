package region_test

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/lab/awswire"
)

// TestNodegroupsWithTheCLI drives the service with the real client.
func TestNodegroupsWithTheCLI(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the aws CLI is not installed")
	}
	l, _ := openEKS(t)
	server := awswire.New(awswire.Options{Account: account, Region: l.options.Region, Credentials: func(id string) (string, bool) { return "secret", id == accessKey }})
	if err := server.Register("eks", l.EKS()); err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(server)
	t.Cleanup(endpoint.Close)
	cli := func(arguments string) string {
		t.Helper()
		cmd := exec.Command(program, append([]string{"eks"}, strings.Fields(arguments)...)...)
		cmd.Env = append(cmd.Environ(), "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=", "AWS_DEFAULT_REGION="+l.options.Region,
			"AWS_ENDPOINT_URL="+endpoint.URL, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1")
		output, err := cmd.CombinedOutput()
		if err != nil {
			return "error: " + string(output)
		}
		return strings.TrimSpace(string(output))
	}
	group := " --cluster-name " + clusterName + " --nodegroup-name ng "
	for _, s := range []struct {
		call string
		want string
		wait time.Duration
	}{
		{"create-nodegroup" + group + "--node-role " + l.nodeRole() + " --subnets " + strings.Join(l.subnets(), " ") + " --scaling-config minSize=1,maxSize=3,desiredSize=2 --instance-types m5.large m5a.large --capacity-type SPOT" +
			" --labels team=blue --taints key=k,value=v,effect=NO_SCHEDULE --tags cost=1 --update-config maxUnavailablePercentage=50,updateStrategy=MINIMAL --node-repair-config enabled=true --release-version " + oldRelease +
			" --query nodegroup.[status,capacityType,taints[0].effect,tags.cost,updateConfig.updateStrategy] --output text", "CREATING\tSPOT\tNO_SCHEDULE\t1\tMINIMAL", 3 * time.Minute},
		{"describe-nodegroup" + group + "--query nodegroup.[status,scalingConfig.desiredSize,labels.team,health.issues] --output json", "[\n    \"ACTIVE\",\n    2,\n    \"blue\",\n    []\n]", 0},
		{"list-nodegroups --cluster-name " + clusterName + " --query nodegroups --output text", "ng", 0},
		{"update-nodegroup-config" + group + "--scaling-config desiredSize=3 --labels removeLabels=team --query update.[type,status] --output text", "ConfigUpdate\tInProgress", 3 * time.Minute},
		{"update-nodegroup-version" + group + "--force --query update.[type,status] --output text", "VersionUpdate\tInProgress", 0},
		{"update-nodegroup-config" + group + "--scaling-config desiredSize=2", "ResourceInUseException) when calling the UpdateNodegroupConfig operation: Nodegroup cannot be updated as it is currently not in Active State", 30 * time.Minute},
		{"list-updates --name " + clusterName + " --nodegroup-name ng --query length(updateIds) --output text", "2", 0},
		{"describe-nodegroup" + group + "--query nodegroup.[status,releaseVersion] --output text", "ACTIVE\t" + newRelease, 0},
		{"delete-nodegroup" + group + "--query nodegroup.status --output text", "DELETING", 5 * time.Minute},
		{"describe-nodegroup" + group, "ResourceNotFoundException) when calling the DescribeNodegroup operation: No node group found for name: ng.", 0},
		{"list-access-entries --cluster-name " + clusterName + " --query length(accessEntries) --output text", "3", 0},
		{"describe-addon-versions --addon-name coredns --query addons[0].addonVersions[0].addonVersion --output text", "v1.13.1-eksbuild.1", 0},
	} {
		if got := cli(s.call); !strings.Contains(got, s.want) {
			t.Fatalf("aws eks %s:\n%s\nwant %q", s.call, got, s.want)
		}
		l.clock.Advance(s.wait)
	}
}
