package interruption

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Annotation holds the notices of a Node, or of a NodeClaim whose Node has not
// joined: a JSON list, one entry per event.
const Annotation = "drover.sh/interruptions"

const (
	// maxNotices bounds the record: an instance has few kinds of event.
	maxNotices = 16
	// maxText bounds every text that came from outside.
	maxText = 256
)

// Record keeps a notice on the Node object (which the caller writes) and says
// whether that changed it. Notices of one ID are merged, whatever their order: the
// record ends the same. A notice about another instance than the Node's is refused.
func Record(node *corev1.Node, n Notice) bool {
	if own := InstanceOf(node.Spec.ProviderID); own != "" && own != n.InstanceID {
		return false
	}
	return RecordOn(node, n)
}

// RecordOn is Record for any object, a NodeClaim as a rule: the caller knows that
// the notice is about its instance.
func RecordOn(o metav1.Object, n Notice) bool {
	if n.ID == "" || n.InstanceID == "" || len(n.ID) > maxText {
		return false
	}
	before := o.GetAnnotations()[Annotation]
	notices := merge(ofInstance(parse(before), n.InstanceID), bounded(n))
	return write(o, before, notices)
}

// Of is the notices of a Node's instance, in the order of their IDs. What was
// recorded about an earlier instance of the same name does not count, and what
// cannot be read counts as nothing.
func Of(node *corev1.Node) []Notice {
	return OfInstance(node, InstanceOf(node.Spec.ProviderID))
}

// OfInstance is the notices on any object about one instance; with an empty ID,
// about any.
func OfInstance(o metav1.Object, instance string) []Notice {
	text := o.GetAnnotations()[Annotation]
	if text == "" {
		return nil
	}
	return ofInstance(parse(text), instance)
}

// Set replaces the record; an empty list removes it. It says whether that changed
// the object.
func Set(o metav1.Object, notices []Notice) bool {
	return write(o, o.GetAnnotations()[Annotation], notices)
}

// InstanceOf is the instance's ID in a provider ID (aws:///ZONE/i-...), empty when
// there is none.
func InstanceOf(providerID string) string {
	name := providerID[strings.LastIndexByte(providerID, '/')+1:]
	if !strings.HasPrefix(name, "i-") {
		return ""
	}
	return name
}

func write(o metav1.Object, before string, notices []Notice) bool {
	annotations := o.GetAnnotations()
	if len(notices) == 0 {
		if before == "" {
			return false
		}
		delete(annotations, Annotation)
		o.SetAnnotations(annotations)
		return true
	}
	text, err := json.Marshal(notices)
	if err != nil || string(text) == before {
		return false
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[Annotation] = string(text)
	o.SetAnnotations(annotations)
	return true
}

func parse(text string) []Notice {
	var notices []Notice
	if text == "" || json.Unmarshal([]byte(text), &notices) != nil {
		return nil
	}
	return slices.DeleteFunc(notices, func(n Notice) bool { return n.ID == "" || n.InstanceID == "" })
}

func ofInstance(notices []Notice, instance string) []Notice {
	if instance == "" {
		return notices
	}
	return slices.DeleteFunc(notices, func(n Notice) bool { return n.InstanceID != instance })
}

// merge adds a notice, or joins it with the one of its ID.
func merge(notices []Notice, n Notice) []Notice {
	if n.Kind == StateChange && n.Action == ActionStop && n.Over {
		for i, old := range notices {
			stops := old.Action == ActionStop || old.Action == ActionHibernate
			if stops && old.Kind != StateChange && old.Noticed.Before(n.Noticed) {
				notices[i].Over = true
			}
		}
	}
	at := slices.IndexFunc(notices, func(o Notice) bool { return o.ID == n.ID })
	if at < 0 {
		notices = append(notices, n)
	} else {
		notices[at] = joined(notices[at], n)
	}
	slices.SortFunc(notices, func(a, b Notice) int { return strings.Compare(a.ID, b.ID) })
	return trimmed(notices)
}

// joined is one event of which two things were said. The later word counts for
// whether and when; a Spot interruption's deadline only ever moves closer, for
// sources differ by seconds and the earlier is the safe one.
func joined(old, n Notice) Notice {
	hooks := joinedHooks(old.Hooks, n.Hooks)
	out, other := old, n
	if n.Noticed.After(old.Noticed) {
		out, other = n, old
	}
	if same := out.Over == other.Over && out.Deadline.Equal(other.Deadline); same && out.Kind != RebalanceRecommendation {
		out.Noticed = earlier(old.Noticed, n.Noticed)
	}
	if old.Noticed.Equal(n.Noticed) {
		out.Over = old.Over || n.Over
	}
	if out.Kind == SpotInterruption && !out.Over && !other.Over {
		out.Noticed = earlier(old.Noticed, n.Noticed)
		out.Deadline = earlier(old.Deadline, n.Deadline)
	}
	if out.Detail == "" {
		out.Detail = other.Detail
	}
	out.Hooks = hooks
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// joinedHooks keeps one entry per hook; a new token is a new life cycle action.
func joinedHooks(old, more []Hook) []Hook {
	out := slices.Clone(old)
	for _, h := range more {
		at := slices.IndexFunc(out, func(o Hook) bool { return o.Group == h.Group && o.Name == h.Name })
		switch {
		case at < 0:
			out = append(out, h)
		case h.Token != "" && h.Token != out[at].Token:
			out[at] = h
		case !h.Completed.IsZero():
			out[at].Completed = h.Completed
		}
	}
	slices.SortFunc(out, func(a, b Hook) int { return strings.Compare(a.Group+"/"+a.Name, b.Group+"/"+b.Name) })
	return out
}

// trimmed keeps the record bounded: what is over goes first, then the oldest.
func trimmed(notices []Notice) []Notice {
	for len(notices) > maxNotices {
		drop := 0
		for i, n := range notices {
			d := notices[drop]
			if (n.Over && !d.Over) || (n.Over == d.Over && n.Noticed.Before(d.Noticed)) {
				drop = i
			}
		}
		notices = slices.Delete(notices, drop, drop+1)
	}
	return notices
}

func bounded(n Notice) Notice {
	n.Detail = cut(n.Detail)
	if len(n.Hooks) > maxNotices {
		n.Hooks = n.Hooks[:maxNotices]
	}
	return n
}

func cut(s string) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
