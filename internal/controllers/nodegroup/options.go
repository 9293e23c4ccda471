// Package nodegroup sizes Auto Scaling groups: it grows them for pending pods
// through the one planner, and takes nodes away that the pods of the cluster
// can do without. Flags, tags, annotations, events and the status ConfigMap are
// those of cluster-autoscaler.
package nodegroup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drover-project/drover/internal/cloud"
)

// Options are what people set, with cluster-autoscaler's names and defaults.
type Options struct {
	Selection cloud.GroupSelection
	// ClusterName is the cluster that nodes must join, empty when not known.
	ClusterName  string
	ScanInterval time.Duration
	// MaxNodeProvisionTime is how long a node may take to join.
	MaxNodeProvisionTime time.Duration
	// Expanders order the groups that could serve pods; the first decides, each
	// further one among equals.
	Expanders []string
	// ExternalURL and ExternalCert are where the external expander is, and the file
	// with the certificate that it must show.
	ExternalURL, ExternalCert string
	// RandomSeed makes the order of the random expander.
	RandomSeed uint64
	// Balance shares growth among groups that differ in their zone only.
	Balance bool
	// MaxNodesTotal bounds the nodes of the cluster, 0 does not.
	MaxNodesTotal int
	// ExpendablePriority: pods below it never make a group grow.
	ExpendablePriority int32
	// NewPodDelay is how old a pod must be to make a group grow.
	NewPodDelay time.Duration
	ScaleDown   ScaleDownOptions
	// Requests are about ProvisioningRequests.
	Requests RequestOptions
	// Namespace holds the status and the priority ConfigMap.
	Namespace string
	// StatusName is the status ConfigMap's name, empty writes none.
	StatusName string
}

// RequestOptions are about ProvisioningRequests.
type RequestOptions struct {
	Enabled bool
	// Interval is the pause between looks at them.
	Interval time.Duration
	// InitialBackoff is how long a request waits that found no room; each further
	// wait is twice as long, up to MaxBackoff.
	InitialBackoff, MaxBackoff time.Duration
}

// ScaleDownOptions are about taking nodes away.
type ScaleDownOptions struct {
	Enabled bool
	// No node goes for so long after a group has grown, a node has gone, or a
	// removal has failed.
	DelayAfterAdd, DelayAfterDelete, DelayAfterFailure time.Duration
	// A node must have been unneeded, or unready, for so long.
	UnneededTime, UnreadyTime time.Duration
	// UtilizationThreshold is the part of cpu and of memory below which a node
	// may be unneeded, 0 to 1.
	UtilizationThreshold        float64
	IgnoreDaemonSetsUtilization bool
	// Parallelism and DrainParallelism are how many nodes go at once, in all and
	// of those with pods.
	Parallelism, DrainParallelism int
	// SoftTaints bounds how many nodes get, or lose, the taint that says that nobody
	// needs them, in one look; 0 turns it off. SoftTaintTime bounds how long that
	// may take.
	SoftTaints    int
	SoftTaintTime time.Duration
	// CandidateTTL is for how long a process that starts anew believes the time on
	// that taint; 0 means never.
	CandidateTTL time.Duration
	// EvictionTime is how long evictions are tried, GracefulTime how long pods
	// may take to end after that.
	EvictionTime, GracefulTime time.Duration
	// Pods that keep their node.
	SkipSystemPods, SkipLocalStorage, SkipCustomControllers bool
	// MinReplicaCount is how many replicas a controller must have for its pods to
	// be moved.
	MinReplicaCount int
}

// Defaults are cluster-autoscaler's, but for the expander, which is price, and
// DrainParallelism: nodes are only taken together when all their pods fit
// elsewhere together.
func Defaults() Options {
	return Options{
		ScanInterval: 10 * time.Second, MaxNodeProvisionTime: 15 * time.Minute, Expanders: []string{"price"},
		ExpendablePriority: -10, Namespace: "kube-system", StatusName: "cluster-autoscaler-status",
		Requests: RequestOptions{Interval: 10 * time.Second, InitialBackoff: time.Minute, MaxBackoff: 10 * time.Minute},
		ScaleDown: ScaleDownOptions{
			Enabled: true, DelayAfterAdd: 10 * time.Minute, DelayAfterFailure: 3 * time.Minute,
			UnneededTime: 10 * time.Minute, UnreadyTime: 20 * time.Minute, UtilizationThreshold: 0.5,
			SoftTaints: 10, SoftTaintTime: 3 * time.Second,
			Parallelism: 10, DrainParallelism: 10, EvictionTime: 2 * time.Minute, GracefulTime: 10 * time.Minute,
			SkipSystemPods: true, SkipLocalStorage: true, SkipCustomControllers: true,
		},
	}
}

// AsksExternal reports whether the external expander takes part.
func (o *Options) AsksExternal() bool { return slices.Contains(o.Expanders, expanderGRPC) }

// ParseNodes reads --nodes: MIN:MAX:NAME.
func ParseNodes(text string) (cloud.GroupBounds, error) {
	parts := strings.SplitN(text, ":", 3)
	fault := fmt.Errorf("--nodes=%s: write MIN:MAX:NAME, such as 1:10:workers", text)
	if len(parts) != 3 || parts[2] == "" {
		return cloud.GroupBounds{}, fault
	}
	least, err := strconv.Atoi(parts[0])
	if err != nil {
		return cloud.GroupBounds{}, fault
	}
	most, err := strconv.Atoi(parts[1])
	if err != nil {
		return cloud.GroupBounds{}, fault
	}
	if least < 0 || most < least || most == 0 {
		return cloud.GroupBounds{}, fmt.Errorf("--nodes=%s: the maximum %d must be at least 1 and the minimum %d from 0 up to it", text, most, least)
	}
	return cloud.GroupBounds{Name: parts[2], Min: least, Max: most}, nil
}

// ParseDiscovery reads --node-group-auto-discovery: asg:tag=KEY[=VALUE],... A
// group must have the tags of every flag given.
func ParseDiscovery(text string, into map[string]string) error {
	tags, ok := strings.CutPrefix(text, "asg:tag=")
	if !ok || tags == "" {
		return fmt.Errorf("--node-group-auto-discovery=%s: write asg:tag=KEY[=VALUE],..., such as asg:tag=k8s.io/cluster-autoscaler/enabled", text)
	}
	for pair := range strings.SplitSeq(tags, ",") {
		key, value, _ := strings.Cut(pair, "=")
		if key == "" {
			return fmt.Errorf("--node-group-auto-discovery=%s: a tag has no key", text)
		}
		into[key] = value
	}
	return nil
}
