package engine

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// maxRemedySteps bounds, for a whole report, the search for single changes that
// would place pods: a way to buy that is too small is one step, one that has to
// be looked at costs lookSteps.
const (
	maxRemedySteps = 2_000_000
	lookSteps      = 10
)

// remedies looks for the cheapest single change that would place a pod: one
// requirement, taint, limit, minValues or topology rule less.
type remedies struct {
	s     *solution
	offer map[*pool][]config // all ways to buy of the pool's NodeClass, cheapest first
	steps int
	// ledger counts the pods of the plan along the topology axes; nil until needed.
	ledger *ledger
	// selected are the pods of the plan that rules per node select, once asked for.
	selected map[*rule]int
}

func newRemedies(s *solution) *remedies {
	return &remedies{s: s, offer: map[*pool][]config{}, selected: map[*rule]int{}, steps: maxRemedySteps}
}

// obstacle is the one thing between a pod and a way to buy for it.
type obstacle struct {
	code  model.Code
	pool  *pool
	key   string
	value string
	text  string // what would have to change
}

// find returns the remedy with the pool it is about; nil when no single change
// was found within the bounds.
func (r *remedies) find(c *class) (*model.Remedy, *pool) {
	var best *obstacle
	var with *config
	for _, pool := range r.s.p.pools {
		if pool.fault != nil {
			continue
		}
		list := r.offers(pool)
		for i := range list {
			if r.steps < 0 || with != nil && list[i].price >= with.price {
				break
			}
			if one := r.only(c, &list[i]); one != nil {
				best, with = one, &list[i]
				break
			}
		}
	}
	if best == nil {
		return nil, nil
	}
	return best.remedy(with), best.pool
}

func (o *obstacle) remedy(with *config) *model.Remedy {
	remedy := &model.Remedy{Code: o.code, NodePool: o.pool.spec.Name, Key: o.key, Value: o.value,
		OfferingKey: with.offering.OfferingKey, PricePerHour: with.offering.PricePerHour,
		Message: fmt.Sprintf("%s would cost %s $/h (%s)", o.text, priceText(with.listed()), with.text())}
	if o.pool.group != nil {
		remedy.NodePool, remedy.NodeGroup = "", o.pool.spec.Name
	}
	return remedy
}

// offers lists what the pool could buy if it had no requirements.
func (r *remedies) offers(pool *pool) []config {
	if list, known := r.offer[pool]; known {
		return list
	}
	catalog := r.s.p.snapshot.Catalogs[pool.spec.NodeClass]
	kinds := make(map[string]*model.InstanceType, len(catalog.InstanceTypes))
	for i := range catalog.InstanceTypes {
		kinds[catalog.InstanceTypes[i].Name] = &catalog.InstanceTypes[i]
	}
	rooms := make(map[*model.InstanceType]vector, len(kinds))
	for _, kind := range kinds {
		rooms[kind] = r.s.p.resources.vector(kind.Allocatable)
	}
	var list []config
	for _, free := range pool.variants(pool.freeKeys(&catalog), newMentions(r.s.p.snapshot)) {
		for _, offering := range sortedOfferings(catalog.Offerings) {
			c := config{pool: pool, kind: kinds[offering.InstanceType], offering: offering, free: free}
			if c.kind == nil || !c.available() {
				continue
			}
			c.price = withInterruptions(offering, r.s.p.settings)
			c.capacity = zoneCapacity(pool, limitedCapacity(pool, c.kind), offering)
			c.room = rooms[c.kind]
			list = append(list, c)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].price < list[j].price })
	r.offer[pool] = list
	return list
}

// only returns the one obstacle between the class and the config; nil when
// there is none that can be named, or more than one.
func (r *remedies) only(c *class, way *config) *obstacle {
	found, possible := r.obstacles(c, way)
	if !possible || len(found) > 1 {
		return nil
	}
	one := obstacle{}
	if len(found) == 1 {
		one = found[0]
	}
	missed, seen := r.minValues(c, way, &one)
	switch {
	case missed == nil && len(found) == 0 || missed != nil && len(found) == 1:
		return nil
	case missed != nil:
		one = obstacle{code: model.RemedyLowerMinValues, key: missed.Key, value: strconv.Itoa(seen),
			text: fmt.Sprintf("lowering minValues of %s of NodePool %s to %d", missed.Key, way.pool.spec.Name, seen)}
	}
	one.pool = way.pool
	return &one
}

// obstacles lists what lies between the class and the config, two at most; it
// is not possible when no change of a rule would make room.
func (r *remedies) obstacles(c *class, way *config) (found []obstacle, possible bool) {
	if r.steps--; !c.request.fits(way.room) {
		return nil, false
	}
	r.steps -= lookSteps
	for _, find := range []func(*class, *config) []obstacle{r.requirements, r.taints, r.terms, r.limits, r.topology} {
		if found = append(found, find(c, way)...); len(found) > 1 {
			return found, true
		}
	}
	room, ports := r.s.p.leftOn(way)
	return found, c.request.fits(room) && !portsClash(ports, c.pod.HostPorts)
}

