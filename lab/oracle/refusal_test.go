package oracle_test

import (
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/lab/oracle"
)

// broken is a plan that breaks one rule: every pod on the node "here".
type broken struct {
	rule   string
	plugin string // who must refuse
	check  string // the auditor's name of the rule
	input  string
}

const roomy = " cpu=8 memory=8Gi pods=10 zone=a\n"

// rules lists plans that the scheduler must refuse, one for each rule.
func rules() []broken {
	return []broken{
		{"cpu", "NodeResourcesFit", "Resources", "node here cpu=1 memory=8Gi pods=10\npod web cpu=1001m"},
		{"memory, one byte over", "NodeResourcesFit", "Resources", "node here cpu=8 memory=1Gi pods=10\npod web memory=1073741825"},
		{"pods per node", "NodeResourcesFit", "Resources", "node here cpu=8 memory=8Gi pods=1\npod web count=2"},
		{"devices", "NodeResourcesFit", "Resources", "node here" + roomy + "pod web nvidia.com/gpu=1"},
		{"room of running pods", "NodeResourcesFit", "Resources", "node here cpu=2 memory=8Gi pods=10\nbound old cpu=1500m\npod web cpu=1"},
		{"share of a DaemonSet to come", "NodeResourcesFit", "Resources", "daemonset agent cpu=1\nnode here cpu=2 memory=8Gi pods=10\npod web cpu=1500m"},
		{"cordoned", "NodeUnschedulable", "Node", "node here unschedulable" + roomy + "pod web"},
		{"node selector", "NodeAffinity", "NodeAffinity", "node here" + roomy + "pod web select=zone=b"},
		{"required node affinity", "NodeAffinity", "NodeAffinity", "node here label.n=3" + roomy + "pod web affinity=n:Gt:3|n:Lt:3"},
		{"node name", "by name", "NodeAffinity", "node here" + roomy + "node there" + roomy + "pod web affinity=metadata.name:In:there"},
		{"NoSchedule", "TaintToleration", "Taints", "node here taint=x:NoSchedule" + roomy + "pod web tolerate=x:NoExecute"},
		{"NoExecute", "TaintToleration", "Taints", "node here taint=x=1:NoExecute" + roomy + "pod web tolerate=x=2"},
		{"numeric toleration", "TaintToleration", "Taints", "node here taint=x=3:NoSchedule" + roomy + "pod web tolerate=x>3"},
		{"host port", "NodePorts", "HostPorts", "node here" + roomy + "bound old port=80\npod web port=80@10.0.0.1"},
		{"pod affinity", "InterPodAffinity", "PodAffinity", "node here" + roomy + "pod web near=zone:db"},
		{"anti-affinity", "InterPodAffinity", "PodAntiAffinity", "node here" + roomy + "pod web count=2 away=zone"},
		{"anti-affinity of a running pod", "InterPodAffinity", "PodAntiAffinity", "node here" + roomy + "bound old away=host:web\npod web"},
		{"anti-affinity in another namespace", "InterPodAffinity", "PodAntiAffinity", "node here" + roomy + "bound old namespace=far\npod web away=host:old:in=far"},
		{"spread over zones", "PodTopologySpread", "TopologySpread", "node here" + roomy + "node there zone=b pods=1\npod web count=2 spread=zone:1"},
		{"spread over hosts", "PodTopologySpread", "TopologySpread", "node here" + roomy + "node there zone=b pods=1\npod web count=3 spread=host:2"},
		{"minDomains", "PodTopologySpread", "TopologySpread", "node here" + roomy + "pod web count=2 spread=zone:1:min=2"},
		{"missing topology key", "PodTopologySpread", "TopologySpread", "node here" + roomy + "pod web spread=rack:1"},
		{"volumes per node", "NodeVolumeLimits", "VolumeLimit", "node here attach.ebs=1" + roomy + "pod web count=2 volume=ebs/*"},
		{"volume that is still attached", "NodeVolumeLimits", "VolumeLimit", "node here attach.ebs=1 attached=ebs/old" + roomy + "pod web volume=ebs/*"},
		{"ReadWriteOncePod", "VolumeRestrictions", "ExclusiveVolume", "node here" + roomy + "pod web count=2 volume=ebs/data:exclusive"},
	}
}

