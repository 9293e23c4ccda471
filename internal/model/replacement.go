package model

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
