package model

// NodePool is a rule book for just-in-time nodes.
type NodePool struct {
	Name string `json:"name"`
	// NodeClass names the catalog in Snapshot.Catalogs.
	NodeClass string `json:"nodeClass"`
	// Weight orders pools: a pod is offered to a heavier pool first.
	Weight        int32             `json:"weight,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	Requirements  []Requirement     `json:"requirements,omitempty"`
	Taints        []Taint           `json:"taints,omitempty"`
	StartupTaints []Taint           `json:"startupTaints,omitempty"`
	// Limits bound the capacity of the pool's nodes; a missing key is
	// unlimited. The key "nodes" bounds their number.
	Limits Resources `json:"limits,omitempty"`
	// Usage is the capacity of the pool's nodes that count against Limits now,
	// those on their way included.
	Usage Resources `json:"usage,omitempty"`
	// IgnorePreferences leaves preferred rules of pods out of account on the
	// pool's nodes.
	IgnorePreferences bool `json:"ignorePreferences,omitempty"`
	// OnDemand, when set, is how many of the pool's nodes are to be on demand.
	OnDemand *OnDemandShare `json:"onDemand,omitempty"`
	// NotReadyReason, when set, keeps the pool from launching and says why.
	NotReadyReason string `json:"notReadyReason,omitempty"`
}

// OnDemandShare asks that the first Base nodes of a pool and Percentage of those
// above, rounded up, are on demand, as far as its pods allow.
type OnDemandShare struct {
	Base       int `json:"base,omitempty"`
	Percentage int `json:"percentage,omitempty"`
}

// DaemonSet is the share of each new node that its pod will take.
type DaemonSet struct {
	PodKey
	// Template is the pod as it would be created on a matching node.
	Template Pod `json:"template"`
}
