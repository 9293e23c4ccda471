package world

import (
	"time"

	"github.com/drover-project/drover/lab/region/store"
)

// Within is the world as a part of a transaction sees it: services made of it
// do what they do in that transaction. See store.Store.Within.
func (w *World) Within(tx *store.Tx) *World {
	part := *w
	part.Store = w.Store.Within(tx)
	return &part
}

// Unscaled is the realistic duration that takes as long as d does in this lab.
func (w *World) Unscaled(d time.Duration) time.Duration {
	second := w.Clock.Scaled(time.Second)
	if second <= 0 {
		return d
	}
	return time.Duration(float64(d) * (float64(time.Second) / float64(second)))
}

// Suffix is what CloudFormation appends to a name it makes: 12 letters and
// digits that follow from what they are for.
func (w *World) Suffix(of string) string { return w.suffix(of) }
