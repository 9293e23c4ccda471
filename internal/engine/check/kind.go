package check

import (
	"encoding/json"
	"slices"

	"github.com/drover-project/drover/internal/model"
)

// kind stands for pods that are equal in everything that a place or another pod
// asks of them: what is true of one is true of all.
type kind struct {
	*model.Pod // one of them
	*face
	id       int
	requests model.Resources
}

// face is what other pods' rules see of a pod. Pods of different kinds may have
// the same.
type face struct {
	namespace   string
	labels      map[string]string
	terminating bool
}

// crowd holds the pods of a snapshot by kind, and finds faces by their labels.
type crowd struct {
	pending map[model.PodKey]*model.Pod
	kinds   map[*model.Pod]*kind
	faces   map[*model.Pod]*face
	byKey   map[string]*kind
	known   map[string]*face
	inside  map[string][]*face // by namespace
	byLabel map[[3]string][]*face
}

func newCrowd(snapshot *model.Snapshot) *crowd {
	c := &crowd{pending: map[model.PodKey]*model.Pod{}, kinds: map[*model.Pod]*kind{}, faces: map[*model.Pod]*face{}, byKey: map[string]*kind{},
		known: map[string]*face{}, inside: map[string][]*face{}, byLabel: map[[3]string][]*face{}}
	for i := range snapshot.Pending {
		c.pending[snapshot.Pending[i].PodKey] = &snapshot.Pending[i]
		c.note(&snapshot.Pending[i])
	}
	for i := range snapshot.Nodes {
		pods := snapshot.Nodes[i].Pods
		for j := range pods {
			if len(pods[j].PodAntiAffinity) > 0 {
				c.note(&pods[j])
			} else {
				c.faces[&pods[j]] = c.faceOf(&pods[j])
			}
		}
	}
	return c
}

func (c *crowd) note(pod *model.Pod) {
	same := *pod
	same.PodKey, same.UID = model.PodKey{Namespace: pod.Namespace}, ""
	same.Volumes, same.Group, same.Leaving, same.Promised = nil, "", "", false
	same.Blocked, same.Unsupported, same.PreferredNodeAffinity = nil, nil, nil
	key := text(&same)
	if c.byKey[key] == nil {
		c.byKey[key] = &kind{Pod: pod, face: c.faceOf(pod), id: len(c.byKey), requests: requests(pod)}
	}
	c.kinds[pod], c.faces[pod] = c.byKey[key], c.byKey[key].face
}

func (c *crowd) faceOf(pod *model.Pod) *face {
	key := text([]any{pod.Namespace, pod.Labels, pod.Terminating})
	if f := c.known[key]; f != nil {
		return f
	}
	f := &face{namespace: pod.Namespace, labels: pod.Labels, terminating: pod.Terminating}
	c.known[key] = f
	c.inside[f.namespace] = append(c.inside[f.namespace], f)
	for name, value := range f.labels {
		at := [3]string{f.namespace, name, value}
		c.byLabel[at] = append(c.byLabel[at], f)
	}
	return f
}

// text tells values of the model apart: equal ones have equal texts.
func text(v any) string {
	written, err := json.Marshal(v)
	if err != nil {
		panic(err) // values of the model can be written
	}
	return string(written)
}

// selected are the faces in the namespaces that the selector selects.
func (c *crowd) selected(namespaces []string, s *model.LabelSelector) []*face {
	var all []*face
	if s == nil {
		return nil
	}
	for i, namespace := range namespaces {
		if slices.Contains(namespaces[:i], namespace) {
			continue
		}
		for _, f := range c.candidates(namespace, s) {
			if selected(s, f.labels) {
				all = append(all, f)
			}
		}
	}
	return all
}

// candidates are the faces of a namespace that one condition of the selector
// leaves, at least all that it selects.
func (c *crowd) candidates(namespace string, s *model.LabelSelector) []*face {
	best := c.inside[namespace]
	for name, value := range s.MatchLabels {
		if some := c.byLabel[[3]string{namespace, name, value}]; len(some) < len(best) {
			best = some
		}
	}
	for _, r := range s.Requirements {
		if r.Operator != model.In {
			continue
		}
		var some []*face
		for i, value := range r.Values {
			if !slices.Contains(r.Values[:i], value) {
				some = append(some, c.byLabel[[3]string{namespace, r.Key, value}]...)
			}
		}
		if len(some) < len(best) {
			best = some
		}
	}
	return best
}

// matching are the faces that a term of the owner's is about.
func (c *crowd) matching(term model.PodAffinityTerm, owner string) []*face {
	if len(term.Namespaces) == 0 {
		return c.selected([]string{owner}, term.Selector)
	}
	return c.selected(term.Namespaces, term.Selector)
}

// matchingAll are those that all of the terms are about.
func (c *crowd) matchingAll(terms []model.PodAffinityTerm, owner string) []*face {
	all := c.matching(terms[0], owner)
	return slices.DeleteFunc(all, func(f *face) bool {
		return slices.ContainsFunc(terms[1:], func(t model.PodAffinityTerm) bool { return !matches(t, owner, f) })
	})
}

func matches(term model.PodAffinityTerm, owner string, f *face) bool {
	inNamespace := len(term.Namespaces) == 0 && f.namespace == owner || slices.Contains(term.Namespaces, f.namespace)
	return inNamespace && selected(term.Selector, f.labels)
}

func requiredTerms(terms []model.PodAffinityTerm) []model.PodAffinityTerm {
	var required []model.PodAffinityTerm
	for _, t := range terms {
		if t.Weight == 0 {
			required = append(required, t)
		}
	}
	return required
}
