package eksapi

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/nodegroups"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// mostGroups is the quota of managed node groups per cluster.
const mostGroups = 30

// CreateNodegroup makes a managed node group: a launch template and an Auto
// Scaling group whose instances join the cluster.
func (e *EKS) CreateNodegroup(_ context.Context, in *eks.CreateNodegroupInput) (*eks.CreateNodegroupOutput, error) {
	if err := supported(in, "ClusterName", "NodegroupName", "NodeRole", "Subnets", "AmiType", "CapacityType", "ClientRequestToken", "DiskSize", "InstanceTypes",
		"Labels", "LaunchTemplate", "NodeRepairConfig", "ReleaseVersion", "RemoteAccess", "ScalingConfig", "Tags", "Taints", "UpdateConfig", "Version"); err != nil {
		return nil, err
	}
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	name, t := aws.ToString(in.NodegroupName), token("CreateNodegroup", in.ClientRequestToken, in)
	out := &eks.CreateNodegroupOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(t, out); found || err != nil {
			return err
		}
		if _, exists := e.world.NodeGroups.Get(name); exists {
			return inUse("NodeGroup already exists with name %s and cluster name %s", name, *in.ClusterName)
		}
		if e.world.NodeGroups.Len() >= mostGroups {
			return awserr.New("ResourceLimitExceededException", "Nodegroup count limit of %d reached for cluster %s", mostGroups, *in.ClusterName)
		}
		g, err := e.newGroup(in)
		if err != nil {
			return err
		}
		if g.UUID, err = e.world.NewUUID(tx, "nodegroup"); err != nil {
			return err
		}
		g.Description.NodegroupArn = aws.String(e.arn("nodegroup/" + *in.ClusterName + "/" + name + "/" + g.UUID))
		if err := e.world.NodeGroups.Put(tx, name, g); err != nil {
			return err
		}
		out.Nodegroup = &g.Description
		tx.OnCommit(e.groups.Wake)
		return e.world.Remember(tx, t, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// newGroup is the group that a request asks for, with the defaults filled in.
func (e *EKS) newGroup(in *eks.CreateNodegroupInput) (world.NodeGroup, error) {
	now := e.world.Clock.Now()
	g := world.NodeGroup{Since: now, Description: types.Nodegroup{
		ClusterName: in.ClusterName, NodegroupName: in.NodegroupName, NodeRole: in.NodeRole, Subnets: in.Subnets,
		AmiType: in.AmiType, CapacityType: in.CapacityType, DiskSize: in.DiskSize, InstanceTypes: in.InstanceTypes,
		Labels: in.Labels, LaunchTemplate: in.LaunchTemplate, NodeRepairConfig: in.NodeRepairConfig, ReleaseVersion: in.ReleaseVersion,
		RemoteAccess: in.RemoteAccess, ScalingConfig: in.ScalingConfig, Tags: maps.Clone(in.Tags), Taints: in.Taints, UpdateConfig: in.UpdateConfig,
		Version: in.Version, Status: types.NodegroupStatusCreating, CreatedAt: aws.Time(now), ModifiedAt: aws.Time(now),
		Health: &types.NodegroupHealth{Issues: []types.Issue{}},
	}}
	for _, check := range []func(*world.NodeGroup) error{
		checkName, e.checkRole, e.checkSubnets, checkSize, checkLabels, checkTaints, checkUpdateConfig, checkRepair,
		e.resolveTemplate, e.checkCapacity, e.chooseTypes, e.chooseImage, e.checkDisk, e.checkRemoteAccess,
	} {
		if err := check(&g); err != nil {
			return g, err
		}
	}
	if g.Description.Tags == nil {
		g.Description.Tags = map[string]string{}
	}
	return g, checkTags(in.Tags)
}

// DescribeNodegroup describes a managed node group; the desired size is that of
// its Auto Scaling group.
func (e *EKS) DescribeNodegroup(ctx context.Context, in *eks.DescribeNodegroupInput) (*eks.DescribeNodegroupOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	g, err := e.viewGroup(aws.ToString(in.NodegroupName))
	if err != nil {
		return nil, err
	}
	d := e.described(ctx, g)
	return &eks.DescribeNodegroupOutput{Nodegroup: &d}, nil
}

func (e *EKS) viewGroup(name string) (g world.NodeGroup, err error) {
	e.world.Store.View(func() { g, err = e.group(name) })
	return g, err
}

// described is a group with the size that it has.
func (e *EKS) described(ctx context.Context, g world.NodeGroup) types.Nodegroup {
	d := g.Description
	if desired, known := e.groups.Desired(ctx, g); known {
		size := *d.ScalingConfig
		size.DesiredSize = aws.Int32(desired)
		d.ScalingConfig = &size
	}
	return d
}

// ListNodegroups names the managed node groups.
func (e *EKS) ListNodegroups(_ context.Context, in *eks.ListNodegroupsInput) (*eks.ListNodegroupsOutput, error) {
	if err := supported(in, "ClusterName", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	var names []string
	e.world.Store.View(func() { names = e.world.NodeGroups.Keys() })
	part, next, err := page(names, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.ListNodegroupsOutput{Nodegroups: append([]string{}, part...), NextToken: next}, nil
}

// DeleteNodegroup deletes a managed node group with its nodes, which are
// drained all at once.
func (e *EKS) DeleteNodegroup(ctx context.Context, in *eks.DeleteNodegroupInput) (*eks.DeleteNodegroupOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	var g world.NodeGroup
	err := e.world.Store.Update(func(tx *store.Tx) (err error) {
		if g, err = e.group(aws.ToString(in.NodegroupName)); err != nil || g.Description.Status == types.NodegroupStatusDeleting {
			return err
		}
		if u, running := e.world.EKSUpdates.Get(g.Update); running {
			u.Description.Status = types.UpdateStatusCancelled
			if err := e.world.EKSUpdates.Put(tx, g.Update, u); err != nil {
				return err
			}
		}
		now := e.world.Clock.Now()
		g.Update, g.Phase, g.Since = "", nodegroups.PhasePreparing, now
		g.Description.Status, g.Description.ModifiedAt = types.NodegroupStatusDeleting, aws.Time(now)
		tx.OnCommit(e.groups.Wake)
		return e.world.NodeGroups.Put(tx, g.Name(), g)
	})
	if err != nil {
		return nil, err
	}
	d := e.described(ctx, g)
	return &eks.DeleteNodegroupOutput{Nodegroup: &d}, nil
}