// minValues returns the requirement for which there would be too few values,
// and how many, among all ways to buy with no obstacle or just this one.
func (r *remedies) minValues(c *class, way *config, one *obstacle) (*model.Requirement, int) {
	pool := way.pool
	if len(pool.minValues) == 0 {
		return nil, 0
	}
	seen := make([]map[string]bool, len(pool.minValues))
	for i := range seen {
		seen[i] = map[string]bool{}
	}
	list := r.offers(pool)
	for i := range list {
		if !sameLabels(list[i].free, way.free) || !c.sameDomains(&list[i], way) {
			continue
		}
		found, possible := r.obstacles(c, &list[i])
		if !possible || len(found) > 1 || len(found) == 1 && (found[0].code != one.code || found[0].key != one.key) {
			continue
		}
		for n := range pool.minValues {
			if value, ok := list[i].label(pool.minValues[n].Key); ok {
				seen[n][value] = true
			}
		}
	}
	for n := range pool.minValues {
		if values := len(seen[n]); values < pool.minValues[n].MinValues {
			return &pool.minValues[n], values
		}
	}
	return nil, 0
}

// sameDomains reports whether two ways to buy are one to the class's topology rules.
func (c *class) sameDomains(a, b *config) bool {
	for i := range c.touches {
		key := c.touches[i].rule.axis.key
		x, okX := a.label(key)
		y, okY := b.label(key)
		if x != y || okX != okY {
			return false
		}
	}
	return true
}

// leftOn is what the DaemonSets leave of the room of a node bought this way, and
// the ports that they take.
func (p *problem) leftOn(c *config) (vector, []model.HostPort) {
	room := c.room.clone()
	var ports []model.HostPort
	for _, daemon := range p.daemons {
		terms := selectorTerms(&daemon.Template)
		if c.mayTolerate(daemonTolerations(daemon.Template.Tolerations)) && (len(c.missed(terms)) == 0 || c.mayMeetAny(terms)) {
			room.add(p.resources.podVector(daemon.Template.Requests), -1)
			ports = append(ports, daemon.Template.HostPorts...)
		}
	}
	return room, ports
}

// missed returns what the best alternative asks for and the node does not have.
func (c *config) missed(terms []model.NodeSelectorTerm) []model.Requirement {
	var fewest []model.Requirement
	for i, term := range terms {
		var missed []model.Requirement
		for _, r := range term.Labels {
			if !c.meetsOne(r) {
				missed = append(missed, r)
			}
		}
		for _, r := range term.Fields {
			if r.Key != fieldNodeName || r.Operator != model.NotIn {
				missed = append(missed, r)
			}
		}
		if i == 0 || len(missed) < len(fewest) {
			fewest = missed
		}
	}
	return fewest
}

func (r *remedies) requirements(_ *class, config *config) []obstacle {
	var found []obstacle
	for _, requirement := range config.pool.spec.Requirements {
		value, ok := config.label(requirement.Key)
		if holds(requirement, value, ok) {
			continue
		}
		text := fmt.Sprintf("widening %s of NodePool %s to %s", requirement.Key, config.pool.spec.Name, value)
		if !ok {
			text = fmt.Sprintf("dropping %s from NodePool %s", requirementText(requirement), config.pool.spec.Name)
		}
		found = append(found, obstacle{code: model.RemedyWidenRequirement, key: requirement.Key, value: value, text: text})
	}
	return found
}

func (r *remedies) taints(c *class, config *config) []obstacle {
	var found []obstacle
	for _, taint := range config.taints() {
		if taint.Effect != model.PreferNoSchedule && !toleratesAny(c.pod.Tolerations, taint) {
			found = append(found, obstacle{code: model.RemedyTolerateTaint, key: taint.Key, value: taint.Value,
				text: fmt.Sprintf("tolerating %s of %s", taintText(taint), config.pool.title())})
		}
	}
	return found
}

func (r *remedies) terms(c *class, config *config) []obstacle {
	var found []obstacle
	for _, missed := range config.missed(c.terms) {
		value, _ := config.label(missed.Key)
		text := "the pod without " + requirementText(missed)
		if missed.Key == fieldNodeName && len(missed.Values) == 0 {
			text = "the pod without its node affinity"
		}
		found = append(found, obstacle{code: model.RemedyRelaxPod, key: missed.Key, value: value, text: text})
	}
	return found
}

