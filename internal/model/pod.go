package model

// PodKey names a pod: namespace/name.
type PodKey struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (k PodKey) String() string { return k.Namespace + "/" + k.Name }

// Pod is what deciding needs to know of a pod.
type Pod struct {
	PodKey
	UID    string            `json:"uid,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// Requests is what kube-scheduler counts for the pod: containers, init
	// containers, sidecars and overhead by its arithmetic, and one PodCount.
	Requests Resources `json:"requests"`
	Priority int32     `json:"priority,omitempty"`
	// OwnedByDaemonSet marks pods that come with a node and never ask for one.
	OwnedByDaemonSet bool `json:"ownedByDaemonSet,omitempty"`

	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// RequiredNodeAffinity terms are alternatives (OR); none means no rule.
	RequiredNodeAffinity  []NodeSelectorTerm          `json:"requiredNodeAffinity,omitempty"`
	PreferredNodeAffinity []PreferredNodeSelectorTerm `json:"preferredNodeAffinity,omitempty"`
	Tolerations           []Toleration                `json:"tolerations,omitempty"`
	TopologySpread        []TopologySpread            `json:"topologySpread,omitempty"`
	PodAffinity           []PodAffinityTerm           `json:"podAffinity,omitempty"`
	PodAntiAffinity       []PodAffinityTerm           `json:"podAntiAffinity,omitempty"`
	HostPorts             []HostPort                  `json:"hostPorts,omitempty"`
	// Volumes are those that a driver attaches to the node.
	Volumes []Volume `json:"volumes,omitempty"`
	// Group names the pod group (namespace/name) the pod is bound together with.
	Group string `json:"group,omitempty"`
	// Terminating pods keep their room until they are gone; affinity still
	// sees them, topology spread does not.
	Terminating bool `json:"terminating,omitempty"`
	// Promised pods, among those of a node, are not there yet: the node was
	// bought or kept for them, or the scheduler has nominated it.
	Promised bool `json:"promised,omitempty"`
	// Leaving names the node on which a pod that needs a place still runs: it is on
	// its way out.
	Leaving string `json:"leaving,omitempty"`
	// Blocked says what keeps the pod from every node, whatever is bought; such
	// a pod is reported, never placed.
	Blocked []Reason `json:"blocked,omitempty"`
	// Unsupported lists rules of the pod that no plan can take into account;
	// such a pod is reported, never placed.
	Unsupported []string `json:"unsupported,omitempty"`
}

// Volume is a volume that a CSI driver attaches to the node of its pod.
type Volume struct {
	Driver string `json:"driver"`
	// ID tells volumes of one driver apart: the handle, or namespace/claim while
	// there is none. Pods with the same ID share the volume.
	ID string `json:"id"`
	// Exclusive volumes (ReadWriteOncePod) are for one pod at a time.
	Exclusive bool `json:"exclusive,omitempty"`
}

// PodGroup asks that its pods are bound together or not at all.
type PodGroup struct {
	// Name is namespace/name, as pods name it.
	Name string `json:"name"`
	// MinCount is the least number of pods that must have a node.
	MinCount int `json:"minCount"`
}

// PreferredNodeSelectorTerm is a wish with a weight of 1 to 100.
type PreferredNodeSelectorTerm struct {
	Weight int32            `json:"weight"`
	Term   NodeSelectorTerm `json:"term"`
}

// TopologySpread limits how unevenly the selected pods may lie over the values
// of a node label.
type TopologySpread struct {
	TopologyKey string         `json:"topologyKey"`
	MaxSkew     int32          `json:"maxSkew"`
	Selector    *LabelSelector `json:"selector,omitempty"`
	MinDomains  int32          `json:"minDomains,omitempty"`
	// ScheduleAnyway makes the rule a preference.
	ScheduleAnyway bool `json:"scheduleAnyway,omitempty"`
	// ClusterDefault marks a rule that the scheduler adds by itself to pods
	// that have none; it is the first preference to be given up.
	ClusterDefault bool `json:"clusterDefault,omitempty"`
	// IgnoreNodeAffinity and HonorNodeTaints are the policies that differ from
	// Kubernetes' defaults (affinity honoured, taints ignored).
	IgnoreNodeAffinity bool     `json:"ignoreNodeAffinity,omitempty"`
	HonorNodeTaints    bool     `json:"honorNodeTaints,omitempty"`
	MatchLabelKeys     []string `json:"matchLabelKeys,omitempty"`
}

// PodAffinityTerm draws a pod to (or, as anti-affinity, away from) the topology
// domains that hold the selected pods. Preferred terms carry a Weight.
type PodAffinityTerm struct {
	TopologyKey string         `json:"topologyKey"`
	Selector    *LabelSelector `json:"selector,omitempty"`
	// Namespaces is the resolved list; empty means the pod's own namespace.
	Namespaces []string `json:"namespaces,omitempty"`
	Weight     int32    `json:"weight,omitempty"`
}

// HostPort is a port of the node that the pod takes for itself.
type HostPort struct {
	IP       string `json:"ip,omitempty"`
	Port     int32  `json:"port"`
	Protocol string `json:"protocol"`
}
