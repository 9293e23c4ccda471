package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/ekstest"
)

// cloud is a connector to a region and a cluster in memory, whose time passes
// when somebody waits.
type cloud struct {
	*ekstest.Region
	kube   *fake.Clientset
	waited time.Duration
	// most is how long anybody may wait.
	most time.Duration
}

func newCloud() *cloud {
	kube := fake.NewClientset()
	return &cloud{Region: ekstest.New(kube), kube: kube, most: 10 * time.Minute}
}

type toCloud struct{ *cloud }

func (c toCloud) Region(context.Context, string, string) (regional, error) {
	return c.cloud.Region, nil
}

func (c toCloud) Kubernetes(context.Context, regional, *eks.Cluster, string) (kubernetes.Interface, error) {
	return c.kube, nil
}

func (c toCloud) Sleep(ctx context.Context, d time.Duration) error {
	if c.cloud.waited += d; c.cloud.waited > c.most {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// run runs drover and returns what it writes to standard output, and to standard
// error.
func (c *cloud) run(t *testing.T, stdin string, args ...string) (out, log string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := newCommandFor(toCloud{c})
	command.SetArgs(args)
	command.SetIn(strings.NewReader(stdin))
	command.SetOut(&stdout)
	command.SetErr(&stderr)
	if err := command.ExecuteContext(t.Context()); err != nil {
		report(&stderr, err)
		code = exitCode(err)
	}
	return stdout.String(), stderr.String(), code
}

// must runs drover, which has to succeed.
func (c *cloud) must(t *testing.T, stdin string, args ...string) (out, log string) {
	t.Helper()
	out, log, code := c.run(t, stdin, args...)
	if code != 0 {
		t.Fatalf("drover %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, log)
	}
	return out, log
}

func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

const spotFile = `
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: blue, region: eu-west-1}
managedNodeGroups:
  - name: managed-ng-1
    instanceType: t3.large
    spot: true
    desiredCapacity: 2
    minSize: 2
    maxSize: 2
    volumeSize: 30
    privateNetworking: true
`

func TestAManagedGroupFromItsFileToItsEnd(t *testing.T) {
	c := newCloud()
	_, log := c.must(t, spotFile, "create", "nodegroup", "-f", "-")
	says(t, log,
		"[ℹ]  will use version 1.34 for new nodegroup(s) based on control plane version",
		`[ℹ]  nodegroup "managed-ng-1" will use "" [AmazonLinux2023/1.34]`,
		"[ℹ]  1 nodegroup (managed-ng-1) was included (based on the include/exclude rules)",
		`[ℹ]  will create a CloudFormation stack for each of 1 managed nodegroups in cluster "blue"`,
		`[ℹ]  building managed nodegroup stack "eksctl-blue-nodegroup-managed-ng-1"`,
		`[ℹ]  deploying stack "eksctl-blue-nodegroup-managed-ng-1"`,
		`[ℹ]  waiting for CloudFormation stack "eksctl-blue-nodegroup-managed-ng-1"`,
		`[ℹ]  nodegroup "managed-ng-1" has 2 node(s)`, `[ℹ]  node "ip-192-168-0-1" is ready`,
		`[✔]  created 1 managed nodegroup(s) in cluster "blue"`)

	_, again := c.must(t, spotFile, "create", "nodegroup", "-f", "-")
	says(t, again, "1 existing nodegroup(s) (managed-ng-1) will be excluded", "no tasks")

	table, _ := c.must(t, "", "get", "nodegroup", "--cluster", "blue")
	says(t, table, "CLUSTER\tNODEGROUP\tSTATUS\tCREATED\t", "MIN SIZE\tMAX SIZE\tDESIRED CAPACITY\tINSTANCE TYPE\tIMAGE ID\t", "ASG NAME",
		"blue\tmanaged-ng-1\tACTIVE\t2026-01-02T15:04:05Z\t2", "t3.large\tAL2023_x86_64_STANDARD\teks-managed-ng-1-1\tmanaged")
	text, _ := c.must(t, "", "get", "ng", "--cluster", "blue", "-o", "json")
	var summaries []map[string]any
	if err := json.Unmarshal([]byte(text), &summaries); err != nil || summaries[0]["StackName"] != "eksctl-blue-nodegroup-managed-ng-1" {
		t.Errorf("%v: %s", err, text)
	}

	_, log = c.must(t, "", "scale", "nodegroup", "--cluster", "blue", "--name", "managed-ng-1", "-N", "3", "-M", "4", "--wait")
	says(t, log, `scaling nodegroup "managed-ng-1" in cluster blue`, `nodegroup "managed-ng-1" successfully scaled`)
	_, log, code := c.run(t, "", "scale", "nodegroup", "--cluster", "blue", "managed-ng-1", "-N", "9")
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	says(t, log, "the desired number of nodes 9 is greater than the nodes-max/maxSize 4")

	_, log = c.must(t, spotFile, "delete", "nodegroup", "-f", "-")
	says(t, log, "(plan) would drain 1 nodegroup(s)", "(plan) would delete 1 nodegroups", "run again with '--approve'")
	_, log = c.must(t, spotFile, "delete", "nodegroup", "-f", "-", "--approve", "--wait")
	says(t, log, `cordon node "ip-192-168-0-1"`, "drained all nodes", `deleted 1 nodegroup(s) from cluster "blue"`)
	want := []string{
		"CreateStack eksctl-blue-nodegroup-managed-ng-1", "ResizeNodegroup managed-ng-1 2/4/3",
		"ProtectStack eksctl-blue-nodegroup-managed-ng-1 false", "DeleteStack eksctl-blue-nodegroup-managed-ng-1",
	}
	if got := strings.Join(c.Calls(), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("calls:\n%s", got)
	}
	out, _ := c.must(t, "", "get", "nodegroup", "--cluster", "blue")
	says(t, out, "No nodegroups found")
}

func TestASelfManagedGroupLetsItsNodesIn(t *testing.T) {
	const file = `
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: blue, region: eu-west-1}
nodeGroups:
  - name: ng-spot
    labels: {lifecycle: Ec2Spot}
    taints: {spotInstance: 'true:PreferNoSchedule'}
    minSize: 2
    maxSize: 5
    asgSuspendProcesses: [AZRebalance]
    instancesDistribution: {instanceTypes: [m5.large, m4.large], onDemandBaseCapacity: 0, onDemandPercentageAboveBaseCapacity: 0}
`
	c := newCloud()
	c.Known["blue"].AuthMode = eks.AuthConfigMap
	_, log := c.must(t, file, "create", "nodegroup", "-f", "-")
	says(t, log, `nodegroup "ng-spot" will use "ami-0123456789abcdef0" [AmazonLinux2023/1.34]`, "adding identity", `created 1 nodegroup(s) in cluster "blue"`)
	auth, err := c.kube.CoreV1().ConfigMaps("kube-system").Get(t.Context(), "aws-auth", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	says(t, auth.Data["mapRoles"], "eksctl-blue-nodegroup-ng-spot-InstanceRoleARN", "system:node:{{EC2PrivateDNSName}}", "system:bootstrappers")
	says(t, strings.Join(c.Calls(), "\n"), "SuspendProcesses eksctl-blue-nodegroup-ng-spot-NodeGroup-1 AZRebalance")
	table, _ := c.must(t, "", "get", "nodegroup", "--cluster", "blue")
	says(t, table, "CREATE_COMPLETE", "unmanaged")
	_, log = c.must(t, "", "delete", "nodegroup", "--cluster", "blue", "ng-spot", "--drain=false")
	says(t, log, "removing identity")
	if strings.Contains(log, "cordon") {
		t.Error("nodes are drained although that was not wanted")
	}
}

func TestTypesThatTheRegionDoesNotOfferAreLeftOut(t *testing.T) {
	const file = `
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: blue, region: eu-west-1}
nodeGroups:
  - {name: own, minSize: 1, instancesDistribution: {instanceTypes: [m5.large, x9.large, m4.large]}}
managedNodeGroups:
  - {name: managed, minSize: 1, spot: true, instanceTypes: [x9.large, m5.large]}
`
	c := newCloud()
	_, log := c.must(t, file, "create", "nodegroup", "-f", "-")
	for _, name := range []string{"own", "managed"} {
		says(t, log, `this region does not offer x9.large: nodegroup "`+name+`" is made without`)
		made, err := json.Marshal(c.Template("eksctl-blue-nodegroup-" + name))
		if err != nil || strings.Contains(string(made), "x9.large") || !strings.Contains(string(made), "m5.large") {
			t.Errorf("%s: %v: %s", name, err, made)
		}
	}
}

func TestAStackThatFailsNamesItsStepAndLeavesNothing(t *testing.T) {
	c := newCloud()
	c.FailResource["ManagedNodeGroup"] = "Nodegroup managed-ng-1 failed to stabilize: AsgInstanceLaunchFailures"
	_, log, code := c.run(t, spotFile, "create", "nodegroup", "-f", "-")
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	says(t, log, `ManagedNodeGroup (AWS::EKS::Nodegroup) CREATE_FAILED: Nodegroup managed-ng-1 failed to stabilize: AsgInstanceLaunchFailures`,
		"1 of 1 nodegroup(s) in cluster \"blue\" were not created")
	delete(c.FailResource, "ManagedNodeGroup")
	if _, err := c.DescribeStack(t.Context(), "eksctl-blue-nodegroup-managed-ng-1"); err == nil {
		_, _ = c.DescribeStack(t.Context(), "eksctl-blue-nodegroup-managed-ng-1")
	}
	c.must(t, spotFile, "create", "nodegroup", "-f", "-")
}

func TestNodesThatDoNotComeAreExplained(t *testing.T) {
	for name, prepare := range map[string]func(*cloud){
		"2 instances run and 0 nodes have joined; usual causes: their role is not let in": func(c *cloud) { c.NoJoin = true },
		"could not launch: We currently do not have sufficient m5.large capacity":         func(c *cloud) { c.NoCapacity = true },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			prepare(c)
			_, log, code := c.run(t, spotFile, "create", "nodegroup", "-f", "-")
			if code != exitFailure {
				t.Errorf("exit code %d", code)
			}
			says(t, log, "waiting for at least 2 node(s) to become ready", name)
		})
	}
}

func TestWhatCannotBeMadeIsSaidBeforeAnythingIsMade(t *testing.T) {
	for name, test := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"type":         {"", []string{"create", "ng", "--cluster", "blue", "--name", "a", "-t", "x9.large"}, `this region does not offer x9.large`},
		"cluster":      {"", []string{"create", "ng", "--cluster", "green", "--name", "a"}, `no cluster "green"`},
		"what":         {"", []string{"create", "nodegrop"}, "there is no `drover create nodegrop`; did you mean nodegroup?"},
		"which":        {"", []string{"create", "ng", "--name", "a"}, "say which cluster"},
		"both":         {spotFile, []string{"create", "ng", "-f", "-", "--cluster", "blue"}, "cannot be used together"},
		"flag of file": {spotFile, []string{"create", "ng", "-f", "-", "--nodes", "3"}, "--nodes cannot be used with -f"},
		"region":       {spotFile, []string{"create", "ng", "-f", "-", "--region", "us-east-1"}, "metadata.region: eu-west-1"},
		"newer":        {strings.Replace(spotFile, "region: eu-west-1", "region: eu-west-1, version: '1.35'", 1), []string{"create", "ng", "-f", "-"}, "nodes cannot be newer"},
		"al2":          {strings.Replace(spotFile, "spot: true", "amiFamily: AmazonLinux2", 1), []string{"create", "ng", "-f", "-"}, "AmazonLinux2 has no AMIs for Kubernetes 1.34"},
		"glob":         {spotFile, []string{"create", "ng", "-f", "-", "--include", "["}, "is no pattern"},
		"group":        {"", []string{"delete", "ng", "--cluster", "blue", "nosuch"}, `has no node group "nosuch"; it has none`},
		"parallel":     {"", []string{"drain", "ng", "--cluster", "blue", "a", "--parallel", "26"}, "between 1 and 25"},
		"sizes":        {"", []string{"create", "ng", "--cluster", "blue", "--nodes-min", "3", "--nodes", "2"}, "2 is less than minSize 3"},
		"labels":       {"", []string{"create", "ng", "--cluster", "blue", "--node-labels", "kubernetes.io/role=x"}, "is reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			_, log, code := c.run(t, test.stdin, test.args...)
			if code == 0 {
				t.Error("it succeeds")
			}
			says(t, log, test.want)
			if calls := c.Calls(); len(calls) > 0 {
				t.Errorf("calls: %v", calls)
			}
		})
	}
}

