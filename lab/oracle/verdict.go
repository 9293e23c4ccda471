package oracle

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Refusal is a planned pod that the scheduler leaves pending.
type Refusal struct {
	Pod    string // namespace/name
	Node   string // where the plan has it
	Reason string // in the scheduler's words
}

func (r Refusal) String() string { return r.Pod + " on " + r.Node + ": " + r.Reason }

func byPriority(pods []bound) {
	slices.SortStableFunc(pods, func(a, b bound) int { return int(*b.pod.Spec.Priority) - int(*a.pod.Spec.Priority) })
}

// Placement asks whether the planned pods can be bound, each to the node that
// the plan has for it, in some order in which every Filter plugin accepts every
// pod at its turn. Nodes may all be there from the start, or new ones join when
// those that exist are filled. It returns the pods left over in the best order
// that was found; none when the plan holds.
func (j *Judge) Placement(c *Cluster) ([]Refusal, error) {
	var least []Refusal
	for i, order := range orders(c.planned) {
		for _, waits := range []bool{false, true} {
			refusals, err := j.replay(c, order, waits)
			if err != nil || len(refusals) == 0 {
				return nil, err
			}
			if i == 0 && least == nil || len(refusals) < len(least) {
				least = refusals
			}
		}
	}
	return least, nil
}

// orders are those to try: the queue's, its reverse, pods without rules about
// others first, and last.
func orders(pods []bound) [][]bound {
	reverse := slices.Clone(pods)
	slices.Reverse(reverse)
	free := slices.Clone(pods)
	slices.SortStableFunc(free, func(a, b bound) int { return rulesOf(a.pod) - rulesOf(b.pod) })
	tied := slices.Clone(pods)
	slices.SortStableFunc(tied, func(a, b bound) int { return rulesOf(b.pod) - rulesOf(a.pod) })
	return [][]bound{pods, free, tied, reverse}
}

func rulesOf(pod *corev1.Pod) int {
	a := pod.Spec.Affinity
	return len(pod.Spec.TopologySpreadConstraints) + len(a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) +
		len(a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
}

// replay binds whoever can be bound until nobody can.
func (j *Judge) replay(c *Cluster, order []bound, newWait bool) ([]Refusal, error) {
	t, err := j.trial()
	if err != nil {
		return nil, err
	}
	defer t.end()
	var refusals []Refusal
	turn := func() error {
		order, refusals, err = t.bindAll(order, func(p bound) (string, string) { return p.node, t.accepts(p.pod, p.node) })
		return err
	}
	err = t.inPhases(c, newWait, turn, func() bool { return len(refusals) == 0 })
	return refusals, err
}

// inPhases brings the nodes in, in one or two steps, and lets pods be bound
// after each.
func (t *trial) inPhases(c *Cluster, newWait bool, turn func() error, done func() bool) error {
	if err := t.store(c.storage); err != nil {
		return err
	}
	if err := t.add(c.ready); err != nil {
		return err
	}
	if newWait {
		if err := t.settle(c); err != nil {
			return err
		}
		if err := turn(); err != nil || done() {
			return err
		}
	}
	if err := t.add(c.later); err != nil {
		return err
	}
	if err := t.settle(c); err != nil {
		return err
	}
	return turn()
}

// settle binds the pods that run on the nodes that are there, and those of
// DaemonSets that find their node.
func (t *trial) settle(c *Cluster) error {
	for _, b := range c.bound {
		if err := t.bindOnce(b); err != nil {
			return err
		}
	}
	for _, d := range c.daemons {
		if t.accepts(d.pod, d.node) == "" {
			if err := t.bindOnce(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// bindOnce binds unless the node has not joined or the pod is there already.
func (t *trial) bindOnce(b bound) error {
	if _, err := t.snapshot.NodeInfos().Get(b.node); err != nil {
		return nil
	}
	if _, err := t.scheduler.Cache.GetPod(b.pod); err == nil {
		return nil
	}
	return t.bind(b.pod, b.node)
}

// bindAll goes round the pods and binds each where decide says, as long as one
// more finds a place. It returns the pods left over and why.
func (t *trial) bindAll(pods []bound, decide func(bound) (node, reason string)) ([]bound, []Refusal, error) {
	for {
		var waiting []bound
		var refusals []Refusal
		for _, p := range pods {
			node, reason := decide(p)
			if reason != "" {
				waiting = append(waiting, p)
				refusals = append(refusals, Refusal{p.pod.Namespace + "/" + p.pod.Name, p.node, reason})
			} else if err := t.bind(p.pod, node); err != nil {
				return nil, nil, err
			}
		}
		if len(waiting) == 0 || len(waiting) == len(pods) {
			return waiting, refusals, nil
		}
		pods = waiting
	}
}

// Missed binds the plan and asks the scheduler where the pods could go that the
// plan leaves pending. It returns those that have a place after all.
func (j *Judge) Missed(c *Cluster) ([]Refusal, error) {
	t, err := j.trial()
	if err != nil {
		return nil, err
	}
	defer t.end()
	order := c.planned
	turn := func() error {
		order, _, err = t.bindAll(order, func(p bound) (string, string) { return p.node, t.accepts(p.pod, p.node) })
		return err
	}
	if err := t.inPhases(c, true, turn, func() bool { return false }); err != nil {
		return nil, err
	}
	var missed []Refusal
	for _, p := range c.left {
		if node, reason := t.choose(p.pod); reason == "" {
			missed = append(missed, Refusal{p.pod.Namespace + "/" + p.pod.Name, node, "the scheduler would bind it"})
			if err := t.bind(p.pod, node); err != nil {
				return nil, err
			}
		}
	}
	return missed, nil
}

// FreeRun lets the scheduler choose a node for each planned pod in the order of
// its queue, by its own filters and scores, existing nodes first and new ones
// when they join. It returns the pods that stay pending.
//
// With nominate, room is kept for each pod on its planned node, as for a pod
// with status.nominatedNodeName; nil nominates none.
func (j *Judge) FreeRun(c *Cluster, nominate func(*corev1.Pod) bool) ([]Refusal, error) {
	t, err := j.trial()
	if err != nil {
		return nil, err
	}
	defer t.end()
	queue := slices.Clone(c.planned)
	for i := range queue {
		if nominate == nil || !nominate(queue[i].pod) {
			continue
		}
		pod := queue[i].pod.DeepCopy()
		pod.Status.NominatedNodeName = queue[i].node
		queue[i].pod = pod
		if err := t.nominate(pod); err != nil {
			return nil, err
		}
	}
	var refusals []Refusal
	turn := func() error {
		queue, refusals, err = t.bindAll(queue, func(p bound) (string, string) { return t.choose(p.pod) })
		return err
	}
	err = t.inPhases(c, true, turn, func() bool { return len(refusals) == 0 })
	return refusals, err
}
