package nodespec_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/nodespec"
	"github.com/drover-project/drover/lab/nodes/userdata"
)

func m5large() machine.Machine {
	return machine.Machine{
		ID: "i-0bb8a7e6111d45591", Type: "m5.large", Region: "us-west-2", Zone: "us-west-2a", ZoneID: "usw2-az1",
		PrivateIP: "192.168.10.20", PrivateDNSName: "ip-192-168-10-20.us-west-2.compute.internal",
		ImageName: "amazon-eks-node-al2023-x86_64-standard-1.37-v20261105", RootVolumeGiB: 20,
		Hardware: machine.Hardware{Arch: "amd64", VCPU: 2, MemoryMiB: 8192, MaxPodsENI: 29, BranchENIs: 9},
	}
}

func build(t *testing.T, m machine.Machine, config userdata.Config) *corev1.Node {
	t.Helper()
	node, err := nodespec.Build(m, config, nodespec.Cluster{Name: "eksworkshop-eksctl", Version: "1.37.2"})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

func TestLabelsOfAnEKSNode(t *testing.T) {
	node := build(t, m5large(), userdata.Config{Labels: map[string]string{"type": "karpenter"}})
	hash := node.Labels["k8s.io/cloud-provider-aws"]
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(hash) {
		t.Errorf("k8s.io/cloud-provider-aws = %q, want 32 hexadecimal digits", hash)
	}
	delete(node.Labels, "k8s.io/cloud-provider-aws")
	want := map[string]string{
		"beta.kubernetes.io/arch":                  "amd64",
		"beta.kubernetes.io/instance-type":         "m5.large",
		"beta.kubernetes.io/os":                    "linux",
		"failure-domain.beta.kubernetes.io/region": "us-west-2",
		"failure-domain.beta.kubernetes.io/zone":   "us-west-2a",
		"kubernetes.io/arch":                       "amd64",
		"kubernetes.io/hostname":                   "ip-192-168-10-20.us-west-2.compute.internal",
		"kubernetes.io/os":                         "linux",
		"node.kubernetes.io/instance-type":         "m5.large",
		"topology.ebs.csi.aws.com/zone":            "us-west-2a",
		"topology.k8s.aws/zone-id":                 "usw2-az1",
		"topology.kubernetes.io/region":            "us-west-2",
		"topology.kubernetes.io/zone":              "us-west-2a",
		"type":                                     "karpenter",
		"vpc.amazonaws.com/has-trunk-attached":     "true",
	}
	if diff := cmp.Diff(want, node.Labels); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want := "aws:///us-west-2a/i-0bb8a7e6111d45591"; node.Spec.ProviderID != want {
		t.Errorf("providerID %s, want %s", node.Spec.ProviderID, want)
	}
}

func TestLabelsWithoutTrunk(t *testing.T) {
	m := m5large()
	m.Hardware.BranchENIs = 0
	if _, has := build(t, m, userdata.Config{}).Labels["vpc.amazonaws.com/has-trunk-attached"]; has {
		t.Error("a machine without branch interfaces has a trunk")
	}
}

func TestKubeletVersion(t *testing.T) {
	for _, test := range []struct{ image, cluster, want string }{
		{"amazon-eks-node-al2023-x86_64-standard-1.37-v20261105", "1.37.2", "v1.37.2-eks-"},
		{"amazon-eks-node-al2023-x86_64-standard-1.36-v20261105", "1.37.2", "v1.36.0-eks-"},
		{"bottlerocket-aws-k8s-1.35-x86_64-v1.50.0-abcdef12", "v1.37.2", "v1.35.0-eks-"},
		{"my-own-image", "1.37", "v1.37.0-eks-"},
	} {
		got := nodespec.KubeletVersion(test.image, nodespec.Cluster{Version: test.cluster})
		if !strings.HasPrefix(got, test.want) || len(got) != len(test.want)+7 {
			t.Errorf("%s on %s: %s, want %s and 7 digits", test.image, test.cluster, got, test.want)
		}
	}
}

func TestNodeInfoFollowsTheImage(t *testing.T) {
	for image, want := range map[string]string{
		"amazon-eks-node-al2023-x86_64-standard-1.37-v20261105": "Amazon Linux 2023.9.20261105",
		"amazon-eks-node-1.32-v20260304":                        "Amazon Linux 2",
		"bottlerocket-aws-k8s-1.37-x86_64-v1.50.0-abcdef12":     "Bottlerocket OS 1.50.0 (aws-k8s-1.37)",
	} {
		m := m5large()
		m.ImageName = image
		info := build(t, m, userdata.Config{}).Status.NodeInfo
		if info.OSImage != want {
			t.Errorf("%s: OS image %q, want %q", image, info.OSImage, want)
		}
		if !strings.HasPrefix(info.SystemUUID, "ec2") || len(info.SystemUUID) != 36 {
			t.Errorf("system UUID %q", info.SystemUUID)
		}
	}
}

func TestBootIDChangesWithEachStart(t *testing.T) {
	first := m5large()
	again := first
	again.LaunchTime = first.LaunchTime.Add(time.Hour)
	if nodespec.BootID(first) == nodespec.BootID(again) {
		t.Error("the boot ID stays the same when the machine is started anew")
	}
}

func TestNodeCanBeNamedByInstance(t *testing.T) {
	node := build(t, m5large(), userdata.Config{NameIsInstanceID: true})
	if node.Name != "i-0bb8a7e6111d45591" || node.Labels[corev1.LabelHostname] != node.Name {
		t.Errorf("name %s, hostname %s", node.Name, node.Labels[corev1.LabelHostname])
	}
}

func TestConditionsOfOthersStay(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	foreign := corev1.NodeCondition{Type: "AcceleratedHardwareReady", Status: corev1.ConditionFalse, Reason: "NvidiaXID79Error"}
	status := corev1.NodeStatus{Conditions: append(nodespec.Conditions(true, start), foreign)}
	if nodespec.SetConditions(&status, nodespec.Conditions(true, start.Add(time.Minute))) {
		t.Error("a heartbeat counts as a change")
	}
	if diff := cmp.Diff(foreign, status.Conditions[4]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if ready := status.Conditions[3]; !ready.LastTransitionTime.Time.Equal(start) || !ready.LastHeartbeatTime.Time.Equal(start.Add(time.Minute)) {
		t.Errorf("transition %v, heartbeat %v", ready.LastTransitionTime, ready.LastHeartbeatTime)
	}
	if !nodespec.SetConditions(&status, nodespec.Conditions(false, start.Add(time.Hour))) {
		t.Error("a node that is no longer ready does not count as a change")
	}
}
