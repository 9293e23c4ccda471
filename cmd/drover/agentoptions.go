package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/deploy"
	"github.com/drover-project/drover/internal/agent"
	"github.com/drover-project/drover/internal/agent/webhook"
	"github.com/drover-project/drover/internal/evacuate"
)

// agentOptions are the settings of `drover agent`: drover's own, and those of
// aws-node-termination-handler under its names.
type agentOptions struct {
	kubeconfig, context   string
	serviceHost           string
	servicePort           int
	qps                   float32
	burst                 int
	node                  string
	metadataURL           string
	metadataTries         int
	interval              time.Duration
	drain                 string
	leaseName, leaseSpace string
	dryRun                bool

	spot, scheduled, group            bool
	rebalance, rebalanceDrain         bool
	nodeGrace, podGrace               int
	force                             string
	forceBefore, margin               time.Duration
	rebalanceExpiry, lead             time.Duration
	cordonOnly, taint, outOfService   bool
	noBalancers                       bool
	taintEffect                       string
	ignoreDaemonSets, deleteLocalData bool
	queueMode                         bool
	hook                              webhook.Options
	hookTemplateFile                  string
	emitEvents                        bool
	prometheus, probes                bool
	prometheusPort, probesPort        int
	probesPath                        string
	logLevel                          string
}

func (o *agentOptions) register(flags *pflag.FlagSet) {
	o.registerOwn(flags)
	o.registerEvents(flags)
	o.registerNode(flags)
	o.registerTelling(flags)
	registerIgnored(flags)
	flags.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			flag.Usage += " [$" + agentVariable(flag.Name) + "]"
		}
	})
}

func (o *agentOptions) registerOwn(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; default: KUBECONFIG, the pod's service account, ~/.kube/config")
	flags.StringVar(&o.context, "context", "", "context of the kubeconfig; default: its current one")
	flags.StringVar(&o.drain, "drain", string(agent.Auto), "when the agent itself cordons and drains: auto (while no controller of drover's leads), always or never")
	flags.DurationVar(&o.interval, "poll-interval", 2*time.Second, "pause between two looks at the instance metadata service")
	flags.StringVar(&o.leaseName, "leader-election-name", "karpenter-leader-election", "name of the controller's lease")
	flags.StringVar(&o.leaseSpace, "leader-election-namespace", deploy.Namespace, "namespace of the controller's lease")
	flags.StringVar(&o.force, "interruption-force", string(evacuate.ForceNever), "what is done with pods that PodDisruptionBudgets hold until AWS takes their node: never, or delete")
	flags.DurationVar(&o.forceBefore, "interruption-force-before", 15*time.Second, "how long before that they are deleted")
	flags.DurationVar(&o.margin, "interruption-margin", 10*time.Second, "time kept between the end of a pod's grace period and the end of its node")
	flags.DurationVar(&o.rebalanceExpiry, "rebalance-expiry", 20*time.Minute, "how long a rebalance recommendation counts when no interruption follows; 0 means for ever")
	flags.DurationVar(&o.lead, "scheduled-event-lead", time.Hour, "how long before a scheduled event its node is emptied")
}

func (o *agentOptions) registerEvents(flags *pflag.FlagSet) {
	flags.BoolVar(&o.spot, "enable-spot-interruption-draining", true, "watch for Spot interruption notices")
	flags.BoolVar(&o.scheduled, "enable-scheduled-event-draining", true, "watch for scheduled events")
	flags.BoolVar(&o.rebalance, "enable-rebalance-monitoring", false, "cordon on a rebalance recommendation; if neither is given they are recorded for the controller only")
	flags.BoolVar(&o.rebalanceDrain, "enable-rebalance-draining", false, "cordon and drain on a rebalance recommendation")
	flags.BoolVar(&o.group, "enable-asg-lifecycle-draining", false, "cordon and drain when the Auto Scaling group ends the instance; if not given that is recorded for the controller only")
	flags.BoolVar(&o.queueMode, "enable-sqs-termination-draining", false, "must be false: that is what `drover controller --interruption-queue` does")
}

