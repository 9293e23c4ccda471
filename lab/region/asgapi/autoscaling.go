// Package asgapi is the region's Auto Scaling: groups, launch configurations,
// life cycle hooks, scaling activities. What it is asked it checks and writes
// down; package groups acts on it.
package asgapi

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// AutoScaling implements the operations of the service, one method for each.
type AutoScaling struct {
	world  *world.World
	keeper *groups.Keeper
	ec2    *ec2api.EC2
}

// New makes the service of a region, whose groups the keeper keeps.
func New(w *world.World, keeper *groups.Keeper, ec2 *ec2api.EC2) *AutoScaling {
	return &AutoScaling{world: w, keeper: keeper, ec2: ec2}
}

// change changes a group in one transaction, after which it is looked at.
func (a *AutoScaling) change(name *string, do func(*groups.Round) error) error {
	return a.world.Store.Update(func(tx *store.Tx) error {
		r, err := a.round(tx, aws.ToString(name))
		if err != nil {
			return err
		}
		if err := do(r); err != nil {
			return err
		}
		a.keeper.Changed(tx, r.Group.Name)
		return r.Finish()
	})
}

// round begins to change a group, which must not be on its way out.
func (a *AutoScaling) round(tx *store.Tx, name string) (*groups.Round, error) {
	r, found := a.keeper.Round(tx, name)
	if !found {
		return nil, noGroup(name)
	}
	if r.Group.Deleting {
		return nil, invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' is pending delete", name)
	}
	return r, nil
}

// changeOf changes the group that an instance is in.
func (a *AutoScaling) changeOf(instanceID *string, do func(*groups.Round, *world.Member) error) error {
	id := aws.ToString(instanceID)
	return a.world.Store.Update(func(tx *store.Tx) error {
		m, found := a.world.Members.Get(id)
		if !found {
			return noInstance(id)
		}
		r, err := a.round(tx, m.Group)
		if err != nil {
			return err
		}
		member, _ := r.Member(id)
		if err := do(r, member); err != nil {
			return err
		}
		a.keeper.Changed(tx, r.Group.Name)
		return r.Finish()
	})
}

// members finds instances of a group that an operation names.
func members(r *groups.Round, ids []string) ([]*world.Member, error) {
	var found []*world.Member
	for _, id := range ids {
		m, known := r.Member(id)
		if !known {
			return nil, invalid("The instance %s is not part of Auto Scaling group %s.", id, r.Group.Name)
		}
		found = append(found, m)
	}
	return found, nil
}
