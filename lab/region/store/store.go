// Package store keeps the region's records in memory and, when it has a file,
// makes every change durable before the change is answered: one transaction for
// one call, so a process that is killed has either done all of it or nothing.
package store

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Store is a set of tables that change together.
type Store struct {
	mu sync.RWMutex
	db *bbolt.DB // nil: memory only
	// damaged: a read of the file ended in the middle, with bbolt's locks held.
	damaged bool
	// outer and joined are set in what Within gives.
	outer  *Store
	joined *Tx
}

// ErrInUse says that another process has the file open.
var ErrInUse = errors.New("in use by another process")

// ErrDamaged says that the file is not as this package left it.
var ErrDamaged = errors.New("the file is damaged: put a copy of it back, or begin with an empty data directory")

const lockTimeout = time.Second

// Open opens or creates the file; an empty path keeps everything in memory. A
// file that another process has open is ErrInUse, one that is not whole
// ErrDamaged.
func Open(path string) (*Store, error) {
	if path == "" {
		return &Store{}, nil
	}
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout})
		return err
	})
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum), errors.Is(err, bbolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%s: %w (%w)", path, ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// guard makes an error of what bbolt does with a file that is not whole: it
// reads beyond the end of its memory map, or panics.
func guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w (%v)", ErrDamaged, p)
		}
	}()
	return read()
}

// Close releases the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil || s.damaged {
		return nil
	}
	return s.db.Close()
}

// View runs read while nothing changes.
func (s *Store) View(read func()) {
	if s.outer != nil {
		s.viewWithin(read)
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	read()
}

// Update runs change alone. All that it puts and deletes happens when it gives
// nil and the file has it; otherwise none of it happened.
func (s *Store) Update(change func(*Tx) error) error {
	if s.outer != nil {
		return s.updateWithin(change)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &Tx{}
	if err := change(tx); err != nil {
		tx.rollback(savepoint{})
		return err
	}
	if err := s.commit(tx); err != nil {
		tx.rollback(savepoint{})
		return fmt.Errorf("writing the region's state: %w", err)
	}
	tx.over.Store(true)
	for _, done := range tx.committed {
		done()
	}
	return nil
}

func (s *Store) commit(tx *Tx) error {
	if s.db == nil || len(tx.writes) == 0 {
		return nil
	}
	return s.db.Update(func(file *bbolt.Tx) error {
		for _, w := range tx.writes {
			if err := w.apply(file); err != nil {
				return err
			}
		}
		return nil
	})
}

// write is one row to put, or to delete when value is nil.
type write struct {
	table, key string
	value      []byte
}

func (w write) apply(file *bbolt.Tx) error {
	bucket := file.Bucket([]byte(w.table))
	if w.value == nil {
		return bucket.Delete([]byte(w.key))
	}
	return bucket.Put([]byte(w.key), w.value)
}
