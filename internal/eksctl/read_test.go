package eksctl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-project/drover/internal/manifest"
)

const head = "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: blue, region: eu-west-1}\n"

func readText(text string) (*ClusterConfig, error) {
	return Read(manifest.Stdin, strings.NewReader(text))
}

// TestWhatIsRefused holds the rules: a file that breaks one, and a part of what
// is said about it.
func TestWhatIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"misspelt key":       {head + "nodeGroups: [{name: a, minsize: 2}]", "line:4: field nodeGroups[0].minsize: there is no such field; did you mean minSize?"},
		"misspelt top key":   {head + "managedNodegroups: []", "did you mean managedNodeGroups?"},
		"wrong type":         {head + "nodeGroups: [{name: a, minSize: many}]", "must be a whole number"},
		"list for object":    {head + "nodeGroups: {name: a}", "must be a list, not an object"},
		"variable":           {head + "nodeGroups: [{name: a, instanceType: $TYPE}]", "$TYPE was not replaced"},
		"variable in braces": {head + "nodeGroups: [{name: a, instanceType: '${TYPE}'}]", "${TYPE} was not replaced"},
		"key without value":  {head + "nodeGroups:\n", "line:4: field nodeGroups: has no value"},
		"note of a page":     {head + "managedNodeGroups: [{name: a, instanceType: t3.large <2>}]", "ends with <2>"},
		"other kind":         {"apiVersion: apps/v1\nkind: Deployment", `is "Deployment"`},
		"other version":      {"apiVersion: eksctl.io/v1alpha4\nkind: ClusterConfig", "did you mean eksctl.io/v1alpha5?"},
		"nothing":            {"\n", "has no ClusterConfig"},
		"two":                {head + "---\n" + head, "second ClusterConfig"},
		"no metadata":        {"apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n", "metadata: is missing"},
		"same name":          {head + "nodeGroups: [{name: a}]\nmanagedNodeGroups: [{name: a}]", `"a" is the name of nodeGroups[0] already`},
		"bad name":           {head + "nodeGroups: [{name: a_b}]", "letters, digits and -"},
		"max below min":      {head + "nodeGroups: [{name: a, minSize: 3, maxSize: 2}]", "maxSize: 2 is less than minSize 3"},
		"desired above max":  {head + "managedNodeGroups: [{name: a, desiredCapacity: 3, maxSize: 2}]", "3 is more than maxSize 2"},
		"desired below min":  {head + "managedNodeGroups: [{name: a, desiredCapacity: 1, minSize: 2}]", "1 is less than minSize 2"},
		"type beside mix":    {head + "nodeGroups: [{name: a, instanceType: m5.large, instancesDistribution: {instanceTypes: [m5.large]}}]", "beside instancesDistribution"},
		"empty mix":          {head + "nodeGroups: [{name: a, instancesDistribution: {}}]", "name the instance types"},
		"strategy": {head + "nodeGroups: [{name: a, instancesDistribution: {instanceTypes: [m5.large], spotAllocationStrategy: capacity-optimised}}]",
			"did you mean capacity-optimized?"},
		"diversified": {head + "nodeGroups: [{name: a, instancesDistribution: {instanceTypes: [m5.large], spotAllocationStrategy: diversified}}]",
			`"diversified" must be one of`},
		"pools": {head + "nodeGroups: [{name: a, instancesDistribution: {instanceTypes: [m5.large], spotInstancePools: 2, spotAllocationStrategy: capacity-optimized}}]",
			"only for spotAllocationStrategy lowest-price"},
		"taint map, managed": {head + "managedNodeGroups: [{name: a, taints: {x: 'true:NoSchedule'}}]", "must be a list"},
		"taint effect":       {head + "nodeGroups: [{name: a, taints: {x: 'true:NoShedule'}}]", "did you mean NoSchedule?"},
		"taint field":        {head + "nodeGroups: [{name: a, taints: [{ky: x, effect: NoSchedule}]}]", "each taint has a key"},
		"reserved label":     {head + "managedNodeGroups: [{name: a, labels: {kubernetes.io/role: x}}]", "is reserved"},
		"label value":        {head + "managedNodeGroups: [{name: a, labels: {x: 'a b'}}]", "no value of a label"},
		"family":             {head + "managedNodeGroups: [{name: a, amiFamily: AmazonLinux2024}]", "did you mean AmazonLinux2023?"},
		"two update limits":  {head + "managedNodeGroups: [{name: a, updateConfig: {maxUnavailable: 1, maxUnavailablePercentage: 10}}]", "not both"},
		"no update limit":    {head + "managedNodeGroups: [{name: a, updateConfig: {}}]", "needs maxUnavailable or"},
		"two type fields":    {head + "managedNodeGroups: [{name: a, instanceType: m5.large, instanceTypes: [m5.large]}]", "beside instanceType"},
		"template and type":  {head + "managedNodeGroups: [{name: a, instanceType: m5.large, launchTemplate: {id: lt-1}}]", "belongs into the launch template"},
		"own image":          {head + "managedNodeGroups: [{name: a, ami: ami-1}]", "needs amiFamily"},
		"volume of gp2":      {head + "managedNodeGroups: [{name: a, volumeType: gp2, volumeIOPS: 3000}]", "only for gp3, io1 and io2"},
		"throughput":         {head + "managedNodeGroups: [{name: a, volumeThroughput: 5000}]", "between 125 and 1000"},
		"key without size":   {head + "managedNodeGroups: [{name: a, volumeName: /dev/xvdb}]", "needs volumeSize"},
		"zones and subnets":  {head + "nodeGroups: [{name: a, subnets: [subnet-1], availabilityZones: [eu-west-1a]}]", "beside subnets"},
		"two roles":          {head + "nodeGroups: [{name: a, iam: {instanceRoleARN: 'arn:aws:iam::111122223333:role/r', attachPolicyARNs: ['arn:aws:iam::aws:policy/p']}}]", "cannot both name a role"},
		"no ARN":             {head + "nodeGroups: [{name: a, iam: {attachPolicyARNs: [AmazonS3FullAccess]}}]", "is no ARN"},
		"two keys":           {head + "nodeGroups: [{name: a, ssh: {publicKeyName: a, publicKeyPath: b}}]", "only one of publicKey"},
		"kubelet":            {head + "nodeGroups: [{name: a, kubeletExtraConfig: {clusterDomain: x}}]", "cannot be set"},
		"process":            {head + "nodeGroups: [{name: a, asgSuspendProcesses: [Lanch]}]", "did you mean Launch?"},
		"credits":            {head + "nodeGroups: [{name: a, instanceType: m5.large, cpuCredits: unlimited}]", "only for instance types of the t families"},
		"lifetime":           {head + "nodeGroups: [{name: a, maxInstanceLifetime: 60}]", "86400"},
		"no OIDC":            {head + "iam: {serviceAccounts: [{metadata: {name: a}, attachPolicyARNs: ['arn:aws:iam::aws:policy/p']}]}", "iam.withOIDC: must be true"},
		"no permissions":     {head + "iam: {withOIDC: true, serviceAccounts: [{metadata: {name: a}}]}", "gives no permissions"},
		"Fargate name":       {head + "fargateProfiles: [{name: eks-a, selectors: [{namespace: a}]}]", "must not start with eks-"},
		"no way in":          {head + "vpc: {clusterEndpoints: {publicAccess: false, privateAccess: false}}", "no way to the Kubernetes API"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readText(c.text)
			want := strings.Replace(c.want, "line:", "standard input:", 1)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v\nwant %s", err, want)
			}
		})
	}
}

