package assemble

import (
	"context"
	"errors"

	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"k8s.io/client-go/kubernetes"

	"github.com/drover-project/drover/lab/controlplane/tokenreview"
	"github.com/drover-project/drover/lab/kubecluster"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region"
)

// clusterOfRegion is the region with the cluster that its EKS works in.
type clusterOfRegion struct {
	region  *region.Region
	cluster *kubecluster.Cluster
}

// connect lets the region's EKS work in the cluster until background ends.
func (l *Lab) connect(background context.Context, client kubernetes.Interface) {
	cluster := kubecluster.New(client)
	cluster.Start(background)
	l.region.Connect(cluster)
	l.cluster.Store(&clusterOfRegion{region: l.region, cluster: cluster})
	l.background.Go(func() {
		<-background.Done()
		cluster.Stop()
	})
}

var errStarting = errors.New("the lab has not started yet")

// identify finds who an IAM principal is in the cluster.
func (l *Lab) identify(ctx context.Context, caller tokenreview.Caller) (user string, groups []string, err error) {
	c := l.cluster.Load()
	if c == nil {
		return "", nil, errStarting
	}
	data, err := c.cluster.ConfigMap(ctx)
	if err != nil {
		return "", nil, err
	}
	identity, err := c.region.Identify(region.Caller{ARN: caller.ARN}, data)
	return identity.Username, identity.Groups, err
}

// policies are the access policies of an IAM principal.
func (l *Lab) policies(arn string) []ekstypes.AssociatedAccessPolicy {
	c := l.cluster.Load()
	if c == nil {
		return nil
	}
	return c.region.Policies(arn)
}

// reach is why a machine does not get out of its network.
func (l *Lab) reach(m machine.Machine) error {
	c := l.cluster.Load()
	if c == nil {
		return errStarting
	}
	return c.region.Reach(m)
}

// admitNode is why the cluster does not let a machine in as a node.
func (l *Lab) admitNode(ctx context.Context, m machine.Machine, name string) error {
	c := l.cluster.Load()
	if c == nil {
		return errStarting
	}
	if c.region.AdmitNode(m, name, nil) == nil {
		return nil // by its access entry, before which the ConfigMap does not count
	}
	data, err := c.cluster.ConfigMap(ctx)
	if err != nil {
		return err
	}
	return c.region.AdmitNode(m, name, data)
}
