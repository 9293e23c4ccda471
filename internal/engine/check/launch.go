package check

import (
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// launch checks one node to buy on each offering it may become.
func (a *audit) launch(index int) {
	launch := &a.plan.Launches[index]
	name := fmt.Sprintf("launch %d", index)
	p := &place{name: name}
	for _, key := range launch.Pods {
		if pod := a.pending[key]; pod != nil {
			p.planned = append(p.planned, pod)
		}
	}
	a.places = append(a.places, p)
	if launch.NodeGroup != "" {
		a.groupLaunch(p, index, launch)
		return
	}
	pool := a.pool(launch.NodePool)
	if pool == nil || pool.NotReadyReason != "" {
		a.report("NodePool", name, "%s does not exist or is not ready", launch.NodePool)
		return
	}
	if len(launch.Offerings) == 0 || len(launch.Pods) == 0 {
		a.report("Launch", name, "has no offering or no pod")
	}
	p.taints = without(pool.Taints, pool.StartupTaints)
	catalog := a.snapshot.Catalogs[pool.NodeClass]
	seen := map[model.OfferingKey]bool{}
	for i, offering := range launch.Offerings {
		kind := a.offered(name, offering, &catalog)
		if kind == nil {
			continue
		}
		if seen[offering.OfferingKey] {
			a.report("Offering", name, "lists %v twice", offering.OfferingKey)
		}
		seen[offering.OfferingKey] = true
		labels := launchLabels(pool, kind, offering, launch.Requirements)
		p.labels = append(p.labels, labels)
		p.limits = append(p.limits, kind.AttachLimits)
		a.launchOn(p, labels, kind, launch, pool)
		if i == 0 {
			a.requested(name, launch, p)
		}
	}
	a.minValues(name, pool, p)
}

func (a *audit) pool(name string) *model.NodePool {
	for i := range a.snapshot.NodePools {
		if a.snapshot.NodePools[i].Name == name {
			return &a.snapshot.NodePools[i]
		}
	}
	return nil
}

func (a *audit) offered(name string, offering model.Offering, catalog *model.Catalog) *model.InstanceType {
	known := false
	for _, o := range catalog.Offerings {
		if o == offering {
			known = true
		}
	}
	if !known {
		a.report("Offering", name, "%v is not in the catalog like that", offering)
		return nil
	}
	if offering.UnavailableReason != "" {
		a.report("Offering", name, "%v has no capacity", offering.OfferingKey)
	}
	for i := range catalog.InstanceTypes {
		if catalog.InstanceTypes[i].Name == offering.InstanceType {
			return &catalog.InstanceTypes[i]
		}
	}
	return nil
}

// launchOn checks the launch as the node that this offering would make it.
func (a *audit) launchOn(p *place, labels map[string]string, kind *model.InstanceType, launch *model.Launch, pool *model.NodePool) {
	p.daemons = nil
	for i := range a.snapshot.DaemonSets {
		if d := &a.snapshot.DaemonSets[i]; daemonRuns(d, labels, p.taints, "") {
			p.daemons = append(p.daemons, &d.Template)
		}
	}
	a.node(p, labels, kind.Allocatable, "")
	for _, r := range pool.Requirements {
		if !requirementHolds(r, labels) {
			a.report("NodePool", p.name, "%s does not meet the pool's %v", describe(labels), r)
		}
	}
	for _, r := range launch.Requirements {
		if !requirementHolds(r, labels) {
			a.report("Requirements", p.name, "%s does not meet the launch's own %v", describe(labels), r)
		}
	}
}

func (a *audit) requested(name string, launch *model.Launch, p *place) {
	sum := model.Resources{}
	for _, pod := range append(append([]*model.Pod(nil), p.planned...), p.daemons...) {
		sum = sum.Add(requests(pod))
	}
	if !sum.Fits(launch.Requests) || !launch.Requests.Fits(sum) {
		a.report("Requests", name, "says %v, pods and DaemonSets sum to %v", launch.Requests, sum)
	}
}

func (a *audit) minValues(name string, pool *model.NodePool, p *place) {
	for _, r := range pool.Requirements {
		values := map[string]bool{}
		for _, labels := range p.labels {
			if value, ok := label(labels, r.Key); ok {
				values[value] = true
			}
		}
		if len(values) < r.MinValues {
			a.report("MinValues", name, "offers %d values of %s, the pool asks for %d", len(values), r.Key, r.MinValues)
		}
	}
}

// limits hold whichever listed offering each launch becomes.
func (a *audit) limits() {
	for i := range a.snapshot.NodePools {
		pool := &a.snapshot.NodePools[i]
		catalog := a.snapshot.Catalogs[pool.NodeClass]
		sum := model.Resources{}
		for _, launch := range a.plan.Launches {
			if launch.NodePool == pool.Name {
				sum = sum.Add(largest(launch.Offerings, &catalog))
			}
		}
		for resource, limit := range pool.Limits {
			if sum[resource] > 0 && pool.Usage[resource]+sum[resource] > limit {
				a.report("Limits", pool.Name, "%s: %d used and %d planned exceed the limit %d", resource, pool.Usage[resource], sum[resource], limit)
			}
		}
	}
}

func largest(offerings []model.Offering, catalog *model.Catalog) model.Resources {
	most := model.Resources{"nodes": 1}
	for _, offering := range offerings {
		for _, kind := range catalog.InstanceTypes {
			if kind.Name != offering.InstanceType {
				continue
			}
			for resource, amount := range kind.Capacity {
				most[resource] = max(most[resource], amount)
			}
		}
	}
	return most
}

// launchLabels are the labels of the node that an offering becomes. Labels of
// the launch's own choice are those that the pool declares and nothing else
// decides.
func launchLabels(pool *model.NodePool, kind *model.InstanceType, offering model.Offering, narrowed []model.Requirement) map[string]string {
	labels := map[string]string{}
	declared := map[string]bool{}
	for _, r := range pool.Requirements {
		declared[r.Key] = !strings.Contains(r.Key, "kubernetes.io/") && !strings.Contains(r.Key, "karpenter")
	}
	for _, r := range narrowed {
		if r.Operator == model.In && len(r.Values) == 1 && declared[r.Key] {
			labels[r.Key] = r.Values[0]
		}
	}
	for key, value := range kind.Labels {
		labels[key] = value
	}
	for key, value := range pool.Labels {
		labels[key] = value
	}
	labels["node.kubernetes.io/instance-type"] = kind.Name
	labels["topology.kubernetes.io/zone"] = offering.Zone
	labels["karpenter.sh/capacity-type"] = string(offering.CapacityType)
	labels["karpenter.sh/nodepool"] = pool.Name
	labels["kubernetes.io/hostname"] = unknownName
	if offering.ZoneID != "" {
		labels["topology.k8s.aws/zone-id"] = offering.ZoneID
	}
	return labels
}
