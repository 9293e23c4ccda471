package weather

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/drover-project/drover/lab/region/spot"
	"github.com/drover-project/drover/lab/region/world"
)

// Process is the reclaim process of every Spot pool. In each period each pool
// with instances is taken from, or not, with a chance that follows from its
// depth; of those taken from, some instances get their notice twenty minutes
// later. A recommendation comes up to twenty minutes before the end, so that
// some come with the notice or after it, and some are made without anything to
// follow.
type Process struct {
	Seed int64
	// Intensity multiplies the hazard of every pool.
	Intensity float64
	Started   time.Time
	// Done is how many periods are over.
	Done int64
}

const (
	period = 5 * time.Minute
	// longestLead is how long before the end a recommendation comes at most.
	longestLead = 20 * time.Minute
	// missedPeriods is how many periods are made up for when the lab was away.
	missedPeriods = 12
	// falseShare is how many false recommendations there are for one reclaim.
	falseShare = 0.5
)

// Hazard is how often per hour a pool of a depth is taken from, at intensity 1:
// once at depth 1, half as often with each step deeper, twice as often at 0.
func Hazard(depth int) float64 { return math.Pow(2, float64(1-depth)) }

// Start begins the reclaim process, or begins it anew with another seed. An
// intensity of 0 is 1.
func (k *Keeper) Start(seed int64, intensity float64) error {
	if intensity == 0 {
		intensity = 1
	}
	if !(intensity > 0) || math.IsInf(intensity, 1) {
		return fmt.Errorf("intensity %v: must be greater than 0, such as 1", intensity)
	}
	return k.update(func(l *look) error { return l.start(seed, intensity) })
}

func (l *look) start(seed int64, intensity float64) error {
	return l.processes.Put(l.tx, only, Process{Seed: seed, Intensity: intensity, Started: l.now})
}

// Stop ends the reclaim process and the replay of a file. What they planned and
// did not announce yet does not happen. It gives how many there were to stop.
func (k *Keeper) Stop() (stopped []string, err error) {
	err = k.update(func(l *look) error {
		if p, runs := l.processes.Get(only); runs {
			stopped = append(stopped, fmt.Sprintf("weather (seed %d)", p.Seed))
			l.processes.Delete(l.tx, only)
		}
		if r, runs := l.replays.Get(only); runs && r.Ended.IsZero() {
			stopped = append(stopped, "replay of "+r.File)
			l.replays.Delete(l.tx, only)
		}
		if len(stopped) == 0 {
			return errors.New("there is no weather to stop: neither a reclaim process runs nor a replay")
		}
		return l.dropPlans(func(p Plan) bool { return p.Source != "user" })
	})
	return stopped, err
}

// dropPlans forgets what was not announced yet.
func (l *look) dropPlans(meant func(Plan) bool) error {
	for _, p := range l.plans.All() {
		i, _ := l.world.Instances.Get(p.InstanceID)
		if meant(p) && i.Notices.Rebalance.IsZero() {
			l.plans.Delete(l.tx, p.InstanceID)
		}
	}
	return nil
}

// blow makes the weather of the periods that are over.
func (l *look) blow() error {
	p, runs := l.processes.Get(only)
	if !runs {
		return nil
	}
	before := p.Done
	step := l.world.Clock.Scaled(period)
	if step <= 0 {
		return nil
	}
	if past := int64(l.now.Sub(p.Started) / step); past-p.Done > missedPeriods {
		p.Done = past - 1
	}
	for l.due(p.Started.Add(step * time.Duration(p.Done+1))) {
		p.Done++
		if err := l.onePeriod(p); err != nil {
			return err
		}
	}
	if p.Done == before {
		return nil
	}
	return l.processes.Put(l.tx, only, p)
}

// onePeriod takes from pools.
func (l *look) onePeriod(p Process) error {
	byPool := l.exposed()
	pools := make([]world.Pool, 0, len(byPool))
	for pool := range byPool {
		pools = append(pools, pool)
	}
	slices.SortFunc(pools, func(a, b world.Pool) int {
		return strings.Compare(a.InstanceType+"/"+a.Zone, b.InstanceType+"/"+b.Zone)
	})
	model := spot.Model{Seed: p.Seed}
	for _, pool := range pools {
		likely := 1 - math.Exp(-Hazard(l.world.Depth(pool))*p.Intensity*period.Hours())
		place := spot.Pool{InstanceType: pool.InstanceType, Zone: pool.Zone}
		drawn := model.Chance("reclaim", place, p.Done)
		if drawn >= likely*(1+falseShare) {
			continue
		}
		share := model.Chance("share", place, p.Done)
		chosen := l.pick(byPool[pool], fractionOf(len(byPool[pool]), 0.1+0.9*share*share), p.Seed^p.Done<<20)
		for _, i := range chosen {
			if err := l.plan(l.planned(i, p, drawn >= likely)); err != nil {
				return err
			}
		}
	}
	return nil
}

// exposed are the Spot instances that nothing is planned for, by pool.
func (l *look) exposed() map[world.Pool][]world.Instance {
	byPool := map[world.Pool][]world.Instance{}
	for _, i := range l.world.Instances.All() {
		_, planned := l.plans.Get(i.ID)
		pool := l.world.PoolOf(i)
		if !planned && l.world.CanInterrupt(i) == nil && i.Notices.Rebalance.IsZero() && !l.world.Out(pool.Zone) {
			byPool[pool] = append(byPool[pool], i)
		}
	}
	return byPool
}

func (l *look) planned(i world.Instance, p Process, isFalse bool) Plan {
	const parts = 1 << 20
	lead := longestLead * time.Duration(lot(p.Seed^p.Done, i.ID)%parts) / parts
	end := longestLead + world.NoticeTakes
	plan := Plan{InstanceID: i.ID, Recommend: l.after(l.now, end-lead), Source: "weather"}
	if !isFalse {
		plan.Notice, plan.Taking = l.after(l.now, end-world.NoticeTakes), world.Taking{Notice: world.NoticeTakes}
	}
	return plan
}
