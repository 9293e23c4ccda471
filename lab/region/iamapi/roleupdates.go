package iamapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/world"
)

// UpdateRole changes the description and the longest session of a role.
func (i *IAM) UpdateRole(_ context.Context, in *iam.UpdateRoleInput) (*iam.UpdateRoleOutput, error) {
	if err := checkSession(in.MaxSessionDuration); err != nil {
		return nil, err
	}
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			r.MaxSessionSeconds = *in.MaxSessionDuration
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.UpdateRoleOutput{}, nil
}

const (
	shortestSession = 3600
	longestSession  = 43200
)

func checkSession(seconds *int32) error {
	if seconds != nil && (*seconds < shortestSession || *seconds > longestSession) {
		return awserr.New("ValidationError", "1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between %d and %d", *seconds, shortestSession, longestSession)
	}
	return nil
}

// UpdateRoleDescription changes the description of a role.
func (i *IAM) UpdateRoleDescription(_ context.Context, in *iam.UpdateRoleDescriptionInput) (*iam.UpdateRoleDescriptionOutput, error) {
	out := &iam.UpdateRoleDescriptionOutput{}
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		r.Description = aws.ToString(in.Description)
		out.Role = i.role(*r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateAssumeRolePolicy replaces the trust policy of a role.
func (i *IAM) UpdateAssumeRolePolicy(_ context.Context, in *iam.UpdateAssumeRolePolicyInput) (*iam.UpdateAssumeRolePolicyOutput, error) {
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		if err := i.checkTrust(in.PolicyDocument); err != nil {
			return err
		}
		r.TrustPolicy = *in.PolicyDocument
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.UpdateAssumeRolePolicyOutput{}, nil
}

// PutRolePermissionsBoundary says what a role may have at most. It is kept,
// not enforced.
func (i *IAM) PutRolePermissionsBoundary(_ context.Context, in *iam.PutRolePermissionsBoundaryInput) (*iam.PutRolePermissionsBoundaryOutput, error) {
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		if err := i.checkBoundary(in.PermissionsBoundary); err != nil {
			return err
		}
		r.Boundary = aws.ToString(in.PermissionsBoundary)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.PutRolePermissionsBoundaryOutput{}, nil
}

// checkBoundary is the error for an ARN that cannot be a permissions boundary.
func (i *IAM) checkBoundary(arn *string) error {
	if arn == nil {
		return nil
	}
	if !isPolicyARN(*arn) {
		return invalidARN(*arn)
	}
	if _, err := i.findPolicy(*arn); err != nil {
		return awserr.WithStatus(notFound, "NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.", *arn)
	}
	return nil
}

// DeleteRolePermissionsBoundary takes the permissions boundary from a role.
func (i *IAM) DeleteRolePermissionsBoundary(_ context.Context, in *iam.DeleteRolePermissionsBoundaryInput) (*iam.DeleteRolePermissionsBoundaryOutput, error) {
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		if r.Boundary == "" {
			return awserr.WithStatus(notFound, "NoSuchEntity", "Role %s does not have a permission boundary.", r.Name)
		}
		r.Boundary = ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.DeleteRolePermissionsBoundaryOutput{}, nil
}

// TagRole adds tags to a role.
func (i *IAM) TagRole(_ context.Context, in *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
	err := i.updateRole(in.RoleName, func(r *world.Role) (err error) {
		r.Tags, err = readTags(r.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iam.TagRoleOutput{}, nil
}

// UntagRole removes tags from a role.
func (i *IAM) UntagRole(_ context.Context, in *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		r.Tags = without(r.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.UntagRoleOutput{}, nil
}

// ListRoleTags lists the tags of a role.
func (i *IAM) ListRoleTags(_ context.Context, in *iam.ListRoleTagsInput) (*iam.ListRoleTagsOutput, error) {
	r, err := i.find(in.RoleName)
	if err != nil {
		return nil, err
	}
	part, next, err := page(tagList(r.Tags), in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListRoleTagsOutput{Tags: part, Marker: next, IsTruncated: next != nil}, nil
}
