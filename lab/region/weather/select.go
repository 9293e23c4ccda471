package weather

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/region/world"
)

// Selection says which instances are meant: those named, or all that run, of a
// pool when one is given, and of these a fraction when one is given.
type Selection struct {
	// Targets are names of nodes or ids of instances.
	Targets []string `json:"targets,omitempty"`
	// Pool is TYPE/ZONE; both may contain *.
	Pool string `json:"pool,omitempty"`
	All  bool   `json:"all,omitempty"`
	// Fraction is more than 0 and at most 1; zero is all of them.
	Fraction float64 `json:"fraction,omitempty"`
	// Seed decides which ones a fraction is.
	Seed int64 `json:"seed,omitempty"`
}

var errNobody = errors.New("nobody is named: give nodes or instance ids, a fraction, a pool, or all")

// Check refuses a selection that contradicts itself.
func (s Selection) Check() error {
	wide := s.All || s.Pool != "" || s.Fraction != 0
	switch {
	case len(s.Targets) == 0 && !wide:
		return errNobody
	case len(s.Targets) > 0 && wide:
		return errors.New("nodes are named, so a fraction, a pool or all makes no sense with them: use one of them")
	case s.All && (s.Pool != "" || s.Fraction != 0):
		return errors.New("all is all: leave out the fraction and the pool, or all")
	case s.Fraction < 0 || s.Fraction > 1 || math.IsNaN(s.Fraction):
		return fmt.Errorf("fraction %v: use more than 0 and at most 1, such as 0.3", s.Fraction)
	}
	if s.Pool != "" {
		_, err := ParsePool(s.Pool)
		return err
	}
	return nil
}

// ParsePool reads TYPE/ZONE, of which both may contain *.
func ParsePool(text string) (p world.Pool, err error) {
	instanceType, zone, whole := strings.Cut(text, "/")
	if !whole || instanceType == "" || zone == "" || strings.Contains(zone, "/") {
		return p, fmt.Errorf("pool %q: use TYPE/ZONE, such as m5.large/us-west-2a; both may contain *", text)
	}
	return world.Pool{InstanceType: instanceType, Zone: zone}, nil
}

// instances are those that are meant, in order of their ids; possible is why one
// cannot be, nil when it can: that is an error for one that is named, and a
// reason to leave it out otherwise.
func (l *look) instances(s Selection, possible func(world.Instance) error) ([]world.Instance, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if len(s.Targets) > 0 {
		return l.named(s.Targets, possible)
	}
	pattern := world.Pool{}
	if s.Pool != "" {
		pattern, _ = ParsePool(s.Pool) // it was checked
		if _, err := l.world.SpotPools(pattern); err != nil {
			return nil, err
		}
	}
	var found []world.Instance
	for _, i := range l.world.Instances.All() {
		if l.world.PoolOf(i).Fits(pattern) && possible(i) == nil {
			found = append(found, i)
		}
	}
	if s.Fraction > 0 {
		found = l.pick(found, fractionOf(len(found), s.Fraction), s.Seed)
	}
	return found, nil
}

// fractionOf is a fraction of a number of instances: the nearest whole number,
// but one at least when there are any.
func fractionOf(count int, fraction float64) int {
	return min(max(int(math.Round(float64(count)*fraction)), 1), count)
}

func (l *look) named(names []string, possible func(world.Instance) error) (found []world.Instance, err error) {
	var problems []error
	for _, name := range names {
		i, exists := l.called(name)
		switch {
		case !exists:
			problems = append(problems, fmt.Errorf("%q is neither a node nor an instance of this lab", name))
			continue
		case slices.ContainsFunc(found, func(other world.Instance) bool { return other.ID == i.ID }):
			continue
		}
		if err := possible(i); err != nil {
			problems = append(problems, err)
		}
		found = append(found, i)
	}
	slices.SortFunc(found, func(a, b world.Instance) int { return strings.Compare(a.ID, b.ID) })
	return found, errors.Join(problems...)
}

// called finds an instance by its id, or by its node's name with or without the
// domain: of those that have ended none is meant while another has the name.
func (l *look) called(name string) (found world.Instance, exists bool) {
	name = strings.TrimPrefix(name, "node/")
	if i, known := l.world.Instances.Get(name); known {
		return i, true
	}
	for _, i := range l.world.Instances.All() {
		full := l.world.PrivateDNSName(i.PrivateIP)
		short, _, _ := strings.Cut(full, ".")
		if (name == full || name == short) && (!exists || world.Runs(i)) {
			found, exists = i, true
		}
	}
	return found, exists
}

// pick chooses some of the instances, the same for the same seed.
func (k *Keeper) pick(from []world.Instance, count int, seed int64) []world.Instance {
	chosen := slices.Clone(from)
	slices.SortFunc(chosen, func(a, b world.Instance) int {
		return cmp.Or(cmp.Compare(lot(seed, a.ID), lot(seed, b.ID)), strings.Compare(a.ID, b.ID))
	})
	chosen = chosen[:min(count, len(chosen))]
	slices.SortFunc(chosen, func(a, b world.Instance) int { return strings.Compare(a.ID, b.ID) })
	return chosen
}

// lot is the number that an instance draws.
func lot(seed int64, id string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", seed, id)
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
