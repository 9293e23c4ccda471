package model

// Code is a stable, machine-readable name of a reason.
type Code string

// Reasons for and against. Messages may gain detail; codes stay.
const (
	CodePlacedOnNode       Code = "PlacedOnNode"
	CodePlacedOnLaunch     Code = "PlacedOnLaunch"
	CodeCheapest           Code = "Cheapest"
	CodeNoNodePool         Code = "NoNodePool"
	CodeNodePoolNotReady   Code = "NodePoolNotReady"
	CodeTaintNotTolerated  Code = "TaintNotTolerated"
	CodeRequirement        Code = "RequirementNotMet"
	CodeTooLarge           Code = "TooLarge"
	CodeTooSmall           Code = "TooSmall"
	CodeHostPort           Code = "HostPort"
	CodeNoCapacity         Code = "NoCapacity"
	CodeLimitReached       Code = "LimitReached"
	CodeTopologySpread     Code = "TopologySpread"
	CodePodAffinity        Code = "PodAffinity"
	CodePodAntiAffinity    Code = "PodAntiAffinity"
	CodeMinValues          Code = "MinValues"
	CodeUnsupported        Code = "Unsupported"
	CodeMoreExpensive      Code = "MoreExpensive"
	CodeStepBudget         Code = "StepBudget"
	CodePreferenceNotKept  Code = "PreferenceNotKept"
	CodeInvalidRequirement Code = "InvalidRequirement"
	CodeVolumeLimit        Code = "VolumeLimit"
	CodeVolumeNotReady     Code = "VolumeNotReady"
	CodeVolumeInUse        Code = "VolumeInUse"
	CodePodGroup           Code = "PodGroup"
	CodeResourceClaims     Code = "ResourceClaims"
	CodeSchedulingGated    Code = "SchedulingGated"
	CodeDaemonSets         Code = "DaemonSets"
	CodeZoneSurplus        Code = "ZoneSurplus"
	CodeSpotDiversity      Code = "SpotDiversity"
	CodeOnDemandShare      Code = "OnDemandShare"
	CodeCheaperNode        Code = "CheaperNode"
	CodeWholeNodes         Code = "WholeNodes"
)

// Codes of a Remedy: the one change that would place the pods.
const (
	RemedyCreateNodePool   Code = "CreateNodePool"
	RemedyWidenRequirement Code = "WidenRequirement"
	RemedyTolerateTaint    Code = "TolerateTaint"
	RemedyRelaxPod         Code = "RelaxPodRequirement"
	RemedyRaiseLimit       Code = "RaiseLimit"
	RemedyLowerMinValues   Code = "LowerMinValues"
	RemedyRelaxTopology    Code = "RelaxTopology"
)

