package aws

import (
	"fmt"
	"sync"
	"time"

	"github.com/drover-project/drover/internal/model"
)

// unavailableFor is how long a pool that had no capacity is not asked again:
// Karpenter's figure, long enough for the next plan to go elsewhere.
const unavailableFor = 3 * time.Minute

// unavailable remembers the pools that lately had no capacity.
type unavailable struct {
	now func() time.Time

	mu      sync.Mutex
	pools   map[model.OfferingKey]refusal
	version int
}

type refusal struct {
	code string
	at   time.Time
}

func (r refusal) String() string {
	return fmt.Sprintf("%s at %s", r.code, r.at.UTC().Format(time.RFC3339))
}

func newUnavailable(now func() time.Time) *unavailable {
	return &unavailable{now: now, pools: map[model.OfferingKey]refusal{}}
}

// mark remembers that a pool refused with an error code.
func (u *unavailable) mark(key model.OfferingKey, code string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pools[key] = refusal{code: code, at: u.now()}
	u.version++
}

// markCapacityType remembers that nothing can be bought in a way at all: the
// key has neither type nor zone.
func (u *unavailable) markCapacityType(capacityType model.CapacityType, code string) {
	u.mark(model.OfferingKey{CapacityType: capacityType}, code)
}

// outages is what is unavailable at one time.
type outages struct {
	pools   map[model.OfferingKey]refusal
	version int
	// until is when the first of them ends; zero when there are none.
	until time.Time
}

// current returns the outages now, forgetting those that are over.
func (u *unavailable) current() outages {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.now()
	state := outages{pools: make(map[model.OfferingKey]refusal, len(u.pools))}
	for key, refused := range u.pools {
		end := refused.at.Add(unavailableFor)
		if !now.Before(end) {
			delete(u.pools, key)
			u.version++
			continue
		}
		state.pools[key] = refused
		if state.until.IsZero() || end.Before(state.until) {
			state.until = end
		}
	}
	state.version = u.version
	return state
}

// isNewerThan reports whether a state seen before no longer holds.
func (u *unavailable) isNewerThan(seen outages) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.version != seen.version || (!seen.until.IsZero() && !u.now().Before(seen.until))
}

// reason is why a pool is unavailable, empty when it is not known to be.
func (o outages) reason(key model.OfferingKey) string {
	if refused, ok := o.pools[key]; ok {
		return refused.String()
	}
	if refused, ok := o.pools[model.OfferingKey{CapacityType: key.CapacityType}]; ok {
		return refused.String()
	}
	return ""
}
