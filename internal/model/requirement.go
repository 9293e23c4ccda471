package model

// Operator says how a Requirement compares a label with its values.
type Operator string

// The operators of Kubernetes node affinity, and Karpenter's Gte and Lte.
const (
	In           Operator = "In"
	NotIn        Operator = "NotIn"
	Exists       Operator = "Exists"
	DoesNotExist Operator = "DoesNotExist"
	Gt           Operator = "Gt"
	Lt           Operator = "Lt"
	Gte          Operator = "Gte"
	Lte          Operator = "Lte"
)

// Requirement is one condition on a label.
type Requirement struct {
	Key      string   `json:"key"`
	Operator Operator `json:"operator"`
	Values   []string `json:"values,omitempty"`
	// MinValues is the least number of different values a launch must be able
	// to choose from; 0 asks for nothing.
	MinValues int `json:"minValues,omitempty"`
}

// NodeSelectorTerm holds requirements that must all be true. Fields are
// conditions on node fields (metadata.name) rather than labels.
type NodeSelectorTerm struct {
	Labels []Requirement `json:"labels,omitempty"`
	Fields []Requirement `json:"fields,omitempty"`
}

// LabelSelector selects objects by label; a nil *LabelSelector selects none,
// an empty one all, as in Kubernetes.
type LabelSelector struct {
	MatchLabels  map[string]string `json:"matchLabels,omitempty"`
	Requirements []Requirement     `json:"requirements,omitempty"`
}

// TaintEffect is what a taint does to pods that do not tolerate it.
type TaintEffect string

// The taint effects of Kubernetes.
const (
	NoSchedule       TaintEffect = "NoSchedule"
	PreferNoSchedule TaintEffect = "PreferNoSchedule"
	NoExecute        TaintEffect = "NoExecute"
)

// Taint keeps pods off a node unless they tolerate it.
type Taint struct {
	Key    string      `json:"key"`
	Value  string      `json:"value,omitempty"`
	Effect TaintEffect `json:"effect"`
}

// Toleration lets a pod onto nodes with matching taints. Operator is Equal
// (the zero value), Exists, Lt or Gt.
type Toleration struct {
	Key      string      `json:"key,omitempty"`
	Operator string      `json:"operator,omitempty"`
	Value    string      `json:"value,omitempty"`
	Effect   TaintEffect `json:"effect,omitempty"`
}
