package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/drover-project/drover/internal/controllers/nodegroup"
	"github.com/drover-project/drover/internal/grpcexpander"
)

// autoscalerFlags are the flags about node groups, with cluster-autoscaler's names.
type autoscalerFlags struct {
	nodes, discovery   []string
	expander           string
	cloudProvider      string
	gracefulSeconds    int
	writeStatus        bool
	expendablePriority int
	options            nodegroup.Options
}

// register adds the flags. Their defaults are cluster-autoscaler's but where
// nodegroup.Defaults says otherwise.
func (g *autoscalerFlags) register(flags *pflag.FlagSet) {
	o := &g.options
	*o = nodegroup.Defaults()
	flags.StringArrayVar(&g.nodes, "nodes", nil, "sizes and name of an Auto Scaling group, MIN:MAX:NAME; may be repeated")
	flags.StringArrayVar(&g.discovery, "node-group-auto-discovery", nil, "tags of Auto Scaling groups, asg:tag=KEY[=VALUE],...; a group must have all of them")
	flags.DurationVar(&o.ScanInterval, "scan-interval", o.ScanInterval, "how often node groups are looked at")
	flags.StringVar(&g.expander, "expander", strings.Join(o.Expanders, ","), "how to choose among node groups: price, least-waste, most-pods, least-nodes, priority, random or grpc; several decide one after the other")
	flags.StringVar(&o.ExternalURL, "grpc-expander-url", "", "HOST:PORT of the external expander that --expander=grpc asks")
	flags.StringVar(&o.ExternalCert, "grpc-expander-cert", "", "file with the certificate of that server, or of its authority")
	flags.Uint64Var(&o.RandomSeed, "random-seed", 0, "seed of the random expander")
	flags.BoolVar(&o.Balance, "balance-similar-node-groups", false, "share growth among node groups that differ in their zone only")
	flags.IntVar(&o.MaxNodesTotal, "max-nodes-total", 0, "most nodes of the cluster; 0 means no limit")
	flags.DurationVar(&o.MaxNodeProvisionTime, "max-node-provision-time", o.MaxNodeProvisionTime, "how long a node of a group may take to join")
	flags.IntVar(&g.expendablePriority, "expendable-pods-priority-cutoff", int(o.ExpendablePriority), "pods of a lower priority make no group grow")
	flags.DurationVar(&o.NewPodDelay, "new-pod-scale-up-delay", 0, "how old a pod must be to make a group grow")
	flags.BoolVar(&g.writeStatus, "write-status-configmap", true, "write the state of node groups to a ConfigMap")
	flags.StringVar(&o.StatusName, "status-config-map-name", o.StatusName, "name of that ConfigMap")
	flags.StringVar(&o.Namespace, "namespace", o.Namespace, "namespace of the status and of the priority expander's ConfigMap")
	flags.BoolVar(&o.Requests.Enabled, "enable-provisioning-requests", false, "answer ProvisioningRequests of autoscaling.x-k8s.io/v1")
	flags.DurationVar(&o.Requests.InitialBackoff, "provisioning-request-initial-backoff-time", o.Requests.InitialBackoff, "how long a ProvisioningRequest waits that found no room, at first")
	flags.DurationVar(&o.Requests.MaxBackoff, "provisioning-request-max-backoff-time", o.Requests.MaxBackoff, "how long it waits at most")
	g.registerScaleDown(flags)
}

func (g *autoscalerFlags) registerScaleDown(flags *pflag.FlagSet) {
	d := &g.options.ScaleDown
	flags.BoolVar(&d.Enabled, "scale-down-enabled", d.Enabled, "take nodes of groups away that nobody needs")
	flags.DurationVar(&d.DelayAfterAdd, "scale-down-delay-after-add", d.DelayAfterAdd, "how long after a group has grown no node goes")
	flags.DurationVar(&d.DelayAfterDelete, "scale-down-delay-after-delete", d.DelayAfterDelete, "how long after a node has gone no other goes")
	flags.DurationVar(&d.DelayAfterFailure, "scale-down-delay-after-failure", d.DelayAfterFailure, "how long after a failed removal no node goes")
	flags.DurationVar(&d.UnneededTime, "scale-down-unneeded-time", d.UnneededTime, "how long a node must be unneeded before it goes")
	flags.DurationVar(&d.UnreadyTime, "scale-down-unready-time", d.UnreadyTime, "how long a node that is not ready must be unneeded before it goes")
	flags.Float64Var(&d.UtilizationThreshold, "scale-down-utilization-threshold", d.UtilizationThreshold, "share of cpu and memory requested up to which a node may be unneeded")
	flags.BoolVar(&d.IgnoreDaemonSetsUtilization, "ignore-daemonsets-utilization", false, "leave DaemonSet pods out of that share")
	flags.IntVar(&d.Parallelism, "max-scale-down-parallelism", d.Parallelism, "how many nodes go at once")
	flags.IntVar(&d.DrainParallelism, "max-drain-parallelism", d.DrainParallelism, "how many of those may have pods to move")
	flags.IntVar(&d.SoftTaints, "max-bulk-soft-taint-count", d.SoftTaints, "how many nodes at once get or lose the taint that says that nobody needs them; 0 turns it off")
	flags.DurationVar(&d.SoftTaintTime, "max-bulk-soft-taint-time", d.SoftTaintTime, "how long that may take at once")
	flags.DurationVar(&d.CandidateTTL, "node-deletion-candidate-ttl", 0, "how old that taint may be for a process that starts anew to count the time on it; 0 counts none")
	flags.DurationVar(&d.EvictionTime, "max-pod-eviction-time", d.EvictionTime, "how long evictions are tried")
	flags.IntVar(&g.gracefulSeconds, "max-graceful-termination-sec", int(d.GracefulTime.Seconds()), "how many seconds evicted pods may take to end")
	flags.BoolVar(&d.SkipSystemPods, "skip-nodes-with-system-pods", d.SkipSystemPods, "keep nodes with pods of kube-system that have no PodDisruptionBudget")
	flags.BoolVar(&d.SkipLocalStorage, "skip-nodes-with-local-storage", d.SkipLocalStorage, "keep nodes with pods that have files on them")
	flags.BoolVar(&d.SkipCustomControllers, "skip-nodes-with-custom-controller-pods", d.SkipCustomControllers, "keep nodes with pods of controllers that are not Kubernetes' own")
	flags.IntVar(&d.MinReplicaCount, "min-replica-count", 0, "keep nodes with pods of smaller ReplicaSets and StatefulSets")
}