// zoneLimit is met by a larger maximum, with which a node in the zone is certain.
func (r *remedies) zoneLimit(config *config, zone string, at int) []obstacle {
	pool := config.pool
	need := r.s.used[pool][at] + config.capacity[at]
	if config.capacity[at] == 0 || need <= pool.limit[at] {
		return nil
	}
	size := pool.group.Desired + growthFor(pool.group, map[string]int{zone: int(need)})*int(groupUnit(pool.group))
	if size >= maxGroupSize {
		return make([]obstacle, 2) // no size would do
	}
	return []obstacle{{code: model.RemedyRaiseLimit, key: limitNodes, value: quantity(limitNodes, int64(size)),
		text: fmt.Sprintf("raising the maximum size of %s from %d to %d", pool.title(), pool.group.Max, size)}}
}

func (r *remedies) limits(_ *class, config *config) []obstacle {
	var found []obstacle
	pool := config.pool
	for i, name := range pool.limited {
		if zone, isZone := strings.CutPrefix(name, zoneLimit); isZone {
			found = append(found, r.zoneLimit(config, zone, i)...)
		} else if need := r.s.used[pool][i] + config.capacity[i]; need > pool.limit[i] && config.capacity[i] > 0 && pool.group != nil {
			found = append(found, obstacle{code: model.RemedyRaiseLimit, key: name, value: quantity(name, need),
				text: fmt.Sprintf("raising the maximum size of %s from %d to %d", pool.title(), pool.limit[i], need)})
		} else if need > pool.limit[i] && config.capacity[i] > 0 {
			found = append(found, obstacle{code: model.RemedyRaiseLimit, key: name, value: quantity(name, need),
				text: fmt.Sprintf("raising the limit %s of NodePool %s from %s to %s", name, pool.spec.Name, quantity(name, pool.limit[i]), quantity(name, need))})
		}
	}
	return found
}

// topology returns the rules that keep one more pod off a new node of the config.
func (r *remedies) topology(c *class, config *config) []obstacle {
	if r.ledger == nil {
		r.ledger = r.s.recount(r.s.known)
	}
	var found []obstacle
	for i := range c.touches {
		t := &c.touches[i]
		if d := t.rule.axis.domainOf(config); !r.admits(t, d) {
			found = append(found, r.relaxed(t, d))
		}
	}
	for i := range c.hosts {
		t := &c.hosts[i]
		if t.owns && t.rule.kind == affinityRule && !(t.matched && r.selectedBy(t.rule) == 0) {
			found = append(found, r.relaxed(t, newDomain))
		}
	}
	return found
}

// newDomain stands for a value of a topology key that no node has yet.
const newDomain = -2

// domainOf finds the config's domain; -1 when it has no such label.
func (a *axis) domainOf(c *config) int32 {
	value, ok := c.label(a.key)
	if !ok {
		return -1
	}
	at := sort.SearchStrings(a.values, value)
	if at < len(a.values) && a.values[at] == value {
		return int32(at)
	}
	return newDomain
}

func (r *remedies) admits(t *touch, d int32) bool {
	if d != newDomain {
		return r.ledger.allows(t, d)
	}
	return !t.owns || t.rule.kind != affinityRule || t.matched && r.ledger.opens(t.rule)
}

func (r *remedies) relaxed(t *touch, d int32) obstacle {
	key := t.rule.axis.key
	one := obstacle{code: model.RemedyRelaxTopology, key: key}
	switch {
	case t.rule.kind == affinityRule:
		one.text = "preferring the pod affinity over " + key + " instead of requiring it"
	case t.rule.kind == antiRule && t.owns:
		one.text = "preferring the pod anti-affinity over " + key + " instead of requiring it"
	case t.rule.kind == antiRule:
		one.text = "preferring the anti-affinity over " + key + " of the pods there instead of requiring it"
	case t.owns && d >= 0:
		one.value = strconv.Itoa(int(r.ledger.rules[t.rule.id].count[d] + 1 - r.ledger.least(t.rule)))
		one.text = fmt.Sprintf("maxSkew %s over %s", one.value, key)
	default:
		one.text = "the topology spread over " + key + " with ScheduleAnyway"
	}
	return one
}

// newPool is the remedy where there is no NodePool at all.
func (r *remedies) newPool(c *class) *model.Remedy {
	for _, class := range sortedKeys(r.s.p.snapshot.Catalogs) {
		pool := &pool{spec: &model.NodePool{Name: "", NodeClass: class}}
		for _, config := range r.offers(pool) {
			if r.steps -= lookSteps; r.steps < 0 {
				return nil
			}
			if room, ports := r.s.p.leftOn(&config); len(config.missed(c.terms)) == 0 && c.request.fits(room) && !portsClash(ports, c.pod.HostPorts) {
				one := obstacle{code: model.RemedyCreateNodePool, pool: pool, key: labelInstanceType, value: config.kind.Name,
					text: fmt.Sprintf("a NodePool of the NodeClass %s that allows %s", class, config.kind.Name)}
				return one.remedy(&config)
			}
		}
	}
	return nil
}

func sameLabels(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key, value := range a {
		if b[key] != value {
			return false
		}
	}
	return true
}
