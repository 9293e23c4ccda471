package joindata_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-project/drover/internal/cloud/aws/joindata"
	"github.com/drover-project/drover/internal/model"
)

func parse(t *testing.T, text string) joindata.Join {
	t.Helper()
	join, err := joindata.Parse(base64.StdEncoding.EncodeToString([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return join
}

func TestUserDataTellsHowNodesJoin(t *testing.T) {
	soft := model.Taint{Key: "spotInstance", Value: "true", Effect: model.PreferNoSchedule}
	for name, c := range map[string]struct {
		text string
		want joindata.Join
	}{
		"nodeadm: later documents win, flags may be joined in one": {
			text: `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster: {name: mine, apiServerEndpoint: "https://a", certificateAuthority: Q0E=, cidr: 10.100.0.0/16}
  kubelet:
    config: {maxPods: 17, clusterDNS: [10.100.0.10]}
    flags: ["--node-labels=team=red,zone-free=", "--v=2", "--register-with-taints="]

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config: {maxPods: 29, registerWithTaints: [{key: dedicated, value: db, effect: NoSchedule}]}
    flags: ["--node-labels=team=blue"]

--//--
`,
			want: joindata.Join{Kind: joindata.Nodeadm, Cluster: "mine", MaxPods: 29, Labels: map[string]string{"team": "blue", "zone-free": ""},
				Taints: []model.Taint{{Key: "dedicated", Value: "db", Effect: model.NoSchedule}}},
		},
		"bootstrap.sh with quotes, a variable and the next word as value": {
			text: "#!/bin/bash\nset -ex\nLABELS=type=karpenter,team=red\n/etc/eks/bootstrap.sh mine --kubelet-extra-args \"--node-labels=$LABELS --max-pods=20\"\n",
			want: joindata.Join{Kind: joindata.Bootstrap, Cluster: "mine", MaxPods: 20, Labels: map[string]string{"type": "karpenter", "team": "red"}},
		},
		"an unquoted argument": {
			text: "#!/bin/bash\nbash /etc/eks/bootstrap.sh eksworkshop-eksctl --kubelet-extra-args --node-labels=lifecycle=OnDemand\n",
			want: joindata.Join{Kind: joindata.Bootstrap, Cluster: "eksworkshop-eksctl", Labels: map[string]string{"lifecycle": "OnDemand"}},
		},
		"a choice at boot promises what both ways have, and may taint": {
			text: `#!/bin/bash -xe
ilc=$(aws ec2 describe-instances --query 'Reservations[0].Instances[0].InstanceLifecycle' --output text)
if [ "$ilc" == "spot" ]; then
  /etc/eks/bootstrap.sh mine --kubelet-extra-args '--node-labels=lifecycle=Ec2Spot,team=red --register-with-taints=spotInstance=true:PreferNoSchedule'
else
  /etc/eks/bootstrap.sh mine --kubelet-extra-args --node-labels=lifecycle=OnDemand,team=red
fi
`,
			want: joindata.Join{Kind: joindata.Bootstrap, Cluster: "mine", Labels: map[string]string{"team": "red"}, Taints: []model.Taint{soft},
				Undecided: []string{"lifecycle"}},
		},
		"what a command prints is not known": {
			text: "#!/bin/bash\n/etc/eks/bootstrap.sh $(cat /etc/cluster) --kubelet-extra-args \"--node-labels=az=$(curl -s http://169.254.169.254/az)\"\n",
			want: joindata.Join{Kind: joindata.Bootstrap, Undecided: []string{"--kubelet-extra-args"}},
		},
		"Bottlerocket: a taint may have several values": {
			text: "[settings.kubernetes]\ncluster-name = 'mine'\nmax-pods = 58\n[settings.kubernetes.node-labels]\n'type' = 'karpenter'\n" +
				"[settings.kubernetes.node-taints]\n'spot' = ['true:NoSchedule', 'true:NoExecute']\n'dedicated' = 'db:NoSchedule'\n",
			want: joindata.Join{Kind: joindata.Bottlerocket, Cluster: "mine", MaxPods: 58, Labels: map[string]string{"type": "karpenter"},
				Taints: []model.Taint{{Key: "dedicated", Value: "db", Effect: model.NoSchedule},
					{Key: "spot", Value: "true", Effect: model.NoExecute}, {Key: "spot", Value: "true", Effect: model.NoSchedule}}},
		},
		"a script that starts no kubelet": {text: "#!/bin/bash\necho hello\n", want: joindata.Join{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, c.text)
			if len(got.Labels) == 0 {
				got.Labels = nil
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPackedUserDataIsUnpacked(t *testing.T) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write([]byte("#!/bin/sh\n/etc/eks/bootstrap.sh mine\n"))
	_ = writer.Close()
	join, err := joindata.Parse(base64.StdEncoding.EncodeToString(packed.Bytes()))
	if err != nil || join.Cluster != "mine" {
		t.Errorf("joins %q (%v), want mine", join.Cluster, err)
	}
}

func TestUserDataThatCannotBeReadSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"not base64!": "not base64",
		base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\nif true; then\n")):                                                            "part 1",
		base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\nbootstrap.sh c --kubelet-extra-args --register-with-taints=a=b\n")):           `taint "a=b" has no effect`,
		base64.StdEncoding.EncodeToString([]byte("[settings.kubernetes]\ncluster-name = \n")):                                              "Bottlerocket",
		base64.StdEncoding.EncodeToString([]byte("MIME-Version: 1.0\nContent-Type: text/plain\n\nhello")):                                  "multipart/mixed",
		base64.StdEncoding.EncodeToString([]byte("apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: [1]\n")):                      "NodeConfig",
		base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\nbootstrap.sh c --kubelet-extra-args --register-with-taints=a=b:Sometimes\n")): "the effect must be",
	} {
		if _, err := joindata.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("#!/bin/bash\n/etc/eks/bootstrap.sh mine --kubelet-extra-args '--node-labels=a=b'\n")
	f.Add("[settings.kubernetes]\ncluster-name = 'mine'\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = joindata.Parse(base64.StdEncoding.EncodeToString([]byte(text)))
	})
}
