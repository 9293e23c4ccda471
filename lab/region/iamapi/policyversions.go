package iamapi

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/world"
)

const mostVersions = 5

func versionID(number int64) string { return fmt.Sprintf("v%d", number) }

// versionAt is the place of a version in a policy.
func versionAt(p world.Policy, arn string, id *string) (int, error) {
	at := slices.IndexFunc(p.Versions, func(v world.PolicyVersion) bool { return versionID(v.Number) == aws.ToString(id) })
	if at < 0 {
		return 0, awserr.WithStatus(notFound, "NoSuchEntity", "Policy %s version %s does not exist or is not attachable.", arn, aws.ToString(id))
	}
	return at, nil
}

func policyVersion(p world.Policy, v world.PolicyVersion) types.PolicyVersion {
	return types.PolicyVersion{VersionId: aws.String(versionID(v.Number)), IsDefaultVersion: v.Number == p.Default, CreateDate: aws.Time(v.Created)}
}

// CreatePolicyVersion adds a version to a policy, as the default when asked to.
func (i *IAM) CreatePolicyVersion(_ context.Context, in *iam.CreatePolicyVersionInput) (*iam.CreatePolicyVersionOutput, error) {
	if err := checkPolicy(in.PolicyDocument); err != nil {
		return nil, err
	}
	out := &iam.CreatePolicyVersionOutput{}
	err := i.updatePolicy(in.PolicyArn, func(p *world.Policy) error {
		if len(p.Versions) >= mostVersions {
			return awserr.WithStatus(conflict, "LimitExceeded", "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", mostVersions)
		}
		p.Latest++
		v := world.PolicyVersion{Number: p.Latest, Document: *in.PolicyDocument, Created: i.world.Clock.Now()}
		p.Versions, p.Updated = append(slices.Clone(p.Versions), v), v.Created
		if in.SetAsDefault {
			p.Default = v.Number
		}
		made := policyVersion(*p, v)
		out.PolicyVersion = &made
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetPolicyVersion gives a version with its document. The documents of AWS's
// own policies are shortened to their actions.
func (i *IAM) GetPolicyVersion(_ context.Context, in *iam.GetPolicyVersionInput) (out *iam.GetPolicyVersionOutput, err error) {
	i.world.Store.View(func() {
		var p managedPolicy
		if p, err = i.findPolicy(aws.ToString(in.PolicyArn)); err != nil {
			return
		}
		var at int
		if at, err = versionAt(p.Policy, p.arn, in.VersionId); err != nil {
			return
		}
		v := policyVersion(p.Policy, p.Versions[at])
		v.Document = encoded(p.Versions[at].Document)
		out = &iam.GetPolicyVersionOutput{PolicyVersion: &v}
	})
	return out, err
}

// ListPolicyVersions lists the versions of a policy, latest first.
func (i *IAM) ListPolicyVersions(_ context.Context, in *iam.ListPolicyVersionsInput) (*iam.ListPolicyVersionsOutput, error) {
	var list []types.PolicyVersion
	var err error
	i.world.Store.View(func() {
		var p managedPolicy
		if p, err = i.findPolicy(aws.ToString(in.PolicyArn)); err != nil {
			return
		}
		for _, v := range slices.Backward(p.Versions) {
			list = append(list, policyVersion(p.Policy, v))
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := page(list, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListPolicyVersionsOutput{Versions: part, Marker: next, IsTruncated: next != nil}, nil
}

// DeletePolicyVersion deletes a version that is not the default one.
func (i *IAM) DeletePolicyVersion(_ context.Context, in *iam.DeletePolicyVersionInput) (*iam.DeletePolicyVersionOutput, error) {
	err := i.updatePolicy(in.PolicyArn, func(p *world.Policy) error {
		at, err := versionAt(*p, *in.PolicyArn, in.VersionId)
		if err != nil {
			return err
		}
		if p.Versions[at].Number == p.Default {
			return awserr.WithStatus(conflict, "DeleteConflict", "Cannot delete the default version of a policy.")
		}
		p.Versions = slices.Delete(slices.Clone(p.Versions), at, at+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.DeletePolicyVersionOutput{}, nil
}

// SetDefaultPolicyVersion says which version is in force.
func (i *IAM) SetDefaultPolicyVersion(_ context.Context, in *iam.SetDefaultPolicyVersionInput) (*iam.SetDefaultPolicyVersionOutput, error) {
	err := i.updatePolicy(in.PolicyArn, func(p *world.Policy) error {
		at, err := versionAt(*p, *in.PolicyArn, in.VersionId)
		if err != nil {
			return err
		}
		p.Default, p.Updated = p.Versions[at].Number, i.world.Clock.Now()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.SetDefaultPolicyVersionOutput{}, nil
}

// ListEntitiesForPolicy names the roles that a policy is attached to.
func (i *IAM) ListEntitiesForPolicy(_ context.Context, in *iam.ListEntitiesForPolicyInput) (*iam.ListEntitiesForPolicyOutput, error) {
	if err := supported(in, "PolicyArn", "EntityFilter", "PathPrefix", "PolicyUsageFilter", "Marker", "MaxItems"); err != nil {
		return nil, err
	}
	roles := in.EntityFilter == "" || in.EntityFilter == types.EntityTypeRole || in.EntityFilter == types.EntityTypeLocalManagedPolicy || in.EntityFilter == types.EntityTypeAWSManagedPolicy
	var list []types.PolicyRole
	var err error
	i.world.Store.View(func() {
		arn := aws.ToString(in.PolicyArn)
		if _, err = i.findPolicy(arn); err != nil {
			return
		}
		for _, r := range i.world.Roles.All() {
			if roles && uses(r, arn, in) {
				list = append(list, types.PolicyRole{RoleName: aws.String(r.Name), RoleId: aws.String(r.ID)})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := page(list, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListEntitiesForPolicyOutput{
		PolicyRoles: part, PolicyGroups: []types.PolicyGroup{}, PolicyUsers: []types.PolicyUser{}, Marker: next, IsTruncated: next != nil,
	}, nil
}

// uses reports whether a role has a policy in the way that is asked for.
func uses(r world.Role, arn string, in *iam.ListEntitiesForPolicyInput) bool {
	if !hasPrefix(r.Path, in.PathPrefix) {
		return false
	}
	if in.PolicyUsageFilter == types.PolicyUsageTypePermissionsBoundary {
		return r.Boundary == arn
	}
	return slices.Contains(r.Attached, arn)
}

// TagPolicy adds tags to a policy of the account.
func (i *IAM) TagPolicy(_ context.Context, in *iam.TagPolicyInput) (*iam.TagPolicyOutput, error) {
	err := i.updatePolicy(in.PolicyArn, func(p *world.Policy) (err error) {
		p.Tags, err = readTags(p.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iam.TagPolicyOutput{}, nil
}

// UntagPolicy removes tags from a policy of the account.
func (i *IAM) UntagPolicy(_ context.Context, in *iam.UntagPolicyInput) (*iam.UntagPolicyOutput, error) {
	err := i.updatePolicy(in.PolicyArn, func(p *world.Policy) error {
		p.Tags = without(p.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.UntagPolicyOutput{}, nil
}

// ListPolicyTags lists the tags of a policy.
func (i *IAM) ListPolicyTags(_ context.Context, in *iam.ListPolicyTagsInput) (*iam.ListPolicyTagsOutput, error) {
	var p managedPolicy
	var err error
	i.world.Store.View(func() { p, err = i.findPolicy(aws.ToString(in.PolicyArn)) })
	if err != nil {
		return nil, err
	}
	part, next, err := page(tagList(p.Tags), in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListPolicyTagsOutput{Tags: part, Marker: next, IsTruncated: next != nil}, nil
}
