package engine

import "github.com/drover-project/drover/internal/model"

// occupancy is what the per-node rules see of one node to buy while it fills.
type occupancy struct {
	match, own, tight []int32 // by rule
	ports             []model.HostPort
	dirty             []int // rules with counts
}

func newOccupancy(rules int) *occupancy {
	return &occupancy{match: make([]int32, rules), own: make([]int32, rules), tight: make([]int32, rules)}
}

// reset makes it a node with nothing but its DaemonSet pods.
func (o *occupancy) reset(p *problem, daemons *daemonShare) {
	for _, r := range o.dirty {
		o.match[r], o.own[r], o.tight[r] = 0, 0, 0
	}
	o.dirty, o.ports = o.dirty[:0], o.ports[:0]
	for _, pod := range daemons.pods {
		o.ports = append(o.ports, pod.HostPorts...)
	}
	for _, r := range p.daemonRules[daemons] {
		o.match[r]++
		o.dirty = append(o.dirty, r)
	}
}

func ruled(c *class) bool { return len(c.hosts) > 0 || len(c.pod.HostPorts) > 0 }

// room returns how many of want pods of the class the node's rules admit.
// first says that the class may open the first node of its affinity.
func (o *occupancy) room(c *class, want int, first bool) int {
	if c.bundle != nil {
		return o.bundleRoom(c, want)
	}
	if len(c.pod.HostPorts) > 0 {
		if portsClash(o.ports, c.pod.HostPorts) {
			return 0
		}
		want = min(want, 1)
	}
	for i := range c.hosts {
		want = min(want, o.ruleRoom(&c.hosts[i], want, first))
		if want <= 0 {
			return 0
		}
	}
	return want
}

func (o *occupancy) ruleRoom(t *touch, want int, first bool) int {
	r := t.rule.id
	switch t.rule.kind {
	case spreadRule:
		return o.spreadRoom(t, want)
	case affinityRule:
		if t.owns && o.match[r] == 0 && !(first && t.matched) {
			return 0
		}
	case antiRule:
		if t.owns && o.match[r] > 0 || t.matched && o.own[r] > 0 {
			return 0
		}
		if t.owns && t.matched {
			return min(want, 1)
		}
	}
	return want
}

// spreadRoom compares with a least count of zero, where a new node starts.
func (o *occupancy) spreadRoom(t *touch, want int) int {
	r := t.rule.id
	if !t.matched {
		if t.owns && int(o.match[r]) > t.maxSkew {
			return 0
		}
		return want
	}
	if t.owns {
		want = min(want, t.maxSkew-int(o.match[r]))
	}
	if o.tight[r] > 0 {
		want = min(want, int(o.tight[r]-1-o.match[r]))
	}
	return want
}

func (o *occupancy) add(c *class, count int) {
	for _, of := range c.bundle {
		o.add(of.demand.class, of.count*count)
	}
	if c.bundle != nil {
		return
	}
	o.ports = append(o.ports, c.pod.HostPorts...)
	for i := range c.hosts {
		t := &c.hosts[i]
		r := t.rule.id
		o.dirty = append(o.dirty, r)
		if t.matched {
			o.match[r] += int32(count)
		}
		if t.owns {
			o.own[r] += int32(count)
			if skew := int32(t.maxSkew) + 1; t.rule.kind == spreadRule && (o.tight[r] == 0 || skew < o.tight[r]) {
				o.tight[r] = skew
			}
		}
	}
}

// bundleRoom returns how many of want bundles the node's rules admit.
func (o *occupancy) bundleRoom(c *class, want int) int {
	if !ruled(c) {
		return want
	}
	if joined := o.joined(c); joined >= 0 {
		want = min(want, joined)
	}
	var before []int32
	ports, count := len(o.ports), 0
	c.eachBundled(func(r int) { before = append(before, o.match[r], o.own[r], o.tight[r]) })
	for count < want && o.addBundle(c) {
		count++
	}
	c.eachBundled(func(r int) {
		o.match[r], o.own[r], o.tight[r] = before[0], before[1], before[2]
		before = before[3:]
	})
	o.ports = o.ports[:ports]
	return count
}

// joined is how many bundles that others join may still come: one for each node,
// so that there are enough of them; -1 for other bundles.
func (o *occupancy) joined(c *class) int {
	left := -1
	for i := range c.hosts {
		if t := &c.hosts[i]; t.rule.kind == affinityRule && t.matched {
			if left = 1; o.match[t.rule.id] > 0 {
				return 0
			}
		}
	}
	return left
}

// eachBundled calls do for every rule per node that touches a pod of the bundle.
func (c *class) eachBundled(do func(rule int)) {
	for _, of := range c.bundle {
		for i := range of.demand.class.hosts {
			do(of.demand.class.hosts[i].rule.id)
		}
	}
}

// addBundle adds the pods of a bundle one after the other, as far as the rules
// admit them all.
func (o *occupancy) addBundle(c *class) bool {
	for _, of := range c.bundle {
		if o.room(of.demand.class, of.count, true) < of.count {
			return false
		}
		o.add(of.demand.class, of.count)
	}
	return true
}
