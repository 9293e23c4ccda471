package metrics

import "github.com/prometheus/client_golang/prometheus"

const groupsNamespace = "cluster_autoscaler"

// Groups are the metrics of node groups, under cluster-autoscaler's names.
type Groups struct {
	SafeToAutoscale   prometheus.Gauge
	Nodes             *prometheus.GaugeVec // state
	GroupCount        *prometheus.GaugeVec // node_group_type
	GroupSizes        GroupSizes
	UnschedulablePods *prometheus.GaugeVec // type
	LastActivity      *prometheus.GaugeVec // activity
	Duration          *prometheus.HistogramVec
	Errors            *prometheus.CounterVec // type
	ScaledUp          prometheus.Counter
	FailedScaleUps    *prometheus.CounterVec // reason
	ScaledDown        *prometheus.CounterVec // reason
	Evicted           *prometheus.CounterVec // eviction_result
	Unneeded          prometheus.Gauge
	Unremovable       *prometheus.GaugeVec // reason
	OldUnregistered   prometheus.Counter
}

// GroupSizes are the sizes of each group.
type GroupSizes struct{ least, target, most *prometheus.GaugeVec }

// Reset forgets groups that may be gone.
func (s GroupSizes) Reset() {
	s.least.Reset()
	s.target.Reset()
	s.most.Reset()
}

// Set shows the sizes of one group.
func (s GroupSizes) Set(group string, least, target, most int) {
	s.least.WithLabelValues(group).Set(float64(least))
	s.target.WithLabelValues(group).Set(float64(target))
	s.most.WithLabelValues(group).Set(float64(most))
}

// NewGroups makes the metrics and registers them.
func NewGroups(registerer prometheus.Registerer) *Groups {
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: groupsNamespace, Name: name, Help: help}, labels)
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: groupsNamespace, Name: name, Help: help}, labels)
	}
	m := &Groups{
		SafeToAutoscale:   prometheus.NewGauge(prometheus.GaugeOpts{Namespace: groupsNamespace, Name: "cluster_safe_to_autoscale", Help: "Whether sizes are changed, 1 if so."}),
		Nodes:             gauges("nodes_count", "Nodes of node groups.", "state"),
		GroupCount:        gauges("node_groups_count", "Node groups.", "node_group_type"),
		UnschedulablePods: gauges("unschedulable_pods_count", "Pods that wait for a node.", "type"),
		LastActivity:      gauges("last_activity", "Unix time of the last activity.", "activity"),
		Duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: groupsNamespace, Name: "function_duration_seconds",
			Help: "Time taken by parts of the main loop.", Buckets: seconds()}, []string{"function"}),
		Errors:          counters("errors_total", "Looks that failed.", "type"),
		ScaledUp:        prometheus.NewCounter(prometheus.CounterOpts{Namespace: groupsNamespace, Name: "scaled_up_nodes_total", Help: "Units that groups were grown by."}),
		FailedScaleUps:  counters("failed_scale_ups_total", "Growth that did not come.", "reason"),
		ScaledDown:      counters("scaled_down_nodes_total", "Nodes taken away.", "reason"),
		Evicted:         counters("evicted_pods_total", "Evictions for nodes that go.", "eviction_result"),
		Unneeded:        prometheus.NewGauge(prometheus.GaugeOpts{Namespace: groupsNamespace, Name: "unneeded_nodes_count", Help: "Nodes that nobody needs now."}),
		Unremovable:     gauges("unremovable_nodes_count", "Nodes that stay, by reason.", "reason"),
		OldUnregistered: prometheus.NewCounter(prometheus.CounterOpts{Namespace: groupsNamespace, Name: "old_unregistered_nodes_removed_count", Help: "Instances ended that did not join."}),
		GroupSizes: GroupSizes{least: gauges("node_group_min_count", "Minimum size.", "node_group"),
			target: gauges("node_group_target_count", "Desired size.", "node_group"), most: gauges("node_group_max_count", "Maximum size.", "node_group")},
	}
	registerer.MustRegister(m.SafeToAutoscale, m.Nodes, m.GroupCount, m.UnschedulablePods, m.LastActivity, m.Duration, m.Errors, m.ScaledUp,
		m.FailedScaleUps, m.ScaledDown, m.Evicted, m.Unneeded, m.Unremovable, m.OldUnregistered, m.GroupSizes.least, m.GroupSizes.target, m.GroupSizes.most)
	return m
}
