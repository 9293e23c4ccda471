package world

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/spot"
	"github.com/drover-project/drover/lab/region/store"
)

// Conditions are what was set of a Spot pool instead of what the model says.
type Conditions struct {
	InstanceType, Zone string
	// Depth is 0 to 10; nil is the model's.
	Depth *int `json:",omitempty"`
	// Prices are those set, the oldest first.
	Prices []SetPrice `json:",omitempty"`
}

// SetPrice is a price from a time on; zero is the model's again.
type SetPrice struct {
	USD   float64
	Since time.Time
}

// keptPrices is how many prices that were set a pool remembers.
const keptPrices = 500

func conditionsKey(p Pool) string { return p.InstanceType + "/" + p.Zone }

// ConditionsOf is what was set of a Spot pool.
func (w *World) ConditionsOf(p Pool) (Conditions, bool) { return w.conditions.Get(conditionsKey(p)) }

func (w *World) changeConditions(tx *store.Tx, p Pool, change func(*Conditions)) error {
	c, _ := w.conditions.Get(conditionsKey(p))
	c.InstanceType, c.Zone = p.InstanceType, p.Zone
	change(&c)
	return w.conditions.Put(tx, conditionsKey(p), c)
}

// SetDepth says how much spare capacity a Spot pool has, 0 to 10; nil leaves it
// to the model.
func (w *World) SetDepth(tx *store.Tx, p Pool, depth *int) error {
	return w.changeConditions(tx, p, func(c *Conditions) { c.Depth = depth })
}

// SetSpotPrice changes the price of a Spot pool from now on, 0 is the model's.
func (w *World) SetSpotPrice(tx *store.Tx, p Pool, usd float64) error {
	return w.changeConditions(tx, p, func(c *Conditions) {
		c.Prices = append(slices.Clone(c.Prices[max(0, len(c.Prices)+1-keptPrices):]), SetPrice{USD: usd, Since: w.Clock.Now()})
	})
}

// Depth is how much spare capacity a Spot pool has, 0 (none) to 10: what was set
// or else the model's, and never more than a finite pool has left.
func (w *World) Depth(p Pool) int {
	p.CapacityType = Spot
	depth := w.Spot.Depth(spot.Pool{InstanceType: p.InstanceType, Zone: p.Zone})
	if c, set := w.ConditionsOf(p); set && c.Depth != nil {
		depth = *c.Depth
	}
	if available, finite := w.Available(p); finite {
		depth = int(min(int64(depth), available))
	}
	return depth
}

// SpotHistory is every price of a pool in force between two times, the latest
// first. It is for pools that are offered as Spot.
func (w *World) SpotHistory(p Pool, from, until time.Time) []spot.Point {
	onDemand, _ := w.Catalog.Price(w.Options.Region, p.InstanceType)
	model := func(from, until time.Time) []spot.Point {
		return w.Spot.History(spot.Pool{InstanceType: p.InstanceType, Zone: p.Zone}, onDemand, from, until)
	}
	c, _ := w.ConditionsOf(p)
	var points []spot.Point
	for n := len(c.Prices) - 1; n >= 0 && until.After(from); n-- {
		set := c.Prices[n]
		if set.Since.After(until) {
			continue
		}
		points = append(points, since(set, from, until, model)...)
		if !set.Since.After(from) {
			return points
		}
		until = set.Since.Add(-time.Nanosecond)
	}
	if len(points) == 0 {
		if set, isSet := c.at(until); isSet {
			return since(set, until, until, model)
		}
	}
	return append(points, model(from, until)...)
}

// since are the prices in force from when one was set: that one, or the model's
// from then on.
func since(set SetPrice, from, until time.Time, model func(from, until time.Time) []spot.Point) []spot.Point {
	if set.USD > 0 {
		return []spot.Point{{USD: set.USD, Since: set.Since}}
	}
	if set.Since.After(from) {
		from = set.Since
	}
	points := model(from, until)
	if oldest := &points[len(points)-1]; oldest.Since.Before(set.Since) {
		oldest.Since = set.Since
	}
	return points
}

// at is the price that was set last before a time.
func (c Conditions) at(t time.Time) (set SetPrice, isSet bool) {
	for n := len(c.Prices) - 1; n >= 0; n-- {
		if !c.Prices[n].Since.After(t) {
			return c.Prices[n], true
		}
	}
	return set, false
}

// spotPrice is the price of a Spot pool now.
func (w *World) spotPrice(p Pool, onDemand float64) spot.Point {
	if c, _ := w.ConditionsOf(p); len(c.Prices) > 0 {
		if last := c.Prices[len(c.Prices)-1]; last.USD > 0 {
			return spot.Point{USD: last.USD, Since: last.Since}
		}
	}
	return w.Spot.Price(spot.Pool{InstanceType: p.InstanceType, Zone: p.Zone}, onDemand, w.Clock.Now())
}

