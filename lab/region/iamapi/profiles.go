package iamapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// GetInstanceProfile gives a profile with its role.
func (i *IAM) GetInstanceProfile(_ context.Context, in *iam.GetInstanceProfileInput) (out *iam.GetInstanceProfileOutput, err error) {
	i.world.Store.View(func() {
		p, found := i.world.Profiles.Get(aws.ToString(in.InstanceProfileName))
		if !found {
			err = noProfile(aws.ToString(in.InstanceProfileName))
			return
		}
		out = &iam.GetInstanceProfileOutput{InstanceProfile: i.profile(p)}
	})
	return out, err
}

// CreateInstanceProfile makes a profile without a role.
func (i *IAM) CreateInstanceProfile(_ context.Context, in *iam.CreateInstanceProfileInput) (*iam.CreateInstanceProfileOutput, error) {
	name := aws.ToString(in.InstanceProfileName)
	if err := checkName("instanceProfileName", in.InstanceProfileName, 128); err != nil {
		return nil, err
	}
	tags, err := readTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	var out *iam.CreateInstanceProfileOutput
	err = i.world.Store.Update(func(tx *store.Tx) error {
		if _, exists := i.world.Profiles.Get(name); exists {
			return awserr.WithStatus(conflict, "EntityAlreadyExists", "Instance Profile %s already exists.", name)
		}
		id, err := i.world.NewID(tx, "AIPA")
		if err != nil {
			return err
		}
		p := world.Profile{Name: name, ID: strings.ToUpper(id), Path: path(in.Path), Created: i.world.Clock.Now(), Tags: tags}
		out = &iam.CreateInstanceProfileOutput{InstanceProfile: i.profile(p)}
		return i.world.Profiles.Put(tx, name, p)
	})
	return out, err
}

// DeleteInstanceProfile deletes a profile that has no role.
func (i *IAM) DeleteInstanceProfile(_ context.Context, in *iam.DeleteInstanceProfileInput) (*iam.DeleteInstanceProfileOutput, error) {
	name := aws.ToString(in.InstanceProfileName)
	err := i.world.Store.Update(func(tx *store.Tx) error {
		p, found := i.world.Profiles.Get(name)
		if !found {
			return noProfile(name)
		}
		if len(p.Roles) > 0 {
			return awserr.WithStatus(conflict, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
		}
		i.world.Profiles.Delete(tx, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.DeleteInstanceProfileOutput{}, nil
}

// ListInstanceProfiles lists the profiles below a path.
func (i *IAM) ListInstanceProfiles(_ context.Context, in *iam.ListInstanceProfilesInput) (*iam.ListInstanceProfilesOutput, error) {
	list := i.profiles(func(p world.Profile) bool { return strings.HasPrefix(p.Path, aws.ToString(in.PathPrefix)) })
	part, next, err := page(list, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListInstanceProfilesOutput{InstanceProfiles: part, Marker: next, IsTruncated: next != nil}, nil
}

// ListInstanceProfilesForRole lists the profiles that hold a role.
func (i *IAM) ListInstanceProfilesForRole(_ context.Context, in *iam.ListInstanceProfilesForRoleInput) (*iam.ListInstanceProfilesForRoleOutput, error) {
	name, exists := aws.ToString(in.RoleName), false
	i.world.Store.View(func() { _, exists = i.world.Roles.Get(name) })
	if !exists {
		return nil, noRole(name)
	}
	list := i.profiles(func(p world.Profile) bool { return slices.Contains(p.Roles, name) })
	part, next, err := page(list, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListInstanceProfilesForRoleOutput{InstanceProfiles: part, Marker: next, IsTruncated: next != nil}, nil
}

func (i *IAM) profiles(want func(world.Profile) bool) []types.InstanceProfile {
	var list []types.InstanceProfile
	i.world.Store.View(func() {
		for _, p := range i.world.Profiles.All() {
			if want(p) {
				listed := i.profile(p)
				listed.Tags = nil // as IAM's lists leave them out
				list = append(list, *listed)
			}
		}
	})
	return list
}

// TagInstanceProfile adds tags to a profile.
func (i *IAM) TagInstanceProfile(_ context.Context, in *iam.TagInstanceProfileInput) (*iam.TagInstanceProfileOutput, error) {
	err := i.updateProfile(in.InstanceProfileName, func(p *world.Profile) (err error) {
		p.Tags, err = readTags(p.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iam.TagInstanceProfileOutput{}, nil
}

// UntagInstanceProfile removes tags from a profile.
func (i *IAM) UntagInstanceProfile(_ context.Context, in *iam.UntagInstanceProfileInput) (*iam.UntagInstanceProfileOutput, error) {
	err := i.updateProfile(in.InstanceProfileName, func(p *world.Profile) error {
		p.Tags = p.Tags.With(nil)
		for _, key := range in.TagKeys {
			delete(p.Tags, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.UntagInstanceProfileOutput{}, nil
}

// ListInstanceProfileTags lists the tags of a profile.
func (i *IAM) ListInstanceProfileTags(_ context.Context, in *iam.ListInstanceProfileTagsInput) (*iam.ListInstanceProfileTagsOutput, error) {
	var tags []types.Tag
	found := false
	i.world.Store.View(func() {
		var p world.Profile
		p, found = i.world.Profiles.Get(aws.ToString(in.InstanceProfileName))
		tags = tagList(p.Tags)
	})
	if !found {
		return nil, noProfile(aws.ToString(in.InstanceProfileName))
	}
	part, next, err := page(tags, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListInstanceProfileTagsOutput{Tags: part, Marker: next, IsTruncated: next != nil}, nil
}

// AddRoleToInstanceProfile puts the one role into a profile.
func (i *IAM) AddRoleToInstanceProfile(_ context.Context, in *iam.AddRoleToInstanceProfileInput) (*iam.AddRoleToInstanceProfileOutput, error) {
	err := i.updateProfile(in.InstanceProfileName, func(p *world.Profile) error {
		if _, exists := i.world.Roles.Get(aws.ToString(in.RoleName)); !exists {
			return noRole(aws.ToString(in.RoleName))
		}
		if len(p.Roles) > 0 {
			return awserr.WithStatus(conflict, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		}
		p.Roles = []string{*in.RoleName}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.AddRoleToInstanceProfileOutput{}, nil
}

// RemoveRoleFromInstanceProfile takes the role out of a profile.
func (i *IAM) RemoveRoleFromInstanceProfile(_ context.Context, in *iam.RemoveRoleFromInstanceProfileInput) (*iam.RemoveRoleFromInstanceProfileOutput, error) {
	err := i.updateProfile(in.InstanceProfileName, func(p *world.Profile) error {
		if !slices.Contains(p.Roles, aws.ToString(in.RoleName)) {
			return noRole(aws.ToString(in.RoleName))
		}
		p.Roles = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.RemoveRoleFromInstanceProfileOutput{}, nil
}

func path(asked *string) string {
	if aws.ToString(asked) == "" {
		return "/"
	}
	return *asked
}
