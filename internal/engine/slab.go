package engine

// slab cuts small slices out of large ones, which takes far less than to make each.
// The zero value works.
type slab[T any] struct {
	rest []T
	made int // size of the last large one
}

// leastSlab and mostSlab are how much a slab makes at once, each time twice as much.
const (
	leastSlab = 8
	mostSlab  = 256
)

// take returns a slice of zeros that shares memory with no other.
func (s *slab[T]) take(n int) []T {
	if len(s.rest) < n {
		s.made = max(n, min(max(2*s.made, leastSlab), mostSlab))
		s.rest = make([]T, s.made)
	}
	piece := s.rest[:n:n]
	s.rest = s.rest[n:]
	return piece
}
