package engine

// maxShakes bounds how often pods are valued a little more or less, to see
// whether that packs better, idleShakes how often in a row without success.
const (
	maxShakes  = 48
	idleShakes = 8
)

// shake runs with values that are a little off, each time otherwise, and goes on
// from those that packed best. Which ones is fixed by the number of the round.
func (h *hunt) shake() {
	values := h.values
	if h.priced != nil {
		values = h.priced
	}
	for round, idle := 0, 0; round < maxShakes && idle < idleShakes && !h.rests(); round++ {
		h.k.shakeValues(values, round)
		next := h.run(variant{limit: h.k.limit(h.best, 1)})
		if next.better(h.best) {
			h.best, values, idle = next, h.k.values(), 0
			h.runs = append(h.runs, next)
		} else {
			idle++
		}
	}
	h.k.setValues(h.values)
}

// shakeValues sets the items' values to these, up to a twentieth, every other
// round up to a tenth, more or less.
func (k *packer) shakeValues(values []int64, round int) {
	percent := int64(5 + round%2*5)
	for i, it := range k.items {
		off := int64(scatter(uint64(round)<<32|uint64(i))%uint64(2*percent+1)) - percent
		it.value = values[i] + values[i]*off/100
	}
}

// scatter turns numbers that follow each other into ones that seem to have
// nothing in common.
func scatter(n uint64) uint64 {
	n = (n + 1) * 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