func TestLostKeysAreFoundByIndentation(t *testing.T) {
	_, err := readText(`apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
  name: blue
  region: eu-west-1
  - name: ng-spot
      lifecycle: Ec2Spot
    minSize: 2
`)
	if err == nil {
		t.Fatal("is read")
	}
	for _, want := range []string{"input:3: ", "did you mean metadata:?", "input:5: ", "nodeGroups: or managedNodeGroups:", "input:6: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
}

func TestBothFormsOfTaints(t *testing.T) {
	for _, text := range []string{
		"{spotInstance: 'true:PreferNoSchedule', gpu: NoSchedule}",
		"[{key: gpu, effect: NoSchedule}, {key: spotInstance, value: 'true', effect: PreferNoSchedule}]",
	} {
		config, err := readText(head + "nodeGroups: [{name: a, taints: " + text + "}]")
		if err != nil {
			t.Fatal(err)
		}
		want := Taints{{Key: "gpu", Effect: "NoSchedule"}, {Key: "spotInstance", Value: "true", Effect: "PreferNoSchedule"}}
		if diff := cmp.Diff(want, config.NodeGroups[0].Taints); diff != "" {
			t.Error(diff)
		}
	}
}

// TestScriptsKeepTheirVariables: a dollar sign belongs to a script.
func TestScriptsKeepTheirVariables(t *testing.T) {
	if _, err := readText(head + "nodeGroups: [{name: a, preBootstrapCommands: ['echo $HOME']}]"); err != nil {
		t.Error(err)
	}
	_, err := readText(head + "addons:\n- name: vpc-cni\n  configurationValues: |-\n    env:\n      A: ${B}\n")
	if err == nil || !strings.Contains(err.Error(), "standard input:8: ") {
		t.Errorf("the line of a variable in a block is not named: %v", err)
	}
}

func TestJSONIsReadToo(t *testing.T) {
	config, err := readText("{\n\t\"apiVersion\": \"eksctl.io/v1alpha5\", \"kind\": \"ClusterConfig\",\n\t\"metadata\": {\"name\": \"blue\", \"region\": \"x\"}}")
	if err != nil || config.Metadata.Name != "blue" {
		t.Errorf("%v, %v", config, err)
	}
}

func TestDefaultsAreThoseOfEksctl(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		min, max int
		desired  int
	}{
		"nothing": {"", 2, 2, 2}, "desired": {", desiredCapacity: 4", 4, 4, 4}, "min": {", minSize: 3", 3, 3, 3},
		"min and max": {", minSize: 2, maxSize: 5", 2, 5, 2}, "max": {", maxSize: 5", 2, 5, 2}, "small max": {", maxSize: 1", 1, 1, 1},
		"zero": {", minSize: 0, desiredCapacity: 0", 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := readText(head + "managedNodeGroups: [{name: a" + c.text + "}]")
			if err != nil {
				t.Fatal(err)
			}
			if err := SetDefaults(config, "1.34"); err != nil {
				t.Fatal(err)
			}
			g := config.ManagedNodeGroups[0]
			if *g.MinSize != c.min || *g.MaxSize != c.max || *g.DesiredCapacity != c.desired {
				t.Errorf("min %d, max %d, desired %d", *g.MinSize, *g.MaxSize, *g.DesiredCapacity)
			}
			if g.InstanceType != "m5.large" || g.AMIFamily != "AmazonLinux2023" || *g.VolumeSize != 80 || g.VolumeType != "gp3" || *g.VolumeIOPS != 3000 {
				t.Errorf("%+v", g.NodeGroupBase)
			}
		})
	}
}

func TestAmazonLinux2EndsWithItsVersions(t *testing.T) {
	for version, refused := range map[string]bool{"1.32": false, "1.33": true, "1.34": true} {
		config, err := readText(head + "nodeGroups: [{name: a, amiFamily: amazonlinux2}]")
		if err != nil {
			t.Fatal(err)
		}
		if err := SetDefaults(config, version); (err != nil) != refused {
			t.Errorf("%s: %v", version, err)
		}
	}
}
