package aws

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// Who can do without the facts does not ask again and again for what may not be read.
func TestKnownFactsAreNotAskedForInVain(t *testing.T) {
	now, asked := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC), 0
	fetch := func(context.Context) (*typeFacts, error) {
		if asked++; asked < 3 {
			return nil, errors.New("not allowed")
		}
		return &typeFacts{onDemand: map[string]float64{"m5.large": 0.096}}, nil
	}
	none := func(context.Context) (spotMarket, error) { return spotMarket{}, nil }
	facts := newInventory(t.Context(), fetch, none, Options{Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	for range 3 {
		if _, ok := facts.known(t.Context()); ok || asked != 1 {
			t.Fatalf("known %v after asking %d times, want none after one", ok, asked)
		}
	}
	now = now.Add(retryAge)
	if _, ok := facts.known(t.Context()); ok || asked != 2 {
		t.Fatalf("known %v after asking %d times, want none after two", ok, asked)
	}
	now = now.Add(retryAge)
	if known, ok := facts.known(t.Context()); !ok || known.onDemand["m5.large"] != 0.096 {
		t.Fatalf("%+v, %v once they can be read", known, ok)
	}
}
