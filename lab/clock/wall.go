// Package clock implements machine.Clock: wall time with shortened work for the
// lab, and a clock that only moves when told to for tests.
package clock

import (
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/machine"
)

// Wall is real time, with the duration of simulated work divided by a scale.
type Wall struct {
	scale float64
}

var _ machine.Clock = Wall{}

// NewWall makes a clock on which simulated work takes 1/scale of its realistic
// duration: 1 is realistic, 10 is ten times as fast. A scale that is not
// positive is an error.
func NewWall(scale float64) (Wall, error) {
	if !(scale > 0) {
		return Wall{}, fmt.Errorf("time scale %v: must be greater than 0, such as 1 (realistic) or 10 (ten times as fast)", scale)
	}
	return Wall{scale: scale}, nil
}

// Now is the wall time in UTC.
func (w Wall) Now() time.Time { return time.Now().UTC() }

// Scaled divides a realistic duration by the scale. The zero Wall is realistic.
func (w Wall) Scaled(realistic time.Duration) time.Duration {
	if w.scale == 0 {
		return realistic
	}
	return time.Duration(float64(realistic) / w.scale)
}

// AfterFunc calls f in its own goroutine once the scaled duration is over.
// cancel does not wait for an f that already runs.
func (w Wall) AfterFunc(realistic time.Duration, f func()) (cancel func()) {
	timer := time.AfterFunc(w.Scaled(realistic), f)
	return func() { timer.Stop() }
}
