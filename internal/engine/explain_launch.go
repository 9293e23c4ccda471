package engine

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// maxRejected bounds how many cheaper offerings a launch explains.
const maxRejected = 8

// launchReason says why the bin is bought as it is and what ruled out the
// cheaper offerings of its pool.
func (s *solution) launchReason(b *bin) model.LaunchReason {
	chosen := &s.p.space.configs[b.config]
	sum := s.p.requests(b)
	pods := 0
	for _, sh := range b.shares {
		pods += sh.count
	}
	reason := model.LaunchReason{Chosen: model.Reason{Code: model.CodeCheapest, Message: fmt.Sprintf(
		"%s at %s $/h is the cheapest offering of %s that holds %s (%s)",
		chosen.text(), priceText(chosen.listed()), chosen.pool.title(), podsText(pods), s.fillText(sum, chosen))}}
	reason.Rejected, reason.RejectedMore = s.rejections(b, sum)
	return reason
}

func podsText(count int) string {
	if count == 1 {
		return "this pod"
	}
	return fmt.Sprintf("these %d pods", count)
}

// priceText writes a price without losing digits that matter.
func priceText(nano int64) string {
	text := strings.TrimRight(strconv.FormatFloat(dollars(nano), 'f', 6, 64), "0")
	return strings.TrimSuffix(text, ".")
}

// fillText shows how full the node is in cpu and memory.
func (s *solution) fillText(sum vector, c *config) string {
	var parts []string
	for r, name := range s.p.resources.names {
		if name == model.CPU || name == model.Memory || sum[r] > 0 && name != model.PodCount {
			parts = append(parts, name+" "+quantity(name, sum[r])+" of "+quantity(name, max(c.room[r], 0)))
		}
	}
	return strings.Join(parts, ", ")
}

// rejections walks the cheaper configs of the bin's pool, dearest first, until
// enough are explained; the others are only counted, by type.
func (s *solution) rejections(b *bin, sum vector) (list []model.OfferingReason, more int) {
	chosen := &s.p.space.configs[b.config]
	w := rejections{s: s, b: b, sum: sum, seen: newBitset(s.p.space.types), labelled: s.p.everyConfig.clone()}
	for n := range b.shares {
		w.labelled.and(b.shares[n].demand.class.labelled)
	}
	below := sort.Search(len(s.p.byPrice), func(n int) bool { return s.p.space.configs[s.p.byPrice[n]].price >= chosen.price })
	for end := below; end > 0 && len(w.list) < maxRejected; {
		from := end - 1
		for from > 0 && s.p.space.configs[s.p.byPrice[from-1]].price == s.p.space.configs[s.p.byPrice[end-1]].price {
			from--
		}
		for _, i := range s.p.byPrice[from:end] {
			if s.p.space.configs[i].sellsLike(chosen) && len(w.list) < maxRejected {
				w.reject(i)
			}
		}
		end = from
	}
	if len(w.list) == maxRejected {
		more = s.p.typesBelow(variantOf{chosen.pool, chosen.variant}, below) - w.seen.count()
	}
	return w.list, more
}

// rejections collects why cheaper configs than that of a bin are not bought.
type rejections struct {
	s    *solution
	b    *bin
	sum  vector
	seen bitset // types
	// labelled are the configs whose labels and taints let all pods in.
	labelled bitset
	keys     []rejection
	list     []model.OfferingReason
}

// rejection names a reason before it is written down: equal ones of a type in
// several zones are one.
type rejection struct {
	typeID int
	short  int // resource that is short, or -1
	text   string
}

func (w *rejections) reject(i int) {
	c := &w.s.p.space.configs[i]
	w.seen.set(c.typeID)
	key := rejection{typeID: c.typeID, short: w.shortResource(c, i)}
	reason := model.Reason{}
	if key.short < 0 {
		reason = w.s.whyRejected(w.b, c, i)
		key.text = reason.Message
	}
	if at := slices.Index(w.keys, key); at >= 0 {
		w.list[at].Zone = ""
		return
	}
	if key.short >= 0 {
		reason = w.s.tooSmall(key.short, w.sum, c)
	}
	if w.list == nil {
		w.keys, w.list = make([]rejection, 0, maxRejected), make([]model.OfferingReason, 0, maxRejected)
	}
	w.keys = append(w.keys, key)
	w.list = append(w.list, model.OfferingReason{OfferingKey: c.offering.OfferingKey, PricePerHour: c.offering.PricePerHour, Reason: reason})
}

