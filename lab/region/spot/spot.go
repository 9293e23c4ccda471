// Package spot models the Spot market: no source publishes its prices or how
// deep its pools are, so both are computed from a seed, the same for the same
// seed, type, zone and time.
//
// A pool has a discount of its own between 58 and 82 percent, around which the
// price moves by up to 3 points; so every price is 55 to 85 percent below
// on-demand. A price holds for six hours; pools change at different times.
package spot

import (
	"encoding/binary"
	"hash/fnv"
	"time"
)

// Model is a market. The zero value is one, too.
type Model struct {
	Seed int64
}

// Pool is one instance type in one availability zone.
type Pool struct {
	InstanceType string
	Zone         string
}

// Point is a price and since when it holds.
type Point struct {
	USD   float64 // per hour
	Since time.Time
}

const (
	holds = 6 * time.Hour
	// MaxDepth is the depth of the deepest pools.
	MaxDepth = 10
)

// Price is the price in force at a time; onDemand is in USD per hour.
func (m Model) Price(p Pool, onDemand float64, at time.Time) Point {
	period := m.period(p, at)
	discount := 0.58 + 0.24*m.chance("discount", p, 0)
	move := 0.03 * (2*m.chance("move", p, period) - 1)
	return Point{USD: onDemand * (1 - discount - move), Since: m.start(p, period)}
}

// Next is when the price after the one in force at a time begins.
func (m Model) Next(p Pool, at time.Time) time.Time { return m.start(p, m.period(p, at)+1) }

// Chance is a number in [0, 1) that looks random but follows from the seed, a
// purpose, a pool and a number.
func (m Model) Chance(purpose string, p Pool, n int64) float64 { return m.chance(purpose, p, n) }

// History is every price in force between two times, latest first. With from
// and until at the same time it is the one price then in force.
func (m Model) History(p Pool, onDemand float64, from, until time.Time) []Point {
	var points []Point
	for at := until; ; {
		point := m.Price(p, onDemand, at)
		points = append(points, point)
		if !point.Since.After(from) {
			return points
		}
		at = point.Since.Add(-time.Nanosecond)
	}
}

// Depth says how much spare capacity a pool has, 1 (least) to 10.
func (m Model) Depth(p Pool) int {
	return 1 + int(m.chance("depth", p, 0)*MaxDepth)
}

// period numbers the stretches of time over which the pool's price holds.
func (m Model) period(p Pool, at time.Time) int64 {
	sinceOffset := at.Unix() - m.offset(p)
	period := sinceOffset / int64(holds/time.Second)
	if sinceOffset < 0 {
		period--
	}
	return period
}

func (m Model) start(p Pool, period int64) time.Time {
	return time.Unix(period*int64(holds/time.Second)+m.offset(p), 0).UTC()
}

// offset is when in the six hours the pool changes, in seconds.
func (m Model) offset(p Pool) int64 {
	return int64(m.chance("offset", p, 0) * holds.Seconds())
}

// chance is a number in [0, 1) that looks random but follows from its input.
func (m Model) chance(what string, p Pool, n int64) float64 {
	h := fnv.New64a()
	for _, s := range []string{what, p.InstanceType, p.Zone} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(m.Seed))
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	h.Write(b[:])
	return float64(mix(h.Sum64())>>11) / (1 << 53)
}

// mix spreads the bits of a hash (the finalizer of SplitMix64): FNV alone
// leaves the high bits of similar inputs alike.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