func TestPublicSubnetsWithoutAddressesAreRefused(t *testing.T) {
	c := newCloud()
	c.Known["blue"].Subnets[2].MapsPublicIP = false
	_, log, _ := c.run(t, strings.Replace(spotFile, "privateNetworking: true", "", 1), "create", "ng", "-f", "-")
	says(t, log, "subnet-c", "MapPublicIpOnLaunch", "Ec2SubnetInvalidConfiguration")
}

// TestDryRunsPrintTheFile compares what --dry-run prints.
func TestDryRunsPrintTheFile(t *testing.T) {
	for name, args := range map[string][]string{
		"managed.yaml": {"--cluster", "blue", "--region", "eu-west-1", "--name", "workers", "--nodes", "3", "--nodes-max", "6", "--node-labels", "a=b", "--asg-access"},
		"self-managed-spot.yaml": {
			"--cluster", "blue", "--name", "spot", "--managed=false", "--spot", "--instance-types", "m5.large,m5a.large", "-P", "--ssh-public-key", "mine",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := newCloud().must(t, "", append([]string{"create", "nodegroup", "--dry-run"}, args...)...)
			golden := filepath.Join("testdata", "groups", name)
			if *rewrite {
				if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != out {
				t.Errorf("differs from %s (%v); run with -rewrite and read the diff\n%s", golden, err, out)
			}
		})
	}
}

