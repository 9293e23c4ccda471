package main

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/spf13/pflag"

	"github.com/drover-project/drover/deploy"
)

// controllerOptions are the settings of `drover controller`. Each can be given
// as a flag or, with Karpenter's name, as an environment variable.
type controllerOptions struct {
	kubeconfig, context string

	clusterName, clusterEndpoint, clusterCA string
	memoryOverhead                          float64
	reservedENIs                            int

	groups        autoscalerFlags
	interruptions interruptionFlags
	spot          spotFlags
	spotMoves     spotMoveFlags

	batchIdle, batchMax time.Duration
	preferencePolicy    string
	featureGates        string

	metricsPort, healthPort int
	profiling               bool
	noLeaderElection        bool
	leaseName               string
	leaseNamespace          string
	qps                     float32
	burst                   int
	logLevel                string

	// onCall counts requests to AWS; set by run.
	onCall func(service, operation string, took time.Duration, err error)
}

// environment names the variable of each flag that has one.
func environment() map[string]string {
	variables := interruptionEnvironment()
	maps.Copy(variables, map[string]string{
		"cluster-name":               "CLUSTER_NAME",
		"cluster-endpoint":           "CLUSTER_ENDPOINT",
		"cluster-ca-bundle":          "CLUSTER_CA_BUNDLE",
		"vm-memory-overhead-percent": "VM_MEMORY_OVERHEAD_PERCENT",
		"reserved-enis":              "RESERVED_ENIS",
		"batch-idle-duration":        "BATCH_IDLE_DURATION",
		"batch-max-duration":         "BATCH_MAX_DURATION",
		"preference-policy":          "PREFERENCE_POLICY",
		"spot-risk":                  "SPOT_RISK",
		"spot-interruption-hours":    "SPOT_INTERRUPTION_HOURS",
		"spot-max-share":             "SPOT_MAX_SHARE",
		"spot-price-tolerance":       "SPOT_PRICE_TOLERANCE",
		"spot-to-spot-after":         "SPOT_TO_SPOT_AFTER",
		"feature-gates":              "FEATURE_GATES",
		"metrics-port":               "METRICS_PORT",
		"enable-profiling":           "ENABLE_PROFILING",
		"health-probe-port":          "HEALTH_PROBE_PORT",
		"disable-leader-election":    "DISABLE_LEADER_ELECTION",
		"leader-election-name":       "LEADER_ELECTION_NAME",
		"leader-election-namespace":  "LEADER_ELECTION_NAMESPACE",
		"kube-client-qps":            "KUBE_CLIENT_QPS",
		"kube-client-burst":          "KUBE_CLIENT_BURST",
		"log-level":                  "LOG_LEVEL",
	})
	return variables
}

func (o *controllerOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; default: KUBECONFIG, the pod's service account, ~/.kube/config")
	flags.StringVar(&o.context, "context", "", "context of the kubeconfig; default: its current one")
	flags.StringVar(&o.clusterName, "cluster-name", "", "name of the EKS cluster (required)")
	flags.StringVar(&o.clusterEndpoint, "cluster-endpoint", "", "URL of the API server that new nodes join; default: ask EKS")
	flags.StringVar(&o.clusterCA, "cluster-ca-bundle", "", "base64 of the PEM bundle that new nodes trust; default: ask EKS")
	flags.Float64Var(&o.memoryOverhead, "vm-memory-overhead-percent", 0.075, "share of an instance's memory that its node does not get, as a fraction")
	flags.IntVar(&o.reservedENIs, "reserved-enis", 0, "network interfaces of each instance that pods cannot use")
	flags.DurationVar(&o.batchIdle, "batch-idle-duration", time.Second, "how long no new pod must come for a batch to be complete")
	flags.DurationVar(&o.batchMax, "batch-max-duration", 10*time.Second, "how long a batch may take at most")
	flags.StringVar(&o.preferencePolicy, "preference-policy", "Respect", "what to do with preferred rules: Respect or Ignore")
	flags.StringVar(&o.featureGates, "feature-gates", "", "Karpenter's feature gates, NAME=true|false,...; SpotToSpotConsolidation is on unless it is set to false")
	flags.IntVar(&o.metricsPort, "metrics-port", 8080, "port of Prometheus metrics; 0 means none")
	flags.BoolVar(&o.profiling, "enable-profiling", false, "serve /debug/pprof at the metrics port")
	flags.IntVar(&o.healthPort, "health-probe-port", 8081, "port of /healthz and /readyz; 0 means none")
	flags.BoolVar(&o.noLeaderElection, "disable-leader-election", false, "act without a lease; safe only for a single process")
	flags.StringVar(&o.leaseName, "leader-election-name", "karpenter-leader-election", "name of the lease")
	flags.StringVar(&o.leaseNamespace, "leader-election-namespace", deploy.Namespace, "namespace of the lease")
	flags.Float32Var(&o.qps, "kube-client-qps", 200, "requests to the API server per second")
	flags.IntVar(&o.burst, "kube-client-burst", 300, "requests to the API server at once")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	o.groups.register(flags)
	o.interruptions.register(flags)
	o.spot.register(flags)
	o.spotMoves.register(flags)
	for name, variable := range environment() {
		flags.Lookup(name).Usage += " [$" + variable + "]"
	}
}

// complete fills flags that were not given from the environment and checks the
// whole.
func (o *controllerOptions) complete(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var problems []error
	flags.VisitAll(func(flag *pflag.Flag) {
		variable, ok := environment()[flag.Name]
		if !ok || flag.Changed {
			return
		}
		value, ok := lookup(variable)
		if !ok || value == "" {
			return
		}
		if err := flags.Set(flag.Name, value); err != nil {
			problems = append(problems, fmt.Errorf("environment variable %s: %w", variable, err))
		}
	})
	if len(problems) == 0 {
		problems = o.validate()
	}
	return errors.Join(problems...)
}

func (o *controllerOptions) validate() []error {
	var problems []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	require(o.clusterName != "", "--cluster-name or CLUSTER_NAME is required: give the name of the EKS cluster, as in `aws eks list-clusters`")
	require(o.batchIdle > 0, "--batch-idle-duration %s must be above zero", o.batchIdle)
	require(o.batchMax >= o.batchIdle, "--batch-max-duration %s must be at least --batch-idle-duration %s", o.batchMax, o.batchIdle)
	require(o.memoryOverhead >= 0 && o.memoryOverhead < 1, "--vm-memory-overhead-percent %g is a fraction: use 0.075 for 7.5 %%", o.memoryOverhead)
	require(o.reservedENIs >= 0, "--reserved-enis %d must not be negative", o.reservedENIs)
	require(o.preferencePolicy == "Respect" || o.preferencePolicy == "Ignore", "--preference-policy %q must be Respect or Ignore", o.preferencePolicy)
	require(isPort(o.metricsPort), "--metrics-port %d must be from 0 to 65535", o.metricsPort)
	require(isPort(o.healthPort), "--health-probe-port %d must be from 0 to 65535", o.healthPort)
	require(o.qps > 0 && o.burst > 0, "--kube-client-qps %g and --kube-client-burst %d must be above zero", o.qps, o.burst)
	o.interruptions.validate(require)
	problems = append(append(problems, o.spot.validate()...), o.spotMoves.validate()...)
	if _, faults := o.groups.complete(o.clusterName); o.groups.given() || o.groups.options.Requests.Enabled {
		problems = append(problems, faults...)
	}
	if _, err := parseFeatureGates(o.featureGates); err != nil {
		problems = append(problems, err)
	}
	return problems
}

func isPort(port int) bool { return port >= 0 && port <= 65535 }
