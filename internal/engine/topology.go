package engine

import (
	"maps"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// ruleKind is what a topology rule asks for.
type ruleKind byte

const (
	spreadRule   ruleKind = 's' // count evenly
	affinityRule ruleKind = 'a' // only beside the selected pods
	antiRule     ruleKind = 'x' // never beside the selected pods
)

// axis numbers the values of one node label. On the hostname axis every node
// is a value of its own and a node to buy has none yet.
type axis struct {
	key      string
	host     bool
	size     int
	values   []string
	ofConfig []int32 // -1: no such label
	ofNode   []int32
	// configs by value; none on the hostname axis.
	configs []bitset
	late    []bool // hostname: the node is on its way
}

// rule is one selection of pods counted along one axis. Equal rules of many
// classes are one rule.
type rule struct {
	id       int
	kind     ruleKind
	axis     *axis
	matchers []matcher // a counted pod matches all of them
	// eligible nodes and configs take part in the count (spread only asks).
	configs bitset
	unsure  bitset // node groups' configs that may or may not
	nodes   []bool // nil: all
	// universe are the domains that exist or that a pod with the rule could
	// buy; reach also has those that only other pods could buy.
	universe []bool
	reach    []bool
	// count are selected pods, own the pods that carry the rule, by domain.
	count, own []int32
	total      int
	minDomains int
	// waits is set when pods with the rule wait for others that are planned too:
	// they are bound after new nodes have joined.
	waits bool
	// siblings are the other affinity rules of the same pods: the first pod may
	// open a domain only when none of them counts any pod.
	siblings []*rule
}

// touch is how a class meets a rule: it carries it, or is counted by it.
type touch struct {
	rule    *rule
	owns    bool
	matched bool
	wish    bool // an affinity that is owned by preference: the scheduler waits for nobody
	maxSkew int
}

func (r *rule) domainOfConfig(i int) int32 {
	if !r.configs.has(i) {
		return -1
	}
	return r.axis.ofConfig[i]
}

func (r *rule) domainOfNode(n int) int32 {
	if r.nodes != nil && !r.nodes[n] {
		return -1
	}
	return r.axis.ofNode[n]
}

func (r *rule) selects(pod *model.Pod) bool {
	for i := range r.matchers {
		if !r.matchers[i].matches(pod.Namespace, pod.Labels) {
			return false
		}
	}
	return true
}

// topology collects the rules of a problem.
type topology struct {
	p      *problem
	signer *signer
	axes   map[string]*axis
	byText map[string]*rule
	rules  []*rule
	// byLabel finds rules by one label that their pods must have; general are
	// the rules without such a label.
	byLabel map[string][]*rule
	general []*rule
	made    slab[rule]
	counts  slab[int32]
	words   slab[uint64]
	marks   slab[bool]
	lists   slab[touch]
}

// buildTopology finds the rules that pending pods carry and those of bound pods
// that can keep a pending one away, counts the bound pods, and tells each class
// what touches it.
func buildTopology(p *problem, s *signer) {
	t := &topology{p: p, signer: s, axes: map[string]*axis{}, byText: map[string]*rule{}}
	owned := make([][]touch, len(p.classes))
	for i, c := range p.classes {
		owned[i] = t.classRules(c)
	}
	t.boundOwners()
	t.indexRules()
	t.boundCounts()
	for i, c := range p.classes {
		t.touches(c, owned[i])
	}
	p.rules = t.rules
}

func (t *topology) axis(key string) *axis {
	key = canonical(key)
	if a, ok := t.axes[key]; ok {
		return a
	}
	a := &axis{key: key, host: key == labelHostname}
	t.axes[key] = a
	a.ofConfig, a.ofNode = make([]int32, len(t.p.space.configs)), make([]int32, len(t.p.nodes))
	if a.host {
		a.size = len(t.p.nodes)
		for i := range a.ofConfig {
			a.ofConfig[i] = -1
		}
		for i := range a.ofNode {
			a.ofNode[i] = int32(i)
			a.values = append(a.values, t.p.nodes[i].spec.Name)
			a.late = append(a.late, t.p.nodes[i].spec.Launching)
		}
		return a
	}
	t.numberValues(a)
	return a
}

func (t *topology) numberValues(a *axis) {
	column := t.p.space.column(a.key)
	seen := map[string]bool{}
	for _, value := range column.values {
		seen[value] = true
	}
	for _, n := range t.p.nodes {
		if value, ok := lookup(n.spec.Labels, a.key); ok {
			seen[value] = true
		}
	}
	for _, pool := range t.p.pools {
		for _, one := range pool.doubts[a.key] {
			seen[one.value] = seen[one.value] || one.present
		}
	}
	maps.DeleteFunc(seen, func(_ string, present bool) bool { return !present })
	a.values = sortedKeys(seen)
	a.size = len(a.values)
	number := make(map[string]int32, a.size)
	for i, value := range a.values {
		number[value] = int32(i)
	}
	for range a.values {
		a.configs = append(a.configs, newBitset(len(t.p.space.configs)))
	}
	for i, value := range column.ofConfig {
		a.ofConfig[i] = -1
		if value >= 0 {
			a.ofConfig[i] = number[column.values[value]]
			a.configs[a.ofConfig[i]].set(i)
		}
	}
	for i, n := range t.p.nodes {
		a.ofNode[i] = -1
		if value, ok := lookup(n.spec.Labels, a.key); ok {
			a.ofNode[i] = number[value]
		}
	}
}

// rule returns the one rule with this meaning, making it when it is new. The
// filter text names what else decides which nodes count; eligible finds them.
func (t *topology) rule(kind ruleKind, key string, matchers []matcher, filter string, eligible func(*rule)) *rule {
	t.signer.buf = append(t.signer.buf[:0], byte(kind))
	t.signer.texts(canonical(key), filter)
	for _, m := range matchers {
		t.signer.texts(m.namespaces...)
		t.signer.selector(m.selector)
		t.signer.pairs(m.same)
	}
	if r, ok := t.byText[string(t.signer.buf)]; ok {
		return r
	}
	r := &t.made.take(1)[0]
	*r = rule{id: len(t.rules), kind: kind, axis: t.axis(key), matchers: matchers}
	t.byText[string(t.signer.buf)] = r
	t.rules = append(t.rules, r)
	r.count, r.own = t.counts.take(r.axis.size), t.counts.take(r.axis.size)
	r.configs, r.unsure = t.p.everyConfig, t.p.noConfig
	if eligible != nil {
		eligible(r)
	}
	r.universe, r.reach = t.marks.take(r.axis.size), t.marks.take(r.axis.size)
	r.findUniverse(t.p)
	return r
}

func (r *rule) findUniverse(p *problem) {
	for n := range p.nodes {
		if d := r.domainOfNode(n); d >= 0 {
			r.universe[d], r.reach[d] = true, true
		}
	}
	if !r.axis.host {
		r.markDomains(r.reach, p.buyable)
		p.markDoubts(r, r.reach, p.buyable)
	}
}

// markDomains marks the domains that these configs would bring.
func (r *rule) markDomains(marks []bool, configs bitset) {
	for d, set := range r.axis.configs {
		marks[d] = marks[d] || set.meets(configs, r.configs)
	}
}

// inDomain takes those configs out of set that the rule does not see in domain
// d; -1 is outside of all.
func (r *rule) inDomain(set bitset, d int32) {
	if d >= 0 {
		set.and(r.axis.configs[d])
		set.and(r.configs)
		return
	}
	for _, values := range r.axis.configs {
		for w := range set {
			set[w] &^= values[w] & r.configs[w]
		}
	}
}

// classRules returns what the class carries, each rule once.
func (t *topology) classRules(c *class) (owned []touch) {
	if c.fault != nil {
		return nil
	}
	owned = t.lists.take(len(c.pod.TopologySpread) + len(c.pod.PodAffinity) + len(c.pod.PodAntiAffinity))[:0]
	var keys []string
	for i := range c.pod.TopologySpread {
		if s := &c.pod.TopologySpread[i]; !s.ScheduleAnyway {
			keys = append(keys, s.TopologyKey)
		}
	}
	for i := range c.pod.TopologySpread {
		if s := &c.pod.TopologySpread[i]; !s.ScheduleAnyway {
			owned = t.spread(owned, c, *s, keys)
		}
	}
	for _, s := range c.granted.spread {
		owned = t.spread(owned, c, s, append(append([]string(nil), keys...), s.TopologyKey))
	}
	for _, r := range t.affinityRules(c.pod) {
		owned = own(owned, r, 0)
	}
	for _, term := range c.granted.near {
		r := t.rule(affinityRule, term.TopologyKey, []matcher{affinityMatcher(term, c.pod.Namespace)}, "", nil)
		required := len(owned)
		if owned = own(owned, r, 0); len(owned) > required {
			owned[required].wish = true
		}
	}
	away := append([]model.PodAffinityTerm(nil), c.granted.away...)
	for _, term := range c.pod.PodAntiAffinity {
		if requires(term) {
			away = append(away, term)
		}
	}
	for _, term := range away {
		owned = own(owned, t.rule(antiRule, term.TopologyKey, []matcher{affinityMatcher(term, c.pod.Namespace)}, "", nil), 0)
	}
	return owned
}

func (t *topology) spread(owned []touch, c *class, s model.TopologySpread, keys []string) []touch {
	r := t.rule(spreadRule, s.TopologyKey, []matcher{spreadMatcher(s, c.pod)}, t.filterText(c, s, keys), func(r *rule) { t.spreadNodes(r, c, s, keys) })
	r.minDomains = int(s.MinDomains)
	return own(owned, r, int(s.MaxSkew))
}

func own(owned []touch, r *rule, maxSkew int) []touch {
	if at := touching(owned, r); at >= 0 {
		owned[at].maxSkew = min(owned[at].maxSkew, maxSkew)
		return owned
	}
	return append(owned, touch{rule: r, owns: true, maxSkew: maxSkew})
}

// touching is where the rule is in a list; -1 when it is not.
func touching(list []touch, r *rule) int {
	return slices.IndexFunc(list, func(t touch) bool { return t.rule == r })
}

// affinityRules: a pod counts for any term only when it matches all of them.
func (t *topology) affinityRules(pod *model.Pod) []*rule {
	var matchers []matcher
	for _, term := range pod.PodAffinity {
		if requires(term) {
			matchers = append(matchers, affinityMatcher(term, pod.Namespace))
		}
	}
	var rules []*rule
	for _, term := range pod.PodAffinity {
		if requires(term) {
			rules = append(rules, t.rule(affinityRule, term.TopologyKey, matchers, "", nil))
		}
	}
	for _, r := range rules {
		for _, sibling := range rules {
			if sibling != r {
				r.siblings = append(r.siblings, sibling)
			}
		}
	}
	return rules
}

func (t *topology) filterText(c *class, s model.TopologySpread, keys []string) string {
	f := &signer{}
	f.texts(keys...)
	f.number(int64(s.MinDomains))
	if !s.IgnoreNodeAffinity {
		for _, term := range c.terms {
			f.term(term)
		}
	}
	if s.HonorNodeTaints {
		f.mark('t')
		for _, tol := range c.pod.Tolerations {
			f.texts(tol.Key, tol.Operator, tol.Value, string(tol.Effect))
		}
	}
	return string(f.buf)
}

// spreadNodes finds the nodes and configs whose pods a spread counts: those
// with all its topology keys that its inclusion policies do not leave out.
func (t *topology) spreadNodes(r *rule, c *class, s model.TopologySpread, keys []string) {
	r.configs = append(bitset(t.words.take(len(t.p.everyConfig)))[:0], t.p.everyConfig...)
	for _, key := range keys {
		if canonical(key) != labelHostname {
			r.configs.and(t.p.space.requirement(model.Requirement{Key: key, Operator: model.Exists}))
		}
	}
	if !s.IgnoreNodeAffinity && c.terms != nil {
		r.configs.and(t.p.space.admits(c.terms))
	}
	if s.HonorNodeTaints {
		r.configs.and(t.p.space.tolerated(c.pod.Tolerations, t.p.pools, false))
	}
	if len(t.p.snapshot.NodeGroups) > 0 {
		terms := c.terms
		if s.IgnoreNodeAffinity {
			terms = nil
		}
		r.unsure = t.unsure(r, terms, keys)
	}
	r.nodes = make([]bool, len(t.p.nodes))
	for i, n := range t.p.nodes {
		r.nodes[i] = n.hasLabels(keys) && (s.IgnoreNodeAffinity || n.admits(c.terms))
		if s.HonorNodeTaints && r.nodes[i] {
			_, off := untolerated(n.taints, c.pod.Tolerations, false)
			r.nodes[i] = !off
		}
	}
}
