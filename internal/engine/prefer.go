package engine

import (
	"fmt"
	"sort"

	"github.com/drover-project/drover/internal/model"
)

// wishKind orders preferred rules: when not all can be kept, the first kinds
// are tried first.
type wishKind int

const (
	wishNode    wishKind = iota // preferred node affinity, heaviest first
	wishNear                    // preferred pod affinity
	wishAway                    // preferred pod anti-affinity
	wishSpread                  // topology spread with ScheduleAnyway
	wishTaints                  // taints with the effect PreferNoSchedule
	wishDefault                 // topology spread that the scheduler adds by itself
)

// wish is one preferred rule of a class.
type wish struct {
	class  int
	kind   wishKind
	index  int // in the pod's list of that kind
	weight int32
}

// maxWishTrials bounds how many plans are made to find which preferred rules
// cost nothing.
const maxWishTrials = 12

// chooser looks for the preferred rules that can be kept at no cost.
type chooser struct {
	base     *problem
	plain    *problem // without preferred rules
	classes  []*members
	signer   *signer
	best     *solution
	kept     []wish
	lost     []lostWish
	trials   int
	steps    int
	maxSteps int
	effort   int // how many times its usual steps the proof may take
}

// lostWish is a preferred rule that the plan does not enforce; extra is what it
// would cost in nanoDollars per hour, or 0 when that was not found out.
type lostWish struct {
	wish
	extra int64
}

// solveWithWishes makes the plan without preferred rules, and then keeps those
// that change neither what is placed nor what it costs, in their stated order.
func solveWithWishes(base *problem, classes []*members, s *signer) *chooser {
	c := &chooser{base: base, classes: classes, signer: s, maxSteps: 3 * base.settings.MaxSteps}
	r := &ration{base: base, signer: s, classes: classes}
	c.best = r.solve()
	c.steps, c.classes = r.steps, r.classes
	c.plain = c.best.p
	if !base.settings.IgnorePreferences {
		own, byDefault := splitWishes(wishes(c.best))
		c.try(own)
		for _, list := range byDefault {
			c.tryDefaults(list)
		}
	}
	return c
}

// wishes lists the preferred rules in the order they are tried. Classes that
// need every place there is get none.
func wishes(s *solution) []wish {
	p, soft := s.p, false
	for _, pool := range p.pools {
		for _, taint := range pool.taints {
			soft = soft || taint.Effect == model.PreferNoSchedule
		}
	}
	for _, n := range p.nodes {
		for _, taint := range n.taints {
			soft = soft || taint.Effect == model.PreferNoSchedule
		}
	}
	var list []wish
	for _, c := range p.classes {
		if c.fault != nil || s.unplaced[c.id] > 0 || c.fitsOnly(p.indifferent) {
			continue
		}
		list = append(list, c.wishes(soft)...)
	}
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].kind != list[j].kind {
			return list[i].kind < list[j].kind
		}
		return list[i].weight > list[j].weight
	})
	return list
}

func (c *class) wishes(softTaints bool) []wish {
	var list []wish
	for i, preferred := range c.pod.PreferredNodeAffinity {
		if len(preferred.Term.Fields)+len(preferred.Term.Labels) > 0 {
			list = append(list, wish{c.id, wishNode, i, preferred.Weight})
		}
	}
	for i, term := range c.pod.PodAffinity {
		if !requires(term) {
			list = append(list, wish{c.id, wishNear, i, term.Weight})
		}
	}
	for i, term := range c.pod.PodAntiAffinity {
		if !requires(term) {
			list = append(list, wish{c.id, wishAway, i, term.Weight})
		}
	}
	for i := range c.pod.TopologySpread {
		switch spread := &c.pod.TopologySpread[i]; {
		case spread.ClusterDefault:
			list = append(list, wish{c.id, wishDefault, i, 0})
		case spread.ScheduleAnyway:
			list = append(list, wish{c.id, wishSpread, i, 0})
		}
	}
	if softTaints {
		list = append(list, wish{c.id, wishTaints, 0, 0})
	}
	return list
}

// fitsOnly reports whether the class can be bought for, and by these configs only.
func (c *class) fitsOnly(configs bitset) bool {
	return c.fits.within(configs) && !c.fits.empty()
}

