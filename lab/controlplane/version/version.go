// Package version is the Kubernetes version of the lab's cluster.
package version

const (
	// Kubernetes is the version as EKS names it.
	Kubernetes = Major + "." + Minor
	// Major is the first part of the version.
	Major = "1"
	// Minor is the second part of the version.
	Minor = "37"
	// Git is the version as the API server answers it, and as nodes of the
	// cluster's own version carry it.
	Git = "v1.37.2-eks-lab"
)
