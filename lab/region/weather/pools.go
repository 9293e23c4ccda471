package weather

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/drover-project/drover/lab/region/world"
)

// CapacityChange changes how much pools have. Exactly one of the last three
// says what.
type CapacityChange struct {
	Pool string `json:"pool"` // TYPE/ZONE; both may contain *
	// CapacityType is on-demand, spot or *, spot when empty.
	CapacityType string `json:"capacityType,omitempty"`
	// Available is how many more instances can be launched.
	Available *int64 `json:"available,omitempty"`
	// Total is how many instances there can be in all: Spot instances beyond it
	// are taken back.
	Total     *int64 `json:"total,omitempty"`
	Unlimited bool   `json:"unlimited,omitempty"`
	// Seed decides which instances are taken back.
	Seed int64 `json:"seed,omitempty"`
}

// SetTotal makes the pools that fit finite by all that there is of them, what
// runs included. It gives the number of pools and the Spot instances that are
// taken back because they are too many; those beyond it that are on-demand stay.
func (k *Keeper) SetTotal(pattern world.Pool, total, seed int64) (pools int, affected []Affected, err error) {
	err = k.update(func(l *look) error {
		pools, affected, err = l.setTotal(pattern, total, seed)
		return err
	})
	return pools, affected, err
}

func (l *look) setTotal(pattern world.Pool, total, seed int64) (pools int, affected []Affected, err error) {
	pools, surplus, err := l.world.SetTotal(l.tx, pattern, total, func(from []world.Instance, count int) []world.Instance {
		return l.pick(from, count, seed)
	})
	if err != nil {
		return 0, nil, err
	}
	for _, i := range surplus {
		if !world.Runs(i) {
			continue // it stops or is stopped: its place is gone
		}
		one, err := l.interruptOne(i, Interruption{})
		if err != nil {
			return 0, nil, err
		}
		affected = append(affected, one)
	}
	return pools, affected, nil
}

func (l *look) changeCapacity(c CapacityChange) (done string, err error) {
	pattern, err := ParsePool(c.Pool)
	if err != nil {
		return "", err
	}
	pattern.CapacityType = c.CapacityType
	if c.CapacityType == "" {
		pattern.CapacityType = world.Spot
	}
	part := l.world.Within(l.tx)
	count := 0
	var affected []Affected
	switch {
	case c.Total != nil:
		count, affected, err = l.setTotal(pattern, *c.Total, c.Seed)
	case c.Available != nil:
		count, err = part.SetCapacity(pattern, *c.Available)
	default:
		count, err = part.FreeCapacity(pattern)
	}
	done = fmt.Sprintf("%d pools changed", count)
	if len(affected) > 0 {
		done += fmt.Sprintf(", %d instances interrupted", len(affected))
	}
	return done, err
}

func (c CapacityChange) check() error {
	said := 0
	for _, set := range []bool{c.Available != nil, c.Total != nil, c.Unlimited} {
		if set {
			said++
		}
	}
	if said != 1 {
		return errors.New("use one of available, total and unlimited: true")
	}
	if c.Available != nil && *c.Available < 0 || c.Total != nil && *c.Total < 0 {
		return errors.New("a number of instances must not be negative")
	}
	return nil
}

// PriceChange changes the price of Spot pools. Exactly one of the last three
// says to what.
type PriceChange struct {
	Pool string  `json:"pool"`
	USD  float64 `json:"usd,omitempty"` // per hour
	// Share is of the on-demand price: 0.9 is ten percent below it.
	Share  float64 `json:"share,omitempty"`
	Market bool    `json:"market,omitempty"` // what the model says again
}

// SetPrice changes the price of the pools that fit, and gives their number.
// Instances whose maximum price is below it get their notice.
func (k *Keeper) SetPrice(c PriceChange) (pools int, err error) {
	err = k.update(func(l *look) error {
		pools, err = l.setPrice(c)
		return err
	})
	return pools, err
}

// spotPools are those that a pattern names; there is one at least.
func (l *look) spotPools(pattern string) ([]world.Pool, error) {
	parsed, err := ParsePool(pattern)
	if err != nil {
		return nil, err
	}
	return l.world.SpotPools(parsed)
}

func (l *look) setPrice(c PriceChange) (int, error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	pools, err := l.spotPools(c.Pool)
	if err != nil {
		return 0, err
	}
	for _, p := range pools {
		usd := c.USD
		if c.Share > 0 {
			onDemand, _ := l.world.Catalog.Price(l.world.Options.Region, p.InstanceType)
			usd = onDemand * c.Share
		}
		if err := l.world.SetSpotPrice(l.tx, p, usd); err != nil {
			return 0, err
		}
	}
	return len(pools), nil
}

func (c PriceChange) check() error {
	said := 0
	for _, set := range []bool{c.USD != 0, c.Share != 0, c.Market} {
		if set {
			said++
		}
	}
	switch {
	case said != 1:
		return errors.New("use one of usd, share and market: true")
	case c.USD < 0 || c.Share < 0 || math.IsNaN(c.USD+c.Share) || math.IsInf(c.USD+c.Share, 1):
		return errors.New("a price must be greater than 0")
	}
	return nil
}