// try keeps all of list when that is free, and otherwise looks at its halves.
func (c *chooser) try(list []wish) {
	if len(list) == 0 {
		return
	}
	if c.trials >= maxWishTrials || c.steps >= c.maxSteps {
		for _, w := range list {
			c.lost = append(c.lost, lostWish{wish: w})
		}
		return
	}
	c.trials++
	granted := grant(c.classes, append(append([]wish(nil), c.kept...), list...))
	next := solve(c.base.withClasses(granted, c.signer), c.base.settings.MaxSteps)
	c.steps += next.steps
	switch {
	case next.keepsPlaces(c.best) && next.cost <= c.best.cost:
		c.best = next
		c.kept = append(c.kept, list...)
	case len(list) == 1:
		lost := lostWish{wish: list[0]}
		if next.keepsPlaces(c.best) {
			lost.extra = next.cost - c.best.cost
		}
		c.lost = append(c.lost, lost)
	default:
		c.try(list[:len(list)/2])
		c.try(list[len(list)/2:])
	}
}

// keepsPlaces reports whether every class has at least as many pods placed as
// in the other plan; classes of a pod group exactly as many, so that a group
// that was left out does not come in by halves.
func (s *solution) keepsPlaces(other *solution) bool {
	for i, c := range s.p.classes {
		mine, theirs := s.unplaced[i]+c.held, other.unplaced[i]+other.p.classes[i].held
		if mine > theirs || c.pod.Group != "" && mine != theirs {
			return false
		}
	}
	return true
}

// grants are preferred rules of a class that a plan treats as required. They
// stay apart from the required ones, whose meaning they must not change.
type grants struct {
	nodes  []model.NodeSelectorTerm
	near   []model.PodAffinityTerm
	away   []model.PodAffinityTerm
	spread []model.TopologySpread
	// taints makes PreferNoSchedule count like NoSchedule.
	taints bool
}

// grant returns the classes with the wishes made requirements.
func grant(classes []*members, list []wish) []*class {
	granted, made := make([]*class, len(classes)), make([]class, len(classes))
	for i, of := range classes {
		granted[i] = &made[i]
		made[i].members = *of
	}
	for _, w := range list {
		c := granted[w.class]
		switch w.kind {
		case wishNode:
			c.granted.nodes = append(c.granted.nodes, c.pod.PreferredNodeAffinity[w.index].Term)
		case wishNear:
			c.granted.near = append(c.granted.near, c.pod.PodAffinity[w.index])
		case wishAway:
			c.granted.away = append(c.granted.away, c.pod.PodAntiAffinity[w.index])
		case wishSpread, wishDefault:
			c.granted.spread = append(c.granted.spread, c.pod.TopologySpread[w.index])
		case wishTaints:
			c.granted.taints = true
		}
	}
	return granted
}

// report lists the preferred rules that the plan does not enforce.
func (c *chooser) report() []model.PodReason {
	var reasons []model.PodReason
	for _, lost := range c.lost {
		if lost.kind == wishDefault {
			continue
		}
		pod := c.classes[lost.class].pod
		if lost.kind == wishNode && c.best.meetsAnyway(lost.class, pod.PreferredNodeAffinity[lost.index].Term) {
			continue
		}
		message := lost.text(pod) + " is not kept: it would cost more or leave pods without a place"
		if lost.extra > 0 {
			message = fmt.Sprintf("%s is not kept: it would cost %s $/h more", lost.text(pod), priceText(lost.extra))
		}
		reasons = append(reasons, model.PodReason{Pods: c.classes[lost.class].keys,
			Reason: model.Reason{Code: model.CodePreferenceNotKept, Message: message}})
	}
	return append(reasons, c.lostDefaults()...)
}

func (w wish) text(pod *model.Pod) string {
	switch w.kind {
	case wishNode:
		var all []string
		term := pod.PreferredNodeAffinity[w.index].Term
		for _, r := range append(append([]model.Requirement(nil), term.Labels...), term.Fields...) {
			all = append(all, requirementText(r))
		}
		return fmt.Sprintf("preferred node affinity %v", boundedList(all, 4))
	case wishNear:
		return "preferred pod affinity over " + pod.PodAffinity[w.index].TopologyKey
	case wishAway:
		return "preferred pod anti-affinity over " + pod.PodAntiAffinity[w.index].TopologyKey
	case wishSpread:
		return "topology spread (ScheduleAnyway) over " + pod.TopologySpread[w.index].TopologyKey
	}
	return "staying off taints with the effect PreferNoSchedule"
}

// meetsAnyway reports whether every place of the class happens to meet a term.
func (s *solution) meetsAnyway(class int, term model.NodeSelectorTerm) bool {
	for _, n := range s.onNodes {
		if n.class.id == class && n.count > 0 && !s.p.nodes[n.node].meets(term) {
			return false
		}
	}
	for i := range s.bins {
		for _, sh := range s.bins[i].shares {
			first := s.p.sortedChoices(&s.bins[i])[0]
			if sh.demand.class.id == class && !s.p.space.admits([]model.NodeSelectorTerm{term}).has(first) {
				return false
			}
		}
	}
	return true
}
