package clock

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestWallScalesWorkButNotTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, err := NewWall(10)
		if err != nil {
			t.Fatal(err)
		}
		start := w.Now()
		var called time.Time
		w.AfterFunc(time.Minute, func() { called = w.Now() })
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := called.Sub(start); got != 6*time.Second {
			t.Errorf("a minute at scale 10 took %v, want 6s", got)
		}
	})
}

func TestWallCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cancel := Wall{}.AfterFunc(time.Second, func() { t.Error("called after cancel") })
		cancel()
		time.Sleep(2 * time.Second)
		synctest.Wait()
	})
}

func TestWallRefusesScale(t *testing.T) {
	for _, scale := range []float64{0, -1} {
		if _, err := NewWall(scale); err == nil {
			t.Errorf("scale %v was accepted", scale)
		}
	}
}

func TestManualCallsInOrder(t *testing.T) {
	start := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	m := NewManual(start)
	var calls []string
	note := func(name string) func() {
		return func() { calls = append(calls, name+m.Now().Sub(start).String()) }
	}
	m.AfterFunc(2*time.Second, note("b"))
	m.AfterFunc(time.Second, func() { note("a")(); m.AfterFunc(time.Second, note("c")) })
	cancel := m.AfterFunc(time.Second, note("never"))
	m.AfterFunc(time.Hour, note("later"))
	cancel()
	m.Advance(3 * time.Second)
	if want := []string{"a1s", "b2s", "c2s"}; !slices.Equal(calls, want) {
		t.Errorf("got %v, want %v", calls, want)
	}
	if got := m.Now().Sub(start); got != 3*time.Second {
		t.Errorf("the clock shows %v, want 3s", got)
	}
}
