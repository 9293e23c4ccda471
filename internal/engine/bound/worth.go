package bound

import (
	"encoding/binary"
	"math"
)

// view is what one set of admitted families sees: the classes that may be on
// such a node, explained by the duals' own prices and by none. Classes whose pods
// are worth the same and ask for the same are one.
type view struct {
	classes []class
	hinted  explanation
	plain   *explanation  // without multipliers; nil until asked for
	learned []explanation // by checker.learned, as far as asked for
}

// explanation is multipliers of the resources with the classes that they do not
// explain.
type explanation struct {
	multipliers []int64
	beyond      []surplus
}

// surplus is what a pod of a class is worth more than its resources.
type surplus struct {
	class *class
	each  int64
}

// seenAs returns the view of that number, made once.
func (c *checker) seenAs(number int) *view {
	if c.seen[number] == nil {
		admits := c.views[number]
		highest := make([]int64, c.resources)
		for f, m := range c.hints {
			if f < len(admits) && admits[f] {
				for r := range highest {
					highest[r] = max(highest[r], m[r])
				}
			}
		}
		classes := c.together(admits)
		c.seen[number] = &view{classes: classes, hinted: explain(highest, classes)}
	}
	return c.seen[number]
}

// together makes one class of those that are admitted, worth the same and ask for
// the same: as many of its pods may be on a node as of all of them.
func (c *checker) together(admits []bool) []class {
	at := make([]int, len(c.classes)) // by number of the class, one more than the position in made
	different := 0
	for i, same := range c.numbered() {
		if k := &c.classes[i]; at[same] == 0 && k.counts(admits) {
			at[same] = -1
			different++
		}
	}
	made := make([]class, 0, different)
	for i, same := range c.numbered() {
		k := c.classes[i]
		if !k.counts(admits) {
			continue
		}
		k.count, k.perNode = min(k.count, k.perNode), math.MaxInt64
		if at[same] < 0 {
			made = append(made, k)
			at[same] = len(made)
			continue
		}
		one := &made[at[same]-1]
		sum, fits := mulAdd(one.count, k.count, 1)
		if !fits {
			sum = math.MaxInt64
		}
		one.count = sum
	}
	return made
}

// counts reports whether the class is admitted and worth anything.
func (k *class) counts(admits []bool) bool { return admits[k.family] && k.worth > 0 }

// numbered numbers the classes; those that are worth the same and ask for the same have
// the number of the first of them.
func (c *checker) numbered() []int {
	if c.numbers != nil {
		return c.numbers
	}
	c.numbers = make([]int, len(c.classes))
	known := make(map[string]int, len(c.classes))
	var key []byte
	for i := range c.classes {
		k := &c.classes[i]
		key = binary.AppendVarint(binary.AppendVarint(key[:0], k.worth), int64(k.exclusive))
		for _, amount := range k.request {
			key = binary.AppendVarint(key, amount)
		}
		first, found := known[string(key)]
		if !found {
			first = i
			known[string(key)] = i
		}
		c.numbers[i] = first
	}
	return c.numbers
}

// explain finds the classes worth more than their resources.
func explain(m []int64, classes []class) explanation {
	e := explanation{multipliers: m}
	for i := range classes {
		if each := classes[i].beyond(m); each > 0 {
			e.beyond = append(e.beyond, surplus{&classes[i], each})
		}
	}
	return e
}

// seemingWorth is what the duals' own prices prove of a node's room. Pods on one
// node are bounded from above this way: for any multipliers m of the resources,
// pods x with requests q within room b are worth sum x*w = sum x*(m*q) + sum
// x*(w-m*q), at most m*b plus, for each class, as many pods as fit alone times
// what they are worth beyond m*q.
func (c *checker) seemingWorth(number int, room []int64) int64 {
	v := c.seenAs(number)
	least, known := c.lagrange(&v.hinted, room)
	if !known || len(c.classes) <= fewClasses {
		if v.plain == nil {
			plain := explain(make([]int64, c.resources), v.classes)
			v.plain = &plain
		}
		if sum, ok := c.lagrange(v.plain, room); ok && (!known || sum < least) {
			least, known = sum, true
		}
	}
	if !known {
		c.err = errTooLarge
		return 0
	}
	return least
}

// fewClasses is up to where the sum without multipliers is worth a look: it is
// least where one node holds about everything.
const fewClasses = 256

// lagrange is the sum for one choice of multipliers; false when it is too large
// for 63 bits.
func (c *checker) lagrange(e *explanation, room []int64) (int64, bool) {
	sum, fits := int64(0), true
	for r, amount := range room {
		if sum, fits = mulAdd(sum, e.multipliers[r], amount); !fits {
			return 0, false
		}
	}
	clear(c.setMost)
	clear(c.setSum)
	for _, s := range e.beyond {
		into := &sum
		if s.class.exclusive > 0 {
			into = &c.setSum[s.class.exclusive]
		}
		most := s.class.most(room)
		if *into, fits = mulAdd(*into, s.each, most); !fits {
			return 0, false
		}
		if most > 0 {
			c.setMost[s.class.exclusive] = max(c.setMost[s.class.exclusive], s.each)
		}
	}
	for set := 1; set <= c.exclusive; set++ {
		if sum, fits = mulAdd(sum, min(c.setMost[set], c.setSum[set]), 1); !fits {
			return 0, false
		}
	}
	return sum, true
}

// beyond is what a pod is worth more than its resources; 0 when it is not.
func (k *class) beyond(m []int64) int64 {
	left := k.worth
	for r, amount := range k.request {
		cost, fits := mulAdd(0, m[r], amount)
		if !fits || cost >= left {
			return 0
		}
		left -= cost
	}
	return left
}

// most is how many pods of the class fit alone.
func (k *class) most(room []int64) int64 {
	most := min(k.count, k.perNode)
	for r, amount := range k.request {
		if amount > 0 {
			most = min(most, room[r]/amount)
		}
	}
	return most
}
