package resource

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/cfn/property"
)

// addon is AWS::EKS::Addon; its identifier is cluster|addon.
type addon struct{}

func (addon) Create(ctx context.Context, c *Call) (Made, error) {
	in := &eks.CreateAddonInput{}
	if err := c.Properties.Without("Tags", "PreserveOnDelete").Decode(in); err != nil {
		return Made{}, err
	}
	in.Tags = c.mapTags()
	out, err := c.EKS.CreateAddon(ctx, in)
	if err != nil {
		return Made{}, err
	}
	return Made{*in.ClusterName + "|" + *in.AddonName, map[string]any{"Arn": aws.ToString(out.Addon.AddonArn)}}, nil
}

func (c *Call) addonName() *string { return aws.String(c.Properties.Text("AddonName")) }

func (addon) Settled(ctx context.Context, c *Call) (bool, error) {
	out, err := c.EKS.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: c.cluster(), AddonName: c.addonName()})
	if err != nil {
		return false, err
	}
	switch out.Addon.Status {
	case types.AddonStatusCreateFailed, types.AddonStatusUpdateFailed:
		var reasons []string
		if out.Addon.Health != nil {
			for _, i := range out.Addon.Health.Issues {
				reasons = append(reasons, fmt.Sprintf("%s: %s", i.Code, aws.ToString(i.Message)))
			}
		}
		return false, Failed{Reason: fmt.Sprintf("Addon %s is in status %s: %s", *c.addonName(), out.Addon.Status, strings.Join(reasons, "; "))}
	case types.AddonStatusActive, types.AddonStatusDegraded:
		return true, nil
	}
	return false, nil
}

func (addon) Update(ctx context.Context, c *Call) (Made, error) {
	made, in := Made{c.Physical, c.Attributes}, &eks.UpdateAddonInput{}
	if err := c.Properties.Without("Tags", "PreserveOnDelete").Decode(in); err != nil {
		return made, err
	}
	if tags := c.mapTags(); len(tags) > 0 {
		if _, err := c.EKS.TagResource(ctx, &eks.TagResourceInput{ResourceArn: aws.String(c.attribute("Arn")), Tags: tags}); err != nil {
			return made, err
		}
	}
	if !c.changes("AddonVersion", "ConfigurationValues", "PodIdentityAssociations", "ServiceAccountRoleArn") {
		return made, nil
	}
	_, err := c.EKS.UpdateAddon(ctx, in)
	return made, err
}

func (addon) Delete(ctx context.Context, c *Call) error {
	_, err := c.EKS.DeleteAddon(ctx, &eks.DeleteAddonInput{ClusterName: c.cluster(), AddonName: c.addonName(), Preserve: c.Properties.Text("PreserveOnDelete") == "true"})
	return unlessGone(err)
}

func (addon) Gone(ctx context.Context, c *Call) (bool, error) {
	_, err := c.EKS.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: c.cluster(), AddonName: c.addonName()})
	if IsGone(err) {
		return true, nil
	}
	return false, err
}

// accessEntry is AWS::EKS::AccessEntry; its identifier is principal|cluster.
type accessEntry struct{ base }

func (accessEntry) Create(ctx context.Context, c *Call) (Made, error) {
	in := &eks.CreateAccessEntryInput{}
	if err := c.Properties.Without("Tags", "AccessPolicies").Decode(in); err != nil {
		return Made{}, err
	}
	in.Tags = c.mapTags()
	out, err := c.EKS.CreateAccessEntry(ctx, in)
	if err != nil {
		return Made{}, err
	}
	made := Made{*in.PrincipalArn + "|" + *in.ClusterName, map[string]any{"AccessEntryArn": aws.ToString(out.AccessEntry.AccessEntryArn)}}
	return made, c.associate(ctx)
}

func (c *Call) principal() *string { return aws.String(c.Properties.Text("PrincipalArn")) }

// associate brings the entry's policies from what they were to what they are to be.
func (c *Call) associate(ctx context.Context) error {
	var kept []string
	for _, p := range c.Properties.Objects("AccessPolicies") {
		in := &eks.AssociateAccessPolicyInput{ClusterName: c.cluster(), PrincipalArn: c.principal()}
		if err := p.Decode(in); err != nil {
			return err
		}
		kept = append(kept, p.Text("PolicyArn"))
		if _, err := c.EKS.AssociateAccessPolicy(ctx, in); err != nil {
			return err
		}
	}
	_, removed := difference(policyARNs(c.Before), kept)
	for _, arn := range removed {
		_, err := c.EKS.DisassociateAccessPolicy(ctx, &eks.DisassociateAccessPolicyInput{ClusterName: c.cluster(), PrincipalArn: c.principal(), PolicyArn: &arn})
		if unlessGone(err) != nil {
			return err
		}
	}
	return nil
}

func policyARNs(p property.Set) (arns []string) {
	for _, policy := range p.Objects("AccessPolicies") {
		arns = append(arns, policy.Text("PolicyArn"))
	}
	return arns
}

func (accessEntry) Update(ctx context.Context, c *Call) (Made, error) {
	made, in := Made{c.Physical, c.Attributes}, &eks.UpdateAccessEntryInput{ClusterName: c.cluster(), PrincipalArn: c.principal()}
	if err := c.Properties.Only("KubernetesGroups", "Username").Decode(in); err != nil {
		return made, err
	}
	if c.changes("KubernetesGroups", "Username") {
		if _, err := c.EKS.UpdateAccessEntry(ctx, in); err != nil {
			return made, err
		}
	}
	return made, c.associate(ctx)
}

func (accessEntry) Delete(ctx context.Context, c *Call) error {
	_, err := c.EKS.DeleteAccessEntry(ctx, &eks.DeleteAccessEntryInput{ClusterName: c.cluster(), PrincipalArn: c.principal()})
	return unlessGone(err)
}

// podIdentity is AWS::EKS::PodIdentityAssociation; its identifier is the ARN.
type podIdentity struct{ base }

func (podIdentity) Create(ctx context.Context, c *Call) (Made, error) {
	in := &eks.CreatePodIdentityAssociationInput{}
	if err := c.Properties.Without("Tags").Decode(in); err != nil {
		return Made{}, err
	}
	in.Tags = c.mapTags()
	out, err := c.EKS.CreatePodIdentityAssociation(ctx, in)
	if err != nil {
		return Made{}, err
	}
	a := out.Association
	return Made{aws.ToString(a.AssociationArn), map[string]any{
		"AssociationArn": aws.ToString(a.AssociationArn), "AssociationId": aws.ToString(a.AssociationId), "ExternalId": aws.ToString(a.ExternalId)}}, nil
}

func (podIdentity) Update(ctx context.Context, c *Call) (Made, error) {
	made, in := Made{c.Physical, c.Attributes}, &eks.UpdatePodIdentityAssociationInput{ClusterName: c.cluster(), AssociationId: aws.String(c.attribute("AssociationId"))}
	if err := c.Properties.Only("DisableSessionTags", "RoleArn", "TargetRoleArn").Decode(in); err != nil {
		return made, err
	}
	_, err := c.EKS.UpdatePodIdentityAssociation(ctx, in)
	return made, err
}

func (podIdentity) Delete(ctx context.Context, c *Call) error {
	_, err := c.EKS.DeletePodIdentityAssociation(ctx, &eks.DeletePodIdentityAssociationInput{ClusterName: c.cluster(), AssociationId: aws.String(c.attribute("AssociationId"))})
	return unlessGone(err)
}