// shortResource is the first resource that the config has too little of, or -1
// when something else comes first.
func (w *rejections) shortResource(c *config, i int) int {
	if !c.available() || !w.labelled.has(i) {
		return -1
	}
	for r, amount := range w.sum {
		if amount > 0 && amount > c.room[r] {
			return r
		}
	}
	return -1
}

func (s *solution) tooSmall(r int, sum vector, c *config) model.Reason {
	name, free := s.p.resources.names[r], max(c.room[r], 0)
	return model.Reason{Code: model.CodeTooSmall, Message: name + ": " + quantity(name, sum[r]) + " needed, " +
		quantity(name, free) + " free, " + quantity(name, sum[r]-free) + " short"}
}

func (s *solution) whyRejected(b *bin, c *config, i int) model.Reason {
	if !c.available() {
		return model.Reason{Code: model.CodeNoCapacity, Message: c.offering.UnavailableReason}
	}
	for _, sh := range b.shares {
		if !sh.demand.class.labelled.has(i) {
			return model.Reason{Code: model.CodeRequirement, Message: s.labelMismatch(sh.demand.class, c)}
		}
	}
	for _, sh := range b.shares {
		if !sh.demand.configs.has(i) {
			return model.Reason{Code: model.CodeTopologySpread, Message: "the topology rules of the pods need another domain: " + s.domainText(sh.demand)}
		}
	}
	if reason, reached := s.limitReached([]int{i}, c.pool); reached {
		return reason
	}
	if len(c.pool.minValues) > 0 {
		return model.Reason{Code: model.CodeMinValues, Message: "too few other offerings would hold the pods to meet minValues"}
	}
	return model.Reason{Code: model.CodeMoreExpensive, Message: "would cost more with the other nodes of the plan"}
}

// labelMismatch names the first requirement of the class that the config fails.
func (s *solution) labelMismatch(c *class, config *config) string {
	for _, term := range c.terms {
		for n := range term.Labels {
			r := &term.Labels[n]
			if value, ok := config.label(r.Key); !holds(*r, value, ok) {
				return s.requiredText(r)
			}
		}
	}
	return "the pods require other labels"
}

// requiredText is made once for each requirement: many launches fail the same.
func (s *solution) requiredText(r *model.Requirement) string {
	text, known := s.required[r]
	if !known {
		if s.required == nil {
			s.required = map[*model.Requirement]string{}
		}
		text = "the pods require " + requirementText(*r)
		s.required[r] = text
	}
	return text
}

func (s *solution) domainText(d *demand) string {
	text := ""
	for i := range d.class.touches {
		if at := d.domains[i]; at >= 0 {
			if text != "" {
				text += ", "
			}
			axis := d.class.touches[i].rule.axis
			text += axis.key + " " + axis.values[at]
		}
	}
	return text
}

// placedReasons has one entry for each class on each node or launch.
func (s *solution) placedReasons(onNodes [][]model.PodKey, launches []bought) []model.PodReason {
	count := len(s.onNodes)
	for i := range launches {
		count += len(launches[i].shares)
	}
	reasons := slices.Grow([]model.PodReason(nil), count)
	for i, share := range s.onNodes {
		if share.count == 0 {
			continue
		}
		spec := s.p.nodes[share.node].spec
		message := "node " + spec.Name + " has room: what is there is used before anything is bought"
		if spec.Launching {
			message = "node " + spec.Name + " is on its way and has room: nothing more needs to be bought"
		}
		reasons = append(reasons, model.PodReason{Pods: onNodes[i], Target: spec.Name,
			Reason: model.Reason{Code: model.CodePlacedOnNode, Message: message}})
	}
	for i := range launches {
		launch := &launches[i]
		first := &launch.Offerings[0]
		least := "no node has room; " + offeringText(first.OfferingKey) + " (" + s.p.space.configs[launch.first].pool.title() + ") costs least"
		target := "launch " + strconv.Itoa(i)
		for n, sh := range launch.bin.shares {
			message := least
			if where := s.domainText(sh.demand); where != "" {
				message += "; topology rules put the pods in " + where
			}
			reasons = append(reasons, model.PodReason{Pods: launch.shares[n], Target: target,
				Reason: model.Reason{Code: model.CodePlacedOnLaunch, Message: message}})
		}
	}
	return reasons
}
