package store

import "sync/atomic"

// Tx is one Update. It is not valid after it.
type Tx struct {
	writes    []write
	undo      []func()
	committed []func()
	// over is true once the changes are durable.
	over atomic.Bool
}

// OnCommit calls done once the change is durable, still alone in the store.
func (tx *Tx) OnCommit(done func()) { tx.committed = append(tx.committed, done) }

// savepoint is how far a Tx was; the zero value is its beginning.
type savepoint struct{ writes, undo, committed int }

func (tx *Tx) savepoint() savepoint {
	return savepoint{len(tx.writes), len(tx.undo), len(tx.committed)}
}

// rollback undoes what was done since a savepoint.
func (tx *Tx) rollback(to savepoint) {
	for i := len(tx.undo) - 1; i >= to.undo; i-- {
		tx.undo[i]()
	}
	tx.writes, tx.undo, tx.committed = tx.writes[:to.writes], tx.undo[:to.undo], tx.committed[:to.committed]
}

// Within is the store as a part of a transaction sees it: an Update of it joins
// the transaction, so that what several services do becomes durable at once or
// not at all, and one that fails undoes only itself. Once the transaction is over
// it is the store again: what was arranged for later can go on using it. It must
// not be used by other goroutines before that.
func (s *Store) Within(tx *Tx) *Store {
	if s.outer != nil {
		s = s.outer
	}
	return &Store{outer: s, joined: tx}
}

func (s *Store) viewWithin(read func()) {
	if s.joined.over.Load() {
		s.outer.View(read)
		return
	}
	read()
}

func (s *Store) updateWithin(change func(*Tx) error) error {
	if s.joined.over.Load() {
		return s.outer.Update(change)
	}
	before := s.joined.savepoint()
	err := change(s.joined)
	if err != nil {
		s.joined.rollback(before)
	}
	return err
}
