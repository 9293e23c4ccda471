package iamapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/drover-project/drover/lab/awserr"
)

func pending() error {
	return awserr.New("UnsupportedOperation", "This operation is not done yet.")
}

// CreatePolicy is not done yet.
func (*IAM) CreatePolicy(context.Context, *iam.CreatePolicyInput) (*iam.CreatePolicyOutput, error) {
	return nil, pending()
}

// GetPolicy is not done yet.
func (*IAM) GetPolicy(context.Context, *iam.GetPolicyInput) (*iam.GetPolicyOutput, error) {
	return nil, pending()
}

// ListPolicies is not done yet.
func (*IAM) ListPolicies(context.Context, *iam.ListPoliciesInput) (*iam.ListPoliciesOutput, error) {
	return nil, pending()
}

// DeletePolicy is not done yet.
func (*IAM) DeletePolicy(context.Context, *iam.DeletePolicyInput) (*iam.DeletePolicyOutput, error) {
	return nil, pending()
}

// CreatePolicyVersion is not done yet.
func (*IAM) CreatePolicyVersion(context.Context, *iam.CreatePolicyVersionInput) (*iam.CreatePolicyVersionOutput, error) {
	return nil, pending()
}

// GetPolicyVersion is not done yet.
func (*IAM) GetPolicyVersion(context.Context, *iam.GetPolicyVersionInput) (*iam.GetPolicyVersionOutput, error) {
	return nil, pending()
}

// ListPolicyVersions is not done yet.
func (*IAM) ListPolicyVersions(context.Context, *iam.ListPolicyVersionsInput) (*iam.ListPolicyVersionsOutput, error) {
	return nil, pending()
}

// DeletePolicyVersion is not done yet.
func (*IAM) DeletePolicyVersion(context.Context, *iam.DeletePolicyVersionInput) (*iam.DeletePolicyVersionOutput, error) {
	return nil, pending()
}

// SetDefaultPolicyVersion is not done yet.
func (*IAM) SetDefaultPolicyVersion(context.Context, *iam.SetDefaultPolicyVersionInput) (*iam.SetDefaultPolicyVersionOutput, error) {
	return nil, pending()
}

// ListEntitiesForPolicy is not done yet.
func (*IAM) ListEntitiesForPolicy(context.Context, *iam.ListEntitiesForPolicyInput) (*iam.ListEntitiesForPolicyOutput, error) {
	return nil, pending()
}

// TagPolicy is not done yet.
func (*IAM) TagPolicy(context.Context, *iam.TagPolicyInput) (*iam.TagPolicyOutput, error) {
	return nil, pending()
}

// UntagPolicy is not done yet.
func (*IAM) UntagPolicy(context.Context, *iam.UntagPolicyInput) (*iam.UntagPolicyOutput, error) {
	return nil, pending()
}

// ListPolicyTags is not done yet.
func (*IAM) ListPolicyTags(context.Context, *iam.ListPolicyTagsInput) (*iam.ListPolicyTagsOutput, error) {
	return nil, pending()
}

// GetRolePolicy is not done yet.
func (*IAM) GetRolePolicy(context.Context, *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	return nil, pending()
}

// UpdateRole is not done yet.
func (*IAM) UpdateRole(context.Context, *iam.UpdateRoleInput) (*iam.UpdateRoleOutput, error) {
	return nil, pending()
}

// UpdateRoleDescription is not done yet.
func (*IAM) UpdateRoleDescription(context.Context, *iam.UpdateRoleDescriptionInput) (*iam.UpdateRoleDescriptionOutput, error) {
	return nil, pending()
}

// UpdateAssumeRolePolicy is not done yet.
func (*IAM) UpdateAssumeRolePolicy(context.Context, *iam.UpdateAssumeRolePolicyInput) (*iam.UpdateAssumeRolePolicyOutput, error) {
	return nil, pending()
}

// TagRole is not done yet.
func (*IAM) TagRole(context.Context, *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
	return nil, pending()
}

// UntagRole is not done yet.
func (*IAM) UntagRole(context.Context, *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
	return nil, pending()
}

// ListRoleTags is not done yet.
func (*IAM) ListRoleTags(context.Context, *iam.ListRoleTagsInput) (*iam.ListRoleTagsOutput, error) {
	return nil, pending()
}

