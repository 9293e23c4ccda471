package world

import "path"

// matches reports whether a pool fits the pattern, whose parts may contain *;
// an empty part is *.
func (p Pool) matches(pool Pool) bool {
	return part(p.InstanceType, pool.InstanceType) && part(p.Zone, pool.Zone) && part(p.CapacityType, pool.CapacityType)
}

func part(pattern, value string) bool {
	if pattern == "" {
		return true
	}
	matched, err := path.Match(pattern, value)
	return err == nil && matched
}
