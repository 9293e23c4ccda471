package iamapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/world"
)

// mostAttached is how many managed policies a role can have.
const mostAttached = 10

// pathOf is the path in the ARN of a policy.
func pathOf(arn string) string {
	_, rest, _ := strings.Cut(arn, ":policy")
	return rest[:strings.LastIndex(rest, "/")+1]
}

// AttachRolePolicy attaches a managed policy.
func (i *IAM) AttachRolePolicy(_ context.Context, in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
	arn := aws.ToString(in.PolicyArn)
	if !isPolicyARN(arn) {
		return nil, invalidARN(arn)
	}
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		if _, err := i.findPolicy(arn); err != nil {
			return awserr.WithStatus(notFound, "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
		}
		if slices.Contains(r.Attached, arn) {
			return nil
		}
		if len(r.Attached) >= mostAttached {
			return awserr.WithStatus(conflict, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", mostAttached)
		}
		r.Attached = append(slices.Clone(r.Attached), arn)
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
	r, err := i.find(in.RoleName)
	if err != nil {
		return nil, err
	}
	var list []types.AttachedPolicy
	for _, arn := range r.Attached {
		if !hasPrefix(pathOf(arn), in.PathPrefix) {
			continue
		}
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
	if err := checkName("policyName", in.PolicyName, 128); err != nil {
		return nil, err
	}
	if _, err := policy.Identity(aws.ToString(in.PolicyDocument)); err != nil {
		return nil, err
	}
	err := i.updateRole(in.RoleName, func(r *world.Role) error {
		inline := map[string]string{aws.ToString(in.PolicyName): *in.PolicyDocument}
		for name, document := range r.Inline {
			if name != aws.ToString(in.PolicyName) {
				inline[name] = document
			}
		}
		r.Inline = inline
		total := 0
		for _, document := range inline {
			total += size(document)
		}
		if total > largestInline {
			return awserr.WithStatus(conflict, "LimitExceeded", "Maximum policy size of %d bytes exceeded for role %s", largestInline, r.Name)
		}
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

// GetRolePolicy gives an inline policy of a role.
func (i *IAM) GetRolePolicy(_ context.Context, in *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	r, err := i.find(in.RoleName)
	if err != nil {
		return nil, err
	}
	document, found := r.Inline[aws.ToString(in.PolicyName)]
	if !found {
		return nil, awserr.WithStatus(notFound, "NoSuchEntity", "The role policy with name %s cannot be found.", aws.ToString(in.PolicyName))
	}
	return &iam.GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: encoded(document)}, nil
}
