package engine

// followed is where the pods of a class must be so that others find a place
// beside them.
type followed struct {
	configs bitset // may be bought for them
	anew    bool   // nodes that are there have no room for those others
}

// lead returns what to know for a plan in which pods that others must be beside
// go where those others can be, for those that found no place; nil when that is
// no news.
func (s *solution) lead() *learned {
	if !s.p.draws() {
		return nil
	}
	l := newLeading(s.p)
	for _, c := range s.p.classes {
		if s.unplaced[c.id] > 0 && !c.fits.empty() {
			l.draw(c)
		}
	}
	if len(l.followed) == 0 {
		return nil
	}
	known := s.known.clone()
	known.most, known.followed = map[*class]map[string]int{}, l.followed
	return known
}

// leading finds where classes must be.
type leading struct {
	followed map[*class]*followed
	selected map[*rule][]*class // classes that an affinity selects
}

func newLeading(p *problem) *leading {
	l := &leading{followed: map[*class]*followed{}, selected: map[*rule][]*class{}}
	for _, c := range p.classes {
		for _, touches := range [][]touch{c.touches, c.hosts} {
			for i := range touches {
				if t := &touches[i]; t.matched && t.rule.kind == affinityRule {
					l.selected[t.rule] = append(l.selected[t.rule], c)
				}
			}
		}
	}
	return l
}

// draw tells the classes that c must be beside where that can be, and those that
// they must be beside.
func (l *leading) draw(c *class) {
	for _, touches := range [][]touch{c.touches, c.hosts} {
		for i := range touches {
			if t := &touches[i]; t.owns && t.rule.kind == affinityRule {
				l.drawTo(c, t.rule)
			}
		}
	}
}

func (l *leading) drawTo(c *class, r *rule) {
	fits := l.configs(c)
	if !r.axis.host {
		fits = r.sameDomains(fits)
	}
	for _, anchor := range l.selected[r] {
		if anchor == c {
			continue
		}
		configs := l.configs(anchor).clone()
		configs.and(fits)
		known := l.followed[anchor]
		news := configs.count() < l.configs(anchor).count() || r.axis.host && (known == nil || !known.anew)
		if configs.empty() || !news {
			continue
		}
		l.followed[anchor] = &followed{configs: configs, anew: r.axis.host || known != nil && known.anew}
		l.draw(anchor)
	}
}

func (l *leading) configs(c *class) bitset {
	if known := l.followed[c]; known != nil {
		return known.configs
	}
	return c.fits
}

// sameDomains are the configs in the domains of these.
func (r *rule) sameDomains(configs bitset) bitset {
	set := newBitset(len(configs) * 64)
	for _, domain := range r.axis.configs {
		if domain.meets(configs, r.configs) {
			set.or(domain)
		}
	}
	set.and(r.configs)
	return set
}
