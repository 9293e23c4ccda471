package check

import (
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// launch checks one node to buy on each offering it may become.
func (a *audit) launch(index int) {
	launch := &a.plan.Launches[index]
	name := launchName(index)
	p := &place{name: name, shape: newShape(nil)}
	var pods []*model.Pod
	for _, key := range launch.Pods {
		if pod := a.pending[key]; pod != nil {
			pods = append(pods, pod)
		}
	}
	a.put(p, pods)
	a.places = append(a.places, p)
	if launch.NodeGroup != "" {
		a.groupLaunch(p, launch, "")
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
	variants := a.variantsOf(p, launch, pool)
	p.shape = a.shapeOf(variants)
	for _, v := range variants {
		a.node(p, v, "")
		for _, broken := range v.unmet {
			a.report(broken.Rule, name, "%s", broken.Message)
		}
	}
	a.minValues(name, pool, p)
}

// variantsOf are the nodes that a launch of a pool may become, in order.
func (a *audit) variantsOf(p *place, launch *model.Launch, pool *model.NodePool) []*variant {
	var variants []*variant
	shop := a.shop(pool.NodeClass, a.snapshot)
	narrowed := text(launch.Requirements)
	seen := map[model.OfferingKey]bool{}
	for i, offering := range launch.Offerings {
		kind := a.offered(p.name, offering, shop)
		if kind == nil {
			continue
		}
		if seen[offering.OfferingKey] {
			a.report("Offering", p.name, "lists %v twice", offering.OfferingKey)
		}
		seen[offering.OfferingKey] = true
		key := purchase{pool: pool.Name, narrowed: narrowed, offering: offering}
		v := a.variants[key]
		if v == nil {
			v = a.numbered(variant{labels: launchLabels(pool, kind, offering, launch.Requirements),
				taints: without(pool.Taints, pool.StartupTaints), allocatable: kind.Allocatable, limits: kind.AttachLimits})
			v.unmet = unmet(v, launch, pool).found
			a.variants[key] = v
		}
		variants = append(variants, v)
		if i == 0 {
			a.requested(p, launch, v)
		}
	}
	return variants
}

func launchName(index int) string { return fmt.Sprintf("launch %d", index) }

func (a *audit) pool(name string) *model.NodePool {
	for i := range a.snapshot.NodePools {
		if a.snapshot.NodePools[i].Name == name {
			return &a.snapshot.NodePools[i]
		}
	}
	return nil
}

func (a *audit) offered(name string, offering model.Offering, shop *shop) *model.InstanceType {
	if !shop.sells[offering] {
		a.report("Offering", name, "%v is not in the catalog like that", offering)
		return nil
	}
	if offering.UnavailableReason != "" {
		a.report("Offering", name, "%v has no capacity", offering.OfferingKey)
	}
	return shop.kinds[offering.InstanceType]
}

// unmet are the requirements of pool and launch that the node does not meet.
func unmet(v *variant, launch *model.Launch, pool *model.NodePool) findings {
	var f findings
	for _, r := range pool.Requirements {
		if !requirementHolds(r, v.labels) {
			f.report("NodePool", "", "%s does not meet the pool's %v", describe(v.labels), r)
		}
	}
	for _, r := range launch.Requirements {
		if !requirementHolds(r, v.labels) {
			f.report("Requirements", "", "%s does not meet the launch's own %v", describe(v.labels), r)
		}
	}
	return f
}

func (a *audit) requested(p *place, launch *model.Launch, v *variant) {
	sum := p.needOn(v)
	if !sum.Fits(launch.Requests) || !launch.Requests.Fits(sum) {
		a.report("Requests", p.name, "says %v, pods and DaemonSets sum to %v", launch.Requests, sum)
	}
}

func (a *audit) minValues(name string, pool *model.NodePool, p *place) {
	for _, r := range pool.Requirements {
		values := map[string]bool{}
		for _, v := range p.variants {
			if value, ok := label(v.labels, r.Key); ok {
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
		if len(pool.Limits) == 0 {
			continue
		}
		shop := a.shop(pool.NodeClass, a.snapshot)
		sum := model.Resources{}
		for _, launch := range a.plan.Launches {
			if launch.NodePool == pool.Name {
				increase(sum, shop.largest(launch.Offerings), 1)
			}
		}
		for _, resource := range pool.Limits.Names() {
			if limit := pool.Limits[resource]; sum[resource] > 0 && pool.Usage[resource]+sum[resource] > limit {
				a.report("Limits", pool.Name, "%s: %d used and %d planned exceed the limit %d", resource, pool.Usage[resource], sum[resource], limit)
			}
		}
	}
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