// Reason is a code with a sentence for people. The sentence of a failure says
// what would be right.
type Reason struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Report says why a Plan is as it is.
type Report struct {
	// Placed has one entry for each group of pods placed for the same reason.
	Placed []PodReason `json:"placed,omitempty"`
	// Unplaced has one entry for each group of pods left without a place.
	Unplaced []PodReason `json:"unplaced,omitempty"`
	// Launches is parallel to Plan.Launches.
	Launches []LaunchReason `json:"launches,omitempty"`
	// Groups says of node groups that grow by a surplus why, and what it costs.
	Groups []PoolReason `json:"groups,omitempty"`
	// Preferences lists preferred rules that the plan does not keep, for each
	// group of pods, and what they would cost.
	Preferences []PodReason `json:"preferences,omitempty"`
	// Bound, in USD per hour, is proven: no plan that places as many of each
	// kind of pod costs less, whatever else it does. 0 means nothing is proven.
	Bound float64 `json:"bound,omitempty"`
	// Gap is Plan.PricePerHour / Bound - 1: the part of the cost that a better
	// plan could save at most. It says nothing when Bound is 0.
	Gap float64 `json:"gap,omitempty"`
	// Shares are the parts of the least cost that hard rules make, where that can
	// be told: what remains is what the pods' resources alone cost at least.
	Shares []CostShare `json:"shares,omitempty"`
	// Extras are what the plan pays beyond the cheapest way to buy its nodes:
	// SpotDiversity to spread workloads over Spot pools, OnDemandShare for the
	// share of a NodePool's nodes that is to be on demand.
	Extras []CostShare `json:"extras,omitempty"`
	// InterruptionsPerHour is what interruptions are expected to cost, in USD per
	// hour, where rates are known. Bound and Gap are about the sum of it and
	// Plan.PricePerHour then.
	InterruptionsPerHour float64 `json:"interruptionsPerHour,omitempty"`
	// GapShares are what hard rules add that the bound leaves out, about, where the
	// gap is large and that can be told: TopologySpread the nodes that a spread over
	// the hostname asks for as each of them starts without pods; LimitReached and
	// PodAffinity what a plan without limits, or without affinity over the hostname,
	// costs less. Of what is left then, WholeNodes is what the plan costs more than a
	// mixture of parts of nodes, which no proof of this kind can close, and StepBudget
	// the rest: what more steps could prove at most.
	GapShares []CostShare `json:"gapShares,omitempty"`
	// Steps is how much of the search budget was used.
	Steps int `json:"steps"`
}

// CostShare is what a kind of hard rule adds to the least cost, in USD per hour:
// DaemonSets the room they take, RequirementNotMet node selectors, affinity and
// taints, PodAntiAffinity pods that keep off each other's nodes.
type CostShare struct {
	Rule         Code    `json:"rule"`
	PricePerHour float64 `json:"pricePerHour"`
}

// PodReason speaks of pods that share one fate.
type PodReason struct {
	Pods   []PodKey `json:"pods"`
	Target string   `json:"target,omitempty"` // node name, or "launch N"
	Reason
	// Remedy is the cheapest single change that would place one of the pods;
	// nil when no single change was found.
	Remedy *Remedy `json:"remedy,omitempty"`
	// Alternatives are what the nearest NodePools answered, nearest first, at
	// most three; AlternativesMore counts those left out.
	Alternatives     []PoolReason `json:"alternatives,omitempty"`
	AlternativesMore int          `json:"alternativesMore,omitempty"`
}

// Remedy is one change of a NodePool or a pod, and the offering that would
// then be bought.
type Remedy struct {
	Code Code `json:"code"`
	// NodePool whose nodes would take the pods; empty when there is none yet.
	NodePool string `json:"nodePool,omitempty"`
	// NodeGroup is set instead where a node group is meant.
	NodeGroup string `json:"nodeGroup,omitempty"`
	// Key is what would change: a label, a taint, a limited resource or a
	// topology key.
	Key string `json:"key,omitempty"`
	// Value is what would do: a label value, an amount, a count.
	Value string `json:"value,omitempty"`
	OfferingKey
	// PricePerHour of that offering, in USD.
	PricePerHour float64 `json:"pricePerHour,omitempty"`
	// Message says it for people.
	Message string `json:"message"`
}

// PoolReason is the answer of a NodePool, or of a node group, to a group of pods.
type PoolReason struct {
	NodePool  string `json:"nodePool,omitempty"`
	NodeGroup string `json:"nodeGroup,omitempty"`
	Reason
}

// LaunchReason explains one launch: the choice, and the offerings that would
// have been cheaper with what ruled them out.
type LaunchReason struct {
	Chosen Reason `json:"chosen"`
	// Rejected are cheaper offerings, the nearest in price first, bounded in
	// number; RejectedMore counts those left out.
	Rejected     []OfferingReason `json:"rejected,omitempty"`
	RejectedMore int              `json:"rejectedMore,omitempty"`
}

// OfferingReason says why an offering was not chosen. Zone is empty when the
// same holds for the type in several zones.
type OfferingReason struct {
	OfferingKey
	PricePerHour float64 `json:"pricePerHour,omitempty"`
	Reason
}
