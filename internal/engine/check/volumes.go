package check

import (
	"maps"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// volumes: every node attaches what its pods mount, each volume once, within
// its drivers' limits; an exclusive volume has one pod.
func (a *audit) volumes() {
	for _, p := range a.places {
		a.attachments(p)
	}
	users := map[model.Volume][]*model.Pod{}
	planned := map[*model.Pod]bool{}
	for _, p := range a.places {
		for _, pod := range p.planned {
			planned[pod] = true
		}
		for _, pod := range slices.Concat(p.bound, p.planned) {
			for i, v := range pod.Volumes {
				if v.Exclusive = false; !mounts(pod.Volumes[:i], v) {
					users[v] = append(users[v], pod)
				}
			}
		}
	}
	for i := range a.snapshot.Pending {
		pod := &a.snapshot.Pending[i]
		for _, v := range pod.Volumes {
			exclusive := v.Exclusive
			v.Exclusive = false
			if exclusive && planned[pod] && len(users[v]) > 1 {
				a.report("ExclusiveVolume", pod.PodKey.String(), "shares the volume %s with %d pods", v.ID, len(users[v])-1)
			}
		}
	}
}

func mounts(volumes []model.Volume, v model.Volume) bool {
	return slices.ContainsFunc(volumes, func(other model.Volume) bool { return other.Driver == v.Driver && other.ID == v.ID })
}

// attachments are held against the limits of all that the place may become.
func (a *audit) attachments(p *place) {
	if !slices.ContainsFunc(p.planned, func(pod *model.Pod) bool { return len(pod.Volumes) > 0 }) {
		return
	}
	var seen []map[string]int64
	for _, v := range p.variants {
		if !slices.ContainsFunc(seen, func(limits map[string]int64) bool { return maps.Equal(limits, v.limits) }) {
			seen = append(seen, v.limits)
			a.attachLimits(p, v.limits)
		}
	}
}

func (a *audit) attachLimits(p *place, limits map[string]int64) {
	there, more := map[string]bool{}, map[string]bool{}
	count := map[string]int64{}
	name := func(v model.Volume) string { return v.Driver + "/" + v.ID }
	note := func(volumes []model.Volume, set map[string]bool) {
		for _, v := range volumes {
			if !there[name(v)] && !more[name(v)] {
				set[name(v)] = true
				count[v.Driver]++
			}
		}
	}
	note(p.attached, there)
	for _, pod := range p.bound {
		note(pod.Volumes, there)
	}
	for _, pod := range p.planned {
		note(pod.Volumes, more)
		for _, v := range pod.Volumes {
			if limit, limited := limits[v.Driver]; limited && more[name(v)] && count[v.Driver] > limit {
				a.report("VolumeLimit", p.name, "%s brings volume %d of %s, the limit is %d", pod.PodKey, count[v.Driver], v.Driver, limit)
			}
		}
	}
}

// groups: of every pod group, enough pods have a node or none is planned.
func (a *audit) groups() {
	running, planned := map[string]int{}, map[string]int{}
	for _, p := range a.places {
		for _, pod := range p.bound {
			if !pod.Terminating {
				running[pod.Group]++
			}
		}
		for _, pod := range p.planned {
			planned[pod.Group]++
		}
	}
	for _, g := range a.snapshot.PodGroups {
		if n := planned[g.Name]; n > 0 && n+running[g.Name] < g.MinCount {
			a.report("PodGroup", g.Name, "%d planned and %d running are less than %d", n, running[g.Name], g.MinCount)
		}
	}
}
