package engine

// sweep finds the pods that are worth most on one node. It goes through the amounts
// of the two dearest resources, and of one of few units, that pods may use, item by item,
// and drops those from which nothing better can come. What the other resources cost at
// the knapsack's prices is taken off the pods and added to the node, so that no pods are
// worth more than what it returns.
type sweep struct {
	s             *knapsack
	items         []*item
	values        []float64
	first, second int // resources
	few           int // likewise, -1 for none
	shelf         []goods
	reached, next []amounts
	picks         []pick
	others        float64   // what the node's other resources cost
	found         float64   // what the best pods are worth that the node holds
	highest       float64   // what any that were seen seem to be worth
	least         float64   // what pods are worth at least that are kept in bests
	bests         []amounts // by goods, the best pods of which these came last
	patterns      []pattern // buffers
	room          vector
}

// amounts are used by some pods.
type amounts struct {
	first, second int64
	few           int32
	last          int32   // pick; -1 for none
	worth         float64 // of the pods, less their other resources
}

// pick is some pods of one item that joined those of another pick.
type pick struct{ before, at, count int32 }

// goods is what an item has to offer.
type goods struct {
	at    int // position in the knapsack's items
	most  int
	pod   amounts
	each  float64 // worth of a pod, less its other resources
	rest  float64 // what pods from here on are worth beyond their resources at most
	rate  float64 // what they pay at most for what resources cost
	least int32   // units of few that any of them uses
}

// As long as there are no more than fewAmounts, fewLimit more steps are taken: small
// nodes come to their end.
const (
	fewAmounts = 2_000
	fewLimit   = 150_000
)

// pickCost is how much dearer it is, in steps, to look whether the node holds pods.
const pickCost = 4

// most looks for pods that are worth more than the floor and than those in taken, which
// are worth found, in about so many steps. It returns what those in taken are worth
// then, or the floor, and what no pods are worth more than.
func (w *sweep) most(found, floor float64, limit int) (worth, most float64) {
	s := w.s
	w.choose()
	w.others = worthAt(s.prices, s.room) - w.cost(w.of(s.room))
	w.found, w.highest = max(found, floor), max(found, floor, w.others)
	if found <= floor {
		clear(s.taken)
	}
	w.stock()
	w.least = floor
	w.bests = sized(w.bests, len(w.shelf))
	w.picks = w.picks[:0]
	w.reached = append(w.reached[:0], amounts{last: -1})
	for n := range w.shelf {
		o, open := &w.shelf[n], 0.0
		if w.reached, open = w.hopeful(o); len(w.reached) == 0 {
			break
		}
		if limit <= 0 && (len(w.reached) > fewAmounts || limit <= -fewLimit) {
			return w.found, max(w.highest, open)
		}
		before := len(w.picks)
		for left, size := o.most, 1; left > 0; size *= 2 {
			count := min(left, size)
			left -= count
			limit -= len(w.reached)
			s.steps += len(w.reached)
			w.add(n, count)
		}
		limit -= len(w.picks) - before
	}
	return w.found, w.highest
}

// fewUnits is how much of a resource a node has at most that counts as one of few units:
// devices, mostly.
const fewUnits = 16

// choose takes the first resource of few units that is priced, and the two dearest of
// the others.
func (w *sweep) choose() {
	w.few = -1
	for r, room := range w.s.room {
		if w.few < 0 && room <= fewUnits && w.s.prices[r] > 0 && len(w.s.room) > 2 {
			w.few = r
		}
	}
	w.first, w.second = w.s.dearest(w.few)
}

// of takes the resources of the sweep out of all.
func (w *sweep) of(all vector) amounts {
	x := amounts{first: all[w.first], second: all[w.second]}
	if w.few >= 0 {
		x.few = int32(all[w.few])
	}
	return x
}

// cost is what amounts of the resources of the sweep cost.
func (w *sweep) cost(x amounts) float64 {
	cost := float64(w.s.prices[w.first]*float64(x.first)) + float64(w.s.prices[w.second]*float64(x.second))
	if w.few >= 0 {
		cost += float64(w.s.prices[w.few] * float64(x.few))
	}
	return cost
}

// stock fills shelf.
func (w *sweep) stock() {
	w.shelf = w.shelf[:0]
	for at, i := range w.s.items {
		request := w.items[i].class.request
		o := goods{at: at, most: w.s.most[i], pod: w.of(request)}
		cost := w.cost(o.pod)
		if o.each = w.values[i] - (worthAt(w.s.prices, request) - cost); o.each > 0 {
			o.rest = max(o.each-cost, 0) * float64(o.most)
			o.rate = o.each / max(cost, 1e-9)
			o.least = o.pod.few
			w.shelf = append(w.shelf, o)
		}
	}
	for n := len(w.shelf) - 2; n >= 0; n-- {
		w.shelf[n].rest += w.shelf[n+1].rest
		w.shelf[n].rate = max(w.shelf[n].rate, w.shelf[n+1].rate)
		w.shelf[n].least = min(w.shelf[n].least, w.shelf[n+1].least)
	}
	w.s.steps += 2 * len(w.s.items)
}

