package engine

import (
	"fmt"
	"sort"
	"strconv"

	"github.com/drover-project/drover/internal/model"
)

// limitNodes is the limit that counts a pool's nodes.
const limitNodes = "nodes"

// maxVariants bounds how many combinations of free labels one pool is tried
// with.
const maxVariants = 64

// pool is a NodePool made ready for deciding.
type pool struct {
	spec      *model.NodePool
	fault     *model.Reason // why the pool launches nothing at all
	taints    []model.Taint
	limited   []string // resources with a limit, sorted
	limit     []int64
	usage     []int64
	minValues []model.Requirement
	configs   []int // its ways to buy a node, ascending
	// group is the node group that the pool stands for, nil for a NodePool;
	// doubts are the labels that not all of its nodes will have alike.
	group  *model.NodeGroup
	doubts map[string][]possible
	// promises are the zones of the group's nodes that are certain; nil when there
	// is one zone only.
	promises *promises
	// bought is what nodes of the group have that are bought in one way; nil where
	// that is certain or makes no difference.
	bought map[model.CapacityType]boughtAs
}

// sortedPools orders pools by weight, heaviest first, then by name.
func sortedPools(snapshot *model.Snapshot) []*pool {
	pools := make([]*pool, len(snapshot.NodePools))
	for i := range snapshot.NodePools {
		pools[i] = newPool(&snapshot.NodePools[i], snapshot)
	}
	sort.Slice(pools, func(i, j int) bool {
		a, b := pools[i].spec, pools[j].spec
		if a.Weight != b.Weight {
			return a.Weight > b.Weight
		}
		if a.Name != b.Name {
			return a.Name < b.Name
		}
		return a.NodeClass < b.NodeClass
	})
	return pools
}

func newPool(spec *model.NodePool, snapshot *model.Snapshot) *pool {
	p := &pool{spec: spec, taints: lastingTaints(spec.Taints, spec.StartupTaints), limited: spec.Limits.Names()}
	for _, name := range p.limited {
		p.limit = append(p.limit, spec.Limits[name])
		p.usage = append(p.usage, spec.Usage[name])
	}
	for _, r := range spec.Requirements {
		if r.MinValues > 1 {
			p.minValues = append(p.minValues, r)
		}
	}
	p.fault = poolFault(spec, snapshot)
	if p.group = groupOf(spec, snapshot); p.group != nil {
		p.doubts = groupDoubts(p.group, spec.Labels)
		p.splitWays()
		p.limitZones(snapshot)
	}
	return p
}

func poolFault(spec *model.NodePool, snapshot *model.Snapshot) *model.Reason {
	if spec.NotReadyReason != "" && groupOf(spec, snapshot) != nil {
		return &model.Reason{Code: model.CodeNodePoolNotReady, Message: "it cannot grow: " + spec.NotReadyReason}
	}
	if spec.NotReadyReason != "" {
		return &model.Reason{Code: model.CodeNodePoolNotReady, Message: "the NodePool is not ready: " + spec.NotReadyReason}
	}
	if _, ok := snapshot.Catalogs[spec.NodeClass]; !ok {
		return &model.Reason{Code: model.CodeNodePoolNotReady,
			Message: fmt.Sprintf("the NodePool names the NodeClass %q, which offers nothing to buy; create it or wait until it is ready", spec.NodeClass)}
	}
	for _, r := range spec.Requirements {
		if fault := requirementFault(r); fault != "" {
			return &model.Reason{Code: model.CodeInvalidRequirement, Message: "the NodePool's requirement is invalid: " + fault}
		}
	}
	return nil
}

// mentions is what pods and DaemonSets say about labels: which keys decide
// anything, and which values they ask for.
type mentions map[string]map[string]bool

func newMentions(snapshot *model.Snapshot) mentions {
	m := mentions{}
	for i := range snapshot.Pending {
		m.pod(&snapshot.Pending[i])
	}
	for i := range snapshot.DaemonSets {
		m.pod(&snapshot.DaemonSets[i].Template)
	}
	for i := range snapshot.Nodes {
		for j := range snapshot.Nodes[i].Pods {
			for _, t := range snapshot.Nodes[i].Pods[j].PodAntiAffinity {
				m.key(t.TopologyKey)
			}
		}
	}
	return m
}

