package engine

import (
	"slices"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// groupLabel is a label of a node of a group: it has no other than those that
// the group and its types are certain to give it.
func (c *config) groupLabel(key string) (string, bool) {
	if key == labelHostname {
		return "", true
	}
	if value, ok := c.pool.spec.Labels[key]; ok {
		return value, true
	}
	if own, certain := c.way(); certain {
		if value, ok := lookup(own.labels, key); ok {
			return value, true
		}
	}
	if c.isInZone() && key == labelZone {
		return c.offering.Zone, true
	}
	if c.isInZone() && key == labelZoneID {
		return c.offering.ZoneID, c.offering.ZoneID != ""
	}
	value, ok := c.kind.Labels[key]
	return value, ok
}

// meetsOne reports whether the node is certain to meet the requirement.
func (c *config) meetsOne(r model.Requirement) bool {
	doubts := c.doubts(canonical(r.Key))
	if len(doubts) == 0 {
		value, ok := c.label(r.Key)
		return holds(r, value, ok)
	}
	for _, one := range doubts {
		if !one.surelyHolds(r) {
			return false
		}
	}
	return true
}

// mayMeet reports whether the node could turn out to meet the requirement.
func (c *config) mayMeet(r model.Requirement) bool {
	for _, one := range c.doubts(canonical(r.Key)) {
		if one.mayHold(r) {
			return true
		}
	}
	return c.meetsOne(r)
}

// mayAdmit adds the configs whose node could turn out to meet one of the terms:
// a DaemonSet that may come takes its room.
func (s *space) mayAdmit(set bitset, terms []model.NodeSelectorTerm) {
	for i := range s.configs {
		c := &s.configs[i]
		if !c.pool.isDoubtful() || set.has(i) {
			continue
		}
		if c.mayMeetAny(terms) {
			set.set(i)
		}
	}
}

// mayMeetAny reports whether the node could turn out to meet one of the terms.
func (c *config) mayMeetAny(terms []model.NodeSelectorTerm) bool {
	for _, term := range terms {
		all := len(term.Fields) == 0
		for _, r := range term.Labels {
			all = all && c.mayMeet(r)
		}
		if all {
			return true
		}
	}
	return false
}

// dropDoubtful takes from each class the configs whose domain, for a topology
// rule that touches the class, depends on what comes.
func (p *problem) dropDoubtful() {
	for _, c := range p.classes {
		for _, pool := range p.pools {
			if !pool.isDoubtful() {
				continue
			}
			zone, way := c.granted.wishesZone(), c.granted.wishesWay(pool)
			for _, i := range pool.configs {
				wished := &p.space.configs[i]
				if p.doubtfulAt(c, i) || zone && wished.isInZone() || way && wished.isPromised() && !wished.isInZone() {
					c.fits.clear(i)
				}
			}
		}
	}
}

// doubtfulKey is the topology key by which the pool's nodes cannot be told, ""
// when there is none.
func doubtfulKey(c *class, pool *pool) string {
	if !pool.isDoubtful() {
		return ""
	}
	for i := range c.touches {
		r := c.touches[i].rule
		if len(pool.doubts[r.axis.key]) > 0 || slices.ContainsFunc(pool.configs, r.unsure.has) {
			return r.axis.key
		}
	}
	return ""
}

// doubtfulAt reports whether a topology rule that touches the class cannot tell
// the domain of the config's node, or whether it counts there.
func (p *problem) doubtfulAt(c *class, config int) bool {
	for i := range c.touches {
		r := c.touches[i].rule
		if len(p.space.configs[config].doubts(r.axis.key)) > 0 || r.unsure.has(config) {
			return true
		}
	}
	return false
}

// unsure are the configs that a spread may count or not, depending on what comes.
func (t *topology) unsure(r *rule, terms []model.NodeSelectorTerm, keys []string) bitset {
	set := newBitset(len(t.p.space.configs))
	for i := range t.p.space.configs {
		c := &t.p.space.configs[i]
		if !c.pool.isDoubtful() || r.configs.has(i) {
			continue
		}
		may := terms == nil || c.mayMeetAny(terms)
		for _, key := range keys {
			may = may && (canonical(key) == labelHostname || c.mayMeet(model.Requirement{Key: key, Operator: model.Exists}))
		}
		if may {
			set.set(i)
		}
	}
	return set
}

// markDoubts marks the domains that nodes of growing groups may open, whichever
// of their types and zones comes, those that a rule may count or not among them.
func (p *problem) markDoubts(r *rule, marks []bool, configs bitset) {
	for d, set := range r.axis.configs {
		marks[d] = marks[d] || set.meets(configs, r.unsure)
	}
	for _, pool := range p.pools {
		if len(pool.doubts[r.axis.key]) == 0 {
			continue
		}
		grows, counts := false, false
		for _, i := range pool.configs {
			grows = grows || configs.has(i)
			counts = counts || r.configs.has(i) || r.unsure.has(i)
		}
		for _, one := range pool.doubts[r.axis.key] {
			if d := sort.SearchStrings(r.axis.values, one.value); grows && counts && one.present {
				marks[d] = true
			}
		}
	}
}

// doubtText says which values the topology key of a pool's next node may have.
func doubtText(pool *pool, key, why string) string {
	if why == "" {
		why = "a node group for each of them would do"
	}
	if len(pool.doubts[key]) == 0 {
		return "a topology rule over " + key + " counts its next node or not, depending on which comes: a node group for each zone and type would do"
	}
	return "a topology rule of the pods asks for " + key + ", and its next node may be in any of " +
		strings.Join(boundedList(possibleTexts(pool.doubts[key]), 6), ", ") + ": " + why
}

func possibleTexts(doubts []possible) []string {
	var values []string
	for _, one := range doubts {
		switch {
		case one.unknown:
			values = append(values, "any")
		case one.present:
			values = append(values, one.value)
		default:
			values = append(values, "none")
		}
	}
	return values
}
