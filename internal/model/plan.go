package model

// Plan is a complete decision. Whoever carries it out makes no choices.
type Plan struct {
	// Placements on nodes that exist or are on their way, by pod key order.
	Placements []Placement `json:"placements,omitempty"`
	// Launches in the order to carry them out.
	Launches []Launch `json:"launches,omitempty"`
	// Groups are the node groups that grow, by name: what Launches of them need.
	Groups []GroupSize `json:"groups,omitempty"`
	// PricePerHour is the sum over Launches of their first offering, and over the
	// surplus of Groups of what a node is expected to cost, in USD.
	PricePerHour float64 `json:"pricePerHour"`
}

// Placement puts a pod on a node that is already there or asked for.
type Placement struct {
	Pod  PodKey `json:"pod"`
	Node string `json:"node"`
}

// Launch is one node to buy.
type Launch struct {
	NodePool string `json:"nodePool,omitempty"`
	// NodeGroup is set instead of NodePool for a node that a group's growth
	// brings. Its only offering stands for all that may come: InstanceType lists
	// the types, Zone and CapacityType are empty where they are not certain, and
	// PricePerHour is what is expected of them.
	NodeGroup string `json:"nodeGroup,omitempty"`
	// Offerings are acceptable, best first: every one of them holds Pods.
	Offerings []Offering `json:"offerings"`
	// Requirements are the labels the node must end up with, narrowed from the
	// NodePool's by the pods placed here; single-valued ones become labels.
	Requirements []Requirement `json:"requirements,omitempty"`
	// SpotFallback says why the node is on demand although Spot would hold its pods
	// for less: those pools have no capacity now. Empty otherwise.
	SpotFallback string `json:"spotFallback,omitempty"`
	// Requests is the sum of Pods and of the DaemonSet pods expected here.
	Requests Resources `json:"requests"`
	Pods     []PodKey  `json:"pods"`
}
