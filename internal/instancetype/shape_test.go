package instancetype

import (
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

func TestClassNeedsNitroOrNestedVirtualization(t *testing.T) {
	nested := Facts{Name: "m8i.large", Hypervisor: "nitro", NestedVirtualization: true}
	xen := Facts{Name: "m4.large", Hypervisor: "xen"}
	if s := (Shape{nestedVirtual: true}); s.Supports(xen) || !s.Supports(nested) {
		t.Error("nested virtualization is not honoured")
	}
	if s := (Shape{connectionTracking: true}); s.Supports(xen) || !s.Supports(nested) {
		t.Error("connection tracking needs nitro")
	}
	second := Shape{networkInterfaces: []*ec2v1.NetworkInterface{{NetworkCardIndex: 1}}}
	if second.Supports(nested) {
		t.Error("the type has no second network card")
	}
}

func TestRoomOfAnM5Large(t *testing.T) {
	m5 := Facts{Name: "m5.large", Arch: "amd64", VCPUs: 2, MemoryMiB: 8192, Hypervisor: "nitro", ENIs: 3, IPv4PerENI: 10}
	class := &ec2v1.EC2NodeClass{}
	shape, err := NewShape(class, Options{VMMemoryOverheadPercent: DefaultVMMemoryOverheadPercent})
	if err != nil {
		t.Fatal(err)
	}
	capacity := shape.Capacity(m5)
	allocatable := shape.Allocatable(m5, capacity)
	want := model.Resources{model.CPU: 1930, model.Memory: (8192 - 615 - 255 - 11*29 - 100) << 20, model.PodCount: 29}
	for name, amount := range want {
		if allocatable[name] != amount {
			t.Errorf("%s is %d, want %d", name, allocatable[name], amount)
		}
	}
	if labels := m5.Labels("us-west-2", capacity[model.PodCount]); labels[ec2v1.LabelInstanceCategory] != "m" || labels[ec2v1.LabelInstanceGeneration] != "5" {
		t.Errorf("labels are %v", labels)
	}
}
