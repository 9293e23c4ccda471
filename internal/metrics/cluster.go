package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// scrapeTimeout bounds how long one scrape may read the caches.
const scrapeTimeout = 10 * time.Second

// cluster reports the state of the cluster as it is when someone looks.
type cluster struct {
	reader      client.Reader
	nodeCount   *prometheus.Desc
	allocatable *prometheus.Desc
	usage       *prometheus.Desc
	limit       *prometheus.Desc
	pods        *prometheus.Desc
}

// NewCluster returns a collector over informer caches.
func NewCluster(reader client.Reader) prometheus.Collector {
	describe := func(subsystem, name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, labels, nil)
	}
	return &cluster{
		reader:      reader,
		nodeCount:   describe("cluster_state", "node_count", "Nodes in the cluster."),
		allocatable: describe("nodes", "allocatable", "Allocatable resources of a node.", "resource_type", "node_name", "nodepool", "instance_type", "zone", "capacity_type"),
		usage:       describe("nodepools", "usage", "Resources of a NodePool's nodes.", "resource_type", "nodepool"),
		limit:       describe("nodepools", "limit", "Limit of a NodePool.", "resource_type", "nodepool"),
		pods:        describe("pods", "state", "Always 1; the labels say where a pod is.", "name", "namespace", "node", "nodepool", "phase", "scheduled"),
	}
}

func (c *cluster) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{c.nodeCount, c.allocatable, c.usage, c.limit, c.pods} {
		descriptions <- description
	}
}

// Collect leaves out what cannot be read: caches that have not synced yet.
func (c *cluster) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	pools := c.collectNodes(ctx, metrics)
	c.collectPods(ctx, metrics, pools)
	c.collectNodePools(ctx, metrics)
}

// collectNodes returns the NodePool of each node by its name.
func (c *cluster) collectNodes(ctx context.Context, metrics chan<- prometheus.Metric) map[string]string {
	pools := map[string]string{}
	var nodes corev1.NodeList
	if err := c.reader.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return pools
	}
	metrics <- prometheus.MustNewConstMetric(c.nodeCount, prometheus.GaugeValue, float64(len(nodes.Items)))
	for i := range nodes.Items {
		node := &nodes.Items[i]
		pools[node.Name] = node.Labels[karpv1.NodePoolLabelKey]
		labels := []string{
			node.Name, node.Labels[karpv1.NodePoolLabelKey], node.Labels[corev1.LabelInstanceTypeStable],
			node.Labels[corev1.LabelTopologyZone], node.Labels[karpv1.CapacityTypeLabelKey],
		}
		gauges(metrics, c.allocatable, node.Status.Allocatable, labels...)
	}
	return pools
}

func (c *cluster) collectPods(ctx context.Context, metrics chan<- prometheus.Metric, pools map[string]string) {
	var pods corev1.PodList
	if err := c.reader.List(ctx, &pods, client.UnsafeDisableDeepCopy); err != nil {
		return
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		scheduled := "false"
		if pod.Spec.NodeName != "" {
			scheduled = "true"
		}
		metrics <- prometheus.MustNewConstMetric(c.pods, prometheus.GaugeValue, 1,
			pod.Name, pod.Namespace, pod.Spec.NodeName, pools[pod.Spec.NodeName], string(pod.Status.Phase), scheduled)
	}
}

func (c *cluster) collectNodePools(ctx context.Context, metrics chan<- prometheus.Metric) {
	var pools karpv1.NodePoolList
	if err := c.reader.List(ctx, &pools, client.UnsafeDisableDeepCopy); err != nil {
		return
	}
	for i := range pools.Items {
		gauges(metrics, c.usage, pools.Items[i].Status.Resources, pools.Items[i].Name)
		gauges(metrics, c.limit, corev1.ResourceList(pools.Items[i].Spec.Limits), pools.Items[i].Name)
	}
}

func gauges(metrics chan<- prometheus.Metric, description *prometheus.Desc, amounts corev1.ResourceList, labels ...string) {
	for name, amount := range amounts {
		values := append([]string{string(name)}, labels...)
		metrics <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, amount.AsApproximateFloat64(), values...)
	}
}
