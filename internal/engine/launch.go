package engine

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// names hands out the pods of each class in order.
type names struct {
	next []int // by class
}

func (n *names) take(c *class, count int) []model.PodKey {
	from := n.next[c.id]
	n.next[c.id] += count
	return c.keys[from : from+count]
}

// bought is a launch with the bin it came from and its pods by share.
type bought struct {
	model.Launch
	bin    *bin
	shares [][]model.PodKey
	first  int // config of the first offering
	// part is purchased.part, and cheapest the config that would cost least.
	part, cheapest int
}

// launches turns bins into launches. Equal bins differ only in their pods, and
// where limits are tight in how many fallbacks they may list.
func (s *solution) launches(n *names) []bought {
	all := make([]bought, 0, s.nodes)
	s.reserved = s.used.clone()
	s.buying = newBuying(s)
	for i := range s.bins {
		b := &s.bins[i]
		w := s.newWays(b)
		for k := 0; k < b.times; k++ {
			shares := make([][]model.PodKey, 0, len(b.shares))
			for _, sh := range b.shares {
				shares = append(shares, n.take(sh.demand.class, sh.count))
			}
			launch := w.next(k, shares)
			launch.shares, launch.Pods = shares, make([]model.PodKey, 0, b.pods())
			for _, pods := range shares {
				launch.Pods = append(launch.Pods, pods...)
			}
			sortPodKeys(launch.Pods)
			all = append(all, launch)
		}
	}
	return all
}

// ways are how the copies of one bin are bought: equal ones are worked out once,
// where no limits tell them apart.
type ways struct {
	s       *solution
	bin     *bin
	choices []int
	known   map[int]bought // by purchased.part
}

func (s *solution) newWays(b *bin) *ways {
	w := &ways{s: s, bin: b, known: map[int]bought{}}
	if s.buying == nil || s.p.space.configs[b.config].pool.group != nil {
		w.choices = s.p.cheapestChoices(b)
	} else {
		w.choices = s.p.sortedChoices(b)
	}
	return w
}

func (w *ways) next(copyNumber int, shares [][]model.PodKey) bought {
	b, way := w.bin, purchased{w.choices, -1}
	pool := w.s.p.space.configs[b.config].pool
	if w.s.buying != nil && pool.group == nil {
		way = w.s.buying.choose(b, w.choices, copyNumber, shares)
		switch {
		case way.part != -1:
			moved := *b
			moved.config = way.choices[0]
			b = &moved
		case !slices.Contains(way.choices, b.config):
			way.choices = append([]int{b.config}, way.choices...)
		}
	}
	same, known := w.known[way.part]
	if !known || len(pool.limited) > 0 {
		picked := w.s.pickOfferings(b, way.choices)
		same = bought{bin: w.bin, Launch: w.s.launch(b, picked), first: picked[0], part: way.part, cheapest: w.choices[0]}
		w.known[way.part] = same
	}
	return same
}

// pods on one of the nodes.
func (b *bin) pods() int {
	count := 0
	for i := range b.shares {
		count += b.shares[i].count
	}
	return count
}

// orderBins puts the largest nodes first, in an order that only depends on what
// they are and hold.
func (s *solution) orderBins() {
	for i := range s.bins {
		shares := s.bins[i].shares
		slices.SortStableFunc(shares, func(a, b share) int { return a.demand.compare(b.demand) })
	}
	configs := s.p.space.configs
	slices.SortStableFunc(s.bins, func(a, b bin) int {
		x, y := &configs[a.config], &configs[b.config]
		if x.price != y.price {
			return cmp.Compare(y.price, x.price)
		}
		if a.config != b.config {
			return a.config - b.config
		}
		return a.compare(&b)
	})
}

// compare orders bins of one config: more different pods first, then by what
// they are.
func (b *bin) compare(other *bin) int {
	if len(b.shares) != len(other.shares) {
		return len(other.shares) - len(b.shares)
	}
	for n := range b.shares {
		x, y := &b.shares[n], &other.shares[n]
		if c := x.demand.compare(y.demand); c != 0 {
			return c
		}
		if x.count != y.count {
			return y.count - x.count
		}
	}
	return 0
}

