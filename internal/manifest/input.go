package manifest

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/workload"
)

// Input is what was read.
type Input struct {
	// Objects in the order they were read. Where the same object is in several
	// files only the last is here, in the place of the first.
	Objects []Object
	// Others counts objects of kinds that no plan depends on, by kind.
	Others map[string]int
	// Workloads are files in the neutral form.
	Workloads []*workload.Workload
	// Replaced says which objects a later file replaced.
	Replaced []string
	// NewerFields are fields of objects from a cluster that are not known here.
	NewerFields []string
	// Files is how many were read.
	Files int
}

// Object is one Kubernetes object and where it was.
type Object struct {
	client.Object
	Kind string
	File string
	Line int
}
