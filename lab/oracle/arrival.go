package oracle

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Arrive lets the plan's nodes join one after another, as machines do, and the
// scheduler try every pending pod after each, wherever the plan has it. It
// returns the pods that stay pending when all nodes are there.
//
// With keep, the pods that are planned on a node are nominated to it when it
// joins. A try that fails takes the nomination away, as kube-scheduler does, and
// it is given again after the round.
func (j *Judge) Arrive(c *Cluster, keep bool) ([]Refusal, error) {
	t, err := j.trial()
	if err != nil {
		return nil, err
	}
	defer t.end()
	if err := t.store(c.storage); err != nil {
		return nil, err
	}
	queue, here := slices.Clone(c.planned), map[string]bool{}
	arrivals := append([][]*corev1.Node{c.ready}, slices.Collect(slices.Chunk(c.later, 1))...)
	var refusals []Refusal
	for _, nodes := range arrivals {
		if err := t.add(nodes); err != nil {
			return nil, err
		}
		if err := t.settle(c); err != nil {
			return nil, err
		}
		for _, node := range nodes {
			here[node.Name] = true
		}
		if queue, refusals, err = t.tryAll(queue, func(p bound) bool { return keep && here[p.node] }); err != nil {
			return nil, err
		}
	}
	return refusals, nil
}

// tryAll goes round the pods as long as one more finds a place.
func (t *trial) tryAll(queue []bound, isNominated func(bound) bool) (waiting []bound, refusals []Refusal, err error) {
	for {
		if err := t.nominateAll(queue, isNominated); err != nil {
			return nil, nil, err
		}
		waiting, refusals = nil, nil
		for _, p := range queue {
			node, reason := t.choose(p.pod)
			switch {
			case reason == "":
				if err := t.bind(p.pod, node); err != nil {
					return nil, nil, err
				}
				continue
			case p.pod.Status.NominatedNodeName != "":
				t.forget(p.pod)
				p.pod = p.pod.DeepCopy()
				p.pod.Status.NominatedNodeName = ""
			}
			waiting = append(waiting, p)
			refusals = append(refusals, Refusal{p.pod.Namespace + "/" + p.pod.Name, p.node, reason})
		}
		if len(waiting) == 0 || len(waiting) == len(queue) {
			return waiting, refusals, nil
		}
		queue = waiting
	}
}

func (t *trial) nominateAll(queue []bound, isNominated func(bound) bool) error {
	for i := range queue {
		if !isNominated(queue[i]) {
			continue
		}
		pod := queue[i].pod.DeepCopy()
		pod.Status.NominatedNodeName = queue[i].node
		queue[i].pod = pod
		if err := t.nominate(pod); err != nil {
			return err
		}
	}
	return nil
}