// hopeful keeps the amounts from which the offer and those behind it may lead to more
// than was found, and returns the most of that.
func (w *sweep) hopeful(o *goods) (kept []amounts, open float64) {
	kept = w.reached[:0]
	room := w.of(w.s.room)
	all := w.cost(room)
	for _, x := range w.reached {
		if w.few >= 0 && x.few > room.few-o.least {
			continue
		}
		left := all - w.cost(x)
		if most := w.others + x.worth + min(left+o.rest, float64(left*o.rate)); most > w.found {
			kept, open = append(kept, x), max(open, most)
		}
	}
	return kept, open
}

// add lets so many pods of the offer join whatever was reached: two lists in the
// order of amounts become one.
func (w *sweep) add(n, count int) {
	o, best := &w.shelf[n], &w.bests[n]
	first, second, few, worth := o.pod.first*int64(count), o.pod.second*int64(count), o.pod.few*int32(count), float64(o.each*float64(count))
	most := w.of(w.s.room)
	most.first, most.second, most.few = most.first-first, most.second-second, most.few-few
	reached := w.reached
	w.picks = roomFor(w.picks, len(reached))
	w.next = roomFor(w.next[:0], 2*len(reached))
	next, last := w.next[:2*len(reached)], 0
	from := 0
	for i := range reached {
		x := &reached[i]
		if x.first > most.first {
			break
		}
		if x.second > most.second || x.few > most.few {
			continue
		}
		with := amounts{x.first + first, x.second + second, x.few + few, int32(len(w.picks)), x.worth + worth}
		for from < len(reached) && reached[from].before(&with) {
			next[last] = reached[from]
			last++
			from++
		}
		if from < len(reached) && !with.before(&reached[from]) {
			if reached[from].worth >= with.worth {
				continue
			}
			from++
		}
		w.picks = append(w.picks, pick{x.last, int32(o.at), int32(count)})
		next[last] = with
		last++
		if seeming := w.others + with.worth; seeming > w.highest || seeming > w.found {
			w.see(&with)
		}
		if with.worth > best.worth {
			*best = with
		}
	}
	last += copy(next[last:], reached[from:])
	w.reached, w.next = next[:last], reached
}

// roomFor is the slice with room for so many more: twice as many where it grows, since
// large ones would grow in small steps.
func roomFor[T any](s []T, more int) []T {
	if cap(s)-len(s) >= more {
		return s
	}
	return append(make([]T, 0, 2*(len(s)+more)), s...)
}

func (x *amounts) before(y *amounts) bool {
	return x.first < y.first || x.first == y.first && (x.second < y.second || x.second == y.second && x.few < y.few)
}

// see keeps the pods if they are the best so far and the node holds them.
func (w *sweep) see(x *amounts) {
	seeming := w.others + x.worth
	if w.highest = max(w.highest, seeming); seeming <= w.found {
		return
	}
	if worth, holds := w.pods(x); holds && worth > w.found {
		w.found = worth
		clear(w.s.taken)
		for at := x.last; at >= 0; at = w.picks[at].before {
			w.s.taken[w.picks[at].at] += int(w.picks[at].count)
		}
	}
}

// pods tells what the pods are worth and whether the node holds them.
func (w *sweep) pods(x *amounts) (worth float64, holds bool) {
	w.room = append(w.room[:0], w.s.room...)
	for at := x.last; at >= 0; at = w.picks[at].before {
		p := &w.picks[at]
		i := w.s.items[p.at]
		worth += float64(w.values[i] * float64(p.count))
		w.room.add(w.items[i].class.request, -int(p.count))
		w.s.steps += pickCost
	}
	for _, left := range w.room {
		if left < 0 {
			return 0, false
		}
	}
	return worth, true
}

// ends are patterns that are worth more than the floor was, one for each item that is
// the last of some.
func (w *sweep) ends() []pattern {
	w.patterns = w.patterns[:0]
	for n := range w.bests {
		x := &w.bests[n]
		if x.worth <= 0 || w.others+x.worth <= w.least {
			continue
		}
		if _, holds := w.pods(x); holds {
			w.patterns = append(w.patterns, w.pattern(x))
		}
	}
	return w.patterns
}

// pattern is the node with these pods.
func (w *sweep) pattern(x *amounts) pattern {
	p := pattern{config: w.s.config}
	for at := x.last; at >= 0; at = w.picks[at].before {
		joined, last := &w.picks[at], len(p.parts)-1
		if i := w.s.items[joined.at]; last >= 0 && p.parts[last].item == i {
			p.parts[last].count += int(joined.count)
		} else {
			p.parts = append(p.parts, part{i, int(joined.count)})
		}
	}
	return p
}
