package instancetype

import (
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

func TestAttachLimitIsWhatTheNodeStartsWithLess(t *testing.T) {
	m5 := func(change func(*Facts)) Facts {
		facts := Facts{Name: "m5.large", Hypervisor: "nitro", ENIs: 3, IPv4PerENI: 10}
		change(&facts)
		return facts
	}
	plain := m5(func(*Facts) {})
	for _, test := range []struct {
		name  string
		shape Shape
		facts Facts
		want  int64
	}{
		{"28 for devices of all kinds: two interfaces and the root volume", Shape{}, plain, 25},
		{"Bottlerocket has a second volume", Shape{family: ec2v1.AMIFamilyBottlerocket}, plain, 24},
		{"the class gives each node three volumes", Shape{blockDevices: 3}, plain, 23},
		{"local disks and GPUs are devices", Shape{}, m5(func(f *Facts) {
			f.LocalNVMe, f.LocalDisks, f.GPUs = true, 2, []Device{{Count: 4}}
		}), 19},
		{"a limit for volumes alone", Shape{}, m5(func(f *Facts) { f.EBSAttachments, f.DedicatedAttachments = 64, true }), 63},
		{"Xen does not count interfaces", Shape{}, m5(func(f *Facts) { f.Hypervisor = "xen" }), 38},
		{"one volume always", Shape{}, m5(func(f *Facts) { f.EBSAttachments = 2 }), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.shape.AttachLimits(test.facts)[EBSDriver]; got != test.want {
				t.Errorf("attaches %d volumes, want %d", got, test.want)
			}
		})
	}
}