func (o *agentOptions) registerNode(flags *pflag.FlagSet) {
	flags.StringVar(&o.node, "node-name", "", "name of the node that the agent runs on (required)")
	flags.StringVar(&o.metadataURL, "metadata-url", "", "URL of the instance metadata service; default: AWS_EC2_METADATA_SERVICE_ENDPOINT, or http://169.254.169.254")
	flags.IntVar(&o.metadataTries, "metadata-tries", 3, "how often a request to it is sent before it counts as failed")
	flags.BoolVar(&o.dryRun, "dry-run", false, "only log what would be done")
	flags.BoolVar(&o.cordonOnly, "cordon-only", false, "cordon, and drain never")
	flags.BoolVar(&o.taint, "taint-node", false, "taint the node with aws-node-termination-handler/spot-itn and the like")
	flags.StringVar(&o.taintEffect, "taint-effect", string(corev1.TaintEffectNoSchedule), "effect of these taints: NoSchedule, PreferNoSchedule or NoExecute")
	flags.BoolVar(&o.outOfService, "enable-out-of-service-taint", false, "taint a drained node with node.kubernetes.io/out-of-service")
	flags.BoolVar(&o.noBalancers, "exclude-from-load-balancers", false, "label a cordoned node so that external load balancers leave it out")
	flags.BoolVar(&o.ignoreDaemonSets, "ignore-daemon-sets", true, "must be true: pods of DaemonSets stay")
	flags.BoolVar(&o.deleteLocalData, "delete-local-data", true, "must be true: emptyDir volumes end with the instance")
	flags.IntVar(&o.nodeGrace, "node-termination-grace-period", 120, "seconds before the end of a Spot instance at which its drain begins")
	flags.IntVar(&o.podGrace, "pod-termination-grace-period", -1, "must be -1: pods have their own grace period, as far as it fits")
	flags.StringVar(&o.serviceHost, "kubernetes-service-host", "", "host of the API server, if not the one of kubeconfig or service account")
	flags.IntVar(&o.servicePort, "kubernetes-service-port", 443, "port of that host")
	flags.Float32Var(&o.qps, "kube-api-qps", 50, "requests to the API server per second")
	flags.IntVar(&o.burst, "kube-api-burst", 100, "requests to the API server at once")
}

func (o *agentOptions) registerTelling(flags *pflag.FlagSet) {
	flags.StringVar(&o.hook.URL, "webhook-url", "", "where to POST once a node is out of use")
	flags.StringVar(&o.hook.Headers, "webhook-headers", webhook.DefaultHeaders, "HTTP headers of that, as a JSON object")
	flags.StringVar(&o.hook.Proxy, "webhook-proxy", "", "HTTP proxy for that")
	flags.StringVar(&o.hook.Template, "webhook-template", "", "Go template of the body, with sprig's functions")
	flags.StringVar(&o.hookTemplateFile, "webhook-template-file", "", "file with that template")
	flags.BoolVar(&o.emitEvents, "emit-kubernetes-events", true, "tell of what happens in events on the Node")
	flags.BoolVar(&o.prometheus, "enable-prometheus-server", false, "serve Prometheus metrics")
	flags.IntVar(&o.prometheusPort, "prometheus-server-port", 9092, "port of that")
	flags.BoolVar(&o.probes, "enable-probes-server", false, "serve a liveness probe")
	flags.IntVar(&o.probesPort, "probes-server-port", 8080, "port of that")
	flags.StringVar(&o.probesPath, "probes-server-endpoint", "/healthz", "path of that")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
}

// ignoredFlag is a flag of aws-node-termination-handler that is taken and changes
// nothing. Quiet ones are not worth a word.
type ignoredFlag struct {
	name, why string
}

func ignoredFlags() []ignoredFlag {
	const queue = "it is about the queue, which the controller reads"
	return []ignoredFlag{
		{"pod-name", ""}, {"pod-namespace", ""}, {"json-logging", ""}, {"log-format-version", ""}, {"uptime-from-file", ""},
		{"use-apiserver-cache", ""}, {"workers", ""}, {"aws-region", ""}, {"aws-endpoint", queue}, {"queue-url", queue},
		{"check-tag-before-draining", ""}, {"check-asg-tag-before-draining", ""}, {"managed-tag", ""}, {"managed-asg-tag", ""},
		{"use-provider-id", ""}, {"delete-sqs-msg-if-node-not-found", queue}, {"complete-lifecycle-action-delay-seconds", queue},
		{"heartbeat-interval", queue}, {"heartbeat-until", queue}, {"sqs-msg-visibility-timeout-sec", queue}, {"grace-period", ""},
		{"kubernetes-events-extra-annotations", "events carry no annotations"},
	}
}

func registerIgnored(flags *pflag.FlagSet) {
	for _, one := range ignoredFlags() {
		flags.String(one.name, "", "taken from aws-node-termination-handler; changes nothing")
		flag := flags.Lookup(one.name)
		flag.NoOptDefVal, flag.Hidden = "true", true
	}
}

// sayIgnored names what was given on the command line and changes nothing.
func sayIgnored(flags *pflag.FlagSet, log logr.Logger) {
	for _, one := range ignoredFlags() {
		if one.why != "" && flags.Changed(one.name) {
			log.Info("this flag of aws-node-termination-handler changes nothing here", "flag", "--"+one.name, "why", one.why)
		}
	}
}

