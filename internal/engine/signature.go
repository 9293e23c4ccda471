package engine

import (
	"math"
	"sort"
	"strconv"

	"github.com/drover-project/drover/internal/model"
)

// signer writes everything about a pod that can decide where it may go, so
// that pods with equal text are interchangeable.
type signer struct {
	resources []string // every resource name asked for anywhere, sorted
	labels    []string // relevant label keys, sorted
	buf       []byte
	keys      []string // buffer
}

func newSigner(snapshot *model.Snapshot) *signer {
	resources := requested(snapshot.Pending, nil, math.MinInt64)
	sort.Strings(resources)
	return &signer{resources: resources, labels: relevantLabels(snapshot)}
}

// profile is the part of a pod that other pods' rules look at.
func (s *signer) profile(pod *model.Pod) []byte {
	s.buf = s.buf[:0]
	s.text(pod.Namespace)
	s.flag(pod.Terminating)
	for _, key := range s.labels {
		if value, ok := pod.Labels[key]; ok {
			s.text(value)
		} else {
			s.buf = append(s.buf, 1)
		}
	}
	return s.buf
}

// sign returns the text of the whole pod; it is valid until the next call.
func (s *signer) sign(pod *model.Pod) []byte {
	s.profile(pod)
	for _, name := range s.resources {
		s.number(pod.Requests[name])
	}
	s.number(int64(pod.Priority))
	s.places(pod)
	s.mark('p')
	for _, p := range pod.PreferredNodeAffinity {
		s.number(int64(p.Weight))
		s.term(p.Term)
	}
	s.mark('s')
	for i := range pod.TopologySpread {
		s.spread(&pod.TopologySpread[i])
	}
	s.mark('a')
	s.affinity(pod.PodAffinity)
	s.mark('x')
	s.affinity(pod.PodAntiAffinity)
	s.mark('h')
	for _, port := range pod.HostPorts {
		s.texts(port.IP, port.Protocol)
		s.number(int64(port.Port))
	}
	s.mark('u')
	s.texts(pod.Unsupported...)
	s.text(pod.Group)
	for _, reason := range pod.Blocked {
		s.texts(string(reason.Code), reason.Message)
	}
	return s.buf
}

// places writes what decides which nodes' labels and taints let the pod in.
func (s *signer) places(pod *model.Pod) {
	s.pairs(pod.NodeSelector)
	for _, term := range pod.RequiredNodeAffinity {
		s.term(term)
	}
	s.mark('t')
	for _, t := range pod.Tolerations {
		s.texts(t.Key, t.Operator, t.Value, string(t.Effect))
	}
}

func (s *signer) mark(c byte) { s.buf = append(s.buf, 2, c) }

func (s *signer) text(v string) {
	s.buf = append(s.buf, v...)
	s.buf = append(s.buf, 0)
}

func (s *signer) texts(values ...string) {
	for _, v := range values {
		s.text(v)
	}
	s.buf = append(s.buf, 3)
}

// number writes a number and a zero: dividing by a constant, it is faster than
// strconv, which knows any base.
func (s *signer) number(n int64) {
	const digits, base = "0123456789abcdefghijklmnopqrstuvwxyz", 36
	if n < 0 {
		s.buf = append(strconv.AppendInt(s.buf, n, base), 0)
		return
	}
	var text [16]byte
	at := len(text) - 2 // the last stays zero
	for n >= base {
		text[at] = digits[n%base]
		n /= base
		at--
	}
	text[at] = digits[n]
	s.buf = append(s.buf, text[at:]...)
}

func (s *signer) flag(b bool) { s.buf = strconv.AppendBool(s.buf, b) }

func (s *signer) pairs(m map[string]string) {
	if len(m) == 0 {
		s.buf = append(s.buf, 4)
		return
	}
	s.keys = s.keys[:0]
	for key := range m {
		s.keys = append(s.keys, key)
	}
	sort.Strings(s.keys)
	for _, key := range s.keys {
		s.text(key)
		s.text(m[key])
	}
	s.buf = append(s.buf, 4)
}

func (s *signer) requirements(list []model.Requirement) {
	for _, r := range list {
		s.text(r.Key)
		s.text(string(r.Operator))
		s.texts(r.Values...)
	}
	s.buf = append(s.buf, 5)
}

func (s *signer) term(t model.NodeSelectorTerm) {
	s.requirements(t.Labels)
	s.requirements(t.Fields)
}

func (s *signer) selector(sel *model.LabelSelector) {
	if sel == nil {
		s.buf = append(s.buf, 6)
		return
	}
	s.pairs(sel.MatchLabels)
	s.requirements(sel.Requirements)
}

func (s *signer) spread(t *model.TopologySpread) {
	s.text(t.TopologyKey)
	s.number(int64(t.MaxSkew))
	s.number(int64(t.MinDomains))
	s.flag(t.ScheduleAnyway)
	s.flag(t.ClusterDefault)
	s.flag(t.IgnoreNodeAffinity)
	s.flag(t.HonorNodeTaints)
	s.texts(t.MatchLabelKeys...)
	s.selector(t.Selector)
}

func (s *signer) affinity(terms []model.PodAffinityTerm) {
	for _, t := range terms {
		s.text(t.TopologyKey)
		s.number(int64(t.Weight))
		s.texts(t.Namespaces...)
		s.selector(t.Selector)
	}
}
