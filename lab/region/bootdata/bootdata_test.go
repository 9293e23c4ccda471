package bootdata_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/userdata"
	"github.com/drover-project/drover/lab/region/bootdata"
)

func node() bootdata.Node {
	return bootdata.Node{
		Cluster: bootdata.Cluster{Name: "blue", Endpoint: "https://127.0.0.1:6443", CA: []byte("pem"), ServiceCIDR: "10.100.0.0/16", DNS: "10.100.0.10"},
		Labels:  map[string]string{"eks.amazonaws.com/nodegroup": "ng", "team": "x"},
		Taints:  []bootdata.Taint{{Key: "dedicated", Value: "gpu", Effect: "NoSchedule"}, {Key: "spot", Effect: "PreferNoSchedule"}},
		MaxPods: 29,
	}
}

// want is how a node's software reads what was written for node.
func want() userdata.Config {
	return userdata.Config{
		ClusterName: "blue", Endpoint: "https://127.0.0.1:6443", CA: []byte("pem"), MaxPods: 29,
		Labels: map[string]string{"eks.amazonaws.com/nodegroup": "ng", "team": "x"},
		Taints: []corev1.Taint{{Key: "dedicated", Value: "gpu", Effect: "NoSchedule"}, {Key: "spot", Effect: "PreferNoSchedule"}},
	}
}

const (
	al2023       = "amazon-eks-node-al2023-x86_64-standard-1.37-v20261120"
	bottlerocket = "bottlerocket-aws-k8s-1.37-x86_64-v1.53.0-5f1d0e3a"
)

func requireConfig(t *testing.T, image string, text []byte, want userdata.Config) {
	t.Helper()
	got, err := userdata.Parse(machine.Machine{ImageName: image, UserData: text})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s\nof\n%s", diff, text)
	}
}

func TestNodesReadWhatIsWritten(t *testing.T) {
	text, err := bootdata.AL2023(node(), nil)
	if err != nil {
		t.Fatal(err)
	}
	requireConfig(t, al2023, text, want())
	if text, err = bootdata.Bottlerocket(node(), nil); err != nil {
		t.Fatal(err)
	}
	requireConfig(t, bottlerocket, text, want())
}

func TestTheUsersPartsComeFirst(t *testing.T) {
	user := `Content-Type: multipart/mixed; boundary="==x=="
MIME-Version: 1.0

--==x==
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
echo hello

--==x==
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      maxPods: 110
    flags:
    - --node-labels=mine=yes,team=y
--==x==--
`
	text, err := bootdata.AL2023(node(), []byte(user))
	if err != nil {
		t.Fatal(err)
	}
	expected := want()
	expected.MaxPods = 110
	expected.Labels["mine"] = "yes"
	requireConfig(t, al2023, text, expected)
	if shell, own := strings.Index(string(text), "echo hello"), strings.Index(string(text), "name: blue"); shell < 0 || shell > own {
		t.Errorf("the user's script is at %d, EKS's part at %d:\n%s", shell, own, text)
	}
}

func TestBottlerocketSettingsAreMerged(t *testing.T) {
	user := "[settings.kubernetes]\nmax-pods = 110\n[settings.kubernetes.node-labels]\nmine = \"yes\"\n[settings.motd]\nx = 1\n"
	text, err := bootdata.Bottlerocket(node(), []byte(user))
	if err != nil {
		t.Fatal(err)
	}
	expected := want()
	expected.MaxPods = 110
	expected.Labels["mine"] = "yes"
	requireConfig(t, bottlerocket, text, expected)
	if !strings.Contains(string(text), "[settings.motd]") {
		t.Errorf("the user's other settings are gone:\n%s", text)
	}
}

func TestUserDataThatCannotBeMerged(t *testing.T) {
	for _, user := range []string{"#!/bin/bash\necho", "Content-Type: text/plain\n\nx", "Content-Type: multipart/mixed\n\nx"} {
		if _, err := bootdata.AL2023(node(), []byte(user)); !errors.Is(err, bootdata.ErrNotMIME) {
			t.Errorf("%q: %v", user, err)
		}
	}
	if _, err := bootdata.Bottlerocket(node(), []byte("#!/bin/bash\necho")); err == nil || !strings.Contains(err.Error(), "TOML") {
		t.Errorf("a script for Bottlerocket: %v", err)
	}
}