// given reports whether any node group is asked for.
func (g *autoscalerFlags) given() bool { return len(g.nodes)+len(g.discovery) > 0 }

// complete checks the flags and returns what they ask for.
func (g *autoscalerFlags) complete(clusterName string) (nodegroup.Options, []error) {
	var problems []error
	o := g.options
	o.ClusterName, o.Requests.Interval = clusterName, o.ScanInterval
	for _, text := range g.nodes {
		bounds, err := nodegroup.ParseNodes(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		o.Selection.Named = append(o.Selection.Named, bounds)
	}
	if len(g.discovery) > 0 {
		o.Selection.Tags = map[string]string{}
	}
	for _, text := range g.discovery {
		if err := nodegroup.ParseDiscovery(text, o.Selection.Tags); err != nil {
			problems = append(problems, err)
		}
	}
	var err error
	if o.Expanders, err = nodegroup.ParseExpanders(g.expander); err != nil {
		problems = append(problems, err)
	}
	if o.AsksExternal() {
		if err := (&grpcexpander.Client{URL: o.ExternalURL, CertFile: o.ExternalCert}).Check(); err != nil {
			problems = append(problems, err)
		}
	}
	o.ExpendablePriority = int32(g.expendablePriority)
	o.ScaleDown.GracefulTime = time.Duration(g.gracefulSeconds) * time.Second
	if !g.writeStatus {
		o.StatusName = ""
	}
	return o, append(problems, g.faults()...)
}

func (g *autoscalerFlags) faults() []error {
	var problems []error
	d := g.options.ScaleDown
	if g.options.ScanInterval <= 0 {
		problems = append(problems, fmt.Errorf("--scan-interval=%s must be above zero", g.options.ScanInterval))
	}
	if d.UtilizationThreshold < 0 || d.UtilizationThreshold > 1 {
		problems = append(problems, fmt.Errorf("--scale-down-utilization-threshold=%g is a share: use 0.5 for 50 %%", d.UtilizationThreshold))
	}
	if d.Parallelism < 1 || d.DrainParallelism < 1 {
		problems = append(problems, errors.New("--max-scale-down-parallelism and --max-drain-parallelism must be at least 1"))
	}
	if d.SoftTaints < 0 || d.SoftTaintTime < 0 || d.CandidateTTL < 0 {
		problems = append(problems, errors.New("--max-bulk-soft-taint-count, --max-bulk-soft-taint-time and --node-deletion-candidate-ttl must not be negative"))
	}
	if r := g.options.Requests; r.InitialBackoff <= 0 || r.MaxBackoff < r.InitialBackoff {
		problems = append(problems, fmt.Errorf("--provisioning-request-initial-backoff-time=%s must be above zero and at most --provisioning-request-max-backoff-time=%s", r.InitialBackoff, r.MaxBackoff))
	}
	if g.options.MaxNodesTotal < 0 {
		problems = append(problems, fmt.Errorf("--max-nodes-total=%d must not be negative", g.options.MaxNodesTotal))
	}
	return problems
}

// clusterOfTags is the cluster that discovery tags name, empty when they do not:
// k8s.io/cluster-autoscaler/NAME.
func clusterOfTags(tags map[string]string) string {
	for key := range tags {
		name, ok := strings.CutPrefix(key, "k8s.io/cluster-autoscaler/")
		if ok && name != "enabled" && !strings.Contains(name, "/") {
			return name
		}
	}
	return ""
}
