package eksapi

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// params are what an update changes.
type params []struct {
	kind  types.UpdateParamType
	value string
}

// newUpdate is an update that has just begun.
func (e *EKS) newUpdate(tx *store.Tx, kind types.UpdateType, changes params) (world.EKSUpdate, error) {
	id, err := e.world.NewUUID(tx, "update")
	if err != nil {
		return world.EKSUpdate{}, err
	}
	u := world.EKSUpdate{Description: types.Update{
		Id: aws.String(id), Type: kind, Status: types.UpdateStatusInProgress,
		CreatedAt: aws.Time(e.world.Clock.Now()), Errors: []types.ErrorDetail{}, Params: []types.UpdateParam{},
	}}
	for _, c := range changes {
		u.Description.Params = append(u.Description.Params, types.UpdateParam{Type: c.kind, Value: aws.String(c.value)})
	}
	return u, nil
}

// DescribeUpdate describes an update, with what went wrong in it.
func (e *EKS) DescribeUpdate(_ context.Context, in *eks.DescribeUpdateInput) (out *eks.DescribeUpdateOutput, err error) {
	if err := supported(in, "Name", "UpdateId", "NodegroupName", "AddonName"); err != nil {
		return nil, err
	}
	if err := e.checkCluster(in.Name); err != nil {
		return nil, err
	}
	e.world.Store.View(func() {
		u, found := e.world.EKSUpdates.Get(aws.ToString(in.UpdateId))
		if !found || u.NodeGroup != aws.ToString(in.NodegroupName) || u.Addon != aws.ToString(in.AddonName) {
			err = notFound("No update found for ID: %s", aws.ToString(in.UpdateId))
			return
		}
		described := e.settled(u)
		out = &eks.DescribeUpdateOutput{Update: &described}
	})
	return out, err
}

// settled is an update as it is now: those that are not of node groups end by
// themselves.
func (e *EKS) settled(u world.EKSUpdate) types.Update {
	d := u.Description
	if u.NodeGroup == "" && d.Status == types.UpdateStatusInProgress && e.world.Over(*d.CreatedAt, updateTakes) {
		d.Status = types.UpdateStatusSuccessful
	}
	return d
}

// ListUpdates lists the updates of the cluster, a node group or an add-on, the
// latest first.
func (e *EKS) ListUpdates(_ context.Context, in *eks.ListUpdatesInput) (*eks.ListUpdatesOutput, error) {
	if err := supported(in, "Name", "NodegroupName", "AddonName", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := e.checkCluster(in.Name); err != nil {
		return nil, err
	}
	var found []world.EKSUpdate
	var err error
	e.world.Store.View(func() {
		if name := aws.ToString(in.NodegroupName); name != "" {
			_, err = e.group(name)
		}
		for _, u := range e.world.EKSUpdates.All() {
			if u.NodeGroup == aws.ToString(in.NodegroupName) && u.Addon == aws.ToString(in.AddonName) {
				found = append(found, u)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b world.EKSUpdate) int { return b.Description.CreatedAt.Compare(*a.Description.CreatedAt) })
	ids := []string{}
	for _, u := range found {
		ids = append(ids, *u.Description.Id)
	}
	part, next, err := page(ids, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.ListUpdatesOutput{UpdateIds: part, NextToken: next}, nil
}

// group finds a node group. Use it within View or Update.
func (e *EKS) group(name string) (world.NodeGroup, error) {
	g, found := e.world.NodeGroups.Get(name)
	if !found {
		return g, notFound("No node group found for name: %s.", name)
	}
	return g, nil
}
