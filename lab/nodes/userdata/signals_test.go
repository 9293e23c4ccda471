package userdata

import (
	"slices"
	"testing"

	"github.com/drover-project/drover/lab/machine"
)

func TestSignals(t *testing.T) {
	const bootstrap = "#!/bin/bash -xe\n/etc/eks/bootstrap.sh workshop --kubelet-extra-args --node-labels=a=b\n"
	ofGroup := machine.Signal{Stack: "workers", Resource: "NodeGroup", UniqueID: "i-1", Success: true}
	failed := ofGroup
	failed.Success = false
	byOther := ofGroup
	byOther.UniqueID = "me"
	for name, c := range map[string]struct {
		script string
		want   []machine.Signal
	}{
		"none":      {bootstrap, nil},
		"exit code": {bootstrap + "/opt/aws/bin/cfn-signal --exit-code $? \\\n  --stack  workers \\\n  --resource NodeGroup  \\\n  --region us-west-2\n", []machine.Signal{ofGroup}},
		"after a failure": {bootstrap + "false || cfn-signal -e 1 --stack workers --resource NodeGroup\n",
			[]machine.Signal{failed}},
		"ended before it":  {bootstrap + "exit 1\ncfn-signal -e 0 --stack workers --resource NodeGroup\n", nil},
		"success and id":   {bootstrap + "cfn-signal -s true -i me --stack=workers --resource=NodeGroup", []machine.Signal{byOther}},
		"no success":       {bootstrap + "cfn-signal --success false --stack workers --resource NodeGroup", []machine.Signal{failed}},
		"without a stack":  {bootstrap + "cfn-signal -e 0 --resource NodeGroup", nil},
		"beside nodeadm":   {"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"x\"\n\n--x\nContent-Type: application/node.eks.aws\n\nkind: NodeConfig\n--x\nContent-Type: text/x-shellscript\n\n#!/bin/sh\ncfn-signal --stack workers --resource NodeGroup\n--x--\n", []machine.Signal{ofGroup}},
		"several of them":  {bootstrap + "for r in NodeGroup NodeGroup; do cfn-signal --stack workers --resource $r; done", []machine.Signal{ofGroup, ofGroup}},
		"a broken script":  {"#!/bin/sh\nif cfn-signal --stack workers --resource NodeGroup", nil},
		"only mentions it": {bootstrap + "# cfn-signal --stack workers --resource NodeGroup", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := Signals(machine.Machine{ID: "i-1", UserData: []byte(c.script)})
			if !slices.Equal(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
