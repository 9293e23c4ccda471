package ec2api

import (
	"cmp"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire/ec2filter"
)

// listing is one Describe operation: which of the rows it asks for.
type listing[T any] struct {
	rows func() []T // in a fixed order
	// ids are those asked for, all when empty; code and text, with one %s, are
	// the error for one that no row has.
	ids        []string
	idOf       func(T) string
	code, text string
	set        ec2filter.Set[T]
	filters    []types.Filter
	token      *string
	limit      *int32
	pages      bounds // none: the usual ones
}

// list gives the part of the rows that a call asks for, as EC2 describes them.
func list[T, D any](e *EC2, l listing[T], described func(T) D) (part []D, next *string, err error) {
	part = []D{}
	e.world.Store.View(func() {
		var rows []T
		if rows, err = byIDs(l.rows(), l.ids, l.idOf, l.code, l.text); err != nil {
			return
		}
		if rows, err = l.set.Select(rows, l.filters); err != nil {
			return
		}
		if rows, next, err = page(rows, l.token, l.limit, cmp.Or(l.pages, usual())); err != nil {
			return
		}
		for _, row := range rows {
			part = append(part, described(row))
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return part, next, nil
}

// fields makes the filters of a kind of resource.
type fields[T any] map[string]func(T) []string

// one adds a filter by one value, which an item without it does not have.
func (f fields[T]) one(name string, value func(T) string) {
	f[name] = func(item T) []string {
		if v := value(item); v != "" {
			return []string{v}
		}
		return nil
	}
}

// many adds a filter by several values.
func (f fields[T]) many(name string, values func(T) []string) { f[name] = values }

// always adds a filter by what is the same for all.
func (f fields[T]) always(name, value string) {
	f[name] = func(T) []string { return []string{value} }
}

// set is the filters with those by the tags of the resource with an id.
func (f fields[T]) set(e *EC2, idOf func(T) string) ec2filter.Set[T] {
	return ec2filter.Set[T]{Fields: f, Tags: func(item T) []types.Tag { return e.tagsOf(idOf(item)) }}
}
