package engine

import (
	"fmt"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// stage is how far a class gets with a pool before something stops it. The
// pool where it gets furthest is the nearest way to place it.
type stage int

const (
	stageNotReady stage = iota
	stageTaints
	stageRequirements
	stageSize
	stageCapacity
	stagePorts
	stageMinValues
	stageTopology
	stageLimits
)

// maxAlternatives bounds how many NodePools' answers a reason lists.
const maxAlternatives = 3

// unplacedReasons explains every class that did not find a place for all pods.
func (s *solution) unplacedReasons(n *names) []model.PodReason {
	var reasons []model.PodReason
	s.remedies = newRemedies(s)
	for _, c := range s.p.classes {
		missing := s.unplaced[c.id] + c.held
		if missing == 0 {
			continue
		}
		reason := s.whyNot(c)
		reason.Pods = n.take(c, missing)
		reasons = append(reasons, reason)
	}
	sort.SliceStable(reasons, func(i, j int) bool { return lessKey(reasons[i].Pods[0], reasons[j].Pods[0]) })
	return reasons
}

func (s *solution) whyNot(c *class) model.PodReason {
	if c.fault != nil {
		return model.PodReason{Reason: *c.fault}
	}
	if c.refused != nil {
		return model.PodReason{Reason: *c.refused}
	}
	if s.remedies == nil {
		s.remedies = newRemedies(s)
	}
	if len(s.p.pools) == 0 {
		answer := model.PodReason{Reason: model.Reason{Code: model.CodeNoNodePool,
			Message: "no node has room and no NodePool exists to buy one; create a NodePool"}}
		if answer.Remedy = s.remedies.newPool(c); answer.Remedy != nil {
			answer.Message = "no node has room and no NodePool exists to buy one; " + answer.Remedy.Message
		}
		return answer
	}
	return s.nearestWay(c)
}

// nearestWay asks the pools, and says what would have to change in the one that
// would serve the class at the least cost.
func (s *solution) nearestWay(c *class) model.PodReason {
	type reply struct {
		pool   *pool
		at     stage
		reason model.Reason
	}
	var replies []reply
	for _, pool := range s.p.pools {
		at, reason := s.askPool(c, pool)
		replies = append(replies, reply{pool, at, reason})
	}
	var answer model.PodReason
	var wanted *pool
	answer.Remedy, wanted = s.remedies.find(c)
	sort.SliceStable(replies, func(i, j int) bool {
		a, b := replies[i], replies[j]
		if (a.pool == wanted) != (b.pool == wanted) {
			return a.pool == wanted
		}
		return a.at > b.at
	})
	answer.Reason = model.Reason{Code: replies[0].reason.Code, Message: replies[0].pool.title() + ": " + replies[0].reason.Message}
	if answer.Remedy != nil {
		answer.Message += "; " + strings.Replace(answer.Remedy.Message, " of "+wanted.title(), "", 1)
	}
	for _, r := range replies[:min(len(replies), maxAlternatives)] {
		alternative := model.PoolReason{NodePool: r.pool.spec.Name, Reason: r.reason}
		if r.pool.group != nil {
			alternative.NodePool, alternative.NodeGroup = "", r.pool.spec.Name
		}
		answer.Alternatives = append(answer.Alternatives, alternative)
	}
	answer.AlternativesMore = len(replies) - len(answer.Alternatives)
	return answer
}

// askPool finds the first thing that keeps the class from being bought for.
func (s *solution) askPool(c *class, pool *pool) (stage, model.Reason) {
	if pool.fault != nil {
		return stageNotReady, *pool.fault
	}
	if taint, off := pool.taintInTheWay(c.pod.Tolerations); off {
		return stageTaints, model.Reason{Code: model.CodeTaintNotTolerated, Message: fmt.Sprintf("taint %s not tolerated", taintText(taint))}
	}
	labelled := poolOnly(c.labelled, pool)
	if len(labelled) == 0 {
		return stageRequirements, model.Reason{Code: model.CodeRequirement, Message: s.whichRequirement(c, pool)}
	}
	var holding, buyable []int
	for _, i := range labelled {
		if c.request.fits(s.p.space.configs[i].room) {
			holding = append(holding, i)
			if c.fits.has(i) {
				buyable = append(buyable, i)
			}
		}
	}
	if len(holding) == 0 {
		return stageSize, s.howTooLarge(c, labelled)
	}
	why, uncertain := s.zoneUncertain(pool, holding)
	if key := doubtfulKey(c, pool); key != "" && len(buyable) == 0 {
		return stageTopology, model.Reason{Code: model.CodeTopologySpread, Message: doubtText(pool, key, why)}
	}
	if uncertain && len(buyable) == 0 {
		return stageRequirements, model.Reason{Code: model.CodeRequirement, Message: why}
	}
	if len(buyable) == 0 {
		return stageCapacity, model.Reason{Code: model.CodeNoCapacity, Message: s.noCapacity(holding)}
	}
	if port := s.portTaken(c, buyable); port != "" {
		return stagePorts, model.Reason{Code: model.CodeHostPort, Message: "a DaemonSet has the host port " + port + " on every node that would do"}
	}
	if reason, reached := s.limitReached(buyable, pool); reached {
		return stageLimits, reason
	}
	if reason, short := s.minValuesMissed(buyable, pool); short {
		return stageMinValues, reason
	}
	return stageTopology, s.topologyStopped(c, pool)
}

func poolOnly(set bitset, pool *pool) []int {
	var list []int
	for _, i := range pool.configs {
		if set.has(i) {
			list = append(list, i)
		}
	}
	return list
}

// howTooLarge names the resource that is short even on the type that has most.
func (s *solution) howTooLarge(c *class, labelled []int) model.Reason {
	best, bestMissing := labelled[0], 2.0
	for _, i := range labelled {
		if missing := missingShare(c.request, s.p.space.configs[i].room); missing < bestMissing {
			best, bestMissing = i, missing
		}
	}
	config := &s.p.space.configs[best]
	for r, amount := range c.request {
		if amount > config.room[r] && amount > 0 {
			name := s.p.resources.names[r]
			if driver, isVolume := volumeDriver(name); isVolume {
				return model.Reason{Code: model.CodeVolumeLimit, Message: fmt.Sprintf(
					"needs %d volumes of %s; the largest allowed type %s attaches %d", amount, driver, config.kind.Name, max(config.room[r], 0))}
			}
			after := ""
			if config.daemons.vector[r] > 0 {
				after = " after DaemonSets"
			}
			return model.Reason{Code: model.CodeTooLarge, Message: fmt.Sprintf("needs %s %s; the largest allowed type %s has %s free%s",
				quantity(name, amount), name, config.kind.Name, quantity(name, max(config.room[r], 0)), after)}
		}
	}
	return model.Reason{Code: model.CodeTooLarge, Message: "no allowed type is large enough"}
}

// missingShare is the largest part of a request that the room does not cover.
func missingShare(request, room vector) float64 {
	missing := 0.0
	for r, amount := range request {
		if amount > room[r] && amount > 0 {
			missing = max(missing, float64(amount-max(room[r], 0))/float64(amount))
		}
	}
	return missing
}

func (s *solution) noCapacity(holding []int) string {
	best := holding[0]
	for _, i := range holding {
		if s.p.space.configs[i].price < s.p.space.configs[best].price {
			best = i
		}
	}
	config := &s.p.space.configs[best]
	message := fmt.Sprintf("%s: %s", config.text(), config.offering.UnavailableReason)
	if more := len(holding) - 1; more > 0 {
		message += fmt.Sprintf("; the %d other offerings that would do have no capacity either", more)
	}
	return message
}

// limitReached reports the limit that leaves no room for any node of buyable.
func (s *solution) limitReached(buyable []int, pool *pool) (model.Reason, bool) {
	for _, i := range buyable {
		if s.used.times(pool, s.p.space.configs[i].capacity, 1) > 0 {
			return model.Reason{}, false
		}
	}
	for r, name := range pool.limited {
		least := s.p.space.configs[buyable[0]].capacity[r]
		for _, i := range buyable {
			least = min(least, s.p.space.configs[i].capacity[r])
		}
		if zone, isZone := strings.CutPrefix(name, zoneLimit); isZone && s.used[pool][r]+least > pool.limit[r] {
			return model.Reason{Code: model.CodeLimitReached, Message: pool.promises.reached(pool.group, zone)}, true
		}
		if s.used[pool][r]+least > pool.limit[r] && pool.group != nil {
			return model.Reason{Code: model.CodeLimitReached, Message: fmt.Sprintf("its maximum size %d is reached", pool.limit[r])}, true
		}
		if s.used[pool][r]+least > pool.limit[r] {
			return model.Reason{Code: model.CodeLimitReached, Message: fmt.Sprintf("limit %s %s reached: %s used, %s more needed",
				name, quantity(name, pool.limit[r]), quantity(name, s.used[pool][r]), quantity(name, least))}, true
		}
	}
	return model.Reason{Code: model.CodeLimitReached, Message: "no node that would do stays within all limits together"}, true
}

func (s *solution) minValuesMissed(buyable []int, pool *pool) (model.Reason, bool) {
	for _, r := range pool.minValues {
		if seen := s.values(buyable, r.Key); len(seen) < r.MinValues {
			return model.Reason{Code: model.CodeMinValues, Message: fmt.Sprintf("minValues %d for %s: only %d values would do (%s)",
				r.MinValues, r.Key, len(seen), strings.Join(boundedList(seen, 6), ", "))}, true
		}
	}
	return model.Reason{}, false
}

func (s *solution) values(configs []int, key string) []string {
	seen := map[string]bool{}
	for _, i := range configs {
		if value, ok := s.p.space.configs[i].label(key); ok {
			seen[value] = true
		}
	}
	return sortedKeys(seen)
}

// topologyStopped describes the topology rule in the way of more pods.
func (s *solution) topologyStopped(c *class, pool *pool) model.Reason {
	r := s.topologyRule(c)
	switch {
	case r == nil && len(pool.minValues) > 0:
		return model.Reason{Code: model.CodeMinValues, Message: fmt.Sprintf(
			"minValues %d for %s: too few values would do in one topology domain and within the limits", pool.minValues[0].MinValues, pool.minValues[0].Key)}
	case r == nil:
		return model.Reason{Code: model.CodeLimitReached, Message: "what the limits leave is not enough for all of these pods"}
	case r.kind == affinityRule:
		return model.Reason{Code: model.CodePodAffinity, Message: fmt.Sprintf(
			"pod affinity over %s: no place with room in a domain that has the required pods", r.axis.key)}
	case r.kind == antiRule:
		return model.Reason{Code: model.CodePodAntiAffinity, Message: fmt.Sprintf(
			"pod anti-affinity over %s: every domain with room has pods that must not be near", r.axis.key)}
	}
	return model.Reason{Code: model.CodeTopologySpread, Message: fmt.Sprintf(
		"topology spread over %s: %s; another pod where there is room would exceed maxSkew", r.axis.key, s.domainCounts(r))}
}

// topologyRule is the rule that stopped the class, nil when none did.
func (s *solution) topologyRule(c *class) *rule {
	r := s.stuck[c.id]
	if r == nil {
		for i := range c.hosts {
			if c.hosts[i].owns {
				r = c.hosts[i].rule
			}
		}
	}
	return r
}

func (s *solution) domainCounts(r *rule) string {
	tally := s.recount(&learned{}).rules[r.id]
	var counts []string
	for d, value := range r.axis.values {
		if r.universe[d] {
			counts = append(counts, fmt.Sprintf("%s has %d", value, tally.count[d]))
		}
	}
	text := strings.Join(boundedList(counts, 6), ", ")
	if tally.domains < r.minDomains {
		text += fmt.Sprintf(", and minDomains asks for %d domains", r.minDomains)
	}
	return text
}