// DepthChange changes how deep Spot pools are. One of the last two says how.
type DepthChange struct {
	Pool  string `json:"pool"`
	Depth *int   `json:"depth,omitempty"` // 0 (nothing is spare) to 10
	Model bool   `json:"model,omitempty"` // what the model says again
}

// SetDepth changes the depth of the pools that fit, and gives their number.
func (k *Keeper) SetDepth(c DepthChange) (pools int, err error) {
	err = k.update(func(l *look) error {
		pools, err = l.setDepth(c)
		return err
	})
	return pools, err
}

func (l *look) setDepth(c DepthChange) (int, error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	pools, err := l.spotPools(c.Pool)
	if err != nil {
		return 0, err
	}
	for _, p := range pools {
		if err := l.world.SetDepth(l.tx, p, c.Depth); err != nil {
			return 0, err
		}
	}
	return len(pools), nil
}

func (c DepthChange) check() error {
	if (c.Depth != nil) == c.Model {
		return errors.New("use one of depth and model: true")
	}
	if c.Depth != nil {
		return world.CheckDepth(*c.Depth)
	}
	return nil
}

// PoolNow is a Spot pool as it is now.
type PoolNow struct {
	InstanceType string  `json:"instanceType"`
	Zone         string  `json:"zone"`
	Depth        int     `json:"depth"`
	USD          float64 `json:"usd"`
	OnDemandUSD  float64 `json:"onDemandUsd"`
	Available    *int64  `json:"available,omitempty"` // nil: no limit
	Running      int     `json:"running"`
}

// Pools are the Spot pools that fit; with used only those with instances.
func (k *Keeper) Pools(pattern world.Pool, used bool) (list []PoolNow, err error) {
	k.world.Store.View(func() {
		var pools []world.Pool
		if pools, err = k.world.SpotPools(pattern); err != nil {
			return
		}
		running := map[world.Pool]int{}
		for _, i := range k.world.Instances.All() {
			if i.Spot && world.Runs(i) {
				running[k.world.PoolOf(i)]++
			}
		}
		for _, p := range pools {
			if used && running[p] == 0 {
				continue
			}
			now := PoolNow{InstanceType: p.InstanceType, Zone: p.Zone, Depth: k.world.Depth(p), Running: running[p]}
			now.USD, _ = k.world.Price(p)
			now.OnDemandUSD, _ = k.world.Catalog.Price(k.world.Options.Region, p.InstanceType)
			if available, finite := k.world.Available(p); finite {
				now.Available = &available
			}
			list = append(list, now)
		}
	})
	return list, err
}

// ZoneFailure puts a zone out.
type ZoneFailure struct {
	Zone string `json:"zone"`
	// For is how long, before the time scale; nil is until it is restored.
	For *Duration `json:"for,omitempty"`
	// Instances is keep, also when empty: they run on, out of reach, and come
	// back with the zone; or end: they are lost at once.
	Instances string `json:"instances,omitempty"`
}

// What becomes of the instances of a zone that goes out.
const (
	KeepInstances = "keep"
	EndInstances  = "end"
)

// FailZone puts a zone out and gives the instances in it.
func (k *Keeper) FailZone(f ZoneFailure) (affected []Affected, err error) {
	err = k.update(func(l *look) error {
		affected, err = l.failZone(f)
		return err
	})
	return affected, err
}

func (f ZoneFailure) check() error {
	switch f.Instances {
	case "", KeepInstances, EndInstances:
		return nil
	}
	return fmt.Errorf("instances %q: use %s or %s", f.Instances, KeepInstances, EndInstances)
}

func (l *look) failZone(f ZoneFailure) (affected []Affected, err error) {
	if err := errors.Join(f.check(), l.world.HasZone(f.Zone)); err != nil {
		return nil, err
	}
	outage := world.Outage{Zone: f.Zone, Since: l.now}
	if f.For != nil {
		outage.Until = l.after(l.now, time.Duration(*f.For))
	}
	if err := l.world.FailZone(l.tx, outage); err != nil {
		return nil, err
	}
	for _, i := range l.world.Instances.All() {
		if l.world.PoolOf(i).Zone != f.Zone || !world.Runs(i) {
			continue
		}
		affected = append(affected, l.affected(i))
		if f.Instances != EndInstances {
			continue
		}
		if err := l.world.Lose(l.tx, i); err != nil {
			return nil, err
		}
	}
	return affected, nil
}

// RestoreZone ends the outage of a zone.
func (k *Keeper) RestoreZone(zone string) error {
	return k.update(func(l *look) error { return l.restoreZone(zone) })
}

func (l *look) restoreZone(zone string) error {
	if err := l.world.HasZone(zone); err != nil {
		return err
	}
	if !l.world.Out(zone) {
		return fmt.Errorf("zone %s is not out", zone)
	}
	l.world.RestoreZone(l.tx, zone)
	return nil
}
