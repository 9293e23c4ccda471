package cfnapi_test

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/userdata"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/nodegroups"
)

// cluster is a Kubernetes cluster without pods in which every machine becomes a
// node half a minute after its launch.
type cluster struct {
	clock *clock.Manual

	mu     sync.Mutex
	region *region.Region
	state  map[string]nodegroups.Node
}

const joins = 30 * time.Second

func (c *cluster) connect(r *region.Region) {
	c.mu.Lock()
	c.region = r
	c.mu.Unlock()
	r.Connect(c)
}

func (c *cluster) Nodes(context.Context) ([]nodegroups.Node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []nodegroups.Node
	stop := c.region.Watch(func(m machine.Machine) {
		if m.State != machine.Running || c.clock.Now().Sub(m.LaunchTime) < joins {
			return
		}
		n, known := c.state[m.ID]
		if !known {
			config, err := userdata.Parse(m)
			if err != nil {
				return
			}
			n = nodegroups.Node{Name: m.PrivateDNSName, InstanceID: m.ID, Ready: true, Labels: config.Labels, ReadySince: c.clock.Now()}
			c.state[m.ID] = n
		}
		list = append(list, n)
	})
	stop()
	return list, nil
}

func (c *cluster) Change(_ context.Context, name string, change nodegroups.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, n := range c.state {
		if n.Name != name {
			continue
		}
		n.Cordoned = n.Cordoned && !change.Uncordon || change.Cordon
		n.Labels = maps.Clone(n.Labels)
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		maps.Copy(n.Labels, change.SetLabels)
		c.state[id] = n
	}
	return nil
}

func (*cluster) Pods(context.Context, string) ([]nodegroups.Pod, error) { return nil, nil }

func (*cluster) Evict(context.Context, nodegroups.Pod) error { return nil }

func (*cluster) Delete(context.Context, nodegroups.Pod) error { return nil }
