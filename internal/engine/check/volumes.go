package check

import "github.com/drover-project/drover/internal/model"

// volumes: every node attaches what its pods mount, each volume once, within
// its drivers' limits; an exclusive volume has one pod.
func (a *audit) volumes() {
	for _, p := range a.places {
		for _, limits := range p.limits {
			a.attachLimits(p, limits)
		}
	}
	users := map[model.Volume][]*model.Pod{}
	planned := map[*model.Pod]bool{}
	for _, p := range a.places {
		for _, pod := range p.planned {
			planned[pod] = true
		}
		for _, pod := range p.pods() {
			seen := map[model.Volume]bool{}
			for _, v := range pod.Volumes {
				v.Exclusive = false
				if !seen[v] {
					users[v] = append(users[v], pod)
				}
				seen[v] = true
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
