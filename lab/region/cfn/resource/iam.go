package resource

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/region/world"
)

func iamTypes() []Type {
	return []Type{
		{
			Name: "AWS::IAM::Role", NeedsIAM: true, NamedBy: "RoleName", Tagged: true, Handler: iamRole{},
			Properties: props([]string{"AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "PermissionsBoundary", "Policies", "Tags"},
				[]string{"RoleName", "Path"}),
			Required: []string{"AssumeRolePolicyDocument"}, Attributes: []string{"Arn", "RoleId"},
			Takes: 15 * time.Second, Deletes: 2 * time.Second,
		},
		{
			Name: "AWS::IAM::InstanceProfile", NeedsIAM: true, NamedBy: "InstanceProfileName", Handler: iamProfile{},
			Properties: props([]string{"Roles"}, []string{"InstanceProfileName", "Path"}),
			Required:   []string{"Roles"}, Attributes: []string{"Arn"},
			Takes: 2 * time.Minute, Deletes: 2 * time.Second,
		},
		{
			Name: "AWS::IAM::Policy", NeedsIAM: true, NamedBy: "", Handler: iamInline{},
			Properties: props([]string{"PolicyDocument", "Roles"}, []string{"PolicyName"}),
			Required:   []string{"PolicyName", "PolicyDocument"}, Attributes: []string{"Id"},
			Takes: 15 * time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::IAM::ManagedPolicy", NeedsIAM: true, NamedBy: "ManagedPolicyName", Handler: iamManaged{},
			Properties: props([]string{"PolicyDocument", "Roles"}, []string{"ManagedPolicyName", "Path", "Description"}),
			Required:   []string{"PolicyDocument"}, Attributes: []string{"PolicyArn", "PolicyId", "AttachmentCount", "DefaultVersionId"},
			Takes: 15 * time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::IAM::OIDCProvider", NeedsIAM: true, Tagged: true, Handler: iamOIDC{},
			Properties: props([]string{"ClientIdList", "ThumbprintList", "Tags"}, []string{"Url"}),
			Attributes: []string{"Arn"}, Takes: 2 * time.Second, Deletes: time.Second,
		},
	}
}

func iamTags(tags world.Tags) []types.Tag {
	var list []types.Tag
	for _, key := range tags.Keys() {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// iamRole is AWS::IAM::Role.
type iamRole struct{ base }

func (iamRole) Create(ctx context.Context, c *Call) (Made, error) {
	in := &iam.CreateRoleInput{
		RoleName: aws.String(c.named("RoleName", longestIAM)), AssumeRolePolicyDocument: aws.String(c.Properties.JSON("AssumeRolePolicyDocument")),
		Tags: iamTags(c.userTags().With(c.SystemTags())),
	}
	if err := c.Properties.Only("Path", "Description", "MaxSessionDuration", "PermissionsBoundary").Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.IAM.CreateRole(ctx, in)
	if err != nil {
		return Made{}, err
	}
	made := Made{*in.RoleName, map[string]any{"Arn": *out.Role.Arn, "RoleId": *out.Role.RoleId}}
	c.Physical = made.Physical
	return made, c.attach(ctx, nil)
}

// attach brings the policies of a role from what they were to what they are to be.
func (c *Call) attach(ctx context.Context, before []string) error {
	added, removed := difference(before, c.Properties.Texts("ManagedPolicyArns"))
	for _, arn := range removed {
		if _, err := c.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &c.Physical, PolicyArn: &arn}); unlessGone(err) != nil {
			return err
		}
	}
	for _, arn := range added {
		if _, err := c.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &c.Physical, PolicyArn: &arn}); err != nil {
			return err
		}
	}
	var kept []string
	for _, p := range c.Properties.Objects("Policies") {
		kept = append(kept, p.Text("PolicyName"))
		_, err := c.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: &c.Physical, PolicyName: aws.String(p.Text("PolicyName")), PolicyDocument: aws.String(p.JSON("PolicyDocument")),
		})
		if err != nil {
			return err
		}
	}
	for _, p := range c.Before.Objects("Policies") {
		if name := p.Text("PolicyName"); !slices.Contains(kept, name) {
			if _, err := c.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &c.Physical, PolicyName: &name}); unlessGone(err) != nil {
				return err
			}
		}
	}
	return nil
}

func (iamRole) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	_, err := c.IAM.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
		RoleName: &c.Physical, PolicyDocument: aws.String(c.Properties.JSON("AssumeRolePolicyDocument"))})
	if err != nil {
		return made, err
	}
	in := &iam.UpdateRoleInput{RoleName: &c.Physical}
	if err := c.Properties.Only("Description", "MaxSessionDuration").Decode(in); err != nil {
		return made, err
	}
	if _, err := c.IAM.UpdateRole(ctx, in); err != nil {
		return made, err
	}
	if err := boundary(ctx, c); err != nil {
		return made, err
	}
	tags := c.userTags()
	if keys := lost(c.tagsBefore(), tags); len(keys) > 0 {
		if _, err := c.IAM.UntagRole(ctx, &iam.UntagRoleInput{RoleName: &c.Physical, TagKeys: keys}); err != nil {
			return made, err
		}
	}
	if _, err := c.IAM.TagRole(ctx, &iam.TagRoleInput{RoleName: &c.Physical, Tags: iamTags(tags.With(c.SystemTags()))}); err != nil {
		return made, err
	}
	return made, c.attach(ctx, c.Before.Texts("ManagedPolicyArns"))
}

