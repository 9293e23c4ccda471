package engine

import (
	"cmp"
	"math"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// assignment is the first half of a plan: pods on nodes that are there, and for
// the rest how many of each class every topology domain gets.
type assignment struct {
	p       *problem
	ledger  *ledger
	rooms   []vector           // free room by node
	ports   [][]model.HostPort // taken ports by node
	onNodes []nodeShare
	demands []*demand
	missing []int // by class: pods that no domain may take
	stuck   []*rule
	// bought are affinity rules per node whose pods go to nodes to buy.
	bought map[*rule]bool
	known  map[string][]*region
	uneven bool // learned.uneven
	shut   bitset
	// followed is learned.followed.
	followed map[*class]*followed
	steps    int
	key      []byte // buffer
	part     bitset // likewise
	// where small things come from
	madePlaces  slab[place]
	placeLists  slab[*place]
	madeDemands slab[demand]
	madeRegions slab[region]
	numbers     slab[int32]
	words       slab[uint64]
}

// nodeShare is count pods of a class on a node.
type nodeShare struct {
	class *class
	node  int
	count int
}

// demand is count pods of a class that need nodes to buy of certain configs:
// those of one place as far as the class's topology rules can tell.
type demand struct {
	class   *class
	place   string // names the domains, for learning and for tests
	home    string // equal for demands that the same configs admit, size apart
	domains []int32
	configs bitset
	count   int
}

// learned is what earlier passes found out.
type learned struct {
	// most caps what a place could buy, by class and place.
	most map[*class]map[string]int
	// domains are those of a spread's rule, with the ones that other pods bought.
	domains map[*rule][]bool
	// shut are configs that are not for sale, so that nobody opens their domain.
	shut bitset
	// thrifty says that the limits of pools left pods out.
	thrifty bool
	// uneven lets spreads with room for it fill one domain after the other.
	uneven bool
	// followed are where classes must be so that others can be beside them.
	followed map[*class]*followed
	// waits are spreads over hosts whose pods are bound after new nodes joined.
	waits map[*rule]bool
}

func newAssignment(p *problem, known *learned) *assignment {
	a := &assignment{p: p, ledger: newLedger(p.rules, known), missing: make([]int, len(p.classes)),
		stuck: make([]*rule, len(p.classes)), bought: map[*rule]bool{}, known: map[string][]*region{}, uneven: known.uneven}
	a.rooms = make([]vector, len(p.nodes))
	a.ports = make([][]model.HostPort, len(p.nodes))
	for i, n := range p.nodes {
		a.rooms[i] = n.room.clone()
		a.ports[i] = append([]model.HostPort(nil), n.ports...)
	}
	return a
}

// assign decides class by class which pods use existing nodes and which domains
// the others go to.
func assign(p *problem, known *learned) *assignment {
	a := newAssignment(p, known)
	left := make([]int, len(p.classes))
	for _, c := range p.classes {
		left[c.id] = c.count()
	}
	a.place(left, known)
	return a
}

// place takes the pods that are left of each class.
func (a *assignment) place(left []int, known *learned) {
	a.shut, a.followed = known.shut, known.followed
	order := a.order()
	places := make([][]*place, len(a.p.classes))
	for _, c := range order {
		if c.fault == nil && left[c.id] > 0 {
			places[c.id] = a.places(c, known.most[c])
		}
	}
	for progress := true; progress; {
		progress = false
		for _, c := range order {
			if left[c.id] == 0 {
				continue
			}
			placed := a.placeClass(c, places[c.id], left[c.id])
			left[c.id] -= placed
			progress = progress || placed > 0
		}
	}
	for _, c := range order {
		a.missing[c.id] = left[c.id]
		a.collect(c, places[c.id])
	}
}

// order: pods that rules only count before the pods that carry the rules, the
// least tight first, so that the tight ones adapt; then by priority; then the
// largest.
func (a *assignment) order() []*class {
	total := make(vector, len(a.p.resources.names))
	for _, c := range a.p.classes {
		total.add(c.request, c.count())
	}
	size := func(c *class) int64 {
		largest := int64(0)
		for r, amount := range c.request {
			if total[r] > 0 {
				largest = max(largest, int64(float64(amount)/float64(total[r])*1e12))
			}
		}
		return largest
	}
	type turn struct {
		tightness, id int
		priority      int32
		size          int64
	}
	turns, order := make([]turn, len(a.p.classes)), make([]*class, len(a.p.classes))
	for i, c := range a.p.classes {
		turns[i] = turn{tightness(c), c.id, c.pod.Priority, size(c)}
	}
	slices.SortFunc(turns, func(x, y turn) int {
		if x.tightness != y.tightness {
			return cmp.Compare(x.tightness, y.tightness)
		}
		if x.priority != y.priority {
			return cmp.Compare(y.priority, x.priority)
		}
		return cmp.Or(cmp.Compare(y.size, x.size), x.id-y.id)
	})
	for n := range turns {
		order[n] = a.p.classes[turns[n].id]
	}
	return order
}

func tightness(c *class) int {
	rank := 0
	for _, touches := range [][]touch{c.touches, c.hosts} {
		for i := range touches {
			t := &touches[i]
			switch {
			case t.owns && t.rule.kind == spreadRule:
				rank = max(rank, math.MaxInt32-t.maxSkew)
			case t.owns && t.rule.kind == affinityRule:
				rank = math.MaxInt32
			}
		}
	}
	return rank
}

// placeClass places up to want pods and returns how many it placed.
func (a *assignment) placeClass(c *class, places []*place, want int) int {
	if len(c.touches) == 0 {
		return a.placeFreely(c, places, want)
	}
	for placed := 0; placed < want; placed++ {
		best := a.bestPlace(c, places)
		if best == nil {
			return placed
		}
		if n := a.nextNode(c, best); n >= 0 {
			a.putOnNode(c, n, 1)
		} else {
			a.buy(c, best, 1)
		}
		for i := range c.touches {
			a.ledger.add(&c.touches[i], best.domains[i])
		}
	}
	return want
}

// placeFreely places pods that no rule ties to a domain.
func (a *assignment) placeFreely(c *class, places []*place, want int) int {
	placed := 0
	for _, pl := range places {
		for placed < want {
			n := a.nextNode(c, pl)
			if n < 0 {
				break
			}
			count := 1
			if len(c.hosts) == 0 && len(c.pod.HostPorts) == 0 {
				count = c.request.times(a.rooms[n], want-placed)
			}
			a.putOnNode(c, n, count)
			placed += count
		}
		if count := min(want-placed, pl.left); count > 0 && !pl.configs.empty() && a.hostBuyable(c) {
			a.buy(c, pl, count)
			placed += count
		}
	}
	return placed
}

func (a *assignment) buy(c *class, pl *place, count int) {
	pl.demand += count
	pl.left -= count
	for i := range c.hosts {
		if t := &c.hosts[i]; t.matched && t.rule.kind == affinityRule {
			a.bought[t.rule] = true
		}
	}
}

// hostBuyable is false for pods that must share a node with others when no node
// to buy can have those: they run already, or nobody has planned any yet.
func (a *assignment) hostBuyable(c *class) bool {
	for i := range c.hosts {
		t := &c.hosts[i]
		if !t.owns || t.rule.kind != affinityRule {
			continue
		}
		opens := t.matched && a.ledger.opens(t.rule)
		if !opens && !a.bought[t.rule] {
			return false
		}
	}
	return true
}

// bestPlace chooses where the next pod goes: existing room, then the heaviest
// pool, then the lowest price, then the domain with the fewest of the pods that
// its spreads count (with the most of them, while those allow it, when uneven),
// then the zone of a node group that needs the least growth, then domain order.
func (a *assignment) bestPlace(c *class, places []*place) *place {
	var best *place
	bestRank := [5]int64{}
	for _, pl := range places {
		if !a.allowed(c, pl) {
			continue
		}
		rank := [5]int64{1, int64(pl.tier), pl.price, a.crowd(c, pl), pl.depth}
		if a.nextNode(c, pl) >= 0 {
			rank = [5]int64{0, 0, 0, rank[3]}
		} else if pl.left <= 0 || pl.configs.empty() || !a.hostBuyable(c) {
			continue
		}
		if best == nil || lessRank(rank, bestRank) {
			best, bestRank = pl, rank
		}
	}
	return best
}

func lessRank(a, b [5]int64) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func (a *assignment) allowed(c *class, pl *place) bool {
	for i := range c.touches {
		a.steps++
		if !a.ledger.allows(&c.touches[i], pl.domains[i]) {
			a.stuck[c.id] = c.touches[i].rule
			return false
		}
	}
	return true
}

func (a *assignment) crowd(c *class, pl *place) int64 {
	pods := int64(0)
	for i := range c.touches {
		if t := &c.touches[i]; t.rule.kind == spreadRule && pl.domains[i] >= 0 {
			pods += int64(a.ledger.rules[t.rule.id].count[pl.domains[i]])
		}
	}
	if a.uneven && c.spreadsLoosely() {
		return -pods
	}
	return pods
}

// spreadsLoosely reports whether the class's own spreads over domains allow
// some of them to have several pods more than others.
func (c *class) spreadsLoosely() bool {
	loose := false
	for i := range c.touches {
		if t := &c.touches[i]; t.owns && t.rule.kind == spreadRule {
			if t.maxSkew == 1 {
				return false
			}
			loose = true
		}
	}
	return loose
}

// nextNode returns the first node of the place that takes one more pod of the
// class, or -1.
func (a *assignment) nextNode(c *class, pl *place) int {
	for i := pl.next; i < len(pl.nodes); i++ {
		n := pl.nodes[i]
		a.steps++
		if !c.request.fits(a.rooms[n]) || portsClash(a.ports[n], c.pod.HostPorts) {
			if i == pl.next {
				pl.next++
			}
			continue
		}
		if a.hostAllows(c, n) {
			return n
		}
	}
	return -1
}

func (a *assignment) hostAllows(c *class, n int) bool {
	for i := range c.hosts {
		t := &c.hosts[i]
		if t.owns && t.rule.kind == affinityRule && t.matched && a.ledger.opens(t.rule) && (a.bought[t.rule] || !a.holdsAll(c, n)) {
			return false
		}
		if !a.ledger.allows(t, t.rule.domainOfNode(n)) {
			a.stuck[c.id] = t.rule
			return false
		}
	}
	return true
}

// holdsAll reports whether pods that must share one node would all find room
// on n, or on no new node either.
func (a *assignment) holdsAll(c *class, n int) bool {
	here := c.request.times(a.rooms[n], c.count())
	there := 0
	c.fits.each(func(i int) { there = max(there, c.request.times(a.p.space.configs[i].room, c.count())) })
	return here >= there
}

func (a *assignment) putOnNode(c *class, n, count int) {
	a.rooms[n].add(c.request, -count)
	a.ports[n] = append(a.ports[n], c.pod.HostPorts...)
	for i := range c.hosts {
		for k := 0; k < count; k++ {
			a.ledger.add(&c.hosts[i], c.hosts[i].rule.domainOfNode(n))
		}
	}
	if last := len(a.onNodes) - 1; last >= 0 && a.onNodes[last].class == c && a.onNodes[last].node == n {
		a.onNodes[last].count += count
		return
	}
	a.onNodes = append(a.onNodes, nodeShare{class: c, node: n, count: count})
}

func (a *assignment) collect(c *class, places []*place) {
	for _, pl := range places {
		if pl.demand > 0 {
			d := &a.madeDemands.take(1)[0]
			*d = newDemand(c, pl, pl.demand)
			a.demands = append(a.demands, d)
		}
	}
}