func (m mentions) key(key string) map[string]bool {
	values := m[key]
	if values == nil {
		values = map[string]bool{}
		m[key] = values
	}
	return values
}

func (m mentions) pod(pod *model.Pod) {
	for key, value := range pod.NodeSelector {
		m.key(key)[value] = true
	}
	for _, term := range pod.RequiredNodeAffinity {
		m.requirements(term.Labels)
	}
	for _, p := range pod.PreferredNodeAffinity {
		m.requirements(p.Term.Labels)
	}
	for _, s := range pod.TopologySpread {
		m.key(s.TopologyKey)
	}
	for _, t := range pod.PodAffinity {
		m.key(t.TopologyKey)
	}
	for _, t := range pod.PodAntiAffinity {
		m.key(t.TopologyKey)
	}
}

func (m mentions) requirements(list []model.Requirement) {
	for _, r := range list {
		values := m.key(r.Key)
		for _, value := range r.Values {
			for _, candidate := range neighbours(r.Operator, value) {
				values[candidate] = true
			}
		}
	}
}

// neighbours are values that could meet a requirement with this operand.
func neighbours(op model.Operator, value string) []string {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case op == model.Gt && err == nil:
		return []string{strconv.FormatInt(n+1, 10)}
	case op == model.Lt && err == nil:
		return []string{strconv.FormatInt(n-1, 10)}
	case op == model.NotIn:
		return nil
	}
	return []string{value}
}

// variants are the sets of free labels a pool's nodes can be given: labels that
// its requirements declare and that neither the machine nor the pool's template
// decides. The first is what a node gets when no pod cares.
func (p *pool) variants(keys []string, m mentions) []map[string]string {
	variants := []map[string]string{nil}
	for _, key := range keys {
		values := p.freeValues(key, m)
		if len(values) == 0 {
			return nil
		}
		var next []map[string]string
		for _, value := range values {
			for _, base := range variants {
				if len(next) < maxVariants {
					next = append(next, withLabel(base, key, value))
				}
			}
		}
		variants = next
	}
	return variants
}

func (p *pool) freeKeys(catalog *model.Catalog) []string {
	keys := map[string]bool{}
	for _, r := range p.spec.Requirements {
		if _, fixed := p.spec.Labels[r.Key]; fixed || wellKnown(r.Key) || r.Operator == model.DoesNotExist {
			continue
		}
		keys[r.Key] = true
	}
	if len(keys) == 0 {
		return nil
	}
	for i := range catalog.InstanceTypes {
		for key := range catalog.InstanceTypes[i].Labels {
			delete(keys, key)
		}
	}
	return sortedKeys(keys)
}

// freeValues lists the values of a free label worth trying; "" stands for
// leaving the label out.
func (p *pool) freeValues(key string, m mentions) []string {
	candidates := map[string]bool{"": true}
	fallback := []string{"true", "1"}
	for _, r := range p.spec.Requirements {
		if r.Key == key {
			for _, value := range r.Values {
				fallback = append(fallback, neighbours(r.Operator, value)...)
				for _, candidate := range neighbours(r.Operator, value) {
					candidates[candidate] = true
				}
			}
		}
	}
	for value := range m[key] {
		candidates[value] = true
	}
	var values []string
	for _, value := range sortedKeys(candidates) {
		if p.allowsFree(key, value) {
			values = append(values, value)
		}
	}
	for _, value := range fallback {
		if len(values) == 0 && p.allowsFree(key, value) {
			values = append(values, value)
		}
	}
	if _, mentioned := m[key]; !mentioned && len(values) > 1 {
		values = values[:1]
	}
	return values
}

func (p *pool) allowsFree(key, value string) bool {
	for _, r := range p.spec.Requirements {
		if r.Key == key && !holds(r, value, value != "") {
			return false
		}
	}
	return true
}

func withLabel(base map[string]string, key, value string) map[string]string {
	labels := make(map[string]string, len(base)+1)
	for k, v := range base {
		labels[k] = v
	}
	if value != "" {
		labels[key] = value
	}
	return labels
}
