package eksapi

import (
	"context"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// tagged is a resource with tags: how they are, and how to change them.
type tagged struct {
	tags map[string]string
	put  func(*store.Tx, map[string]string) error
}

// tagged finds what has an ARN. Use it within View or Update.
func (e *EKS) tagged(arn *string) (tagged, error) {
	name := aws.ToString(arn)
	if name == e.clusterARN() {
		c := e.world.Cluster()
		return tagged{c.Tags, func(tx *store.Tx, tags map[string]string) error {
			c.Tags = tags
			return e.world.PutCluster(tx, c)
		}}, nil
	}
	for _, g := range e.world.NodeGroups.All() {
		if aws.ToString(g.Description.NodegroupArn) == name {
			return tagged{g.Description.Tags, func(tx *store.Tx, tags map[string]string) error {
				g.Description.Tags = tags
				return e.world.NodeGroups.Put(tx, g.Name(), g)
			}}, nil
		}
	}
	for _, a := range e.addons() {
		if aws.ToString(a.Description.AddonArn) == name {
			return tagged{a.Description.Tags, func(tx *store.Tx, tags map[string]string) error {
				a.Description.Tags = tags
				return e.world.Addons.Put(tx, *a.Description.AddonName, a)
			}}, nil
		}
	}
	return e.taggedAccess(name)
}

func (e *EKS) taggedAccess(name string) (tagged, error) {
	for _, key := range e.world.AccessEntries.Keys() {
		a, _ := e.world.AccessEntries.Get(key)
		if aws.ToString(a.Description.AccessEntryArn) == name {
			return tagged{a.Description.Tags, func(tx *store.Tx, tags map[string]string) error {
				a.Description.Tags = tags
				return e.world.AccessEntries.Put(tx, key, a)
			}}, nil
		}
	}
	for _, key := range e.world.PodIdentities.Keys() {
		p, _ := e.world.PodIdentities.Get(key)
		if aws.ToString(p.AssociationArn) == name {
			return tagged{p.Tags, func(tx *store.Tx, tags map[string]string) error {
				p.Tags = tags
				return e.world.PodIdentities.Put(tx, key, p)
			}}, nil
		}
	}
	if !strings.HasPrefix(name, "arn:aws:eks:") {
		return tagged{}, badRequest("The resource %q is not the ARN of an EKS resource", name)
	}
	// The operations on tags have an error of their own for this.
	return tagged{}, awserr.WithStatus(notFoundStatus, "NotFoundException", "The specified resource %s is not found", name)
}

// TagResource gives tags to the cluster, a node group, an add-on, an access
// entry or a pod identity association.
func (e *EKS) TagResource(_ context.Context, in *eks.TagResourceInput) (*eks.TagResourceOutput, error) {
	err := e.world.Store.Update(func(tx *store.Tx) error {
		r, err := e.tagged(in.ResourceArn)
		if err != nil {
			return err
		}
		tags := world.Tags(r.tags).With(in.Tags)
		if err := checkTags(tags); err != nil {
			return err
		}
		return r.put(tx, tags)
	})
	if err != nil {
		return nil, err
	}
	return &eks.TagResourceOutput{}, nil
}

// UntagResource takes tags away.
func (e *EKS) UntagResource(_ context.Context, in *eks.UntagResourceInput) (*eks.UntagResourceOutput, error) {
	err := e.world.Store.Update(func(tx *store.Tx) error {
		r, err := e.tagged(in.ResourceArn)
		if err != nil {
			return err
		}
		tags := world.Tags(r.tags).With(nil)
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return r.put(tx, tags)
	})
	if err != nil {
		return nil, err
	}
	return &eks.UntagResourceOutput{}, nil
}

// ListTagsForResource lists the tags of a resource.
func (e *EKS) ListTagsForResource(_ context.Context, in *eks.ListTagsForResourceInput) (out *eks.ListTagsForResourceOutput, err error) {
	e.world.Store.View(func() {
		var r tagged
		if r, err = e.tagged(in.ResourceArn); err == nil {
			out = &eks.ListTagsForResourceOutput{Tags: maps.Clone(r.tags)}
		}
	})
	return out, err
}
