package eksapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/drover-project/drover/lab/awserr"
)

func notYet(operation string) error {
	return awserr.New("InvalidRequestException", "Not supported by this endpoint: %s.", operation)
}

// CreateCluster is not served yet.
func (e *EKS) CreateCluster(context.Context, *eks.CreateClusterInput) (*eks.CreateClusterOutput, error) {
	return nil, notYet("CreateCluster")
}

// DeleteCluster is not served yet.
func (e *EKS) DeleteCluster(context.Context, *eks.DeleteClusterInput) (*eks.DeleteClusterOutput, error) {
	return nil, notYet("DeleteCluster")
}

// DescribeClusterVersions is not served yet.
func (e *EKS) DescribeClusterVersions(context.Context, *eks.DescribeClusterVersionsInput) (*eks.DescribeClusterVersionsOutput, error) {
	return nil, notYet("DescribeClusterVersions")
}

// UpdateClusterConfig is not served yet.
func (e *EKS) UpdateClusterConfig(context.Context, *eks.UpdateClusterConfigInput) (*eks.UpdateClusterConfigOutput, error) {
	return nil, notYet("UpdateClusterConfig")
}

// UpdateClusterVersion is not served yet.
func (e *EKS) UpdateClusterVersion(context.Context, *eks.UpdateClusterVersionInput) (*eks.UpdateClusterVersionOutput, error) {
	return nil, notYet("UpdateClusterVersion")
}

// CreateNodegroup is not served yet.
func (e *EKS) CreateNodegroup(context.Context, *eks.CreateNodegroupInput) (*eks.CreateNodegroupOutput, error) {
	return nil, notYet("CreateNodegroup")
}

// DescribeNodegroup is not served yet.
func (e *EKS) DescribeNodegroup(context.Context, *eks.DescribeNodegroupInput) (*eks.DescribeNodegroupOutput, error) {
	return nil, notYet("DescribeNodegroup")
}

// ListNodegroups is not served yet.
func (e *EKS) ListNodegroups(context.Context, *eks.ListNodegroupsInput) (*eks.ListNodegroupsOutput, error) {
	return nil, notYet("ListNodegroups")
}

// DeleteNodegroup is not served yet.
func (e *EKS) DeleteNodegroup(context.Context, *eks.DeleteNodegroupInput) (*eks.DeleteNodegroupOutput, error) {
	return nil, notYet("DeleteNodegroup")
}

// UpdateNodegroupConfig is not served yet.
func (e *EKS) UpdateNodegroupConfig(context.Context, *eks.UpdateNodegroupConfigInput) (*eks.UpdateNodegroupConfigOutput, error) {
	return nil, notYet("UpdateNodegroupConfig")
}

// UpdateNodegroupVersion is not served yet.
func (e *EKS) UpdateNodegroupVersion(context.Context, *eks.UpdateNodegroupVersionInput) (*eks.UpdateNodegroupVersionOutput, error) {
	return nil, notYet("UpdateNodegroupVersion")
}

// DescribeUpdate is not served yet.
func (e *EKS) DescribeUpdate(context.Context, *eks.DescribeUpdateInput) (*eks.DescribeUpdateOutput, error) {
	return nil, notYet("DescribeUpdate")
}

// ListUpdates is not served yet.
func (e *EKS) ListUpdates(context.Context, *eks.ListUpdatesInput) (*eks.ListUpdatesOutput, error) {
	return nil, notYet("ListUpdates")
}

// TagResource is not served yet.
func (e *EKS) TagResource(context.Context, *eks.TagResourceInput) (*eks.TagResourceOutput, error) {
	return nil, notYet("TagResource")
}

// UntagResource is not served yet.
func (e *EKS) UntagResource(context.Context, *eks.UntagResourceInput) (*eks.UntagResourceOutput, error) {
	return nil, notYet("UntagResource")
}

// ListTagsForResource is not served yet.
func (e *EKS) ListTagsForResource(context.Context, *eks.ListTagsForResourceInput) (*eks.ListTagsForResourceOutput, error) {
	return nil, notYet("ListTagsForResource")
}

// CreateAddon is not served yet.
func (e *EKS) CreateAddon(context.Context, *eks.CreateAddonInput) (*eks.CreateAddonOutput, error) {
	return nil, notYet("CreateAddon")
}

// DescribeAddon is not served yet.
func (e *EKS) DescribeAddon(context.Context, *eks.DescribeAddonInput) (*eks.DescribeAddonOutput, error) {
	return nil, notYet("DescribeAddon")
}

// ListAddons is not served yet.
func (e *EKS) ListAddons(context.Context, *eks.ListAddonsInput) (*eks.ListAddonsOutput, error) {
	return nil, notYet("ListAddons")
}

// UpdateAddon is not served yet.
func (e *EKS) UpdateAddon(context.Context, *eks.UpdateAddonInput) (*eks.UpdateAddonOutput, error) {
	return nil, notYet("UpdateAddon")
}