// agentVariable names the environment variable of a flag.
func agentVariable(flag string) string {
	switch flag {
	case "metadata-url":
		return "INSTANCE_METADATA_URL"
	case "kubeconfig": // read by client-go
		return "KUBECONFIG"
	case "context", "drain", "poll-interval":
		return "AGENT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	}
	return strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// complete fills flags that were not given from the environment and checks the
// whole. A variable that is empty is not given.
func (o *agentOptions) complete(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var problems []error
	flags.VisitAll(func(flag *pflag.Flag) {
		value, _ := lookup(agentVariable(flag.Name))
		if flag.Changed || flag.Hidden || value == "" || slices.Contains(notFromEnvironment(), flag.Name) {
			return
		}
		if err := flags.Set(flag.Name, value); err != nil {
			problems = append(problems, fmt.Errorf("$%s: %w", agentVariable(flag.Name), err))
		}
	})
	if o.hookTemplateFile != "" {
		content, err := os.ReadFile(o.hookTemplateFile)
		if err != nil {
			problems = append(problems, fmt.Errorf("--webhook-template-file: %w", err))
		}
		o.hook.Template = string(content)
	}
	o.logLevel = strings.ToLower(o.logLevel)
	return errors.Join(append(problems, o.validate()...)...)
}

// notFromEnvironment are flags whose variables mean something to client-go, too,
// which reads them itself.
func notFromEnvironment() []string {
	return []string{"help", "kubeconfig", "kubernetes-service-host", "kubernetes-service-port"}
}

func (o *agentOptions) validate() (problems []error) {
	require := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	require(o.node != "", "--node-name is required: the name of the node that the agent runs on, as in NODE_NAME from spec.nodeName")
	require(slices.Contains([]string{string(agent.Auto), string(agent.Always), string(agent.Never)}, o.drain), "--drain %q must be auto, always or never", o.drain)
	require(slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, o.taintEffect), "--taint-effect %q must be NoSchedule, PreferNoSchedule or NoExecute", o.taintEffect)
	require(o.force == string(evacuate.ForceNever) || o.force == string(evacuate.ForceDelete), "--interruption-force %q must be never or delete", o.force)
	require(o.interval >= 100*time.Millisecond, "--poll-interval %s must be at least 100ms", o.interval)
	require(o.forceBefore >= 0 && o.margin >= 0 && o.rebalanceExpiry >= 0 && o.lead >= 0, "--interruption-force-before, --interruption-margin, --rebalance-expiry and --scheduled-event-lead must not be negative")
	require(o.nodeGrace >= 0, "--node-termination-grace-period %d must not be negative", o.nodeGrace)
	require(o.metadataTries > 0, "--metadata-tries %d must be above zero", o.metadataTries)
	require(o.qps > 0 && o.burst > 0, "--kube-api-qps %g and --kube-api-burst %d must be above zero", o.qps, o.burst)
	require(isPort(o.prometheusPort) && o.prometheusPort > 0, "--prometheus-server-port %d must be from 1 to 65535", o.prometheusPort)
	require(isPort(o.probesPort) && o.probesPort > 0, "--probes-server-port %d must be from 1 to 65535", o.probesPort)
	require(strings.HasPrefix(o.probesPath, "/"), "--probes-server-endpoint %q must begin with /", o.probesPath)
	require(slices.Contains([]string{"debug", "info", "warn", "error"}, o.logLevel), "--log-level %q must be debug, info, warn or error", o.logLevel)
	require(o.ignoreDaemonSets, "--ignore-daemon-sets=false is not supported: a DaemonSet's pod would be made anew on the same node at once; it ends with the node")
	require(o.deleteLocalData, "--delete-local-data=false is not supported: EC2 takes the instance with its emptyDir volumes whether their pods are evicted or not")
	require(o.podGrace == -1, "--pod-termination-grace-period=%d is not supported: pods keep their own grace period, shortened where it would end after the instance", o.podGrace)
	require(!o.queueMode, "--enable-sqs-termination-draining is not a mode of the agent: give the queue to the controller, `drover controller --interruption-queue NAME`")
	if o.hook.URL != "" {
		if _, err := webhook.New(o.hook); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// settings are the options in the agent's words. What was not said of a kind
// leaves it to the controller: it is recorded, and the agent does nothing.
func (o *agentOptions) settings(flags *pflag.FlagSet) agent.Options {
	rebalance := o.rebalance || o.rebalanceDrain
	untold := !flags.Changed("enable-rebalance-monitoring") && !flags.Changed("enable-rebalance-draining")
	return agent.Options{
		Node: o.node, Mode: agent.Mode(o.drain), Interval: o.interval,
		Watch: agent.Kinds{
			Spot: o.spot, Scheduled: o.scheduled, Rebalance: rebalance || untold,
			Group: o.group || !flags.Changed("enable-asg-lifecycle-draining"),
		},
		Rules: agent.Rules{
			Act:            agent.Kinds{Spot: o.spot, Scheduled: o.scheduled, Rebalance: rebalance, Group: o.group},
			RebalanceDrain: o.rebalanceDrain, RebalanceExpiry: o.rebalanceExpiry, CordonOnly: o.cordonOnly,
			DrainBefore: time.Duration(o.nodeGrace) * time.Second, ScheduledLead: o.lead,
		},
		Evacuation: evacuate.Rules{Margin: o.margin, Force: evacuate.Force(o.force), ForceBefore: o.forceBefore, KeepDaemonSets: true},
		Marks:      agent.Marks{Taint: o.taint, Effect: corev1.TaintEffect(o.taintEffect), OutOfService: o.outOfService, NoLoadBalancers: o.noBalancers},
	}
}
