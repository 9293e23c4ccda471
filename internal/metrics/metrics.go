// Package metrics holds drover's Prometheus metrics, under the names that
// Karpenter's users have on their dashboards.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "karpenter"

// Metrics are the counters and timings that controllers write.
type Metrics struct {
	NodeClaimsCreated     *prometheus.CounterVec // reason, nodepool
	NodeClaimsTerminated  *prometheus.CounterVec // nodepool, capacity_type, zone
	NodeClaimsDisrupted   *prometheus.CounterVec // reason, nodepool, capacity_type
	NodeClaimTermination  *prometheus.HistogramVec
	NodesCreated          *prometheus.CounterVec // nodepool
	NodesTerminated       *prometheus.CounterVec // nodepool
	NodesDrained          *prometheus.CounterVec // nodepool
	PodStartup            prometheus.Histogram
	PodsEvicted           *prometheus.CounterVec // code
	PodsDrained           *prometheus.CounterVec // reason
	SchedulingDuration    prometheus.Histogram
	QueueDepth            prometheus.Gauge
	UnschedulablePods     prometheus.Gauge
	SchedulingSteps       prometheus.Counter
	DisruptionDecisions   *prometheus.CounterVec // decision, reason, consolidation_type
	DisruptionEligible    *prometheus.GaugeVec   // reason
	DisruptionFailed      *prometheus.CounterVec // consolidation_type
	AllowedDisruptions    *prometheus.GaugeVec   // nodepool, reason
	CloudProviderDuration *prometheus.HistogramVec
	CloudProviderErrors   *prometheus.CounterVec
}

// NewAWSRequests makes and registers the counter of requests to AWS, every
// attempt counted, because attempts are what AWS throttles.
func NewAWSRequests(registerer prometheus.Registerer) *prometheus.CounterVec {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "drover", Subsystem: "aws", Name: "requests_total", Help: "Requests to AWS, retries included.",
	}, []string{"service", "operation", "result"})
	registerer.MustRegister(requests)
	return requests
}

// New makes the metrics and registers them.
func New(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		NodeClaimsCreated:    counter("nodeclaims", "created_total", "NodeClaims created, by reason and NodePool.", "reason", "nodepool"),
		NodeClaimsTerminated: counter("nodeclaims", "terminated_total", "NodeClaims terminated.", "nodepool", "capacity_type", "zone"),
		NodeClaimsDisrupted:  counter("nodeclaims", "disrupted_total", "NodeClaims given up on purpose, by reason.", "reason", "nodepool", "capacity_type"),
		NodeClaimTermination: histogram("nodeclaims", "termination_duration_seconds", "Time from a NodeClaim's deletion to its end.", "nodepool"),
		NodesCreated:         counter("nodes", "created_total", "Nodes that registered.", "nodepool"),
		NodesTerminated:      counter("nodes", "terminated_total", "Nodes terminated.", "nodepool"),
		NodesDrained:         counter("nodes", "drained_total", "Nodes drained.", "nodepool"),
		PodStartup: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "pods", Name: "startup_duration_seconds",
			Help: "Time from a pod's creation to its being ready.", Buckets: seconds(),
		}),
		PodsEvicted: counter("pods", "eviction_requests_total", "Requests to the Eviction API, by HTTP status code.", "code"),
		PodsDrained: counter("pods", "drained_total", "Pods told to leave a node, by reason.", "reason"),
		SchedulingDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "scheduler", Name: "scheduling_duration_seconds",
			Help: "Time one decision took.", Buckets: seconds(),
		}),
		QueueDepth:          gauge("scheduler", "queue_depth", "Pods that the last decision looked at."),
		UnschedulablePods:   gauge("scheduler", "unschedulable_pods_count", "Pods that the last decision found no place for."),
		SchedulingSteps:     prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: "scheduler", Name: "steps_total", Help: "Search steps of all decisions."}),
		DisruptionDecisions: counter("voluntary_disruption", "decisions_total", "Decisions to disrupt.", "decision", "reason", "consolidation_type"),
		DisruptionEligible: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "voluntary_disruption", Name: "eligible_nodes", Help: "Nodes that may be disrupted, by reason.",
		}, []string{"reason"}),
		DisruptionFailed: counter("voluntary_disruption", "failed_validations_total", "Disruptions called off by the check on fresh state.", "consolidation_type"),
		AllowedDisruptions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "nodepools", Name: "allowed_disruptions", Help: "Nodes of the NodePool that its budgets allow to disrupt now.",
		}, []string{"nodepool", "reason"}),
		CloudProviderDuration: histogram("cloudprovider", "duration_seconds", "Time calls to the cloud took.", "controller", "method", "provider"),
		CloudProviderErrors:   counter("cloudprovider", "errors_total", "Calls to the cloud that failed.", "controller", "method", "provider", "error"),
	}
	registerer.MustRegister(m.NodeClaimsCreated, m.NodeClaimsTerminated, m.NodeClaimsDisrupted, m.NodeClaimTermination,
		m.NodesCreated, m.NodesTerminated, m.NodesDrained, m.PodStartup, m.PodsEvicted, m.PodsDrained,
		m.SchedulingDuration, m.QueueDepth, m.UnschedulablePods, m.SchedulingSteps,
		m.DisruptionDecisions, m.DisruptionEligible, m.DisruptionFailed, m.AllowedDisruptions,
		m.CloudProviderDuration, m.CloudProviderErrors)
	return m
}

func seconds() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200}
}

func counter(subsystem, name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
}

func histogram(subsystem, name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: seconds(),
	}, labels)
}

func gauge(subsystem, name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
}
