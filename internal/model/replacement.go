package model

// Moves says which nodes that work may go for cheaper ones.
type Moves struct {
	Candidates []Candidate
	// Restless are Spot pools that took nodes back lately: no Spot node goes there.
	Restless map[OfferingKey]bool
	// NewNodesOnly leaves out moves to nodes that are there already.
	NewNodesOnly bool
}

// Candidate is a node whose pods may all be moved now.
type Candidate struct {
	Node string
	// Pods are those of the node that need another place, as they will ask for it:
	// with what their volumes want. nil stands for the node's own as they are.
	Pods []Pod
}

// Replacement is a node that works and would be cheaper to do without.
type Replacement struct {
	// Node goes when its pods have their place.
	Node string `json:"node"`
	// Launch is the node to buy first; nil when the nodes that stay have room. It
	// lists only offerings that save enough.
	Launch *Launch `json:"launch,omitempty"`
	// Plan and Report are for all pods that ask, those of Node among them.
	Plan   Plan   `json:"plan"`
	Report Report `json:"report"`
	// SavesPerHour in USD, with what interruptions are expected to cost.
	SavesPerHour float64 `json:"savesPerHour"`
	Reason
}
