package engine

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/drover-project/drover/internal/model"
)

// Defaults of model.Settings.
const (
	defaultMaxOfferings = 60
	leastMaxSteps       = 24_000_000
	mostMaxSteps        = 1_200_000_000
	maxStepsPerPod      = 12_000
)

// problem is a snapshot made ready for deciding. It does not change while
// plans are tried.
type problem struct {
	snapshot    *model.Snapshot
	settings    model.Settings
	resources   resourceIndex
	pools       []*pool
	tiers       [][]int // indexes of pools of equal weight, heaviest first
	space       *space
	everyConfig bitset
	noConfig    bitset
	tierSets    []bitset // configs by tier
	byPrice     []int    // configs, cheapest first, then in their order
	// sales are byPrice again, neighbours of one room together.
	sales []sale
	// typesByPrice count, for each pool and variant, the different types among the
	// first so many of byPrice.
	typesByPrice map[variantOf][]int32
	indifferent  bitset // configs of pools that ignore preferred rules
	buyable      bitset // configs known to have capacity
	nodes        []*node
	daemons      []*model.DaemonSet
	classes      []*class
	rules        []*rule
	zoned        bool // some node group is sold by the zone
	effort       int  // how many times the usual steps a search may take
	// sights number what rules see: equal for rules that tell the configs apart
	// by the same domains; by rule.
	sights []int
	// daemonRules are the per-node rules that count a share's pods.
	daemonRules map[*daemonShare][]int
	rooms       *occupancy // buffer of rulesHold
	work        workspace  // buffer of mixtures
}

// usualSteps are the steps of a search where the settings name none.
func usualSteps(snapshot *model.Snapshot) int {
	return min(max(leastMaxSteps, maxStepsPerPod*len(snapshot.Pending)), mostMaxSteps)
}

func newProblem(snapshot *model.Snapshot, settings model.Settings) *problem {
	usual := usualSteps(snapshot)
	if settings.MaxSteps <= 0 {
		settings.MaxSteps = usual
	}
	if settings.MaxOfferings <= 0 {
		settings.MaxOfferings = defaultMaxOfferings
	}
	p := &problem{snapshot: snapshot, settings: settings, resources: newResourceIndex(snapshot.Pending), effort: max(settings.MaxSteps/usual, 1)}
	daemons := sortedDaemons(snapshot)
	p.daemons = daemons
	p.pools = sortedPools(snapshot)
	p.space = &space{configs: buildConfigs(p.pools, snapshot, settings), cache: map[string]bitset{}, columns: map[string]*labelColumn{}}
	p.everyConfig, p.noConfig = fullBitset(len(p.space.configs)), newBitset(len(p.space.configs))
	chargeDaemons(p.space, p.pools, daemons, p.resources)
	p.space.mergeRooms()
	p.space.numberTypes()
	p.nodes = sortedNodes(snapshot, daemons, p.resources)
	p.buyable = newBitset(len(p.space.configs))
	for i := range p.space.configs {
		if p.space.configs[i].available() {
			p.buyable.set(i)
		}
	}
	p.sortByPrice()
	p.indifferent = newBitset(len(p.space.configs))
	for i, pool := range p.pools {
		p.zoned = p.zoned || pool.promises != nil
		if pool.spec.IgnorePreferences {
			p.indifferent.or(p.space.of(pool))
		}
		if i == 0 || p.pools[i-1].spec.Weight != pool.spec.Weight {
			p.tiers = append(p.tiers, nil)
		}
		p.tiers[len(p.tiers)-1] = append(p.tiers[len(p.tiers)-1], i)
	}
	for tier := range p.tiers {
		set := newBitset(len(p.space.configs))
		for _, i := range p.tiers[tier] {
			for _, c := range p.pools[i].configs {
				set.set(c)
			}
		}
		p.tierSets = append(p.tierSets, set)
	}
	return p
}

func (p *problem) sortByPrice() {
	type offer struct {
		price  int64
		config int
	}
	offers := make([]offer, len(p.space.configs))
	for i := range offers {
		offers[i] = offer{p.space.configs[i].price, i}
	}
	slices.SortFunc(offers, func(a, b offer) int {
		if a.price != b.price {
			return cmp.Compare(a.price, b.price)
		}
		return a.config - b.config
	})
	p.byPrice = make([]int, len(offers))
	for n := range offers {
		p.byPrice[n] = offers[n].config
	}
	p.sales = make([]sale, 0, len(p.space.rooms))
	for from, to := 0, 0; from < len(p.byPrice); from = to {
		first := &p.space.configs[p.byPrice[from]]
		for to = from; to < len(p.byPrice) && p.space.configs[p.byPrice[to]].roomID == first.roomID; {
			to++
		}
		p.sales = append(p.sales, sale{first.room, p.byPrice[from:to]})
	}
	p.typesByPrice = map[variantOf][]int32{}
}

// sale is configs that leave the same room for pods, one after the other by price.
type sale struct {
	room    vector
	configs []int
}

// variantOf is a pool with one choice of its free labels.
type variantOf struct {
	pool    *pool
	variant int
}