// DeleteAddon is not served yet.
func (e *EKS) DeleteAddon(context.Context, *eks.DeleteAddonInput) (*eks.DeleteAddonOutput, error) {
	return nil, notYet("DeleteAddon")
}

// DescribeAddonVersions is not served yet.
func (e *EKS) DescribeAddonVersions(context.Context, *eks.DescribeAddonVersionsInput) (*eks.DescribeAddonVersionsOutput, error) {
	return nil, notYet("DescribeAddonVersions")
}

// DescribeAddonConfiguration is not served yet.
func (e *EKS) DescribeAddonConfiguration(context.Context, *eks.DescribeAddonConfigurationInput) (*eks.DescribeAddonConfigurationOutput, error) {
	return nil, notYet("DescribeAddonConfiguration")
}

// CreateAccessEntry is not served yet.
func (e *EKS) CreateAccessEntry(context.Context, *eks.CreateAccessEntryInput) (*eks.CreateAccessEntryOutput, error) {
	return nil, notYet("CreateAccessEntry")
}

// DescribeAccessEntry is not served yet.
func (e *EKS) DescribeAccessEntry(context.Context, *eks.DescribeAccessEntryInput) (*eks.DescribeAccessEntryOutput, error) {
	return nil, notYet("DescribeAccessEntry")
}

// ListAccessEntries is not served yet.
func (e *EKS) ListAccessEntries(context.Context, *eks.ListAccessEntriesInput) (*eks.ListAccessEntriesOutput, error) {
	return nil, notYet("ListAccessEntries")
}

// UpdateAccessEntry is not served yet.
func (e *EKS) UpdateAccessEntry(context.Context, *eks.UpdateAccessEntryInput) (*eks.UpdateAccessEntryOutput, error) {
	return nil, notYet("UpdateAccessEntry")
}

// DeleteAccessEntry is not served yet.
func (e *EKS) DeleteAccessEntry(context.Context, *eks.DeleteAccessEntryInput) (*eks.DeleteAccessEntryOutput, error) {
	return nil, notYet("DeleteAccessEntry")
}

// AssociateAccessPolicy is not served yet.
func (e *EKS) AssociateAccessPolicy(context.Context, *eks.AssociateAccessPolicyInput) (*eks.AssociateAccessPolicyOutput, error) {
	return nil, notYet("AssociateAccessPolicy")
}

// DisassociateAccessPolicy is not served yet.
func (e *EKS) DisassociateAccessPolicy(context.Context, *eks.DisassociateAccessPolicyInput) (*eks.DisassociateAccessPolicyOutput, error) {
	return nil, notYet("DisassociateAccessPolicy")
}

// ListAssociatedAccessPolicies is not served yet.
func (e *EKS) ListAssociatedAccessPolicies(context.Context, *eks.ListAssociatedAccessPoliciesInput) (*eks.ListAssociatedAccessPoliciesOutput, error) {
	return nil, notYet("ListAssociatedAccessPolicies")
}

// ListAccessPolicies is not served yet.
func (e *EKS) ListAccessPolicies(context.Context, *eks.ListAccessPoliciesInput) (*eks.ListAccessPoliciesOutput, error) {
	return nil, notYet("ListAccessPolicies")
}

// CreatePodIdentityAssociation is not served yet.
func (e *EKS) CreatePodIdentityAssociation(context.Context, *eks.CreatePodIdentityAssociationInput) (*eks.CreatePodIdentityAssociationOutput, error) {
	return nil, notYet("CreatePodIdentityAssociation")
}

// DescribePodIdentityAssociation is not served yet.
func (e *EKS) DescribePodIdentityAssociation(context.Context, *eks.DescribePodIdentityAssociationInput) (*eks.DescribePodIdentityAssociationOutput, error) {
	return nil, notYet("DescribePodIdentityAssociation")
}

// ListPodIdentityAssociations is not served yet.
func (e *EKS) ListPodIdentityAssociations(context.Context, *eks.ListPodIdentityAssociationsInput) (*eks.ListPodIdentityAssociationsOutput, error) {
	return nil, notYet("ListPodIdentityAssociations")
}

// UpdatePodIdentityAssociation is not served yet.
func (e *EKS) UpdatePodIdentityAssociation(context.Context, *eks.UpdatePodIdentityAssociationInput) (*eks.UpdatePodIdentityAssociationOutput, error) {
	return nil, notYet("UpdatePodIdentityAssociation")
}

// DeletePodIdentityAssociation is not served yet.
func (e *EKS) DeletePodIdentityAssociation(context.Context, *eks.DeletePodIdentityAssociationInput) (*eks.DeletePodIdentityAssociationOutput, error) {
	return nil, notYet("DeletePodIdentityAssociation")
}