func (d *demand) compare(other *demand) int {
	if d.class != other.class {
		return d.class.id - other.class.id
	}
	return strings.Compare(d.place, other.place)
}

// sortedChoices are all configs that hold the bin, cheapest first; among equal
// prices those that the pods prefer, then by name.
func (p *problem) sortedChoices(b *bin) []int {
	choices := p.acceptable(b)
	if !p.wished(b) {
		return choices
	}
	wish := make(map[int]int, len(choices))
	for _, i := range choices {
		wish[i] = p.wishes(b, &p.space.configs[i])
	}
	sort.SliceStable(choices, func(a, b int) bool {
		i, j := choices[a], choices[b]
		x, y := &p.space.configs[i], &p.space.configs[j]
		if x.price != y.price {
			return x.price < y.price
		}
		if wish[i] != wish[j] {
			return wish[i] > wish[j]
		}
		return i < j
	})
	return choices
}

func (p *problem) wished(b *bin) bool {
	for n := range b.shares {
		if len(b.shares[n].demand.class.pod.PreferredNodeAffinity) > 0 {
			return !p.settings.IgnorePreferences
		}
	}
	return false
}

// wishes sums the weights of the preferred node affinity terms that come true.
func (p *problem) wishes(b *bin, c *config) int {
	if p.settings.IgnorePreferences {
		return 0
	}
	sum := 0
	for _, sh := range b.shares {
		for _, preferred := range sh.demand.class.pod.PreferredNodeAffinity {
			if len(preferred.Term.Fields) == 0 && !c.pool.spec.IgnorePreferences && c.meets(preferred.Term.Labels) {
				sum += int(preferred.Weight) * sh.count
			}
		}
	}
	return sum
}

// pickOfferings takes the cheapest choices, up to the number that fits into one
// request, keeping the pool's minValues met.
func (s *solution) pickOfferings(b *bin, choices []int) []int {
	pool := s.p.space.configs[b.config].pool
	if pool.group != nil {
		return []int{s.p.pickOfGroup(b, choices)}
	}
	s.reserved.add(pool, b.charge, -1)
	o := &offer{p: s.p, pool: pool, used: s.reserved, largest: append([]int64(nil), b.charge...), picked: make([]int, 0, min(len(choices)+1, s.p.settings.MaxOfferings))}
	o.take(b.config)
	o.meetMinValues(choices)
	required := o.picked
	for _, i := range choices {
		if len(o.picked) >= s.p.settings.MaxOfferings {
			break
		}
		if !slices.Contains(required, i) && o.allowed(i) {
			o.take(i)
		}
	}
	s.reserved.add(pool, o.largest, 1)
	if len(pool.minValues) == 0 && len(o.picked) > 0 && o.picked[0] == choices[0] {
		return o.picked // taken in order
	}
	position := make(map[int]int, len(choices))
	for n, i := range choices {
		position[i] = n
	}
	sort.SliceStable(o.picked, func(a, b int) bool { return position[o.picked[a]] < position[o.picked[b]] })
	return o.picked
}

func (s *solution) launch(b *bin, picked []int) model.Launch {
	first := &s.p.space.configs[picked[0]]
	launch := model.Launch{NodePool: first.pool.spec.Name, Requests: first.daemons.requests.Add(nil)}
	if first.pool.group != nil {
		launch.NodePool, launch.NodeGroup = "", first.pool.spec.Name
	}
	launch.Offerings = s.listed(picked)
	s.p.addRequests(b, launch.Requests)
	launch.Requests = withoutVolumes(launch.Requests)
	launch.SpotFallback = s.spotMissed(b, first)
	if first.pool.group == nil {
		launch.Requirements = s.requirements(b, picked)
	}
	return launch
}