// TestEveryRuleCanBeRefused breaks each rule on purpose: scheduler and auditor
// must both say so, and name it.
func TestEveryRuleCanBeRefused(t *testing.T) {
	for _, b := range rules() {
		t.Run(b.rule, func(t *testing.T) {
			snapshot, plan := b.plan(t)
			cluster, err := oracle.NewCluster(snapshot, &plan, oracle.First)
			if err != nil {
				t.Fatal(err)
			}
			refusals, err := newCourt(t).judge.Placement(cluster)
			if err != nil {
				t.Fatal(err)
			}
			if len(refusals) != 1 || !strings.Contains(refusals[0].Reason, b.plugin) {
				t.Errorf("the scheduler says %v, want one refusal by %s", refusals, b.plugin)
			}
			for _, v := range check.Plan(snapshot, plan) {
				if v.Rule == b.check {
					return
				}
			}
			t.Errorf("the auditor says %v, want %s", check.Plan(snapshot, plan), b.check)
		})
	}
}

// plan puts every pending pod on the node "here".
func (b broken) plan(t *testing.T) (*model.Snapshot, model.Plan) {
	t.Helper()
	snapshot, _, err := scenario.Parse(b.input)
	if err != nil {
		t.Fatal(err)
	}
	var plan model.Plan
	for _, pod := range snapshot.Pending {
		plan.Placements = append(plan.Placements, model.Placement{Pod: pod.PodKey, Node: "here"})
	}
	return snapshot, plan
}

// TestNoRuleIsMadeUp: what a rule allows is accepted.
func TestNoRuleIsMadeUp(t *testing.T) {
	for name, input := range map[string]string{
		"all room taken":               "node here cpu=2 memory=1Gi pods=3\nbound old cpu=500m\npod web count=2 cpu=750m memory=512Mi",
		"own zone of a beta label":     "node here" + roomy + "pod web affinity=failure-domain.beta.kubernetes.io/zone:In:a",
		"numeric toleration":           "node here taint=x=4:NoSchedule" + roomy + "pod web tolerate=x>3",
		"startup taint":                "node here startupTaint=x:NoSchedule" + roomy + "pod web",
		"another address of a port":    "node here" + roomy + "bound old port=80@10.0.0.2\npod web port=80@10.0.0.1",
		"affinity to those bound last": "node here" + roomy + "pod web near=zone:db\npod db",
		"first of its own affinity":    "node here" + roomy + "pod web count=3 near=host",
		"spread filled in turn":        "node here" + roomy + "bound web count=2\npod web count=5 spread=zone:3",
		"selector of nothing":          "node here" + roomy + "node there zone=b pods=1\npod web count=3 spread=zone:1:app=-",
		"volume of two pods":           "node here attach.ebs=1" + roomy + "pod web count=2 volume=ebs/data",
		"DaemonSet's port elsewhere":   "daemonset agent port=80 select=arch=arm64\nnode here" + roomy + "pod web port=80",
	} {
		t.Run(name, func(t *testing.T) {
			snapshot, plan := broken{input: input}.plan(t)
			cluster, err := oracle.NewCluster(snapshot, &plan, oracle.First)
			if err != nil {
				t.Fatal(err)
			}
			refusals, err := newCourt(t).judge.Placement(cluster)
			if err != nil || len(refusals) > 0 {
				t.Errorf("%v %v", refusals, err)
			}
			if violations := check.Plan(snapshot, plan); len(violations) > 0 {
				t.Errorf("auditor: %v", violations)
			}
		})
	}
}
