package iamapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

const defaultSessionSeconds = 3600

// GetRole gives a role.
func (i *IAM) GetRole(_ context.Context, in *iam.GetRoleInput) (out *iam.GetRoleOutput, err error) {
	i.world.Store.View(func() {
		r, found := i.world.Roles.Get(aws.ToString(in.RoleName))
		if !found {
			err = noRole(aws.ToString(in.RoleName))
			return
		}
		out = &iam.GetRoleOutput{Role: i.role(r)}
		out.Role.RoleLastUsed = &types.RoleLastUsed{} // nobody notes when
	})
	return out, err
}

// ListRoles lists the roles below a path.
func (i *IAM) ListRoles(_ context.Context, in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
	var list []types.Role
	i.world.Store.View(func() {
		for _, r := range i.world.Roles.All() {
			if hasPrefix(r.Path, in.PathPrefix) {
				listed := i.role(r)
				listed.Tags, listed.PermissionsBoundary, listed.RoleLastUsed = nil, nil, nil // as IAM's lists leave them out
				list = append(list, *listed)
			}
		}
	})
	part, next, err := page(list, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListRolesOutput{Roles: part, Marker: next, IsTruncated: next != nil}, nil
}

// CreateRole makes a role without policies.
func (i *IAM) CreateRole(_ context.Context, in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
	err := supported(in, "RoleName", "AssumeRolePolicyDocument", "Path", "Description", "MaxSessionDuration", "Tags", "PermissionsBoundary")
	if err != nil {
		return nil, err
	}
	if err := checkRole(in); err != nil {
		return nil, err
	}
	tags, err := readTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.RoleName)
	var out *iam.CreateRoleOutput
	err = i.world.Store.Update(func(tx *store.Tx) error {
		if slices.ContainsFunc(i.world.Roles.Keys(), func(other string) bool { return strings.EqualFold(other, name) }) {
			return awserr.WithStatus(conflict, "EntityAlreadyExists", "Role with name %s already exists.", name)
		}
		if err := errors.Join(i.checkTrust(in.AssumeRolePolicyDocument), i.checkBoundary(in.PermissionsBoundary)); err != nil {
			return err
		}
		id, err := i.world.NewID(tx, "AROA")
		if err != nil {
			return err
		}
		r := world.Role{
			Name: name, ID: strings.ToUpper(id), Path: path(in.Path), Description: aws.ToString(in.Description),
			TrustPolicy: *in.AssumeRolePolicyDocument, Created: i.world.Clock.Now(), MaxSessionSeconds: defaultSessionSeconds, Tags: tags,
			Boundary: aws.ToString(in.PermissionsBoundary),
		}
		if in.MaxSessionDuration != nil {
			r.MaxSessionSeconds = *in.MaxSessionDuration
		}
		out = &iam.CreateRoleOutput{Role: i.role(r)}
		return i.world.Roles.Put(tx, name, r)
	})
	return out, err
}

func checkRole(in *iam.CreateRoleInput) error {
	if err := checkName("roleName", in.RoleName, 64); err != nil {
		return err
	}
	if err := checkPath(in.Path); err != nil {
		return err
	}
	return checkSession(in.MaxSessionDuration)
}

// checkTrust checks a trust policy. A role of the account that it names must
// exist.
func (i *IAM) checkTrust(document *string) error {
	read, err := policy.Trust(aws.ToString(document))
	if err != nil {
		return err
	}
	if size(*document) > largestTrust {
		return awserr.WithStatus(conflict, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: %d", largestTrust)
	}
	for _, s := range read.Statements {
		for _, p := range s.Principals {
			if !i.exists(p) {
				return awserr.New("MalformedPolicyDocument", `Invalid principal in policy: "%s":"%s"`, strings.ToUpper(p.Kind), p.ID)
			}
		}
	}
	return nil
}

// exists reports whether there is a principal, as far as it is of this account.
func (i *IAM) exists(p policy.Principal) bool {
	ofAccount := fmt.Sprintf("arn:aws:iam::%s:", i.world.Options.Account)
	rest, own := strings.CutPrefix(p.ID, ofAccount)
	if p.Kind != "AWS" || !own {
		return true
	}
	name := rest[strings.LastIndex(rest, "/")+1:]
	switch {
	case strings.HasPrefix(rest, "role/"):
		r, found := i.world.Roles.Get(name)
		return found && *i.arn("role", r.Path, r.Name) == p.ID
	case strings.HasPrefix(rest, "user/"):
		return rest == "user/"+userName
	}
	return true
}

// DeleteRole deletes a role that nothing is attached to.
func (i *IAM) DeleteRole(_ context.Context, in *iam.DeleteRoleInput) (*iam.DeleteRoleOutput, error) {
	name := aws.ToString(in.RoleName)
	err := i.world.Store.Update(func(tx *store.Tx) error {
		r, found := i.world.Roles.Get(name)
		if !found {
			return noRole(name)
		}
		if isLinked(r) {
			return protected(name)
		}
		for _, p := range i.world.Profiles.All() {
			if slices.Contains(p.Roles, name) {
				return awserr.WithStatus(conflict, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
			}
		}
		if len(r.Attached) > 0 {
			return awserr.WithStatus(conflict, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
		}
		if len(r.Inline) > 0 {
			return awserr.WithStatus(conflict, "DeleteConflict", "Cannot delete entity, must delete policies first.")
		}
		i.world.Roles.Delete(tx, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.DeleteRoleOutput{}, nil
}

func (i *IAM) find(name *string) (r world.Role, err error) {
	i.world.Store.View(func() {
		var found bool
		if r, found = i.world.Roles.Get(aws.ToString(name)); !found {
			err = noRole(aws.ToString(name))
		}
	})
	return r, err
}
