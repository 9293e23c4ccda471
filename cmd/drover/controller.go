package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/drover-project/drover/internal/cloud/aws"
	"github.com/drover-project/drover/internal/controllers"
	"github.com/drover-project/drover/internal/controllers/write"
	"github.com/drover-project/drover/internal/logging"
	"github.com/drover-project/drover/internal/metrics"
	"github.com/drover-project/drover/internal/model"
)

// The lease. A leader that is killed holds up its successor for leaseDuration;
// one that is stopped gives the lease back and holds up nobody. A leader that
// cannot renew for renewDeadline stops acting before another may begin.
const (
	leaseDuration = 10 * time.Second
	renewDeadline = 7 * time.Second
	retryPeriod   = 1500 * time.Millisecond
)

// shutdownTimeout bounds how long running duties may take to end.
const shutdownTimeout = 10 * time.Second

// reconcileTimeout ends a reconcile that hangs in a call to the API server or to
// AWS, so that it is tried again.
const reconcileTimeout = 5 * time.Minute

// readyTimeout bounds one answer of /readyz.
const readyTimeout = time.Second

func newControllerCommand() *cobra.Command {
	var options controllerOptions
	command := &cobra.Command{
		Use:   "controller",
		Short: "Run the controller",
		Long: `Run the controller against the cluster of a kubeconfig, or from inside a pod,
with the AWS SDK's default credentials. Flags that are not given are taken from
the environment variables in brackets.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := options.complete(command.Flags(), os.LookupEnv); err != nil {
				return err
			}
			log, err := logging.New(command.OutOrStdout(), options.logLevel, readBuild().Commit)
			if err != nil {
				return err
			}
			libraries, err := logging.New(command.OutOrStdout(), logging.Quiet(options.logLevel), readBuild().Commit)
			if err != nil {
				return err
			}
			ctrl.SetLogger(libraries)
			klog.SetLogger(libraries)
			if err := run(command.Context(), options, log); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	options.register(command.Flags())
	return command
}

// run wires everything together and blocks until the context ends.
func run(ctx context.Context, options controllerOptions, log logr.Logger) error {
	b := readBuild()
	log.Info("starting drover", "version", b.Version, "cluster", options.clusterName, "leader-election", !options.noLeaderElection)
	gates := options.gates(log)
	configuration, err := restConfig(options)
	if err != nil {
		return err
	}
	mgr, err := newManager(configuration, options)
	if err != nil {
		return err
	}
	if err := requireCRDs(mgr.GetRESTMapper()); err != nil {
		return err
	}
	options.onCall = countCalls(metrics.NewAWSRequests(ctrlmetrics.Registry))
	provider, err := aws.New(ctx, aws.Options{
		ClusterName:             options.clusterName,
		ClusterEndpoint:         options.clusterEndpoint,
		ClusterCA:               options.clusterCA,
		VMMemoryOverheadPercent: options.memoryOverhead,
		ReservedENIs:            options.reservedENIs,
		SpotWindow:              options.spotMoves.stay,
		Logger:                  slog.New(logr.ToSlogHandler(log.WithName("cloudprovider"))),
		OnCall:                  options.onCall,
	})
	if err != nil {
		return fmt.Errorf("connecting to AWS: %w", err)
	}
	setup := controllers.Options{
		BatchIdle: options.batchIdle,
		BatchMax:  options.batchMax,
		Settings:  model.Settings{IgnorePreferences: options.preferencePolicy == "Ignore"},
		SpotMoves: options.spotMoves.moves(gates),
		Self:      ownPod(options.leaseNamespace),
	}
	options.spot.into(&setup.Settings)
	rates, err := options.spot.rates(provider.Region())
	if err != nil {
		return err
	}
	if rates != nil {
		log.Info("interruption rates of Spot are weighed", "source", rates.Source)
		setup.Mark = rates.Mark
	}
	wanted, _ := options.groups.complete(options.clusterName) // was checked with the other flags
	setup.Requests = wanted.Requests
	if options.groups.given() {
		clients, err := aws.DefaultGroupClients(ctx)
		if err != nil {
			return err
		}
		setup.Groups = &controllers.NodeGroups{Cloud: provider.NodeGroups(clients), Options: wanted}
	}
	scope := interruptionScope{options.clusterName, options.leaseNamespace, options.onCall}
	if setup.Interruptions, err = options.interruptions.setup(ctx, scope, provider, log); err != nil {
		return err
	}
	if err := controllers.Setup(ctx, mgr, provider, setup, log); err != nil {
		return err
	}
	err = mgr.Add(manager.RunnableFunc(func(context.Context) error {
		log.Info("leading: this process acts from now on")
		return nil
	}))
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// gates are the feature gates that are set; those that change nothing are named.
func (o *controllerOptions) gates(log logr.Logger) map[string]bool {
	set, _ := parseFeatureGates(o.featureGates) // was checked with the other flags
	if unused := idle(set); len(unused) > 0 {
		log.Info("these feature gates change nothing yet", "feature-gates", strings.Join(unused, ","))
	}
	return set
}

// ownPod is the pod that this process runs in: Kubernetes names a container's host
// after it, and mounts its namespace beside the token. Anywhere else, or on a
// node's own network, it is the name of no pod.
func ownPod(namespace string) client.ObjectKey {
	const mounted = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
	if data, err := os.ReadFile(mounted); err == nil {
		namespace = strings.TrimSpace(string(data))
	}
	return client.ObjectKey{Namespace: namespace, Name: os.Getenv("HOSTNAME")}
}

// countCalls counts every request to AWS by how it ended.
func countCalls(requests *prometheus.CounterVec) func(service, operation string, took time.Duration, err error) {
	return func(service, operation string, _ time.Duration, err error) {
		result := "ok"
		if err != nil {
			result = "error"
		}
		requests.WithLabelValues(service, operation, result).Inc()
	}
}

func restConfig(options controllerOptions) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = options.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: options.context}
	configuration, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the cluster: %w: give --kubeconfig, set KUBECONFIG, or run in a pod", err)
	}
	configuration.QPS, configuration.Burst = options.qps, options.burst
	configuration.UserAgent = "drover"
	return configuration, nil
}

func newManager(configuration *rest.Config, options controllerOptions) (ctrl.Manager, error) {
	lease, renew, retry, shutdown := leaseDuration, renewDeadline, retryPeriod, shutdownTimeout
	mgr, err := ctrl.NewManager(configuration, ctrl.Options{
		NewClient:                     write.NewClient,
		Scheme:                        scheme.Scheme,
		Metrics:                       metricsserver.Options{BindAddress: address(options.metricsPort), ExtraHandlers: profiles(options.profiling)},
		HealthProbeBindAddress:        address(options.healthPort),
		LeaderElection:                !options.noLeaderElection,
		LeaderElectionID:              options.leaseName,
		LeaderElectionNamespace:       options.leaseNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		GracefulShutdownTimeout:       &shutdown,
		Controller:                    ctrlconfig.Controller{ReconciliationTimeout: reconcileTimeout},
		Cache:                         cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err != nil {
		return nil, fmt.Errorf("setting up for the API server at %s: %w", configuration.Host, err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, mgr.AddReadyzCheck("caches", func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), readyTimeout)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("informer caches are not filled yet")
		}
		return nil
	})
}

// profiles are the handlers of net/http/pprof.
func profiles(wanted bool) map[string]http.Handler {
	if !wanted {
		return nil
	}
	return map[string]http.Handler{
		"/debug/pprof/":        http.HandlerFunc(pprof.Index),
		"/debug/pprof/cmdline": http.HandlerFunc(pprof.Cmdline),
		"/debug/pprof/profile": http.HandlerFunc(pprof.Profile),
		"/debug/pprof/symbol":  http.HandlerFunc(pprof.Symbol),
		"/debug/pprof/trace":   http.HandlerFunc(pprof.Trace),
	}
}

func address(port int) string {
	if port == 0 {
		return "0" // what controller-runtime takes for "do not listen"
	}
	return fmt.Sprintf(":%d", port)
}

// requireCRDs makes a missing installation step a clear message rather than a
// controller that waits for ever.
func requireCRDs(mapper meta.RESTMapper) error {
	for _, kind := range []schema.GroupKind{
		{Group: "karpenter.sh", Kind: "NodePool"}, {Group: "karpenter.sh", Kind: "NodeClaim"}, {Group: "karpenter.k8s.aws", Kind: "EC2NodeClass"},
	} {
		_, err := mapper.RESTMapping(kind, "v1")
		if meta.IsNoMatchError(err) {
			return fmt.Errorf("the cluster does not know the kind %s: run `drover manifests --cluster-name NAME | kubectl apply --server-side -f -`", kind)
		}
		if err != nil {
			return fmt.Errorf("asking the API server for the kind %s: %w", kind, err)
		}
	}
	return nil
}
