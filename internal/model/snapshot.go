package model

// Snapshot is everything one decision looks at. It is never changed after it
// has been handed to the engine.
type Snapshot struct {
	// Pending pods ask for a place.
	Pending    []Pod       `json:"pending,omitempty"`
	Nodes      []Node      `json:"nodes,omitempty"`
	NodePools  []NodePool  `json:"nodePools,omitempty"`
	NodeGroups []NodeGroup `json:"nodeGroups,omitempty"`
	DaemonSets []DaemonSet `json:"daemonSets,omitempty"`
	PodGroups  []PodGroup  `json:"podGroups,omitempty"`
	// Catalogs by NodeClass name.
	Catalogs map[string]Catalog `json:"catalogs,omitempty"`
	// NamespaceLabels is for selectors of namespaces.
	NamespaceLabels map[string]map[string]string `json:"namespaceLabels,omitempty"`
}

// Settings bound a decision. The zero value works.
type Settings struct {
	// MaxSteps bounds the search in steps, never in seconds, so that a slow
	// machine decides the same. 0 means the default: 12,000 for each pending pod,
	// from 24,000,000 to 1,200,000,000. A larger MaxSteps never gives a worse
	// plan, nor one worse than the default; it takes effect at 4,096, 65,536 and so on,
	// each 16 times the one before, at the default, and from there on at each 4 times
	// the one before. So many times the default also let mixtures of nodes and the
	// proof take that many times their steps.
	MaxSteps int `json:"maxSteps,omitempty"`
	// MaxOfferings bounds the fallbacks each Launch lists. 0 means 60, what one
	// CreateFleet call takes.
	MaxOfferings int `json:"maxOfferings,omitempty"`
	// SpotMaxShare bounds the part of a workload's pods that may be in one Spot
	// pool (type x zone) when several nodes are bought. 0 means one half; 1 bounds
	// nothing.
	SpotMaxShare float64 `json:"spotMaxShare,omitempty"`
	// SpotTolerance is by what part a node may be dearer for that: 0 means 0.1,
	// below 0 nothing.
	SpotTolerance float64 `json:"spotTolerance,omitempty"`
	// InterruptionHours is what an interruption costs, in hours of the node's
	// price; with Offering.InterruptionRate it makes Spot dearer than it is sold.
	// 0 means 48.
	InterruptionHours float64 `json:"interruptionHours,omitempty"`
	// IgnorePreferences leaves preferred rules out of the decision.
	IgnorePreferences bool `json:"ignorePreferences,omitempty"`
}
