package world

import (
	"maps"
	"slices"

	"github.com/drover-project/drover/lab/region/store"
)

// Tags are the tags of one resource.
type Tags map[string]string

// With is a copy with more tags, which replace those of the same key.
func (t Tags) With(more Tags) Tags {
	merged := Tags{}
	maps.Copy(merged, t)
	maps.Copy(merged, more)
	return merged
}

// Keys are the keys in order.
func (t Tags) Keys() []string { return slices.Sorted(maps.Keys(t)) }

// TagsOf are the tags of a resource. They must not be changed.
func (w *World) TagsOf(id string) Tags {
	tags, _ := w.Tags.Get(id)
	return tags
}

// SetTags replaces the tags of a resource; none removes the row.
func (w *World) SetTags(tx *store.Tx, id string, tags Tags) error {
	if len(tags) == 0 {
		w.Tags.Delete(tx, id)
		return nil
	}
	return w.Tags.Put(tx, id, tags)
}
