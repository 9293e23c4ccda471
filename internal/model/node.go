package model

// Node is a place for pods that exists, or that has been asked for and is on
// its way (Launching).
type Node struct {
	// Name is the Node's name, or the NodeClaim's while there is no Node yet.
	Name      string `json:"name"`
	NodeClaim string `json:"nodeClaim,omitempty"`
	NodePool  string `json:"nodePool,omitempty"`
	// Labels of a node on its way are those it is certain to have.
	Labels map[string]string `json:"labels"`
	Taints []Taint           `json:"taints,omitempty"`
	// StartupTaints are taints expected to disappear by themselves; they do
	// not keep a pod from being planned here.
	StartupTaints []Taint   `json:"startupTaints,omitempty"`
	Allocatable   Resources `json:"allocatable"`
	// Capacity counts against NodePool limits.
	Capacity Resources `json:"capacity,omitempty"`
	// Launching is true until the node is Ready for pods.
	Launching bool `json:"launching,omitempty"`
	// Unschedulable nodes (cordoned, being deleted, not ready) keep their pods
	// in the topology counts but take no new ones.
	Unschedulable bool `json:"unschedulable,omitempty"`
	// Pods are bound to the node, DaemonSet pods included, or Promised to it.
	Pods []Pod `json:"pods,omitempty"`
	// AttachLimits bound the volumes that each driver attaches; a driver that
	// is missing has no limit.
	AttachLimits map[string]int64 `json:"attachLimits,omitempty"`
	// Attached are volumes that are still there although none of Pods uses them.
	Attached []Volume `json:"attached,omitempty"`
	// PricePerHour in USD; 0 with PriceKnown false when nobody knows.
	PricePerHour float64 `json:"pricePerHour,omitempty"`
	PriceKnown   bool    `json:"priceKnown,omitempty"`
}
