package iamapi

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Sizes of policy documents, in characters that are not white space.
const (
	largestPolicy = 6144
	largestTrust  = 2048
	largestInline = 10240 // all of a role together
)

// checkPolicy checks the document of a managed policy.
func checkPolicy(document *string) error {
	if _, err := policy.Identity(aws.ToString(document)); err != nil {
		return err
	}
	if size(*document) > largestPolicy {
		return awserr.WithStatus(conflict, "LimitExceeded", "Cannot exceed quota for PolicySize: %d", largestPolicy)
	}
	return nil
}

// size is the length of a document as IAM counts it.
func size(document string) (characters int) {
	for _, c := range document {
		if !unicode.IsSpace(c) {
			characters++
		}
	}
	return characters
}

var namePattern = regexp.MustCompile(`^[\w+=,.@-]+$`)

// checkName checks a name that IAM gives to something.
func checkName(parameter string, name *string, longest int) error {
	text := aws.ToString(name)
	if !namePattern.MatchString(text) {
		return awserr.New("ValidationError", `1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`, text, parameter)
	}
	if len(text) > longest {
		return awserr.New("ValidationError", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", text, parameter, longest)
	}
	return nil
}

var pathPattern = regexp.MustCompile(`^/([!-~]*/)?$`)

func checkPath(path *string) error {
	if p := aws.ToString(path); p != "" && (!pathPattern.MatchString(p) || len(p) > 512) {
		return awserr.New("ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return nil
}

// CreatePolicy makes a managed policy of the account with its first version.
func (i *IAM) CreatePolicy(_ context.Context, in *iam.CreatePolicyInput) (*iam.CreatePolicyOutput, error) {
	if err := checkName("policyName", in.PolicyName, 128); err != nil {
		return nil, err
	}
	if err := checkPath(in.Path); err != nil {
		return nil, err
	}
	if err := checkPolicy(in.PolicyDocument); err != nil {
		return nil, err
	}
	tags, err := readTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	var out *iam.CreatePolicyOutput
	err = i.world.Store.Update(func(tx *store.Tx) error {
		for _, p := range i.world.Policies.All() {
			if strings.EqualFold(p.Name, *in.PolicyName) {
				return awserr.WithStatus(conflict, "EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", *in.PolicyName)
			}
		}
		id, err := i.world.NewID(tx, "ANPA")
		if err != nil {
			return err
		}
		now := i.world.Clock.Now()
		p := world.Policy{
			Name: *in.PolicyName, ID: strings.ToUpper(id), Path: path(in.Path), Description: aws.ToString(in.Description), Created: now, Updated: now,
			Default: 1, Latest: 1, Versions: []world.PolicyVersion{{Number: 1, Document: *in.PolicyDocument, Created: now}}, Tags: tags,
		}
		made := i.customer(p)
		out = &iam.CreatePolicyOutput{Policy: i.policy(made)}
		return i.world.Policies.Put(tx, made.arn, p)
	})
	return out, err
}

// GetPolicy gives a managed policy, of AWS or of the account.
func (i *IAM) GetPolicy(_ context.Context, in *iam.GetPolicyInput) (out *iam.GetPolicyOutput, err error) {
	i.world.Store.View(func() {
		var p managedPolicy
		if p, err = i.findPolicy(aws.ToString(in.PolicyArn)); err == nil {
			out = &iam.GetPolicyOutput{Policy: i.policy(p)}
		}
	})
	return out, err
}

// DeletePolicy deletes a policy with one version that nothing has attached.
func (i *IAM) DeletePolicy(_ context.Context, in *iam.DeletePolicyInput) (*iam.DeletePolicyOutput, error) {
	arn := aws.ToString(in.PolicyArn)
	err := i.world.Store.Update(func(tx *store.Tx) error {
		p, err := i.ownPolicy(arn)
		if err != nil {
			return err
		}
		if i.attachments(arn) > 0 || i.boundaries(arn) > 0 {
			return awserr.WithStatus(conflict, "DeleteConflict", "Cannot delete a policy attached to entities.")
		}
		if len(p.Versions) > 1 {
			return awserr.WithStatus(conflict, "DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		i.world.Policies.Delete(tx, arn)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.DeletePolicyOutput{}, nil
}

// ListPolicies lists managed policies: those of the account, of AWS, or both.
func (i *IAM) ListPolicies(_ context.Context, in *iam.ListPoliciesInput) (*iam.ListPoliciesOutput, error) {
	var list []types.Policy
	i.world.Store.View(func() {
		var all []managedPolicy
		if in.Scope != types.PolicyScopeTypeLocal {
			all = awsManaged()
		}
		if in.Scope != types.PolicyScopeTypeAws {
			for _, p := range i.world.Policies.All() {
				all = append(all, i.customer(p))
			}
		}
		for _, p := range all {
			if i.listed(in, p) {
				listed := *i.policy(p)
				listed.Description, listed.Tags = nil, nil // lists leave them out
				list = append(list, listed)
			}
		}
	})
	part, next, err := page(list, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &iam.ListPoliciesOutput{Policies: part, Marker: next, IsTruncated: next != nil}, nil
}

func (i *IAM) listed(in *iam.ListPoliciesInput, p managedPolicy) bool {
	if !strings.HasPrefix(p.Path, aws.ToString(in.PathPrefix)) {
		return false
	}
	attached := i.attachments(p.arn) > 0
	switch {
	case in.OnlyAttached && !attached:
		return false
	case in.PolicyUsageFilter == types.PolicyUsageTypePermissionsPolicy:
		return attached
	case in.PolicyUsageFilter == types.PolicyUsageTypePermissionsBoundary:
		return i.boundaries(p.arn) > 0
	}
	return true
}

// attachments counts the roles that a policy is attached to.
func (i *IAM) attachments(arn string) (count int32) {
	for _, r := range i.world.Roles.All() {
		if slices.Contains(r.Attached, arn) {
			count++
		}
	}
	return count
}

// boundaries counts the roles whose permissions boundary a policy is.
func (i *IAM) boundaries(arn string) (count int32) {
	for _, r := range i.world.Roles.All() {
		if r.Boundary == arn {
			count++
		}
	}
	return count
}

func (i *IAM) policy(p managedPolicy) *types.Policy {
	return &types.Policy{
		Arn: aws.String(p.arn), PolicyName: aws.String(p.Name), PolicyId: aws.String(p.ID), Path: aws.String(p.Path), Description: optional(p.Description),
		DefaultVersionId: aws.String(versionID(p.Default)), AttachmentCount: aws.Int32(i.attachments(p.arn)),
		PermissionsBoundaryUsageCount: aws.Int32(i.boundaries(p.arn)), IsAttachable: true,
		CreateDate: aws.Time(p.Created), UpdateDate: aws.Time(p.Updated), Tags: tagList(p.Tags),
	}
}

// updatePolicy changes one policy of the account in one transaction.
func (i *IAM) updatePolicy(arn *string, change func(*world.Policy) error) error {
	return i.world.Store.Update(func(tx *store.Tx) error {
		p, err := i.ownPolicy(aws.ToString(arn))
		if err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return err
		}
		return i.world.Policies.Put(tx, *arn, p)
	})
}