// Outbid reports whether an instance's maximum price is below the price of its
// pool.
func (w *World) Outbid(i Instance) bool {
	most, err := strconv.ParseFloat(i.SpotMaxPrice, 64)
	if !i.Spot || err != nil {
		return false // without a maximum the on-demand price is it, which no pool exceeds
	}
	price, known := w.Price(w.poolOf(i))
	return known && price > most
}

// PriceChanges is when the modelled price of an instance's pool changes next.
func (w *World) PriceChanges(i Instance) time.Time {
	p := w.poolOf(i)
	return w.Spot.Next(spot.Pool{InstanceType: p.InstanceType, Zone: p.Zone}, w.Clock.Now())
}

// SetTotal makes pools finite by all that there is of them: what runs counts. It
// gives the instances that are too many, of Spot pools only: on-demand
// instances are never taken back. Those chosen do not give their place back when
// they end.
func (w *World) SetTotal(tx *store.Tx, pattern Pool, total int64, choose func([]Instance, int) []Instance) (pools int, surplus []Instance, err error) {
	if total < 0 {
		return 0, nil, fmt.Errorf("total: %d is not a number of instances: use 0 or more", total)
	}
	found, err := w.matching(pattern)
	if err != nil {
		return 0, nil, err
	}
	running := map[Pool][]Instance{}
	for _, i := range w.Instances.All() {
		if i.State != machine.Terminated {
			running[w.poolOf(i)] = append(running[w.poolOf(i)], i)
		}
	}
	for _, p := range found {
		more, err := w.setTotal(tx, p, total, running[p], choose)
		if err != nil {
			return 0, nil, err
		}
		surplus = append(surplus, more...)
	}
	return len(found), surplus, nil
}

func (w *World) setTotal(tx *store.Tx, p Pool, total int64, there []Instance, choose func([]Instance, int) []Instance) (surplus []Instance, err error) {
	id, err := w.NewUUID(tx, "limit")
	if err != nil {
		return nil, err
	}
	// What ends already will not be there, and gives no place back.
	staying := slices.DeleteFunc(slices.Clone(there), func(i Instance) bool { return i.State == machine.ShuttingDown || i.Notices.Interruption != nil })
	if over := len(staying) - int(min(total, int64(len(staying)))); over > 0 && p.CapacityType == Spot {
		surplus = choose(staying, over)
	}
	for _, i := range there {
		i.Limit = id
		if slices.ContainsFunc(surplus, func(s Instance) bool { return s.ID == i.ID }) || !slices.ContainsFunc(staying, func(s Instance) bool { return s.ID == i.ID }) {
			i.Limit = ""
		}
		if err := w.Instances.Put(tx, i.ID, i); err != nil {
			return nil, err
		}
	}
	for n := range surplus {
		surplus[n], _ = w.Instances.Get(surplus[n].ID)
	}
	left := max(0, total-int64(len(staying)-len(surplus)))
	owed := max(0, int64(len(staying)-len(surplus))-total)
	return surplus, w.limits.Put(tx, p.key(), Limit{ID: id, Pool: p, Available: left, Owed: owed})
}

// SpotPools are the Spot pools that fit a pattern; its capacity type is not
// looked at.
func (w *World) SpotPools(pattern Pool) ([]Pool, error) {
	pattern.CapacityType = Spot
	return w.matching(pattern)
}

// TakeAgain gives an instance that was stopped a place in its pool, unless it
// has one; possible is false when there is none.
func (w *World) TakeAgain(tx *store.Tx, i Instance) (again Instance, possible bool, err error) {
	p := w.poolOf(i)
	available, finite := w.Available(p)
	limit, _ := w.limits.Get(p.key())
	switch {
	case w.Out(p.Zone):
		return i, false, nil
	case !finite || i.Limit == limit.ID:
		return i, true, nil
	case available == 0:
		return i, false, nil
	}
	i.Limit, err = w.take(tx, p, 1)
	return i, err == nil, err
}

// HasZone is nil for a zone of the region, and an error that names them all for
// another.
func (w *World) HasZone(zone string) error {
	if w.Network.HasZone(zone) {
		return nil
	}
	return fmt.Errorf("zone %q: the zones are %v", zone, w.zoneNames())
}

// PoolOf is the pool that an instance is from.
func (w *World) PoolOf(i Instance) Pool { return w.poolOf(i) }

// Fits reports whether a pool fits a pattern, whose parts may contain *.
func (p Pool) Fits(pattern Pool) bool { return pattern.matches(p) }

var errDepth = errors.New("depth: use 0 (nothing is spare) to 10")

// CheckDepth refuses what is no depth.
func CheckDepth(depth int) error {
	if depth < 0 || depth > spot.MaxDepth {
		return errDepth
	}
	return nil
}
