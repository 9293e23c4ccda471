package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/drover-project/drover/internal/cloud/aws"
	"github.com/drover-project/drover/internal/controllers"
	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/logging"
	"github.com/drover-project/drover/internal/metrics"
)

// groupCommand is the name of the command, and of a program that is this one
// under another name.
const groupCommand = "cluster-autoscaler"

// byProgramName lets a container whose command is ./cluster-autoscaler, or
// /node-termination-handler, run this program, so that manifests of these need
// only another image.
func byProgramName(args []string) []string {
	if len(args) > 0 {
		switch filepath.Base(args[0]) {
		case groupCommand:
			return append([]string{groupCommand}, args[1:]...)
		case handlerProgram:
			return append([]string{agentCommand}, args[1:]...)
		}
	}
	return args[min(1, len(args)):]
}

// groupCommandOptions are the settings of `drover cluster-autoscaler`.
type groupCommandOptions struct {
	groups                autoscalerFlags
	interruptions         interruptionFlags
	clusterName           string
	kubeconfig            string
	leaderElect           bool
	leaseName, leaseSpace string
	address               string
	qps                   float32
	burst                 int
	verbosity             string
}

func newGroupCommand() *cobra.Command {
	var options groupCommandOptions
	command := &cobra.Command{
		Use:   groupCommand,
		Short: "Size Auto Scaling groups, with cluster-autoscaler's flags",
		Long: `Size Auto Scaling groups for the pods of the cluster, with cluster-autoscaler's
flags, tags, annotations, events and status ConfigMap, and without NodePools.
A program of this name does the same: manifests of cluster-autoscaler run as
they are once their image is drover's.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			wanted, err := options.complete()
			if err != nil {
				return err
			}
			log, err := logging.New(command.OutOrStdout(), options.level(), readBuild().Commit)
			if err != nil {
				return err
			}
			libraries, err := logging.New(command.OutOrStdout(), logging.Quiet(options.level()), readBuild().Commit)
			if err != nil {
				return err
			}
			ctrl.SetLogger(libraries)
			klog.SetLogger(libraries)
			sayUnused(command.Flags(), log)
			if err := runGroups(command.Context(), options, wanted, log); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	options.register(command.Flags())
	registerUnused(command.Flags())
	return command
}

func (o *groupCommandOptions) register(flags *pflag.FlagSet) {
	o.groups.register(flags)
	o.interruptions.register(flags)
	flags.Lookup("interruption-queue").Usage = "name or URL of the SQS queue that tells of instances which AWS takes back; default: none, and nothing is done about them"
	flags.StringVar(&o.groups.cloudProvider, "cloud-provider", "aws", "must be aws")
	flags.StringVar(&o.clusterName, "cluster-name", "", "name of the cluster; default: the one that the discovery tags name")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; default: KUBECONFIG, the pod's service account, ~/.kube/config")
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "act only while holding the lease")
	flags.StringVar(&o.leaseName, "leader-elect-resource-name", groupCommand, "name of the lease")
	flags.StringVar(&o.leaseSpace, "leader-elect-resource-namespace", "", "namespace of the lease; default: that of --namespace")
	flags.StringVar(&o.address, "address", ":8085", "address of /metrics and /health-check; 0 means none")
	flags.Float32Var(&o.qps, "kube-client-qps", 200, "requests to the API server per second")
	flags.IntVar(&o.burst, "kube-client-burst", 300, "requests to the API server at once")
	flags.StringVarP(&o.verbosity, "v", "v", "4", "log level: 5 and more is debug")
}

func (o *groupCommandOptions) level() string {
	if n, err := strconv.Atoi(o.verbosity); err == nil && n >= 5 {
		return "debug"
	}
	return "info"
}

func (o *groupCommandOptions) complete() (nodegroup.Options, error) {
	wanted, problems := o.groups.complete(o.clusterName)
	if wanted.ClusterName == "" {
		wanted.ClusterName = clusterOfTags(wanted.Selection.Tags)
	}
	if !o.groups.given() {
		problems = append(problems, errors.New("no node group is named: give --nodes=MIN:MAX:NAME, or --node-group-auto-discovery=asg:tag=KEY with its tags"))
	}
	o.interruptions.validate(func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	})
	if o.groups.cloudProvider != "aws" {
		problems = append(problems, fmt.Errorf("--cloud-provider=%s: only aws is supported", o.groups.cloudProvider))
	}
	return wanted, errors.Join(problems...)
}

// unusedFlags are flags of cluster-autoscaler that are taken and change nothing,
// so that its manifests run as they are.
func unusedFlags() []string {
	return []string{
		"add-dir-header", "alsologtostderr", "aws-use-static-instance-list", "balancing-ignore-label", "balancing-label", "blocking-system-pod-distruption-timeout",
		"bulk-mig-instances-listing-enabled", "bypassed-scheduler-names", "capacity-buffer-controller-enabled", "capacity-buffer-pod-injection-enabled",
		"capacity-quotas-enabled", "check-capacity-batch-processing", "cloud-config", "cordon-node-before-terminating", "cores-total", "daemonset-eviction-for-empty-nodes",
		"daemonset-eviction-for-occupied-nodes", "debugging-snapshot-enabled", "drain-priority-config", "dynamic-node-delete-delay-after-taint-enabled",
		"emit-per-nodegroup-metrics", "enable-csi-node-aware-scheduling", "enable-dynamic-resource-allocation", "enable-proactive-scaleup",
		"enforce-node-group-min-size", "estimator", "fastpath-binpacking-enabled", "force-delete-unregistered-nodes", "force-ds", "frequent-loops-enabled",
		"gpu-total", "ignore-mirror-pods-utilization", "ignore-taint", "initial-node-group-backoff-duration",
		"kube-api-content-type", "kubernetes", "leader-elect-lease-duration", "leader-elect-renew-deadline", "leader-elect-resource-lock", "leader-elect-retry-period",
		"log-backtrace-at", "log-dir", "log-file", "log-file-max-size", "logging-format", "logtostderr", "max-allocatable-difference-ratio", "max-autoprovisioned-node-group-count",
		"max-binpacking-time", "max-empty-bulk-delete", "max-failing-time", "max-free-difference-ratio", "max-inactivity",
		"max-node-group-backoff-duration", "max-node-startup-time", "max-nodegroup-binpacking-duration", "max-nodes-per-scaleup", "max-startup-time",
		"max-total-unready-percentage", "memory-difference-ratio", "memory-total", "node-autoprovisioning-enabled", "node-delete-delay-after-taint",
		"node-deletion-batcher-interval", "node-deletion-delay-timeout", "node-group-backoff-reset-timeout", "node-info-cache-expire-time",
		"ok-total-unready-count", "one-output", "parallel-scale-up", "predicate-parallelism", "profiling", "provisioning-request-max-backoff-cache-size",
		"record-duplicated-events", "regional", "salvo-scale-up", "scale-down-candidates-pool-min-count", "scale-down-candidates-pool-ratio", "scale-down-delay-type-local",
		"scale-down-gpu-utilization-threshold", "scale-down-non-empty-candidates-count", "scale-down-simulation-timeout", "scale-down-unready-enabled", "scale-up-from-zero",
		"scheduler-config-file", "skip-headers", "skip-log-headers", "startup-taint", "startup-taint-prefix", "status-taint", "stderrthreshold", "unremovable-node-recheck-timeout",
		"user-agent", "vmodule",
	}
}

func registerUnused(flags *pflag.FlagSet) {
	for _, name := range unusedFlags() {
		flags.StringArray(name, nil, "taken from cluster-autoscaler; changes nothing")
		flags.Lookup(name).NoOptDefVal = "true"
		flags.Lookup(name).Hidden = true
	}
}

// quietFlags are about logging and the like: nobody wonders that they change
// nothing.
func quietFlags() []string {
	return []string{"alsologtostderr", "logtostderr", "stderrthreshold", "skip-headers", "logging-format", "vmodule", "estimator", "aws-use-static-instance-list"}
}

// sayUnused names the flags that were given and change nothing.
func sayUnused(flags *pflag.FlagSet, log logr.Logger) {
	for _, name := range unusedFlags() {
		if flags.Changed(name) && !slices.Contains(quietFlags(), name) {
			log.Info("this flag of cluster-autoscaler changes nothing here", "flag", "--"+name)
		}
	}
}

// runGroups wires everything together and blocks until the context ends.
func runGroups(ctx context.Context, options groupCommandOptions, wanted nodegroup.Options, log logr.Logger) error {
	b := readBuild()
	log.Info("starting drover as cluster-autoscaler", "version", b.Version, "cluster", wanted.ClusterName, "expander", options.groups.expander)
	configuration, err := restConfig(controllerOptions{kubeconfig: options.kubeconfig, qps: options.qps, burst: options.burst})
	if err != nil {
		return err
	}
	options.address = freeAddress(options.address, log)
	mgr, err := groupManager(configuration, options, wanted.Namespace)
	if err != nil {
		return err
	}
	onCall := countCalls(metrics.NewAWSRequests(ctrlmetrics.Registry))
	groups, err := aws.ConnectGroups(ctx, aws.Options{
		ClusterName: wanted.ClusterName,
		Logger:      slog.New(logr.ToSlogHandler(log.WithName("cloudprovider"))),
		OnCall:      onCall,
	})
	if err != nil {
		return fmt.Errorf("connecting to AWS: %w", err)
	}
	// A wrong permission or region is better known now than in every loop.
	if _, err := groups.Groups(ctx, wanted.Selection); err != nil {
		return err
	}
	setup := controllers.GroupDefaults()
	setup.Price, setup.Self = groups.Price, ownPod(cmp.Or(options.leaseSpace, wanted.Namespace))
	if options.interruptions.queue != "" {
		scope := interruptionScope{wanted.ClusterName, wanted.Namespace, onCall}
		if setup.Interruptions, err = options.interruptions.setup(ctx, scope, groups, log); err != nil {
			return err
		}
	}
	err = controllers.SetupGroups(ctx, mgr, controllers.NodeGroups{Cloud: groups, Options: wanted}, setup, log)
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// freeAddress is the address if it can be listened on, else none: pods are better
// served without metrics than not at all.
func freeAddress(address string, log logr.Logger) string {
	if address == "0" {
		return address
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Error(err, "metrics and health checks are not served; give --address a free one")
		return "0"
	}
	_ = listener.Close() // it was only tried
	return address
}

func groupManager(configuration *rest.Config, options groupCommandOptions, namespace string) (ctrl.Manager, error) {
	lease, renew, retry, shutdown := leaseDuration, renewDeadline, retryPeriod, shutdownTimeout
	if options.leaseSpace == "" {
		options.leaseSpace = namespace
	}
	healthy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mgr, err := ctrl.NewManager(configuration, ctrl.Options{
		NewClient:                     write.NewClient,
		Scheme:                        scheme.Scheme,
		Metrics:                       metricsserver.Options{BindAddress: options.address, ExtraHandlers: map[string]http.Handler{"/health-check": healthy}},
		HealthProbeBindAddress:        "0",
		LeaderElection:                options.leaderElect,
		LeaderElectionID:              options.leaseName,
		LeaderElectionNamespace:       options.leaseSpace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		GracefulShutdownTimeout:       &shutdown,
		Cache:                         cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err != nil {
		return nil, fmt.Errorf("setting up for the API server at %s: %w", configuration.Host, err)
	}
	return mgr, nil
}
