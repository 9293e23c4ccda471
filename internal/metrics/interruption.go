package metrics

import "github.com/prometheus/client_golang/prometheus"

// Interruption are the metrics about nodes that AWS takes back: those of
// Karpenter under its names, and what nobody else publishes under drover's.
type Interruption struct {
	Received      *prometheus.CounterVec // message_type
	Deleted       prometheus.Counter
	QueueDuration prometheus.Histogram
	// Ignored messages by reason: malformed, foreign, unknown_instance, no_op, stale.
	Ignored     *prometheus.CounterVec
	QueueErrors prometheus.Counter
	// Nodes that had to go, by kind of notice, and the calls made for them, by API:
	// kubernetes, aws.
	Nodes *prometheus.CounterVec
	Calls *prometheus.CounterVec

	NoticeToCordon  *prometheus.HistogramVec // kind
	NoticeToDrained *prometheus.HistogramVec // kind
	PodsLost        *prometheus.CounterVec   // kind
	Undone          *prometheus.CounterVec   // kind
	Unhealthy       *prometheus.CounterVec   // category
}

// NewInterruption makes the metrics and registers them.
func NewInterruption(registerer prometheus.Registerer) *Interruption {
	own := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "drover", Subsystem: "interruption", Name: name, Help: help}, labels)
	}
	took := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "drover", Subsystem: "interruption", Name: name, Help: help, Buckets: seconds(),
		}, []string{"kind"})
	}
	m := &Interruption{
		Received: counter("interruption", "received_messages_total", "Messages received from the queue, by kind.", "message_type"),
		Deleted: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "interruption", Name: "deleted_messages_total", Help: "Messages deleted from the queue.",
		}),
		QueueDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "interruption", Name: "message_queue_duration_seconds",
			Help: "Time from an event to its being recorded on the node.", Buckets: seconds(),
		}),
		Ignored:         own("ignored_messages_total", "Messages that nothing was done about, by reason.", "reason"),
		QueueErrors:     prometheus.NewCounter(prometheus.CounterOpts{Namespace: "drover", Subsystem: "interruption", Name: "queue_errors_total", Help: "Calls to the queue that failed."}),
		Nodes:           own("nodes_total", "Nodes that had to be given up.", "kind"),
		Calls:           own("calls_total", "Calls made because of interruptions, by API.", "api"),
		NoticeToCordon:  took("notice_to_cordon_seconds", "Time from AWS's notice to the node taking no more pods."),
		NoticeToDrained: took("notice_to_drained_seconds", "Time from AWS's notice to the node being empty."),
		PodsLost:        own("pods_lost_at_deadline_total", "Pods that were still on a node when AWS took it.", "kind"),
		Undone:          own("undone_total", "Nodes that were marked and then needed no more.", "kind"),
		Unhealthy:       counter("interruption", "instance_status_unhealthy_total", "Instances of the cluster found unhealthy, by category.", "category"),
	}
	registerer.MustRegister(m.Received, m.Deleted, m.QueueDuration, m.Ignored, m.QueueErrors, m.Nodes, m.Calls,
		m.NoticeToCordon, m.NoticeToDrained, m.PodsLost, m.Undone, m.Unhealthy)
	return m
}
