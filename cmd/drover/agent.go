package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/agent"
	"github.com/drover-project/drover/internal/agent/webhook"
	"github.com/drover-project/drover/internal/cloud/aws/metadata"
	"github.com/drover-project/drover/internal/evacuate"
	"github.com/drover-project/drover/internal/events"
	"github.com/drover-project/drover/internal/logging"
)

// The name of the command, and that of the program it stands in for.
const (
	agentCommand   = "agent"
	handlerProgram = "node-termination-handler"
)

func newAgentCommand() *cobra.Command {
	var options agentOptions
	command := &cobra.Command{
		Use:   agentCommand,
		Short: "Watch the instance of a node for interruptions",
		Long: `Watch the instance metadata service of the node that this runs on for Spot
interruption notices, rebalance recommendations, scheduled events and the end
that an Auto Scaling group decided, and record them on the Node. The controller
acts on the record; without one the agent cordons and drains its node itself.

It takes aws-node-termination-handler's flags and environment variables, and its
place: manifests of the handler's IMDS mode run as they are once their image is
drover's. Flags that are not given are taken from the variables in brackets.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := options.complete(command.Flags(), os.LookupEnv); err != nil {
				return err
			}
			log, err := logging.New(command.OutOrStdout(), options.logLevel, readBuild().Commit)
			if err != nil {
				return err
			}
			log = log.WithName(agentCommand)
			ctrl.SetLogger(log)
			klog.SetLogger(log)
			sayIgnored(command.Flags(), log)
			if err := runAgent(command.Context(), options, options.settings(command.Flags()), log); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	options.register(command.Flags())
	command.AddCommand(newAgentManifestsCommand())
	return command
}

// runAgent wires everything together and blocks until the context ends.
func runAgent(ctx context.Context, options agentOptions, settings agent.Options, log logr.Logger) error {
	log.Info("starting drover agent", "version", readBuild().Version, "node", options.node, "drain", options.drain, "dry-run", options.dryRun)
	configuration, err := restConfig(controllerOptions{kubeconfig: options.kubeconfig, context: options.context, qps: options.qps, burst: options.burst})
	if err != nil {
		return err
	}
	if options.serviceHost != "" {
		configuration.Host = "https://" + net.JoinHostPort(options.serviceHost, strconv.Itoa(options.servicePort))
	}
	cluster, err := client.New(configuration, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		return fmt.Errorf("setting up for the API server at %s: %w", configuration.Host, err)
	}
	recorder, flush, err := agentEvents(configuration, options)
	if err != nil {
		return err
	}
	defer flush()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	watcher := &agent.Agent{
		Metadata: metadata.New(metadata.Options{Endpoint: options.metadataURL, Tries: options.metadataTries}),
		Leads:    leaseReader(cluster, options), Clock: clock.RealClock{}, Events: recorder,
		Metrics: agent.NewMetrics(registry), Log: log, Options: settings,
	}
	if watcher.Hands, err = agentHands(cluster, options, recorder, log); err != nil {
		return err
	}
	if options.prometheus {
		serveQuietly(ctx, options.prometheusPort, "/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), log)
	}
	if options.probes {
		serveQuietly(ctx, options.probesPort, options.probesPath, health(watcher), log)
	}
	watcher.Run(ctx)
	return nil
}

func agentHands(cluster client.Client, options agentOptions, recorder *events.Recorder, log logr.Logger) (agent.Hands, error) {
	hands := agent.ClusterHands{Client: cluster, Name: options.node, Drainer: &evacuate.Drainer{
		Client: cluster, Clock: clock.RealClock{}, Events: recorder,
		Note: fmt.Sprintf("Pod evicted due to the drain of node %s", options.node),
		Past: fmt.Sprintf("Pod deleted before AWS takes node %s", options.node),
	}}
	if options.hook.URL != "" {
		hook, err := webhook.New(options.hook)
		if err != nil {
			return nil, err
		}
		hands.Webhook = hook
	}
	if options.dryRun {
		return &agent.DryHands{ClusterHands: hands, Clock: clock.RealClock{}, Log: log}, nil
	}
	return &hands, nil
}

// agentEvents publishes events of the core API, which the rights of
// aws-node-termination-handler's manifests allow. A dry run publishes none.
func agentEvents(configuration *rest.Config, options agentOptions) (recorder *events.Recorder, flush func(), err error) {
	if !options.emitEvents || options.dryRun {
		return nil, func() {}, nil
	}
	kube, err := kubernetes.NewForConfig(configuration)
	if err != nil {
		return nil, nil, fmt.Errorf("setting up for events: %w", err)
	}
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: kube.CoreV1().Events("")})
	sink := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "drover-agent", Host: options.node})
	return events.NewLegacy(sink, clock.RealClock{}), broadcaster.Shutdown, nil
}

// leaseReader reads the controller's lease, nil where there is none.
func leaseReader(cluster client.Client, options agentOptions) func(context.Context) (*coordinationv1.Lease, error) {
	key := client.ObjectKey{Namespace: options.leaseSpace, Name: options.leaseName}
	return func(ctx context.Context) (*coordinationv1.Lease, error) {
		lease := &coordinationv1.Lease{}
		err := cluster.Get(ctx, key, lease)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading lease %s: %w", key, err)
		}
		return lease, nil
	}
}

// health answers as long as the agent makes progress.
func health(watcher *agent.Agent) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := watcher.Alive(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"health":"OK"}`)) // the client is gone when this fails
	})
}

// serveQuietly serves a path on a port of the node until the context ends. A port
// that is taken is no reason not to watch the instance.
func serveQuietly(ctx context.Context, port int, path string, handler http.Handler, log logr.Logger) {
	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(port)))
	if err != nil {
		log.Error(err, "this is not served; give another port", "path", path, "port", port)
		return
	}
	only := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: only, ReadHeaderTimeout: readyTimeout}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error(err, "this is not served any more", "path", path)
		}
	}()
	context.AfterFunc(ctx, func() { _ = server.Close() })
}
