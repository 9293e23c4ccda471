package agent

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drover-project/drover/internal/interruption"
)

// Metrics of an agent: those that aws-node-termination-handler has, and how long
// things take. A nil *Metrics counts nothing.
type Metrics struct {
	actions         *prometheus.CounterVec // node_action, node_status
	errors          *prometheus.CounterVec // event_error_where
	notices         *prometheus.CounterVec // kind
	reachable       prometheus.Gauge
	noticeToCordon  *prometheus.HistogramVec // kind
	noticeToDrained *prometheus.HistogramVec // kind
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	latency := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "drover", Subsystem: "agent", Name: name, Help: help, Buckets: []float64{.25, .5, 1, 2, 3, 5, 10, 20, 30, 60, 90, 120, 300, 900, 3600},
		}, []string{"kind"})
	}
	m := &Metrics{
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "actions_total", Help: "What was done to the node."}, []string{"node_action", "node_status"}),
		errors:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "events_error_total", Help: "What could not be read or done."}, []string{"event_error_where"}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "drover", Subsystem: "agent", Name: "notices_total", Help: "Announcements heard of, those that something is over included.",
		}, []string{"kind"}),
		reachable: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "drover", Subsystem: "agent", Name: "metadata_up", Help: "1 while the instance metadata service says what it should.",
		}),
		noticeToCordon:  latency("notice_to_cordon_seconds", "Time from a notice to the node being cordoned."),
		noticeToDrained: latency("notice_to_drained_seconds", "Time from a notice to the node being drained."),
	}
	registerer.MustRegister(m.actions, m.errors, m.notices, m.reachable, m.noticeToCordon, m.noticeToDrained)
	return m
}

func (m *Metrics) did(action string, err error) {
	if m == nil {
		return
	}
	status := "success"
	if err != nil {
		status = "error"
	}
	m.actions.WithLabelValues(action, status).Inc()
}

func (m *Metrics) failed(where string) {
	if m != nil {
		m.errors.WithLabelValues(where).Inc()
	}
}

func (m *Metrics) heard(n interruption.Notice) {
	if m != nil {
		m.notices.WithLabelValues(string(n.Kind)).Inc()
	}
}

func (m *Metrics) up(yes bool) {
	switch {
	case m == nil:
	case yes:
		m.reachable.Set(1)
	default:
		m.reachable.Set(0)
	}
}

func (m *Metrics) cordoned(n interruption.Notice, now time.Time) {
	if m != nil {
		m.noticeToCordon.WithLabelValues(string(n.Kind)).Observe(now.Sub(n.Noticed).Seconds())
	}
}

func (m *Metrics) drained(n interruption.Notice, now time.Time) {
	if m != nil {
		m.noticeToDrained.WithLabelValues(string(n.Kind)).Observe(now.Sub(n.Noticed).Seconds())
	}
}
