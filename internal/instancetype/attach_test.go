package instancetype

import (
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

func TestAttachLimitIsWhatTheNodeStartsWithLess(t *testing.T) {
	m5 := Facts{Name: "m5.large", Hypervisor: "nitro", ENIs: 3}
	for _, test := range []struct {
		name   string
		shape  Shape
		change func(*Facts)
		want   int64
	}{
		{"28 for devices of all kinds: two interfaces and the root volume", Shape{}, func(*Facts) {}, 25},
		{"Bottlerocket has a second volume", Shape{family: ec2v1.AMIFamilyBottlerocket}, func(*Facts) {}, 24},
		{"the class gives each node three volumes", Shape{blockDevices: 3}, func(*Facts) {}, 23},
		{"local disks and GPUs are devices", Shape{}, func(f *Facts) {
			f.LocalNVMe, f.LocalDisks, f.GPUs = true, 2, []Device{{Count: 4}}
		}, 19},
		{"a limit for volumes alone", Shape{}, func(f *Facts) { f.EBSAttachments, f.EBSAttachmentsDedicated = 64, true }, 63},
		{"Xen does not count interfaces", Shape{}, func(f *Facts) { f.Hypervisor = "xen" }, 38},
		{"one volume always", Shape{}, func(f *Facts) { f.EBSAttachments = 2 }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			facts := m5
			test.change(&facts)
			if got := test.shape.AttachLimits(facts)[ebsDriver]; got != test.want {
				t.Errorf("attaches %d volumes, want %d", got, test.want)
			}
		})
	}
}
