package engine

import (
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// selection replaces tied demands by the bundles that were made of them. Pods
// that nobody joined are as free as any other. Those that found no bundle may join
// some where they are packed, or else are not packed at all: alone they would wait
// for ever.
func (b *bundler) selection(join bool) selection {
	s := selection{left: map[*demand]int{}}
	tied := map[*demand]bool{}
	for _, x := range b.ties {
		tied[x.demand] = true
		if len(x.owns) == 0 || join && b.joins(x) {
			s.left[x.demand] = x.left
		}
	}
	var bundles []*stack
	for _, st := range b.stacks {
		if st.root != nil && len(st.shares) == 1 {
			s.left[st.root.demand] += st.times
		} else if st.narrow(b.u.p); len(st.rooms) > 0 && st.times > 0 {
			bundles = append(bundles, st)
		}
	}
	for _, d := range b.u.demands {
		if !tied[d] {
			s.left[d] = b.u.left[d]
		}
		if s.left[d] > 0 {
			s.demands = append(s.demands, d)
		}
	}
	for _, st := range bundles {
		d := st.demand(b.u.p, join)
		s.demands, s.left[d] = append(s.demands, d), st.times
	}
	return s
}

// demand makes one demand of the stack's bundles; with joined, others may join them.
func (s *stack) demand(p *problem, joined bool) *demand {
	c := &class{id: -1, members: members{pod: &model.Pod{}}, request: s.request, bundle: s.shares, labelled: s.shares[0].demand.admitted(p)}
	var homes []string
	for _, sh := range s.shares {
		of := sh.demand.class
		c.labelled.and(sh.demand.admitted(p))
		c.pod.HostPorts = append(c.pod.HostPorts, of.pod.HostPorts...)
		c.pod.PreferredNodeAffinity = append(c.pod.PreferredNodeAffinity, of.pod.PreferredNodeAffinity...)
		for i := range of.hosts {
			if joined || of.hosts[i].rule.kind != affinityRule {
				c.hosts = append(c.hosts, of.hosts[i])
			}
		}
		homes = append(homes, sh.demand.home)
	}
	slices.Sort(homes)
	d := &demand{class: c, home: strings.Join(slices.Compact(homes), "&"), configs: newBitset(len(p.space.configs)), count: s.times}
	for _, r := range s.rooms {
		for _, i := range p.space.rooms[r].configs {
			d.configs.set(i)
		}
	}
	d.configs.and(s.configs)
	return d
}

// unbundled puts the pods of bundles in the place of these.
func (b *bin) unbundled() {
	shares := make([]share, 0, len(b.shares))
	add := func(d *demand, count int) {
		for i := range shares {
			if shares[i].demand == d {
				shares[i].count += count
				return
			}
		}
		shares = append(shares, share{demand: d, count: count})
	}
	for _, s := range b.shares {
		if s.demand.class.bundle == nil {
			add(s.demand, s.count)
		}
		for _, of := range s.demand.class.bundle {
			add(of.demand, of.count*s.count)
		}
	}
	b.shares = shares
}

// took counts so many pods of a demand, or the pods of so many bundles, as
// placed.
func (u *purchase) took(d *demand, count int) {
	for _, of := range d.class.bundle {
		u.took(of.demand, of.count*count)
	}
	if d.class.bundle != nil || count == 0 {
		return
	}
	u.left[d] -= count
	d.class.eachAffinity(func(t *touch) { u.seated[t.rule.id] = u.seated[t.rule.id] || t.matched })
}
