package engine

import (
	"math"
	"slices"
)

// next chooses the one that is put into bundles next: one that may be beside none
// of those that come later, as far as there is such. It is -1 when all the others
// wait in vain.
func (b *bundler) next(waiting []*tie) int {
	best, least := -1, math.MaxInt
	for n, x := range waiting {
		if later := b.wait(x); later < least {
			best, least = n, later
		}
		if least == 0 {
			break
		}
	}
	if least > opening && least < math.MaxInt {
		return b.source(waiting)
	}
	return best
}

// source is the one that opens a node behind which most others follow: where they
// could follow each other it is the one that all of them do, and whoever must
// follow it cannot be the first elsewhere.
func (b *bundler) source(waiting []*tie) int {
	best, most := -1, -1
	for n, x := range waiting {
		if b.wait(x) == math.MaxInt {
			continue
		}
		if behind := b.behind(x, waiting); behind > most {
			best, most = n, behind
		}
	}
	return best
}

// behind counts those that can be beside x, or beside those that can.
func (b *bundler) behind(x *tie, waiting []*tie) int {
	met := b.met.clone()
	for _, r := range x.meets {
		met.set(r)
	}
	count, still := 0, slices.Clone(waiting)
	for before := -1; count != before; {
		before = count
		still = slices.DeleteFunc(still, func(y *tie) bool {
			if slices.ContainsFunc(y.owns, func(r int) bool { return !met.has(r) }) {
				return false
			}
			for _, r := range y.meets {
				met.set(r)
			}
			count++
			return true
		})
	}
	return count
}

// wait tells beside how many demands that come later x could be, and a large
// number more when x would have to open a node.
func (b *bundler) wait(x *tie) int {
	later, missing := 0, false
	for _, r := range x.owns {
		later += b.selects[r] - b.dealt[r]
		missing = missing || b.dealt[r] == 0
	}
	for _, r := range x.meets {
		if slices.Contains(x.owns, r) {
			later-- // itself
		}
	}
	switch {
	case !missing:
		return later
	case b.opens(x):
		return later + opening
	}
	return math.MaxInt
}

// opening is more than any number of demands.
const opening = 1 << 32

// opens reports whether the first pod of x still needs no other on its node.
func (b *bundler) opens(x *tie) bool {
	return x.opens && !slices.ContainsFunc(x.owns, b.met.has)
}
