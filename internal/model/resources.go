package model

import "sort"

// Resource names with a fixed unit.
const (
	CPU              = "cpu"               // millicores
	Memory           = "memory"            // bytes
	EphemeralStorage = "ephemeral-storage" // bytes
	PodCount         = "pods"              // pods
)

// Resources is an amount of each resource: CPU in millicores, memory and
// storage in bytes, every other resource in whole units. A missing key is zero.
type Resources map[string]int64

// Add returns r + other as a new value.
func (r Resources) Add(other Resources) Resources {
	sum := make(Resources, len(r)+len(other))
	for name, amount := range r {
		sum[name] = amount
	}
	for name, amount := range other {
		sum[name] += amount
	}
	return sum
}

// Sub returns r - other as a new value; amounts may become negative.
func (r Resources) Sub(other Resources) Resources {
	rest := make(Resources, len(r)+len(other))
	for name, amount := range r {
		rest[name] = amount
	}
	for name, amount := range other {
		rest[name] -= amount
	}
	return rest
}

// Fits reports whether every amount of r is at most what room offers.
func (r Resources) Fits(room Resources) bool {
	for name, amount := range r {
		if amount > 0 && amount > room[name] {
			return false
		}
	}
	return true
}

// Names returns the resource names in sorted order.
func (r Resources) Names() []string {
	names := make([]string, 0, len(r))
	for name := range r {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
