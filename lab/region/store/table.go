package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"
)

// Table is the rows of one kind. Rows are values: to change one, Put a changed
// copy, never what a slice or map of a row holds. Use it within View or Update.
type Table[T any] struct {
	name string
	rows map[string]T
}

// NewTable opens the table of a name, with the rows that the file has.
func NewTable[T any](s *Store, name string) (*Table[T], error) {
	t := &Table[T]{name: name, rows: map[string]T{}}
	if s.db == nil {
		return t, nil
	}
	err := guard(func() error {
		return s.db.Update(func(file *bbolt.Tx) error {
			bucket, err := file.CreateBucketIfNotExists([]byte(name))
			if err != nil {
				return err
			}
			return bucket.ForEach(t.load)
		})
	})
	s.damaged = s.damaged || errors.Is(err, ErrDamaged)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	return t, nil
}

func (t *Table[T]) load(key, value []byte) error {
	var row T
	if err := json.Unmarshal(value, &row); err != nil {
		return fmt.Errorf("row %s: %w", key, err)
	}
	t.rows[string(key)] = row
	return nil
}

// Get finds a row.
func (t *Table[T]) Get(key string) (T, bool) {
	row, ok := t.rows[key]
	return row, ok
}

// Len is the number of rows.
func (t *Table[T]) Len() int { return len(t.rows) }

// Keys are all keys in order.
func (t *Table[T]) Keys() []string { return slices.Sorted(maps.Keys(t.rows)) }

// All are all rows in the order of their keys.
func (t *Table[T]) All() []T {
	rows := make([]T, 0, len(t.rows))
	for _, key := range t.Keys() {
		rows = append(rows, t.rows[key])
	}
	return rows
}

// Put adds or replaces a row.
func (t *Table[T]) Put(tx *Tx, key string, row T) error {
	value, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("table %s, row %s: %w", t.name, key, err)
	}
	t.remember(tx, key)
	t.rows[key] = row
	tx.writes = append(tx.writes, write{t.name, key, value})
	return nil
}

// Delete removes a row; one that is not there is left so.
func (t *Table[T]) Delete(tx *Tx, key string) {
	if _, ok := t.rows[key]; !ok {
		return
	}
	t.remember(tx, key)
	delete(t.rows, key)
	tx.writes = append(tx.writes, write{table: t.name, key: key})
}

// remember notes how to bring the row back as it is now.
func (t *Table[T]) remember(tx *Tx, key string) {
	before, existed := t.rows[key]
	tx.undo = append(tx.undo, func() {
		if existed {
			t.rows[key] = before
		} else {
			delete(t.rows, key)
		}
	})
}
