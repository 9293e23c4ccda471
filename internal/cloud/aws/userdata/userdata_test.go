package userdata

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/model"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func ptr[T any](value T) *T { return &value }

func node() Node {
	return Node{
		Cluster: Cluster{
			Name: "demo", Endpoint: "https://demo.eks.example", CertificateAuthority: "Q0E=", ServiceCIDR: "10.100.0.0/16",
		},
		Labels: map[string]string{
			"karpenter.sh/nodepool":            "default",
			"karpenter.sh/capacity-type":       "on-demand",
			"type":                             "karpenter",
			"topology.k8s.aws/zone-id":         "usw2-az1",
			"node.kubernetes.io/instance-type": "m5.large",
			// A kubelet that registers this label does not start.
			"node-restriction.kubernetes.io/team": "a",
		},
		Taints: []model.Taint{
			{Key: "dedicated", Value: "batch", Effect: model.NoSchedule},
			{Key: "karpenter.sh/unregistered", Effect: model.NoExecute},
		},
	}
}

func tuned() Node {
	tuned := node()
	tuned.LocalStorageRAID0 = true
	tuned.Kubelet = &ec2v1.KubeletConfiguration{
		ClusterDNS:                  []string{"10.100.0.10"},
		MaxPods:                     ptr(int32(40)),
		PodsPerCore:                 ptr(int32(10)),
		SystemReserved:              map[string]string{"cpu": "100m", "memory": "100Mi"},
		KubeReserved:                map[string]string{"memory": "300Mi"},
		EvictionHard:                map[string]string{"memory.available": "5%"},
		EvictionSoft:                map[string]string{"memory.available": "10%"},
		EvictionSoftGracePeriod:     map[string]metav1.Duration{"memory.available": {Duration: time.Minute}},
		EvictionMaxPodGracePeriod:   ptr(int32(60)),
		ImageGCHighThresholdPercent: ptr(int32(80)),
		ImageGCLowThresholdPercent:  ptr(int32(60)),
		CPUCFSQuota:                 ptr(false),
	}
	return tuned
}

func with(custom string, node Node) Node {
	node.Custom = custom
	return node
}

func TestRenderGolden(t *testing.T) {
	const archive = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"XX\"\n\n" +
		"--XX\nContent-Type: text/x-shellscript; charset=\"us-ascii\"\n\n#!/bin/sh\necho one\n" +
		"--XX\nContent-Type: application/node.eks.aws\n\nkind: NodeConfig\n--XX--\n"
	cases := []struct {
		file, family string
		node         Node
	}{
		{"al2023.txt", ec2v1.AMIFamilyAL2023, node()},
		{"al2023-tuned.txt", ec2v1.AMIFamilyAL2023, tuned()},
		{"al2023-script.txt", ec2v1.AMIFamilyAL2023, with("#!/bin/sh\necho hello: {\n", node())},
		{"al2023-nodeconfig.txt", ec2v1.AMIFamilyAL2023, with("apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {}\n", node())},
		{"al2023-archive.txt", ec2v1.AMIFamilyAL2023, with(archive, node())},
		{"al2.txt", ec2v1.AMIFamilyAL2, node()},
		{"al2-tuned.txt", ec2v1.AMIFamilyAL2, with("#!/bin/sh\necho first\n", tuned())},
		{"bottlerocket.txt", ec2v1.AMIFamilyBottlerocket, node()},
		{"bottlerocket-tuned.txt", ec2v1.AMIFamilyBottlerocket, with(
			"[settings.kubernetes]\ncluster-name = 'other'\n[settings.kubernetes.node-labels]\nmine = 'kept'\n[settings.host-containers.admin]\nenabled = true\n", tuned())},
		{"custom.txt", ec2v1.AMIFamilyCustom, with("verbatim\n", tuned())},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			got, err := Render(c.family, c.node)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", c.file)
			if *rewrite {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	noCIDR := node()
	noCIDR.Cluster.ServiceCIDR = ""
	cases := map[string]struct {
		family string
		node   Node
		want   string
	}{
		"unknown family":   {"Windows2022", node(), "not supported"},
		"no service CIDR":  {ec2v1.AMIFamilyAL2023, noCIDR, "service CIDR"},
		"broken archive":   {ec2v1.AMIFamilyAL2023, with("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"A\"\n\n--A\n", node()), "no complete part"},
		"single part":      {ec2v1.AMIFamilyAL2, with("Content-Type: text/plain\n\nhello", node()), "multipart/mixed"},
		"not TOML":         {ec2v1.AMIFamilyBottlerocket, with("#!/bin/sh\necho 1\n", node()), "must be TOML"},
		"settings a value": {ec2v1.AMIFamilyBottlerocket, with("settings = 1\n", node()), `"settings" must be a TOML table`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Render(c.family, c.node)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, error %v, want an error with %q", got, err, c.want)
			}
		})
	}
}
