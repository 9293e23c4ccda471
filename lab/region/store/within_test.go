package store

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

// TestWithinJoinsTheTransaction: what two parts do becomes durable at once, and
// a part that fails undoes only itself.
func TestWithinJoinsTheTransaction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, things := open(t, path)
	failure := errors.New("no")
	var committed []string
	err := s.Update(func(tx *Tx) error {
		part := s.Within(tx)
		if err := part.Update(func(tx *Tx) error {
			tx.OnCommit(func() { committed = append(committed, "a") })
			return things.Put(tx, "a", thing{"A"})
		}); err != nil {
			return err
		}
		err := part.Update(func(tx *Tx) error {
			tx.OnCommit(func() { committed = append(committed, "b") })
			return errors.Join(things.Put(tx, "b", thing{"B"}), things.Put(tx, "a", thing{"changed"}), failure)
		})
		if !errors.Is(err, failure) {
			t.Errorf("the part that fails gives %v", err)
		}
		part.View(func() {
			if got := things.All(); !slices.Equal(got, []thing{{"A"}}) {
				t.Errorf("after the part that fails: %v", got)
			}
		})
		return things.Put(tx, "c", thing{"C"})
	})
	if err != nil || !slices.Equal(committed, []string{"a"}) {
		t.Fatalf("%v, committed %v", err, committed)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, things = open(t, path)
	defer s.Close()
	if got := things.All(); !slices.Equal(got, []thing{{"A"}, {"C"}}) {
		t.Errorf("after reopening: %v", got)
	}
}

// TestWithinOfAFailedTransaction: nothing of the parts is left.
func TestWithinOfAFailedTransaction(t *testing.T) {
	s, things := open(t, "")
	failure := errors.New("no")
	err := s.Update(func(tx *Tx) error {
		if err := s.Within(tx).Update(func(tx *Tx) error { return things.Put(tx, "a", thing{"A"}) }); err != nil {
			return err
		}
		return failure
	})
	if !errors.Is(err, failure) || things.Len() != 0 {
		t.Errorf("%v, %d rows", err, things.Len())
	}
}

// TestWithinAfterwards: what a part arranged for later finds the store itself.
func TestWithinAfterwards(t *testing.T) {
	s, things := open(t, "")
	var part *Store
	if err := s.Update(func(tx *Tx) error { part = s.Within(tx); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := part.Update(func(tx *Tx) error { return things.Put(tx, "a", thing{"A"}) }); err != nil {
		t.Fatal(err)
	}
	s.View(func() {
		if things.Len() != 1 {
			t.Errorf("%d rows", things.Len())
		}
	})
}
