package engine

import (
	"math/bits"
	"sort"
)

// bitset is a set of small integers.
type bitset []uint64

func newBitset(size int) bitset { return make(bitset, (size+63)/64) }

func fullBitset(size int) bitset {
	b := newBitset(size)
	for i := range b {
		b[i] = ^uint64(0)
	}
	if size%64 != 0 {
		b[len(b)-1] = 1<<(size%64) - 1
	}
	return b
}

func (b bitset) set(i int)   { b[i>>6] |= 1 << (i & 63) }
func (b bitset) clear(i int) { b[i>>6] &^= 1 << (i & 63) }
func (b bitset) drop(list []int) {
	for _, i := range list {
		b.clear(i)
	}
}
func (b bitset) has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }
func (b bitset) clone() bitset  { return append(bitset(nil), b...) }

func (b bitset) and(other bitset) {
	for i := range b {
		b[i] &= other[i]
	}
}

// without returns the members that other does not have.
func (b bitset) without(other bitset) bitset {
	rest := b.clone()
	for i := range rest {
		rest[i] &^= other[i]
	}
	return rest
}

// within reports whether other has all members.
func (b bitset) within(other bitset) bool {
	for i := range b {
		if b[i]&^other[i] != 0 {
			return false
		}
	}
	return true
}

// meets reports whether all three sets share a member.
func (b bitset) meets(x, y bitset) bool {
	for i := range b {
		if b[i]&x[i]&y[i] != 0 {
			return true
		}
	}
	return false
}

func (b bitset) or(other bitset) {
	for i := range b {
		b[i] |= other[i]
	}
}

func (b bitset) count() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

func (b bitset) empty() bool {
	for _, word := range b {
		if word != 0 {
			return false
		}
	}
	return true
}

// each calls f for the members in ascending order.
func (b bitset) each(f func(i int)) {
	for w, word := range b {
		for word != 0 {
			f(w<<6 + bits.TrailingZeros64(word))
			word &= word - 1
		}
	}
}

// sortedKeys returns a map's keys in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