// listed are the offerings of the configs; launches that list the same share them.
func (s *solution) listed(picked []int) []model.Offering {
	key := s.pickedKey(picked)
	list, known := s.offers[string(key)]
	if !known {
		list = make([]model.Offering, 0, len(picked))
		for _, i := range picked {
			list = append(list, *s.p.space.configs[i].offering)
		}
		if s.offers == nil {
			s.offers = map[string][]model.Offering{}
		}
		s.offers[string(key)] = list
	}
	return list
}

// pickedKey names the configs; it is valid until the next call.
func (s *solution) pickedKey(picked []int) []byte {
	s.key = s.key[:0]
	for _, i := range picked {
		s.key = binary.AppendUvarint(s.key, uint64(i))
	}
	return s.key
}

// requirements lists what the node's labels will be: for every label that the
// pool, a pod or the choice of offerings speaks of, the values that the listed
// offerings have.
func (s *solution) requirements(b *bin, picked []int) []model.Requirement {
	first := &s.p.space.configs[picked[0]]
	keys := make([]string, 0, 8)
	add := func(key string) {
		if !slices.Contains(keys, key) && key != labelHostname && key != labelNodePool {
			keys = append(keys, key)
		}
	}
	for _, key := range []string{labelArch, labelOS, labelInstanceType, labelZone, labelCapacityType} {
		add(key)
	}
	for _, r := range first.pool.spec.Requirements {
		add(canonical(r.Key))
	}
	for key := range first.free {
		add(key)
	}
	for _, sh := range b.shares {
		for _, term := range sh.demand.class.terms {
			for _, r := range term.Labels {
				add(canonical(r.Key))
			}
		}
		for i := range sh.demand.class.touches {
			add(sh.demand.class.touches[i].rule.axis.key)
		}
	}
	slices.Sort(keys)
	name := s.pickedKey(picked)
	for _, key := range keys {
		name = append(append(name, 0), key...)
	}
	s.key = name
	if list, known := s.labels[string(name)]; known {
		return list
	}
	list := make([]model.Requirement, 0, len(keys))
	for _, key := range keys {
		if r, ok := s.narrowed(key, picked); ok {
			r.MinValues = first.pool.minValuesOf(key)
			list = append(list, r)
		}
	}
	if s.labels == nil {
		s.labels = map[string][]model.Requirement{}
	}
	s.labels[string(name)] = list
	return list
}

// minValuesOf is how many values of a label the pool asks launches to allow.
func (p *pool) minValuesOf(key string) int {
	most := 0
	for _, r := range p.spec.Requirements {
		if canonical(r.Key) == key {
			most = max(most, r.MinValues)
		}
	}
	return most
}

func (s *solution) narrowed(key string, picked []int) (model.Requirement, bool) {
	if _, fixed := s.p.space.configs[picked[0]].pool.spec.Labels[key]; fixed {
		return model.Requirement{}, false
	}
	values, ok := s.p.space.values(key, picked, len(s.bins) < fewBins)
	return model.Requirement{Key: key, Operator: model.In, Values: values}, ok
}

// fewBins is up to where it takes less to ask the configs of each launch for their
// labels than to list those of all.
const fewBins = 16

// values are the different values of a label of some configs, in order; false when
// one does not have it.
func (s *space) values(key string, configs []int, few bool) ([]string, bool) {
	if few {
		values := make([]string, 0, len(configs))
		for _, i := range configs {
			value, ok := s.configs[i].label(key)
			if !ok {
				return nil, false
			}
			if n := len(values); n == 0 || values[n-1] != value {
				values = append(values, value)
			}
		}
		slices.Sort(values)
		return slices.Clip(slices.Compact(values)), true
	}
	column := s.column(key)
	present := newBitset(len(column.values))
	for _, i := range configs {
		value := column.ofConfig[i]
		if value < 0 {
			return nil, false
		}
		present.set(int(value))
	}
	values := make([]string, 0, present.count())
	present.each(func(value int) { values = append(values, column.values[value]) })
	return values, true
}

// nano converts to nanoDollars.
func nano(dollars float64) int64 { return int64(math.Round(dollars * nanoDollars)) }

// dollars converts from nanoDollars.
func dollars(nano int64) float64 {
	return math.Round(float64(nano)) / nanoDollars
}
