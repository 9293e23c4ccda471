package resource

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// iamInline is AWS::IAM::Policy: one document in several roles.
type iamInline struct{ base }

func (iamInline) Create(ctx context.Context, c *Call) (Made, error) {
	c.Physical = c.NameFor(longestPolicy)
	return Made{c.Physical, map[string]any{"Id": c.Physical}}, putInline(ctx, c, nil)
}

func (iamInline) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, putInline(ctx, c, c.Before.Texts("Roles"))
}

func putInline(ctx context.Context, c *Call, before []string) error {
	name := c.Properties.Text("PolicyName")
	_, removed := difference(before, c.Properties.Texts("Roles"))
	for _, role := range removed {
		if err := takeInline(ctx, c, role, name); err != nil {
			return err
		}
	}
	for _, role := range c.Properties.Texts("Roles") {
		_, err := c.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: aws.String(roleOf(role)), PolicyName: &name, PolicyDocument: aws.String(c.Properties.JSON("PolicyDocument"))})
		if err != nil {
			return err
		}
	}
	return nil
}

func takeInline(ctx context.Context, c *Call, role, policy string) error {
	_, err := c.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String(roleOf(role)), PolicyName: &policy})
	return unlessGone(err)
}

func (iamInline) Delete(ctx context.Context, c *Call) error {
	for _, role := range c.Properties.Texts("Roles") {
		if err := takeInline(ctx, c, role, c.Properties.Text("PolicyName")); err != nil {
			return err
		}
	}
	return nil
}

// iamManaged is AWS::IAM::ManagedPolicy.
type iamManaged struct{ base }

func (iamManaged) Create(ctx context.Context, c *Call) (Made, error) {
	in := &iam.CreatePolicyInput{PolicyName: aws.String(c.named("ManagedPolicyName", longestPolicy)), PolicyDocument: aws.String(c.Properties.JSON("PolicyDocument"))}
	if err := c.Properties.Only("Path", "Description").Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.IAM.CreatePolicy(ctx, in)
	if err != nil {
		return Made{}, err
	}
	c.Physical = *out.Policy.Arn
	attributes := map[string]any{"PolicyArn": c.Physical, "PolicyId": aws.ToString(out.Policy.PolicyId), "AttachmentCount": "0",
		"DefaultVersionId": aws.ToString(out.Policy.DefaultVersionId)}
	return Made{c.Physical, attributes}, c.attachTo(ctx, nil)
}

// attachTo attaches the managed policy to the roles it lists, and to no others of
// those it listed before.
func (c *Call) attachTo(ctx context.Context, before []string) error {
	added, removed := difference(before, c.Properties.Texts("Roles"))
	for _, role := range removed {
		if _, err := c.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(roleOf(role)), PolicyArn: &c.Physical}); unlessGone(err) != nil {
			return err
		}
	}
	for _, role := range added {
		if _, err := c.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(roleOf(role)), PolicyArn: &c.Physical}); err != nil {
			return err
		}
	}
	return nil
}

func (iamManaged) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	if document := c.Properties.JSON("PolicyDocument"); document != c.Before.JSON("PolicyDocument") {
		if err := c.dropOldestVersion(ctx); err != nil {
			return made, err
		}
		if _, err := c.IAM.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: &c.Physical, PolicyDocument: &document, SetAsDefault: true}); err != nil {
			return made, err
		}
	}
	return made, c.attachTo(ctx, c.Before.Texts("Roles"))
}

// dropOldestVersion makes room: a policy keeps five versions.
func (c *Call) dropOldestVersion(ctx context.Context) error {
	const most = 5
	versions, err := c.IAM.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: &c.Physical})
	if err != nil || len(versions.Versions) < most {
		return err
	}
	oldest := -1
	for i, v := range versions.Versions {
		if !v.IsDefaultVersion && (oldest < 0 || v.CreateDate.Before(*versions.Versions[oldest].CreateDate)) {
			oldest = i
		}
	}
	_, err = c.IAM.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &c.Physical, VersionId: versions.Versions[oldest].VersionId})
	return err
}

func (iamManaged) Delete(ctx context.Context, c *Call) error {
	for _, role := range c.Properties.Texts("Roles") {
		if _, err := c.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(roleOf(role)), PolicyArn: &c.Physical}); unlessGone(err) != nil {
			return err
		}
	}
	versions, err := c.IAM.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: &c.Physical})
	if err != nil {
		return unlessGone(err)
	}
	for _, v := range versions.Versions {
		if v.IsDefaultVersion {
			continue
		}
		if _, err := c.IAM.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &c.Physical, VersionId: v.VersionId}); err != nil {
			return err
		}
	}
	_, err = c.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &c.Physical})
	return unlessGone(err)
}
