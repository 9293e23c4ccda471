package joindata_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drover-project/drover/internal/cloud/aws/bootscript"
	"github.com/drover-project/drover/internal/cloud/aws/joindata"
	"github.com/drover-project/drover/internal/model"
)

func parse(t *testing.T, text string) joindata.Join {
	t.Helper()
	join, err := joindata.Parse(base64.StdEncoding.EncodeToString([]byte(text)), joindata.Machine{})
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
	join, err := joindata.Parse(base64.StdEncoding.EncodeToString(packed.Bytes()), joindata.Machine{})
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
		if _, err := joindata.Parse(text, joindata.Machine{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
}

// workshop is the user data of the workshop's template, with the arguments that
// the pages give.
const workshop = `#!/bin/bash
set -o xtrace
iid=$(curl -s http://169.254.169.254/latest/meta-data/instance-id)
export AWS_DEFAULT_REGION=us-west-2
ilc=` + "`aws ec2 describe-instances  --instance-ids  $iid --query 'Reservations[0].Instances[0].InstanceLifecycle' --output text`" + `
if [ "$ilc" == "spot" ]; then
  /etc/eks/bootstrap.sh eksworkshop-eksctl --kubelet-extra-args '--node-labels=lifecycle=Ec2Spot,team=red --register-with-taints=spotInstance=true:PreferNoSchedule'
else
  /etc/eks/bootstrap.sh eksworkshop-eksctl --kubelet-extra-args --node-labels=lifecycle=OnDemand,team=red
fi
/opt/aws/bin/cfn-signal --exit-code $? --stack eksworkshop-spot-workers --resource NodeGroup --region us-west-2
`

func TestUserDataThatAsksHowTheNodeWasBought(t *testing.T) {
	soft := model.Taint{Key: "spotInstance", Value: "true", Effect: model.PreferNoSchedule}
	archive := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString([]byte(workshop)) + "\n--b--\n"
	for name, text := range map[string]string{"as it is": workshop, "in a MIME archive, encoded": archive} {
		for bought, want := range map[string]joindata.Join{
			bootscript.Spot:     {Labels: map[string]string{"lifecycle": "Ec2Spot", "team": "red"}, Taints: []model.Taint{soft}},
			bootscript.OnDemand: {Labels: map[string]string{"lifecycle": "OnDemand", "team": "red"}},
			"":                  {Labels: map[string]string{"team": "red"}, Taints: []model.Taint{soft}, Undecided: []string{"lifecycle"}},
		} {
			want.Kind, want.Cluster = joindata.Bootstrap, "eksworkshop-eksctl"
			got, err := joindata.Parse(base64.StdEncoding.EncodeToString([]byte(text)), joindata.Machine{Bought: bought, Region: "us-west-2"})
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s, bought %q: %v %s", name, bought, err, diff)
			}
		}
	}
}

// TestDocumentsDoNotDependOnTheMachine: what is no script says the same to all, and
// eksctl's files of Amazon Linux 2 start no kubelet that is known here.
func TestDocumentsDoNotDependOnTheMachine(t *testing.T) {
	for text, kind := range map[string]string{
		"apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {cluster: {name: mine}, kubelet: {flags: [--node-labels=a=b]}}\n":                               joindata.Nodeadm,
		"[settings.kubernetes]\ncluster-name = 'mine'\n[settings.kubernetes.node-labels]\na = 'b'\n":                                                                joindata.Bottlerocket,
		"#cloud-config\nruncmd:\n- [/var/lib/cloud/scripts/eksctl/bootstrap.al2.sh]\nwrite_files:\n- {path: /etc/eksctl/kubelet.env, content: 'NODE_LABELS=a=b'}\n": "",
	} {
		want := parse(t, text)
		if want.Kind != kind || kind != "" && want.Labels["a"] != "b" {
			t.Errorf("%s\nreads as %+v, want %q", text, want, kind)
		}
		for _, bought := range []string{bootscript.Spot, bootscript.OnDemand} {
			got, err := joindata.Parse(base64.StdEncoding.EncodeToString([]byte(text)), joindata.Machine{Bought: bought, Zone: "us-west-2a"})
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("bought %s: %v %s", bought, err, diff)
			}
		}
	}
}

func TestWhatOnlyTheMachineKnowsIsNotPromised(t *testing.T) {
	got := parse(t, `#!/bin/bash
id=$(curl -s http://169.254.169.254/latest/meta-data/instance-id)
/etc/eks/bootstrap.sh mine --kubelet-extra-args "--node-labels=id=$id,team=red --register-with-taints=id=$id:NoSchedule" $MORE
`)
	want := joindata.Join{Kind: joindata.Bootstrap, Cluster: "mine", Labels: map[string]string{"team": "red"},
		Taints: []model.Taint{{Key: "id", Value: "?", Effect: model.NoSchedule}}, Undecided: []string{"--kubelet-extra-args", "id"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzParse: user data is what people write. What is promised of nodes however they
// are bought is promised of each way to buy them.
func FuzzParse(f *testing.F) {
	f.Add("#!/bin/bash\n/etc/eks/bootstrap.sh mine --kubelet-extra-args '--node-labels=a=b'\n")
	f.Add("[settings.kubernetes]\ncluster-name = 'mine'\n")
	f.Add(workshop)
	f.Add("#!/bin/sh\ncase $(curl -s 169.254.169.254/latest/meta-data/instance-life-cycle) in spot) l=a=b;; *) l=a=c;; esac\nbootstrap.sh c --kubelet-extra-args --node-labels=x=y,$l\n")
	f.Fuzz(func(t *testing.T, text string) {
		encoded := base64.StdEncoding.EncodeToString([]byte(text))
		either, err := joindata.Parse(encoded, joindata.Machine{})
		for _, bought := range []string{bootscript.Spot, bootscript.OnDemand} {
			one, wrong := joindata.Parse(encoded, joindata.Machine{Bought: bought})
			if err != nil || wrong != nil || one.Kind == "" {
				continue
			}
			for key, value := range either.Labels {
				if one.Labels[key] != value {
					t.Errorf("promises %s=%s of any node, and %v of one bought %s", key, value, one.Labels, bought)
				}
			}
		}
	})
}
