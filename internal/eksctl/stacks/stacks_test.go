package stacks

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/stack"
)

var rewrite = flag.Bool("rewrite", false, "write the templates anew; read the diff")

func cluster(name, mode string) *eks.Cluster {
	return &eks.Cluster{
		Name: name, ARN: "arn:aws:eks:eu-west-1:111122223333:cluster/" + name, Version: "1.34", Endpoint: "https://api.example", CA: "Q0E=",
		ServiceCIDR: "10.100.0.0/16", AuthMode: mode, VPC: "vpc-1", VPCCIDR: "192.168.0.0/16", SecurityGroup: "sg-cluster",
		Subnets: []eks.Subnet{
			{ID: "subnet-a", Zone: "eu-west-1a"}, {ID: "subnet-b", Zone: "eu-west-1b"},
			{ID: "subnet-c", Zone: "eu-west-1a", Public: true, MapsPublicIP: true}, {ID: "subnet-d", Zone: "eu-west-1b", Public: true, MapsPublicIP: true},
		},
	}
}

func build(t *testing.T, file string) *stack.Template {
	t.Helper()
	config, err := eksctl.Read(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	version, mode := "1.34", eks.AuthAPIAndConfigMap
	if config.Metadata.Name == "old" {
		mode = eks.AuthConfigMap
	}
	if err := eksctl.SetDefaults(config, version); err != nil {
		t.Fatal(err)
	}
	c := &Context{
		Cluster: cluster(config.Metadata.Name, mode), Config: config, SharedSecurityGroup: "sg-shared",
		ControlPlaneSecurityGroup: "sg-control-plane", Image: "ami-1",
	}
	base := &eksctl.NodeGroupBase{}
	if len(config.NodeGroups) > 0 {
		base = &config.NodeGroups[0].NodeGroupBase
	} else {
		base = &config.ManagedNodeGroups[0].NodeGroupBase
	}
	c.KeyName = base.SSH.PublicKeyName
	choice, err := ChooseSubnets(c, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Subnets = choice.IDs
	var template *stack.Template
	if len(config.NodeGroups) > 0 {
		template, err = NodeGroup(c, &config.NodeGroups[0])
	} else {
		template, err = ManagedNodeGroup(c, &config.ManagedNodeGroups[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// TestTemplates compares the templates with those in testdata, where user data
// is written out.
func TestTemplates(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := build(t, file).JSON()
			if err != nil {
				t.Fatal(err)
			}
			got := text + readableUserData(t, text)
			golden := strings.TrimSuffix(file, ".yaml") + ".template"
			if *rewrite {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != got {
				t.Errorf("the template differs from %s; run with -rewrite and read the diff\n%s", golden, got)
			}
		})
	}
}

var userDataLine = regexp.MustCompile(`"UserData": "([^"]+)"`)

func readableUserData(t *testing.T, text string) string {
	t.Helper()
	found := userDataLine.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	decoded, err := base64.StdEncoding.DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return "-- user data --\n" + string(decoded)
}

// TestLogicalIDsAreThoseOfEksctl: scripts of users look resources up by them.
func TestLogicalIDsAreThoseOfEksctl(t *testing.T) {
	for file, want := range map[string][]string{
		"testdata/mixed.yaml": {
			"NodeInstanceRole", "NodeInstanceProfile", "SG", "EgressInterCluster", "EgressInterClusterAPI", "IngressInterClusterCP",
			"AccessEntry", "NodeGroupLaunchTemplate", "NodeGroup", "PolicyAutoScaling",
		},
		"testdata/spot-private.yaml": {"NodeInstanceRole", "LaunchTemplate", "ManagedNodeGroup"},
	} {
		resources := build(t, file).Resources
		for _, id := range want {
			if _, ok := resources[id]; !ok {
				t.Errorf("%s: there is no %s", file, id)
			}
		}
		if len(resources) != len(want) {
			t.Errorf("%s: %d resources, want %d", file, len(resources), len(want))
		}
	}
}

func TestEveryNamedPermissionHasStatements(t *testing.T) {
	all := eksctl.AddonPolicies{
		AutoScaler: true, CertManager: true, ExternalDNS: true, AppMesh: true, AppMeshPreview: true, FSX: true, EFS: true,
		AWSLoadBalancerController: true, XRay: true, ImageBuilder: true, CloudWatch: true, EBS: true,
	}
	for _, policy := range addonPolicies(&all) {
		if _, err := json.Marshal(policyDocument(policy.statements)); err != nil {
			t.Error(err)
		}
	}
	well := eksctl.WellKnownPolicies{
		AutoScaler: true, AWSLoadBalancerController: true, CertManager: true, EBSCSIController: true, EFSCSIController: true, ExternalDNS: true, ImageBuilder: true,
	}
	template := Role(&RoleRequest{Namespace: "a", Name: "b", ProviderARN: "arn:x", Issuer: "https://i", WellKnown: &well})
	if len(template.Resources) != 9 {
		t.Errorf("%d resources", len(template.Resources))
	}
}

func TestAMITypes(t *testing.T) {
	for want, c := range map[string]struct {
		family string
		types  []string
	}{
		"AL2023_x86_64_STANDARD": {"AmazonLinux2023", []string{"m5.large", "c6i.large"}}, "AL2023_ARM_64_STANDARD": {"AmazonLinux2023", []string{"t4g.small"}},
		"AL2023_x86_64_NVIDIA": {"AmazonLinux2023", []string{"g5.xlarge"}}, "AL2023_x86_64_NEURON": {"AmazonLinux2023", []string{"inf2.xlarge"}},
		"BOTTLEROCKET_ARM_64": {"Bottlerocket", []string{"c7gn.large"}}, "BOTTLEROCKET_x86_64_NVIDIA": {"Bottlerocket", []string{"p4d.24xlarge"}},
		"AL2_x86_64": {"AmazonLinux2", []string{"m5.large"}}, "AL2_x86_64_GPU": {"AmazonLinux2", []string{"g4dn.xlarge"}},
		"WINDOWS_CORE_2022_x86_64": {"WindowsServer2022CoreContainer", nil}, "BOTTLEROCKET_x86_64_FIPS": {"BottlerocketFips", nil},
	} {
		got, err := AMIType(c.family, c.types)
		if err != nil || got != want {
			t.Errorf("%v: got %s, %v, want %s", c, got, err, want)
		}
	}
	if _, err := AMIType("AmazonLinux2023", []string{"m5.large", "m6g.large"}); err == nil {
		t.Error("two architectures have one AMI")
	}
	if _, err := AMIType("Ubuntu2204", []string{"m5.large"}); err == nil {
		t.Error("EKS has Ubuntu")
	}
}

func TestSubnetsThatCannotBeChosenAreNamed(t *testing.T) {
	c := &Context{Cluster: cluster("blue", ""), Config: &eksctl.ClusterConfig{}}
	for want, g := range map[string]eksctl.NodeGroupBase{
		`zone "eu-west-1z"`: {AvailabilityZones: []string{"eu-west-1z"}}, "vpc.subnets has no such name": {Subnets: []string{"mine"}},
	} {
		if _, err := ChooseSubnets(c, &g, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := ChooseSubnets(c, &eksctl.NodeGroupBase{}, func(string) bool { return false }); err == nil {
		t.Error("zones without the instance type are chosen")
	}
	c.Cluster.Subnets = c.Cluster.Subnets[:2]
	choice, err := ChooseSubnets(c, &eksctl.NodeGroupBase{Name: "a"}, nil)
	if err != nil || len(choice.IDs) != 2 || !strings.Contains(choice.Note, "no public subnets") {
		t.Errorf("%+v, %v", choice, err)
	}
}