func TestGlobsChooseGroups(t *testing.T) {
	file := spotFile + "  - name: other\n"
	c := newCloud()
	_, log := c.must(t, file, "create", "nodegroup", "-f", "-", "--include", "managed-*")
	says(t, log, "1 nodegroup (managed-ng-1) was included", "1 nodegroup (other) was excluded")
	_, log = c.must(t, file, "create", "nodegroup", "-f", "-", "--exclude", "managed-*")
	says(t, log, "1 nodegroup (other) was included")
	_, log = c.must(t, spotFile, "delete", "nodegroup", "-f", "-", "--only-missing", "--approve")
	says(t, log, "1 nodegroup(s) (other) exist and are not in the file", `will delete stack "eksctl-blue-nodegroup-other"`)
}

func TestClustersAreShownAsEKSHasThem(t *testing.T) {
	c := newCloud()
	out, _ := c.must(t, "", "get", "cluster", "-n", "blue", "-o", "json")
	var clusters []struct {
		ResourcesVpcConfig struct{ ClusterSecurityGroupId string }
	}
	if err := json.Unmarshal([]byte(out), &clusters); err != nil || clusters[0].ResourcesVpcConfig.ClusterSecurityGroupId != "sg-cluster" {
		t.Errorf("%v: %s", err, out)
	}
	out, _ = c.must(t, "", "get", "clusters")
	says(t, out, "NAME\tREGION\t\tEKSCTL CREATED", "blue\teu-west-1\tFalse")
	_, log, code := c.run(t, "", "get", "cluster", "-n", "green")
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	says(t, log, `no cluster "green"`)
}

func pod(name, node string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: labels}, Spec: corev1.PodSpec{NodeName: node},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
}
