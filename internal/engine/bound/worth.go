package bound

// mostWorth bounds from above what pods on one node can be worth together. For
// any multipliers m of the resources, pods x with requests q within room b are
// worth sum x*w = sum x*(m*q) + sum x*(w-m*q), at most m*b plus, for each
// class, as many pods as fit alone times what they are worth beyond m*q. The
// least of several such sums is taken. Price 0 stands for a free place.
func (c *checker) mostWorth(room []int64, admits []bool, price int64) int64 {
	return c.refine(c.seemingWorth(room, admits), room, admits, price)
}

// seemingWorth is what the duals' own prices prove.
func (c *checker) seemingWorth(room []int64, admits []bool) int64 {
	least := int64(-1)
	try := func(m []int64) {
		if sum, ok := c.lagrange(m, room, admits); ok && (least < 0 || sum < least) {
			least = sum
		}
	}
	highest := make([]int64, c.resources)
	for f, m := range c.hints {
		if f < len(admits) && admits[f] {
			for r := range highest {
				highest[r] = max(highest[r], m[r])
			}
		}
	}
	try(highest)
	if least < 0 || len(c.classes) <= fewClasses {
		try(make([]int64, c.resources))
	}
	if least < 0 {
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
func (c *checker) lagrange(m, room []int64, admits []bool) (int64, bool) {
	sum, fits := int64(0), true
	for r, amount := range room {
		if sum, fits = mulAdd(sum, m[r], amount); !fits {
			return 0, false
		}
	}
	clear(c.setMost)
	clear(c.setSum)
	for i := range c.classes {
		k := &c.classes[i]
		if !admits[k.family] || k.worth == 0 {
			continue
		}
		beyond := k.beyond(m)
		if beyond <= 0 {
			continue
		}
		into := &sum
		if k.exclusive > 0 {
			into = &c.setSum[k.exclusive]
		}
		most := k.most(room)
		if *into, fits = mulAdd(*into, beyond, most); !fits {
			return 0, false
		}
		if most > 0 {
			c.setMost[k.exclusive] = max(c.setMost[k.exclusive], beyond)
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