// PutRolePermissionsBoundary is not done yet.
func (*IAM) PutRolePermissionsBoundary(context.Context, *iam.PutRolePermissionsBoundaryInput) (*iam.PutRolePermissionsBoundaryOutput, error) {
	return nil, pending()
}

// DeleteRolePermissionsBoundary is not done yet.
func (*IAM) DeleteRolePermissionsBoundary(context.Context, *iam.DeleteRolePermissionsBoundaryInput) (*iam.DeleteRolePermissionsBoundaryOutput, error) {
	return nil, pending()
}

// CreateOpenIDConnectProvider is not done yet.
func (*IAM) CreateOpenIDConnectProvider(context.Context, *iam.CreateOpenIDConnectProviderInput) (*iam.CreateOpenIDConnectProviderOutput, error) {
	return nil, pending()
}

// GetOpenIDConnectProvider is not done yet.
func (*IAM) GetOpenIDConnectProvider(context.Context, *iam.GetOpenIDConnectProviderInput) (*iam.GetOpenIDConnectProviderOutput, error) {
	return nil, pending()
}

// ListOpenIDConnectProviders is not done yet.
func (*IAM) ListOpenIDConnectProviders(context.Context, *iam.ListOpenIDConnectProvidersInput) (*iam.ListOpenIDConnectProvidersOutput, error) {
	return nil, pending()
}

// DeleteOpenIDConnectProvider is not done yet.
func (*IAM) DeleteOpenIDConnectProvider(context.Context, *iam.DeleteOpenIDConnectProviderInput) (*iam.DeleteOpenIDConnectProviderOutput, error) {
	return nil, pending()
}

// AddClientIDToOpenIDConnectProvider is not done yet.
func (*IAM) AddClientIDToOpenIDConnectProvider(context.Context, *iam.AddClientIDToOpenIDConnectProviderInput) (*iam.AddClientIDToOpenIDConnectProviderOutput, error) {
	return nil, pending()
}

// RemoveClientIDFromOpenIDConnectProvider is not done yet.
func (*IAM) RemoveClientIDFromOpenIDConnectProvider(context.Context, *iam.RemoveClientIDFromOpenIDConnectProviderInput) (*iam.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	return nil, pending()
}

// UpdateOpenIDConnectProviderThumbprint is not done yet.
func (*IAM) UpdateOpenIDConnectProviderThumbprint(context.Context, *iam.UpdateOpenIDConnectProviderThumbprintInput) (*iam.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	return nil, pending()
}

// TagOpenIDConnectProvider is not done yet.
func (*IAM) TagOpenIDConnectProvider(context.Context, *iam.TagOpenIDConnectProviderInput) (*iam.TagOpenIDConnectProviderOutput, error) {
	return nil, pending()
}

// UntagOpenIDConnectProvider is not done yet.
func (*IAM) UntagOpenIDConnectProvider(context.Context, *iam.UntagOpenIDConnectProviderInput) (*iam.UntagOpenIDConnectProviderOutput, error) {
	return nil, pending()
}

// ListOpenIDConnectProviderTags is not done yet.
func (*IAM) ListOpenIDConnectProviderTags(context.Context, *iam.ListOpenIDConnectProviderTagsInput) (*iam.ListOpenIDConnectProviderTagsOutput, error) {
	return nil, pending()
}

// CreateServiceLinkedRole is not done yet.
func (*IAM) CreateServiceLinkedRole(context.Context, *iam.CreateServiceLinkedRoleInput) (*iam.CreateServiceLinkedRoleOutput, error) {
	return nil, pending()
}

// DeleteServiceLinkedRole is not done yet.
func (*IAM) DeleteServiceLinkedRole(context.Context, *iam.DeleteServiceLinkedRoleInput) (*iam.DeleteServiceLinkedRoleOutput, error) {
	return nil, pending()
}

// GetServiceLinkedRoleDeletionStatus is not done yet.
func (*IAM) GetServiceLinkedRoleDeletionStatus(context.Context, *iam.GetServiceLinkedRoleDeletionStatusInput) (*iam.GetServiceLinkedRoleDeletionStatusOutput, error) {
	return nil, pending()
}

// GetUser is not done yet.
func (*IAM) GetUser(context.Context, *iam.GetUserInput) (*iam.GetUserOutput, error) {
	return nil, pending()
}
