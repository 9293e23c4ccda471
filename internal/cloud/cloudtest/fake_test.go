package cloudtest

import (
	"errors"
	"testing"
	"time"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// clock is a time that moves when told to.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) Advance(d time.Duration) { c.now = c.now.Add(d) }

func TestFakeConforms(t *testing.T) {
	Run(t, func(*testing.T) (cloud.Provider, Fixture) {
		clock := newClock()
		fake := New(World{Now: clock.Now, BootTime: 10 * time.Second, ShutdownTime: 5 * time.Second})
		return fake, Fixture{
			NodeClass:   NodeClass(),
			SetCapacity: func(_ *testing.T, key model.OfferingKey, count int) { fake.SetCapacity(key, count) },
			Advance:     clock.Advance,
		}
	})
}

func TestFakeFaults(t *testing.T) {
	lost := errors.New("connection reset")
	var before, after error
	fake := New(World{
		Before: func(string) error { return before },
		After:  func(string) error { return after },
	})
	class := NodeClass()
	resolved, err := fake.Resolve(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	class.Status.Subnets, class.Status.AMIs = resolved.Subnets, resolved.AMIs
	key := model.OfferingKey{InstanceType: "m5.large", Zone: "us-west-2a", CapacityType: model.OnDemand}
	request := cloud.LaunchRequest{ClientToken: "t", NodeClaim: "c", NodeClass: class, Offerings: []model.Offering{{OfferingKey: key}}}

	before = lost
	if _, err := fake.Launch(t.Context(), request); !errors.Is(err, lost) {
		t.Errorf("Launch: %v, want %v", err, lost)
	}
	before = nil
	if all, _ := fake.List(t.Context()); len(all) != 0 {
		t.Errorf("a call that never arrived bought %v", all)
	}
	after = lost
	if _, err := fake.Launch(t.Context(), request); !errors.Is(err, lost) {
		t.Errorf("Launch: %v, want %v", err, lost)
	}
	after = nil
	all, _ := fake.List(t.Context())
	if len(all) != 1 {
		t.Fatalf("a call whose answer was lost bought %d instances, want 1", len(all))
	}
	fake.Vanish(all[0].ProviderID)
	if _, err := fake.Get(t.Context(), all[0].ProviderID); !cloud.IsNotFound(err) {
		t.Errorf("Get of an instance that vanished: %v", err)
	}
	if fake.Calls("Launch") != 2 {
		t.Errorf("Launch was counted %d times, want 2", fake.Calls("Launch"))
	}
}
