package engine

import (
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// whichRequirement names the one requirement that leaves nothing, with what the
// pool has instead.
func (s *solution) whichRequirement(c *class, pool *pool) string {
	if len(pool.configs) == 0 {
		return s.poolOffersNothing(pool)
	}
	for _, term := range c.terms {
		if text := asksForOne(term); text != "" {
			return text
		}
		for _, r := range term.Labels {
			if len(poolOnly(s.p.space.requirement(r), pool)) == 0 {
				return fmt.Sprintf("no offering satisfies %s; %s", requirementText(r), s.offeredValues(r.Key, pool))
			}
		}
	}
	var all []string
	for _, term := range c.terms {
		for _, r := range term.Labels {
			all = append(all, requirementText(r))
		}
	}
	return "no offering satisfies all of " + strings.Join(boundedList(all, 6), ", ") + " together"
}

// asksForOne says what no new node can be: one with a given name.
func asksForOne(term model.NodeSelectorTerm) string {
	for _, r := range append(append([]model.Requirement(nil), term.Fields...), term.Labels...) {
		byName := r.Key == fieldNodeName || canonical(r.Key) == labelHostname
		switch {
		case r.Key == fieldNodeName && len(r.Values) == 0:
			return "the pod's node affinity has no conditions, and such a term selects no node"
		case byName && (r.Operator == model.In || r.Operator == model.Gt || r.Operator == model.Lt):
			return fmt.Sprintf("%s asks for one node by name, which a new node cannot be", requirementText(r))
		}
	}
	return ""
}

// portTaken names a host port of the class that DaemonSets take on all configs.
func (s *solution) portTaken(c *class, buyable []int) string {
	taken := ""
	for _, i := range buyable {
		clash := ""
		for _, daemon := range s.p.space.configs[i].daemons.pods {
			for _, port := range c.pod.HostPorts {
				if portsClash(daemon.HostPorts, []model.HostPort{port}) {
					clash = fmt.Sprintf("%d/%s (DaemonSet %s)", port.Port, protocol(port), daemon.PodKey)
				}
			}
		}
		if clash == "" {
			return ""
		}
		taken = clash
	}
	return taken
}

func (s *solution) poolOffersNothing(pool *pool) string {
	if pool.group != nil {
		return "its next node is not on offer at any known price"
	}
	catalog := s.p.snapshot.Catalogs[pool.spec.NodeClass]
	if len(catalog.Offerings) == 0 {
		return fmt.Sprintf("the NodeClass %s offers no instance type with a known price", pool.spec.NodeClass)
	}
	var all []string
	for _, r := range pool.spec.Requirements {
		all = append(all, requirementText(r))
	}
	return "no offering satisfies the NodePool's own requirements: " + strings.Join(boundedList(all, 8), ", ")
}

func (s *solution) offeredValues(key string, pool *pool) string {
	seen := map[string]bool{}
	for _, i := range pool.configs {
		if value, ok := s.p.space.configs[i].label(key); ok && value != "" {
			seen[value] = true
		}
	}
	if doubts := pool.doubts[canonical(key)]; len(doubts) > 0 {
		if why := pool.uncertain(canonical(key)); why != "" {
			return "whether its next node has the label is not certain: " + why
		}
		return "its next node may have any of " + strings.Join(boundedList(possibleTexts(doubts), 6), ", ") + pool.wayReason(key)
	}
	if len(seen) == 0 {
		return "the pool's nodes have no such label"
	}
	return "the pool offers " + strings.Join(boundedList(sortedKeys(seen), 6), ", ") + pool.wayReason(key)
}

// uncertain says why nothing is known of a label of the group's next node.
func (p *pool) uncertain(key string) string {
	for label, why := range p.group.UncertainLabels {
		if canonical(label) == key {
			return why
		}
	}
	return ""
}
