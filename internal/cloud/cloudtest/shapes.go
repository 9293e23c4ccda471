package cloudtest

import (
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

// shape is an instance type as a newly launched node of it is planned: memory
// in MiB, CPU in millicores.
type shape struct {
	name, arch             string
	vcpu, memory           int64
	usableMemory           int64 // capacity after the memory the machine keeps
	allocatableCPU         int64
	allocatableMemory      int64
	pods, branchInterfaces int64
	price                  float64 // on-demand, us-west-2
}

// defaultShapes are the types of a common tutorial and one for arm64.
var defaultShapes = []shape{
	{"c5.large", "amd64", 2, 4096, 3788, 1930, 3114, 29, 9, 0.085},
	{"m5.large", "amd64", 2, 8192, 7577, 1930, 6903, 29, 9, 0.096},
	{"m5.xlarge", "amd64", 4, 16384, 15155, 3920, 14162, 58, 18, 0.192},
	{"m6g.large", "arm64", 2, 8192, 7518, 1930, 6844, 29, 9, 0.077},
	{"r5.large", "amd64", 2, 16384, 15155, 1930, 14481, 29, 9, 0.126},
}

func (s shape) instanceType() model.InstanceType {
	family, size, _ := strings.Cut(s.name, ".")
	return model.InstanceType{
		Name: s.name,
		Labels: map[string]string{
			"node.kubernetes.io/instance-type":      s.name,
			"kubernetes.io/arch":                    s.arch,
			"kubernetes.io/os":                      "linux",
			"topology.kubernetes.io/region":         "us-west-2",
			"karpenter.k8s.aws/instance-category":   family[:1],
			"karpenter.k8s.aws/instance-family":     family,
			"karpenter.k8s.aws/instance-generation": family[1:2],
			"karpenter.k8s.aws/instance-size":       size,
			"karpenter.k8s.aws/instance-cpu":        strconv.FormatInt(s.vcpu, 10),
			"karpenter.k8s.aws/instance-memory":     strconv.FormatInt(s.memory, 10),
		},
		Capacity: model.Resources{
			model.CPU:                   s.vcpu * 1000,
			model.Memory:                s.usableMemory * mebibyte,
			model.EphemeralStorage:      20 * gibibyte,
			model.PodCount:              s.pods,
			"vpc.amazonaws.com/pod-eni": s.branchInterfaces,
		},
		Allocatable: model.Resources{
			model.CPU:                   s.allocatableCPU,
			model.Memory:                s.allocatableMemory * mebibyte,
			model.EphemeralStorage:      17 * gibibyte,
			model.PodCount:              s.pods,
			"vpc.amazonaws.com/pod-eni": s.branchInterfaces,
		},
	}
}
