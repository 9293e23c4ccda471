package engine

import (
	"sort"
	"strconv"

	"github.com/drover-project/drover/internal/model"
)

// daemonShare is what the DaemonSets take of a node of some config.
type daemonShare struct {
	requests model.Resources
	vector   vector
	pods     []*model.Pod
}

// daemonTolerations are those that the DaemonSet controller adds to its pods.
func daemonTolerations(own []model.Toleration) []model.Toleration {
	all := append([]model.Toleration(nil), own...)
	for _, name := range []string{"not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"} {
		all = append(all, model.Toleration{Key: "node.kubernetes.io/" + name, Operator: "Exists"})
	}
	return all
}

// chargeDaemons gives every config the share of the DaemonSets that will run on
// its node, and what is left for others.
func chargeDaemons(s *space, pools []*pool, daemons []*model.DaemonSet, x resourceIndex) {
	sets := make([]bitset, len(daemons))
	for d, daemon := range daemons {
		sets[d] = s.admits(selectorTerms(&daemon.Template))
		s.mayAdmit(sets[d], selectorTerms(&daemon.Template))
		sets[d].and(s.mayTolerate(daemonTolerations(daemon.Template.Tolerations), pools))
	}
	shares := map[string]*daemonShare{}
	var key []byte
	var rooms slab[int64]
	for i := range s.configs {
		c := &s.configs[i]
		key = key[:0]
		for d := range daemons {
			if sets[d].has(i) {
				key = append(strconv.AppendInt(key, int64(d), 10), ',')
			}
		}
		share := shares[string(key)]
		if share == nil {
			share = newDaemonShare(daemons, func(d int) bool { return sets[d].has(i) }, x)
			shares[string(key)] = share
		}
		c.daemons = share
		if i > 0 && s.configs[i-1].kind == c.kind && s.configs[i-1].daemons == share {
			c.room = s.configs[i-1].room
			continue
		}
		c.room = rooms.take(len(x.names))
		x.read(c.kind.Allocatable, c.room)
		c.room.add(share.vector, -1)
	}
}

func newDaemonShare(daemons []*model.DaemonSet, runs func(int) bool, x resourceIndex) *daemonShare {
	share := &daemonShare{requests: model.Resources{}}
	for d, daemon := range daemons {
		if runs(d) {
			share.requests = share.requests.Add(podRequests(&daemon.Template))
			share.pods = append(share.pods, &daemon.Template)
		}
	}
	share.vector = x.vector(share.requests)
	return share
}

func sortedDaemons(snapshot *model.Snapshot) []*model.DaemonSet {
	daemons := make([]*model.DaemonSet, len(snapshot.DaemonSets))
	for i := range snapshot.DaemonSets {
		daemons[i] = &snapshot.DaemonSets[i]
	}
	sort.Slice(daemons, func(i, j int) bool { return lessKey(daemons[i].PodKey, daemons[j].PodKey) })
	return daemons
}