func boundary(ctx context.Context, c *Call) error {
	after, before := c.Properties.Text("PermissionsBoundary"), c.Before.Text("PermissionsBoundary")
	if after == before {
		return nil
	}
	if after == "" {
		_, err := c.IAM.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: &c.Physical})
		return err
	}
	_, err := c.IAM.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &c.Physical, PermissionsBoundary: &after})
	return err
}

// Delete takes the policies of the template off first; a policy that somebody
// else attached keeps the role.
func (iamRole) Delete(ctx context.Context, c *Call) error {
	for _, arn := range c.Properties.Texts("ManagedPolicyArns") {
		if _, err := c.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &c.Physical, PolicyArn: &arn}); unlessGone(err) != nil {
			return err
		}
	}
	for _, p := range c.Properties.Objects("Policies") {
		if _, err := c.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &c.Physical, PolicyName: aws.String(p.Text("PolicyName"))}); unlessGone(err) != nil {
			return err
		}
	}
	_, err := c.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &c.Physical})
	return unlessGone(err)
}

// iamProfile is AWS::IAM::InstanceProfile.
type iamProfile struct{ base }

func (iamProfile) Create(ctx context.Context, c *Call) (Made, error) {
	in := &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String(c.named("InstanceProfileName", longestPolicy))}
	if path := c.Properties.Text("Path"); path != "" {
		in.Path = &path
	}
	out, err := c.IAM.CreateInstanceProfile(ctx, in)
	if err != nil {
		return Made{}, err
	}
	c.Physical = *in.InstanceProfileName
	return Made{c.Physical, map[string]any{"Arn": *out.InstanceProfile.Arn}}, c.holdRoles(ctx, nil)
}

func (c *Call) holdRoles(ctx context.Context, before []string) error {
	added, removed := difference(before, c.Properties.Texts("Roles"))
	for _, role := range removed {
		_, err := c.IAM.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &c.Physical, RoleName: &role})
		if unlessGone(err) != nil {
			return err
		}
	}
	for _, role := range added {
		_, err := c.IAM.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &c.Physical, RoleName: &role})
		if err != nil {
			return err
		}
	}
	return nil
}

func (iamProfile) Update(ctx context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, c.holdRoles(ctx, c.Before.Texts("Roles"))
}

func (iamProfile) Delete(ctx context.Context, c *Call) error {
	for _, role := range c.Properties.Texts("Roles") {
		_, err := c.IAM.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &c.Physical, RoleName: &role})
		if unlessGone(err) != nil {
			return err
		}
	}
	_, err := c.IAM.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: &c.Physical})
	return unlessGone(err)
}

// iamOIDC is AWS::IAM::OIDCProvider.
type iamOIDC struct{ base }

func (iamOIDC) Create(ctx context.Context, c *Call) (Made, error) {
	out, err := c.IAM.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(c.Properties.Text("Url")), ClientIDList: c.Properties.Texts("ClientIdList"),
		ThumbprintList: c.Properties.Texts("ThumbprintList"), Tags: iamTags(c.userTags()),
	})
	if err != nil {
		return Made{}, err
	}
	return Made{*out.OpenIDConnectProviderArn, map[string]any{"Arn": *out.OpenIDConnectProviderArn}}, nil
}

func (iamOIDC) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	added, removed := difference(c.Before.Texts("ClientIdList"), c.Properties.Texts("ClientIdList"))
	for _, id := range added {
		if _, err := c.IAM.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &c.Physical, ClientID: &id}); err != nil {
			return made, err
		}
	}
	for _, id := range removed {
		if _, err := c.IAM.RemoveClientIDFromOpenIDConnectProvider(ctx, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: &c.Physical, ClientID: &id}); err != nil {
			return made, err
		}
	}
	if list := c.Properties.Texts("ThumbprintList"); !slices.Equal(list, c.Before.Texts("ThumbprintList")) {
		if _, err := c.IAM.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: &c.Physical, ThumbprintList: list}); err != nil {
			return made, err
		}
	}
	if keys := lost(c.tagsBefore(), c.userTags()); len(keys) > 0 {
		if _, err := c.IAM.UntagOpenIDConnectProvider(ctx, &iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &c.Physical, TagKeys: keys}); err != nil {
			return made, err
		}
	}
	_, err := c.IAM.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &c.Physical, Tags: iamTags(c.userTags())})
	return made, err
}

func (iamOIDC) Delete(ctx context.Context, c *Call) error {
	_, err := c.IAM.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &c.Physical})
	return unlessGone(err)
}

// roleOf is the name of a role that may be given by its ARN.
func roleOf(role string) string { return role[strings.LastIndex(role, "/")+1:] }
