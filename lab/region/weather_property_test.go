package region_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"pgregory.net/rapid"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/weather"
)

// skies is a region under all sorts of weather.
type skies struct {
	*lab
	total int64 // of the one pool, once it is finite
	ends  map[string]time.Time
	seen  map[string]types.InstanceStateName
}

// TestWeatherIsTrue: whatever happens, every instance that has its notice ends
// exactly when that says, or was ended by somebody else before; none ends twice;
// and no pool has more instances than there are.
func TestWeatherIsTrue(t *testing.T) {
	t.Parallel()
	dirs := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir := ""
		if rapid.SampledFrom([]bool{false, false, false, true}).Draw(rt, "on disk") {
			var err error
			if dir, err = os.MkdirTemp(dirs, ""); err != nil {
				rt.Fatal(err)
			}
		}
		h := &skies{total: -1, ends: map[string]time.Time{}, seen: map[string]types.InstanceStateName{},
			lab: openOn(rt, clock.NewManual(start()), options(func(o *region.Options) { o.DataDir = dir }))}
		defer func() { _ = h.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"launch": h.launchSome, "end": h.endSome, "interrupt": h.interruptSome, "recommend": h.recommendSome, "total": h.setTotal,
			"weather": h.storm, "calm": h.calm, "advance": h.advance, "reopen": h.restart, "": h.check,
		})
	})
}

func (h *skies) launchSome(rt *rapid.T) {
	in := h.runInput(int32(rapid.IntRange(1, 3).Draw(rt, "count")))
	in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot}
	_, err := h.RunInstances(ctx(), in)
	if code := codeOf(err); code != "" && code != "InsufficientInstanceCapacity" {
		rt.Fatal(err)
	}
}

// runningIDs are the instances that run.
func (h *skies) runningIDs(rt *rapid.T) string {
	list := h.instances(&ec2.DescribeInstancesInput{Filters: []types.Filter{filter("instance-state-name", "pending", "running")}})
	if len(list) == 0 {
		rt.Skip("nothing runs")
	}
	return rapid.SampledFrom(instanceIDs(list)).Draw(rt, "instance")
}

func (h *skies) endSome(rt *rapid.T) { h.terminate(h.runningIDs(rt)) }

func (h *skies) interruptSome(rt *rapid.T) {
	notice := rapid.SampledFrom([]time.Duration{0, time.Second, 2 * time.Minute}).Draw(rt, "notice")
	_, _ = h.Weather.Interrupt(weather.Interruption{Selection: those(h.runningIDs(rt)), Notice: lasting(notice)}) // refused for one that has it
}

func (h *skies) recommendSome(rt *rapid.T) {
	in := weather.Recommendation{Selection: weather.Selection{Fraction: 0.5, Seed: int64(rapid.IntRange(0, 9).Draw(rt, "seed"))}}
	if in.False = rapid.Bool().Draw(rt, "false"); !in.False {
		in.Lead = lasting(rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Minute}).Draw(rt, "lead"))
	}
	if _, err := h.Weather.Recommend(in); err != nil {
		rt.Fatal(err)
	}
}

func (h *skies) setTotal(rt *rapid.T) {
	h.total = rapid.Int64Range(0, 6).Draw(rt, "total")
	if _, _, err := h.Weather.SetTotal(region.Pool{InstanceType: "m5.large", Zone: "us-west-2a", CapacityType: "spot"}, h.total, 1); err != nil {
		rt.Fatal(err)
	}
}

func (h *skies) storm(rt *rapid.T) {
	if err := h.Weather.Start(int64(rapid.IntRange(0, 9).Draw(rt, "seed")), 100); err != nil {
		rt.Fatal(err)
	}
}

func (h *skies) calm(*rapid.T) { _, _ = h.Weather.Stop() } // refused when there is none

func (h *skies) restart(rt *rapid.T) {
	if h.options.DataDir == "" {
		rt.Skip("in memory")
	}
	h.reopen()
}

// advance goes in steps, so that nothing happens unseen.
func (h *skies) advance(rt *rapid.T) {
	for range rapid.IntRange(1, 12).Draw(rt, "steps") {
		h.clock.Advance(rapid.SampledFrom([]time.Duration{time.Second, 7 * time.Second, 30 * time.Second, time.Minute}).Draw(rt, "step"))
		h.check(rt)
	}
}

func (h *skies) check(rt *rapid.T) {
	now, staying := h.clock.Now(), int64(0)
	machines := map[string]machine.Machine{}
	h.Watch(func(m machine.Machine) { machines[m.ID] = m })()
	for _, i := range h.instances(&ec2.DescribeInstancesInput{}) {
		id, state := *i.InstanceId, i.State.Name
		if notice := machines[id].Notices.Interruption; notice != nil {
			if told, known := h.ends[id]; known && !told.Equal(notice.At) {
				rt.Fatalf("%s was told to end at %s, and then at %s", id, told, notice.At)
			}
			h.ends[id] = notice.At
		}
		runs := state == types.InstanceStateNamePending || state == types.InstanceStateNameRunning
		at, noticed := h.ends[id]
		if runs && noticed && !now.Before(at) {
			rt.Fatalf("%s is %s at %s, it was to end at %s", id, state, now, at)
		}
		if taken := i.StateReason != nil && *i.StateReason.Code == "Server.SpotInstanceTermination"; taken && (!noticed || now.Before(at)) {
			rt.Fatalf("%s ended at %s, its notice was for %s (%t)", id, now, at, noticed)
		}
		if before := h.seen[id]; before == types.InstanceStateNameTerminated && state != before || before == types.InstanceStateNameShuttingDown && runs {
			rt.Fatalf("%s was %s and is %s", id, before, state)
		}
		h.seen[id] = state
		if runs && !noticed {
			staying++
		}
	}
	if h.total >= 0 && staying > h.total {
		rt.Fatalf("%s", fmt.Sprint(staying, " instances stay in a pool of ", h.total))
	}
}
