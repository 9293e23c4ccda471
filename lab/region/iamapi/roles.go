package iamapi

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
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
	})
	return out, err
}

// ListRoles lists the roles below a path.
func (i *IAM) ListRoles(_ context.Context, in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
	var list []types.Role
	i.world.Store.View(func() {
		for _, r := range i.world.Roles.All() {
			if strings.HasPrefix(r.Path, aws.ToString(in.PathPrefix)) {
				list = append(list, *i.role(r))
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
	err := supported(in, "RoleName", "AssumeRolePolicyDocument", "Path", "Description", "MaxSessionDuration", "Tags")
	if err != nil {
		return nil, err
	}
	tags, err := readTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	if !json.Valid([]byte(aws.ToString(in.AssumeRolePolicyDocument))) {
		return nil, awserr.New("MalformedPolicyDocument", "The trust policy is not JSON")
	}
	name := aws.ToString(in.RoleName)
	var out *iam.CreateRoleOutput
	err = i.world.Store.Update(func(tx *store.Tx) error {
		if _, exists := i.world.Roles.Get(name); exists {
			return awserr.WithStatus(conflict, "EntityAlreadyExists", "Role with name %s already exists.", name)
		}
		id, err := i.world.NewID(tx, "AROA")
		if err != nil {
			return err
		}
		r := world.Role{
			Name: name, ID: strings.ToUpper(id), Path: path(in.Path), Description: aws.ToString(in.Description),
			TrustPolicy: *in.AssumeRolePolicyDocument, Created: i.world.Clock.Now(), MaxSessionSeconds: defaultSessionSeconds, Tags: tags,
		}
		if in.MaxSessionDuration != nil {
			r.MaxSessionSeconds = *in.MaxSessionDuration
		}
		out = &iam.CreateRoleOutput{Role: i.role(r)}
		return i.world.Roles.Put(tx, name, r)
	})
	return out, err
}

// DeleteRole deletes a role that nothing is attached to.
func (i *IAM) DeleteRole(_ context.Context, in *iam.DeleteRoleInput) (*iam.DeleteRoleOutput, error) {
	name := aws.ToString(in.RoleName)
	err := i.world.Store.Update(func(tx *store.Tx) error {
		r, found := i.world.Roles.Get(name)
		if !found {
			return noRole(name)
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

// AttachRolePolicy attaches a managed policy.
func (i *IAM) AttachRolePolicy(_ context.Context, in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
	arn := aws.ToString(in.PolicyArn)
	if !strings.HasPrefix(arn, "arn:aws:iam::") || !strings.Contains(arn, ":policy/") {
		return nil, awserr.New("InvalidInput", "ARN %s is not valid: a policy's is like arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy", arn)
	}
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		if !slices.Contains(r.Attached, arn) {
			r.Attached = append(slices.Clone(r.Attached), arn)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.AttachRolePolicyOutput{}, nil
}

// DetachRolePolicy detaches a managed policy.
func (i *IAM) DetachRolePolicy(_ context.Context, in *iam.DetachRolePolicyInput) (*iam.DetachRolePolicyOutput, error) {
	arn := aws.ToString(in.PolicyArn)
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		if !slices.Contains(r.Attached, arn) {
			return awserr.WithStatus(notFound, "NoSuchEntity", "Policy %s was not found.", arn)
		}
		r.Attached = slices.DeleteFunc(slices.Clone(r.Attached), func(a string) bool { return a == arn })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.DetachRolePolicyOutput{}, nil
}

// ListAttachedRolePolicies lists the managed policies of a role.
func (i *IAM) ListAttachedRolePolicies(_ context.Context, in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
	if err := supported(in, "RoleName", "Marker", "MaxItems"); err != nil {
		return nil, err
	}
	r, err := i.find(in.RoleName)
	if err != nil {
		return nil, err
	}
	var list []types.AttachedPolicy
	for _, arn := range r.Attached {
		list = append(list, types.AttachedPolicy{PolicyArn: aws.String(arn), PolicyName: aws.String(arn[strings.LastIndex(arn, "/")+1:])})
	}
	part, next, err := page(list, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: part, Marker: next, IsTruncated: next != nil}, nil
}

// PutRolePolicy adds or replaces an inline policy.
func (i *IAM) PutRolePolicy(_ context.Context, in *iam.PutRolePolicyInput) (*iam.PutRolePolicyOutput, error) {
	if !json.Valid([]byte(aws.ToString(in.PolicyDocument))) {
		return nil, awserr.New("MalformedPolicyDocument", "The policy is not JSON")
	}
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		inline := map[string]string{aws.ToString(in.PolicyName): *in.PolicyDocument}
		for name, document := range r.Inline {
			if name != aws.ToString(in.PolicyName) {
				inline[name] = document
			}
		}
		r.Inline = inline
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.PutRolePolicyOutput{}, nil
}

// DeleteRolePolicy deletes an inline policy.
func (i *IAM) DeleteRolePolicy(_ context.Context, in *iam.DeleteRolePolicyInput) (*iam.DeleteRolePolicyOutput, error) {
	name := aws.ToString(in.PolicyName)
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		if _, exists := r.Inline[name]; !exists {
			return awserr.WithStatus(notFound, "NoSuchEntity", "The role policy with name %s cannot be found.", name)
		}
		r.Inline = maps.Clone(r.Inline)
		delete(r.Inline, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.DeleteRolePolicyOutput{}, nil
}

// ListRolePolicies names the inline policies of a role.
func (i *IAM) ListRolePolicies(_ context.Context, in *iam.ListRolePoliciesInput) (*iam.ListRolePoliciesOutput, error) {
	r, err := i.find(in.RoleName)
	if err != nil {
		return nil, err
	}
	part, next, err := page(slices.Sorted(maps.Keys(r.Inline)), in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListRolePoliciesOutput{PolicyNames: part, Marker: next, IsTruncated: next != nil}, nil
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
