package engine

import "github.com/drover-project/drover/internal/engine/bound"

// mostPerNode is how many pods of the class any node takes in any plan; 0 is no
// limit.
func (b *bounding) mostPerNode(c *class) int64 {
	if len(c.pod.HostPorts) > 0 || b.exclusiveRule(c) != nil {
		return 1
	}
	most := int64(0)
	for i := range c.hosts {
		if t := &c.hosts[i]; b.spread && t.rule.kind == spreadRule && t.owns && t.matched && (most == 0 || int64(t.maxSkew) < most) {
			most = int64(t.maxSkew)
		}
	}
	return most
}

// exclusiveRule is a rule by which the class's pods keep off each other's nodes.
func (b *bounding) exclusiveRule(c *class) *rule {
	for i := range c.hosts {
		t := &c.hosts[i]
		apart := t.rule.kind == antiRule || b.spread && t.rule.kind == spreadRule && t.maxSkew == 1
		if apart && t.owns && t.matched {
			return t.rule
		}
	}
	return nil
}

// exclusiveSet numbers the classes of one such rule: all of them carry it and
// are selected by it, so that one node holds one pod of the set.
func (b *bounding) exclusiveSet(c *class, numbers map[*rule]int) int {
	r := b.exclusiveRule(c)
	if r == nil {
		return 0
	}
	if numbers[r] == 0 {
		numbers[r] = len(numbers) + 1
	}
	return numbers[r]
}

// largestSet is the exclusive set of most pods to buy for that differ; 0 is none.
func (b *bounding) largestSet() int {
	pods, classes := map[int]int64{}, map[int]int{}
	largest := 0
	for i := range b.problem.Classes {
		c := &b.problem.Classes[i]
		if c.Exclusive == 0 {
			continue
		}
		pods[c.Exclusive] += c.Count
		classes[c.Exclusive]++
		if largest == 0 || pods[c.Exclusive] > pods[largest] {
			largest = c.Exclusive
		}
	}
	if classes[largest] < 2 {
		return 0 // linear prices say as much of equal pods
	}
	return largest
}

// proveAlone values each pod of an exclusive set at the cheapest node that holds
// it: it shares it with none of the others.
func (b *bounding) proveAlone(set int) int64 {
	worth := make([]int64, len(b.problem.Classes))
	for _, c := range b.p.classes {
		number := b.numberOf[c.id]
		if b.problem.Classes[number].Exclusive != set || b.wholes[c.id] > 0 {
			continue
		}
		for _, i := range b.p.byPrice {
			if c.fits.has(i) {
				worth[number] = b.p.space.configs[i].price
				break
			}
		}
	}
	return b.check(b.steps(), bound.Duals{Worth: worth})
}
