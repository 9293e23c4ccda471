package component

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// An idle cluster should leave the machine's memory to others, a busy one its
// processor time: collecting a heap of 100 MB again and again for a few MB costs
// more than all else. So the room a heap may grow into follows its work.
const (
	idlePercent = 25
	busyPercent = 100
	hardPercent = 300
	// busyRate is the allocation, in bytes per second, above which a process
	// counts as busy. Idle components stay below a tenth of it.
	busyRate = 32 << 20
	// hardRate is where collecting would take a fifth of the processor time.
	hardRate   = 96 << 20
	heapPeriod = 250 * time.Millisecond
	periods    = uint64(time.Second / heapPeriod) // in a second
	// quietPeriods without much work make a process idle.
	quietPeriods = 20
	allocated    = "/gc/heap/allocs:bytes"
)

// heapGovernor decides from the allocation of each period.
type heapGovernor struct {
	percent int
	quiet   int // periods since the last busy one
}

// after takes the bytes allocated in one period. It returns the setting for
// debug.SetGCPercent, and whether this is the moment to give back what the
// work that is over has left behind.
func (g *heapGovernor) after(allocated uint64) (percent int, release bool) {
	if allocated > busyRate/periods {
		g.percent, g.quiet = busyPercent, 0
		if allocated > hardRate/periods {
			g.percent = hardPercent
		}
		return g.percent, false
	}
	g.quiet++
	if g.quiet == quietPeriods {
		g.percent = idlePercent
		return g.percent, true
	}
	return g.percent, false
}

// governHeap runs until ctx ends.
func governHeap(ctx context.Context) {
	ticker := time.NewTicker(heapPeriod)
	defer ticker.Stop()
	governor := heapGovernor{percent: busyPercent}
	debug.SetGCPercent(governor.percent)
	sample := []metrics.Sample{{Name: allocated}}
	metrics.Read(sample)
	for {
		last := sample[0].Value.Uint64()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		metrics.Read(sample)
		before := governor.percent
		percent, release := governor.after(sample[0].Value.Uint64() - last)
		if percent != before {
			debug.SetGCPercent(percent)
		}
		if release {
			debug.FreeOSMemory()
		}
	}
}