// typesBelow counts the different types that the pool's variant offers among the
// first so many of byPrice.
func (p *problem) typesBelow(of variantOf, below int) int {
	counts := p.typesByPrice[of]
	if counts == nil {
		counts = make([]int32, len(p.byPrice)+1)
		seen := newBitset(p.space.types)
		for n, i := range p.byPrice {
			c := &p.space.configs[i]
			counts[n+1] = counts[n]
			if c.pool == of.pool && c.variant == of.variant && !seen.has(c.typeID) {
				seen.set(c.typeID)
				counts[n+1]++
			}
		}
		p.typesByPrice[of] = counts
	}
	return int(counts[below])
}

// withClasses returns the problem for these classes, with all that depends on
// them found.
func (p *problem) withClasses(classes []*class, s *signer) *problem {
	q := *p
	q.classes = classes
	q.rules = nil
	sets, admitted, alike := map[string]int{}, map[string]bitset{}, map[string]*class{}
	numbers := map[*uint64]int{} // of sets that are known to be the same
	var requests slab[int64]
	for i, c := range q.classes {
		c.id = i
		c.request = requests.take(len(q.resources.names))
		q.resources.readPod(c.pod.Requests, c.request)
		c.whole = c.request.has(c.pod.Requests)
		c.terms = selectorTerms(c.pod)
		c.fault = podFault(c.pod)
		c.labelled = q.admittedOnce(c, s, admitted)
		c.family = familyOf(c.labelled, sets, numbers)
		c.fitsID = i
		s.buf = strconv.AppendInt(s.buf[:0], int64(c.family), 10)
		for _, amount := range c.request {
			s.buf = strconv.AppendInt(append(s.buf, ','), amount, 36)
		}
		if other := alike[string(s.buf)]; other != nil && !q.grows() {
			c.fits, c.fitsID = other.fits, other.fitsID
			continue
		}
		alike[string(s.buf)] = c
		c.fits = q.fitting(c)
	}
	buildTopology(&q, s)
	q.numberSights()
	q.dropDoubtful()
	q.countDaemons()
	return &q
}

// familyOf numbers sets of configs, equal ones the same.
func familyOf(set bitset, sets map[string]int, shared map[*uint64]int) int {
	if len(set) == 0 {
		return 0
	}
	if number, known := shared[&set[0]]; known {
		return number
	}
	key := bitsKey(set)
	number, known := sets[key]
	if !known {
		number = len(sets)
		sets[key] = number
	}
	shared[&set[0]] = number
	return number
}

// fitting are the configs that can be had and have room for a pod of the class.
func (p *problem) fitting(c *class) bitset {
	fits := c.labelled.clone()
	fits.and(p.buyable)
	for r := range p.space.rooms {
		if !c.request.fits(p.space.rooms[r].room) {
			fits.drop(p.space.rooms[r].configs)
		}
	}
	return fits
}

// grows reports whether there are node groups, for which each class has its own
// doubts.
func (p *problem) grows() bool {
	return slices.ContainsFunc(p.pools, func(pool *pool) bool { return pool.group != nil })
}

// numberSights finds the rules that see the same domains.
func (p *problem) numberSights() {
	numbers, sets, shared := map[string]int{}, map[string]int{}, map[*uint64]int{}
	p.sights = make([]int, len(p.rules))
	for i, r := range p.rules {
		if r.axis.host {
			continue
		}
		key := r.axis.key + "\x00" + strconv.Itoa(familyOf(r.configs, sets, shared))
		number, known := numbers[key]
		if !known {
			number = len(numbers)
			numbers[key] = number
		}
		p.sights[i] = number
	}
}

// admittedOnce is admitted for classes of which many want the same.
func (p *problem) admittedOnce(c *class, s *signer, known map[string]bitset) bitset {
	if c.fault != nil || c.granted.taints || len(c.granted.nodes) > 0 {
		return p.admitted(c)
	}
	s.buf = s.buf[:0]
	s.places(c.pod)
	set := known[string(s.buf)]
	if set == nil {
		set = p.admitted(c)
		known[string(s.buf)] = set
	}
	return set
}

// admitted are the configs whose labels and taints let the class in.
func (p *problem) admitted(c *class) bitset {
	if c.fault != nil {
		return newBitset(len(p.space.configs))
	}
	set := p.space.admits(c.terms)
	set.and(p.space.tolerated(c.pod.Tolerations, p.pools, false))
	set.and(p.keepWishes(c))
	return set
}

// keepWishes returns the configs that keep the class's granted preferred rules, or
// whose pool does not look at them.
func (p *problem) keepWishes(c *class) bitset {
	set := p.everyConfig.clone()
	if c.granted.taints {
		set.and(p.space.tolerated(c.pod.Tolerations, p.pools, true))
	}
	for _, term := range c.granted.nodes {
		set.and(p.space.admits([]model.NodeSelectorTerm{term}))
	}
	set.or(p.indifferent)
	return set
}

// countDaemons finds which per-node rules select the DaemonSet pods that a new
// node starts with.
func (p *problem) countDaemons() {
	p.daemonRules = map[*daemonShare][]int{}
	for i := range p.space.configs {
		share := p.space.configs[i].daemons
		if _, known := p.daemonRules[share]; known {
			continue
		}
		p.daemonRules[share] = nil
		for _, pod := range share.pods {
			for _, r := range p.rules {
				if r.axis.host && r.selects(pod) {
					p.daemonRules[share] = append(p.daemonRules[share], r.id)
				}
			}
		}
	}
}
