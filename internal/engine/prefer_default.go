package engine

import (
	"fmt"
	"sort"

	"github.com/drover-project/drover/internal/model"
)

// maxDefaultSpread is the number of pending pods up to which the spreading that
// the scheduler adds by itself is looked at: it tells apart pods that are equal
// otherwise, and that costs time for the weakest of all preferences.
const maxDefaultSpread = 10_000

// withDefaultSpread leaves out the scheduler's own spreading where it is not
// looked at.
func withDefaultSpread(snapshot *model.Snapshot, settings model.Settings) *model.Snapshot {
	if len(snapshot.Pending) <= maxDefaultSpread && !settings.IgnorePreferences {
		return snapshot
	}
	var pending []model.Pod
	for i := range snapshot.Pending {
		own := ownSpread(snapshot.Pending[i].TopologySpread)
		if len(own) == len(snapshot.Pending[i].TopologySpread) {
			continue
		}
		if pending == nil {
			pending = append(pending, snapshot.Pending...)
		}
		pending[i].TopologySpread = own
	}
	if pending == nil {
		return snapshot
	}
	without := *snapshot
	without.Pending = pending
	return &without
}

func ownSpread(all []model.TopologySpread) []model.TopologySpread {
	var own []model.TopologySpread
	for _, s := range all {
		if !s.ClusterDefault {
			own = append(own, s)
		}
	}
	return own
}

// splitWishes parts the pods' own wishes from those that the scheduler adds,
// which are tried all together for each topology key: nobody has asked for them.
func splitWishes(list []wish) (own []wish, byDefault [][]wish) {
	byIndex := map[int][]wish{}
	for _, w := range list {
		if w.kind == wishDefault {
			byIndex[w.index] = append(byIndex[w.index], w)
		} else {
			own = append(own, w)
		}
	}
	indexes := make([]int, 0, len(byIndex))
	for index := range byIndex {
		indexes = append(indexes, index)
	}
	sort.Ints(indexes)
	for _, index := range indexes {
		byDefault = append(byDefault, byIndex[index])
	}
	return own, byDefault
}

// tryDefaults keeps all of the list when that is free, or none.
func (c *chooser) tryDefaults(list []wish) {
	extra := int64(0)
	if c.steps < c.maxSteps {
		granted := grant(c.classes, append(append([]wish(nil), c.kept...), list...))
		next := solve(c.base.withClasses(granted, c.signer), c.base.settings.MaxSteps)
		c.steps += next.steps
		if next.keepsPlaces(c.best) {
			if next.cost <= c.best.cost {
				c.best = next
				c.kept = append(c.kept, list...)
				return
			}
			extra = next.cost - c.best.cost
		}
	}
	for _, w := range list {
		c.lost = append(c.lost, lostWish{wish: w, extra: extra})
	}
}

// lostDefaults reports the scheduler's own spreading once for each topology key.
func (c *chooser) lostDefaults() []model.PodReason {
	var reasons []model.PodReason
	at := map[string]int{}
	for _, lost := range c.lost {
		if lost.kind != wishDefault {
			continue
		}
		class := c.classes[lost.class]
		spread := class.pod.TopologySpread[lost.index]
		i, known := at[spread.TopologyKey]
		if !known {
			i = len(reasons)
			at[spread.TopologyKey] = i
			message := fmt.Sprintf("the scheduler's own spread over %s (maxSkew %d) is not kept", spread.TopologyKey, spread.MaxSkew)
			if lost.extra > 0 {
				message += fmt.Sprintf(": for all of these pods it would cost %s $/h more", priceText(lost.extra))
			}
			reasons = append(reasons, model.PodReason{Reason: model.Reason{Code: model.CodePreferenceNotKept, Message: message}})
		}
		reasons[i].Pods = append(reasons[i].Pods, class.keys...)
	}
	for i := range reasons {
		sortPodKeys(reasons[i].Pods)
	}
	return reasons
}
