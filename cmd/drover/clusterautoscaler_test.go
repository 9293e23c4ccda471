package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/drover-project/drover/internal/controllers/nodegroup"
)

// parseGroups parses a container's command as the kubelet would run it.
func parseGroups(t *testing.T, command string) (nodegroup.Options, error) {
	t.Helper()
	var options groupCommandOptions
	words := byProgramName(strings.Fields(command))
	if words[0] != groupCommand {
		t.Fatalf("%q does not run the command", command)
	}
	fresh := pflag.NewFlagSet(groupCommand, pflag.ContinueOnError)
	options.register(fresh)
	registerUnused(fresh)
	if err := fresh.Parse(words[1:]); err != nil {
		return nodegroup.Options{}, err
	}
	return options.complete()
}

// The commands of cluster-autoscaler's own manifests for AWS.
func TestManifestsOfClusterAutoscalerRunAsTheyAre(t *testing.T) {
	common := "./cluster-autoscaler --v=4 --stderrthreshold=info --cloud-provider=aws --skip-nodes-with-local-storage=false "
	for name, c := range map[string]struct {
		command string
		named   []string
		tags    []string
		cluster string
	}{
		"one group":      {command: common + "--nodes=1:10:k8s-worker-asg-1", named: []string{"k8s-worker-asg-1"}},
		"several groups": {command: common + "--expander=least-waste --nodes=1:10:k8s-worker-asg-1 --nodes=1:3:k8s-worker-asg-2", named: []string{"k8s-worker-asg-1", "k8s-worker-asg-2"}},
		"auto-discovery": {command: common + "--expander=least-waste --node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/demo",
			tags: []string{"k8s.io/cluster-autoscaler/demo", "k8s.io/cluster-autoscaler/enabled"}, cluster: "demo"},
		"control plane": {command: common + "--leader-elect=false --nodes=2:5:nodes.example.com", named: []string{"nodes.example.com"}},
		"the workshop's": {command: common + "--expander=least-waste --node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/eksworkshop-eksctl " +
			"--balance-similar-node-groups --skip-nodes-with-system-pods=false",
			tags: []string{"k8s.io/cluster-autoscaler/eksworkshop-eksctl", "k8s.io/cluster-autoscaler/enabled"}, cluster: "eksworkshop-eksctl"},
	} {
		t.Run(name, func(t *testing.T) {
			options, err := parseGroups(t, c.command)
			if err != nil {
				t.Fatal(err)
			}
			var named, tags []string
			for _, bounds := range options.Selection.Named {
				named = append(named, bounds.Name)
			}
			for key := range options.Selection.Tags {
				tags = append(tags, key)
			}
			slices.Sort(tags)
			if !slices.Equal(named, c.named) || !slices.Equal(tags, c.tags) || options.ClusterName != c.cluster {
				t.Errorf("named %v, tags %v, cluster %q", named, tags, options.ClusterName)
			}
			if options.ScaleDown.SkipLocalStorage || options.Balance != strings.Contains(c.command, "balance") {
				t.Errorf("options are %+v", options)
			}
		})
	}
}

func TestEveryFlagOfClusterAutoscalerThatIsTakenParses(t *testing.T) {
	for _, name := range unusedFlags() {
		for _, text := range []string{"--" + name, "--" + name + "=x", "--" + name + "=a --" + name + "=b"} {
			if _, err := parseGroups(t, "/cluster-autoscaler --nodes=1:2:a "+text); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestGroupFlagsThatAreWrongAreNamed(t *testing.T) {
	for command, want := range map[string]string{
		"":                                   "no node group is named",
		"--nodes=5:1:a":                      "--nodes=5:1:a",
		"--nodes=1:2:a --cloud-provider=gce": "only aws is supported",
		"--nodes=1:2:a --expander=grpc":      "--grpc-expander-url is missing",
		"--nodes=1:2:a --expander=grpc,random --grpc-expander-url=e:1":                             "--grpc-expander-cert is missing",
		"--nodes=1:2:a --expander=grpc --grpc-expander-url=https://e:1 --grpc-expander-cert=/none": "without https://, such as e:1",
		"--nodes=1:2:a --scale-down-utilization-threshold=50":                                      "use 0.5 for 50 %",
		"--nodes=1:2:a --provisioning-request-initial-backoff-time=20m":                            "at most --provisioning-request-max-backoff-time=10m0s",
		"--nodes=1:2:a --max-bulk-soft-taint-count=-1":                                             "must not be negative",
		"--nodes=1:2:a --scan-interval=0s":                                                         "--scan-interval",
		"--nodes=1:2:a --scale-down-dealy-after-add=1m":                                            "unknown flag",
		"--nodes=1:2:a --interruption-queue=https://x":                                             "--interruption-queue",
		"--nodes=1:2:a --interruption-force=now":                                                   "never or delete",
		"--node-group-auto-discovery=mig:namePrefix=x":                                             "asg:tag=",
	} {
		if _, err := parseGroups(t, "cluster-autoscaler "+command); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", command, err, want)
		}
	}
}

func TestProgramNameChoosesTheCommand(t *testing.T) {
	for name, want := range map[string]string{"/usr/bin/drover": "version", "./cluster-autoscaler": "cluster-autoscaler version", "cluster-autoscaler": "cluster-autoscaler version"} {
		if got := strings.Join(byProgramName([]string{name, "version"}), " "); got != want {
			t.Errorf("%s runs %q, want %q", name, got, want)
		}
	}
}
