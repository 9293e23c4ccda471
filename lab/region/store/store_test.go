package store

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

type thing struct{ Name string }

func open(t *testing.T, path string) (*Store, *Table[thing]) {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	table, err := NewTable[thing](s, "things")
	if err != nil {
		t.Fatal(err)
	}
	return s, table
}

func TestRowsSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, things := open(t, path)
	err := s.Update(func(tx *Tx) error {
		return errors.Join(things.Put(tx, "b", thing{"B"}), things.Put(tx, "a", thing{"A"}), things.Put(tx, "c", thing{"C"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(tx *Tx) error { things.Delete(tx, "c"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, things = open(t, path)
	defer s.Close()
	if got := things.All(); !slices.Equal(got, []thing{{"A"}, {"B"}}) {
		t.Errorf("after reopening: %v", got)
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	for name, path := range map[string]string{"memory": "", "file": filepath.Join(t.TempDir(), "state.db")} {
		t.Run(name, func(t *testing.T) {
			s, things := open(t, path)
			defer s.Close()
			if err := s.Update(func(tx *Tx) error { return things.Put(tx, "a", thing{"old"}) }); err != nil {
				t.Fatal(err)
			}
			failure := errors.New("no")
			called := false
			err := s.Update(func(tx *Tx) error {
				tx.OnCommit(func() { called = true })
				if err := things.Put(tx, "a", thing{"new"}); err != nil {
					return err
				}
				if err := things.Put(tx, "b", thing{"B"}); err != nil {
					return err
				}
				things.Delete(tx, "a")
				return failure
			})
			if !errors.Is(err, failure) || called {
				t.Fatalf("got %v, OnCommit called: %v", err, called)
			}
			s.View(func() {
				if got := things.All(); !slices.Equal(got, []thing{{"old"}}) {
					t.Errorf("after a failed update: %v", got)
				}
			})
		})
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, _ := open(t, path)
	defer s.Close()
	if _, err := Open(path); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open: %v, want ErrInUse", err)
	}
}
