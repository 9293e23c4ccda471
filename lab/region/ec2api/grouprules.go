package ec2api

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// authorization is what the two Authorize calls have in common.
type authorization struct {
	group       *string
	egress      bool
	permissions []types.IpPermission
	specs       []types.TagSpecification
	dry         *bool
}

// AuthorizeSecurityGroupIngress adds rules that let traffic in.
func (e *EC2) AuthorizeSecurityGroupIngress(_ context.Context, in *ec2.AuthorizeSecurityGroupIngressInput) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	if err := awswire.Supported(in, "GroupId", "GroupName", "IpPermissions", "IpProtocol", "CidrIp", "FromPort", "ToPort", "TagSpecifications", "DryRun"); err != nil {
		return nil, err
	}
	if in.GroupId == nil && in.GroupName != nil {
		return nil, awserr.New("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC", *in.GroupName)
	}
	short := shorthand{in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort}
	added, err := e.authorize(authorization{
		group: in.GroupId, permissions: append(short.permission(), in.IpPermissions...), specs: in.TagSpecifications, dry: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	return &ec2.AuthorizeSecurityGroupIngressOutput{Return: aws.Bool(true), SecurityGroupRules: added}, nil
}

// AuthorizeSecurityGroupEgress adds rules that let traffic out.
func (e *EC2) AuthorizeSecurityGroupEgress(_ context.Context, in *ec2.AuthorizeSecurityGroupEgressInput) (*ec2.AuthorizeSecurityGroupEgressOutput, error) {
	if err := awswire.Supported(in, "GroupId", "IpPermissions", "TagSpecifications", "DryRun"); err != nil {
		return nil, err
	}
	added, err := e.authorize(authorization{group: in.GroupId, egress: true, permissions: in.IpPermissions, specs: in.TagSpecifications, dry: in.DryRun})
	if err != nil {
		return nil, err
	}
	return &ec2.AuthorizeSecurityGroupEgressOutput{Return: aws.Bool(true), SecurityGroupRules: added}, nil
}

func (e *EC2) authorize(a authorization) ([]types.SecurityGroupRule, error) {
	if a.group == nil {
		return nil, missing("groupId")
	}
	rules, err := e.readRules(a.egress, a.permissions)
	if err != nil {
		return nil, err
	}
	specs := tagSpecs(a.specs)
	if err := checkTagSpecs(specs, types.ResourceTypeSecurityGroupRule); err != nil {
		return nil, err
	}
	tags, err := tagsFor(types.ResourceTypeSecurityGroupRule, specs)
	if err != nil {
		return nil, err
	}
	var described []types.SecurityGroupRule
	err = e.modify(a.dry, func(tx *store.Tx) error {
		added, err := e.world.Network.Authorize(tx, *a.group, rules)
		if err != nil {
			return err
		}
		for _, r := range added {
			if err := e.world.SetTags(tx, r.ID, tags); err != nil {
				return err
			}
			described = append(described, e.groupRule(groupRule{*a.group, r}))
		}
		return nil
	})
	return described, err
}

// RevokeSecurityGroupIngress removes rules that let traffic in.
func (e *EC2) RevokeSecurityGroupIngress(_ context.Context, in *ec2.RevokeSecurityGroupIngressInput) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	if err := awswire.Supported(in, "GroupId", "IpPermissions", "SecurityGroupRuleIds", "IpProtocol", "CidrIp", "FromPort", "ToPort", "DryRun"); err != nil {
		return nil, err
	}
	short := shorthand{in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort}
	gone, err := e.revoke(authorization{group: in.GroupId, permissions: append(short.permission(), in.IpPermissions...), dry: in.DryRun}, in.SecurityGroupRuleIds)
	if err != nil {
		return nil, err
	}
	return &ec2.RevokeSecurityGroupIngressOutput{Return: aws.Bool(true), RevokedSecurityGroupRules: gone}, nil
}

// RevokeSecurityGroupEgress removes rules that let traffic out.
func (e *EC2) RevokeSecurityGroupEgress(_ context.Context, in *ec2.RevokeSecurityGroupEgressInput) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	if err := awswire.Supported(in, "GroupId", "IpPermissions", "SecurityGroupRuleIds", "DryRun"); err != nil {
		return nil, err
	}
	gone, err := e.revoke(authorization{group: in.GroupId, egress: true, permissions: in.IpPermissions, dry: in.DryRun}, in.SecurityGroupRuleIds)
	if err != nil {
		return nil, err
	}
	return &ec2.RevokeSecurityGroupEgressOutput{Return: aws.Bool(true), RevokedSecurityGroupRules: gone}, nil
}

func (e *EC2) revoke(a authorization, ids []string) ([]types.RevokedSecurityGroupRule, error) {
	if a.group == nil {
		return nil, missing("groupId")
	}
	var which []network.Rule
	for _, id := range ids {
		which = append(which, network.Rule{ID: id})
	}
	if len(a.permissions) > 0 || len(ids) == 0 {
		rules, err := e.readRules(a.egress, a.permissions)
		if err != nil {
			return nil, err
		}
		which = append(which, rules...)
	}
	var described []types.RevokedSecurityGroupRule
	err := e.modify(a.dry, func(tx *store.Tx) error {
		gone, err := e.world.Network.Revoke(tx, *a.group, a.egress, which)
		if err != nil {
			return err
		}
		for _, r := range gone {
			described = append(described, types.RevokedSecurityGroupRule{
				SecurityGroupRuleId: aws.String(r.ID), GroupId: a.group, IsEgress: aws.Bool(r.Egress), IpProtocol: aws.String(r.Protocol),
				FromPort: shownPort(r.From), ToPort: shownPort(r.To), CidrIpv4: optional(r.CIDR), CidrIpv6: optional(r.CIDRv6),
				PrefixListId: optional(r.PrefixList), ReferencedGroupId: optional(r.GroupID), Description: optional(r.Description),
			})
			if err := e.forget(tx, r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return described, err
}

// groupRule is a rule with its group.
type groupRule struct {
	group string
	network.Rule
}

// DescribeSecurityGroupRules describes rules one by one.
func (e *EC2) DescribeSecurityGroupRules(_ context.Context, in *ec2.DescribeSecurityGroupRulesInput) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "SecurityGroupRuleIds", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	f := fields[groupRule]{}
	f.one("group-id", func(r groupRule) string { return r.group })
	f.one("security-group-rule-id", func(r groupRule) string { return r.ID })
	part, next, err := list(e, listing[groupRule]{
		rows: e.allRules, ids: in.SecurityGroupRuleIds, idOf: func(r groupRule) string { return r.ID },
		code: "InvalidSecurityGroupRuleId.NotFound", text: "The security group rule ID '%s' does not exist",
		set: f.set(e, func(r groupRule) string { return r.ID }), filters: in.Filters, token: in.NextToken, limit: in.MaxResults,
	}, e.groupRule)
	return &ec2.DescribeSecurityGroupRulesOutput{SecurityGroupRules: part, NextToken: next}, err
}

func (e *EC2) allRules() []groupRule {
	var rules []groupRule
	for _, g := range e.world.Network.SecurityGroups.All() {
		rules = append(rules, rulesOf(g)...)
	}
	return rules
}

func rulesOf(g world.SecurityGroup) []groupRule {
	var rules []groupRule
	for _, r := range g.Rules {
		rules = append(rules, groupRule{g.ID, r})
	}
	return rules
}

func (e *EC2) groupRule(r groupRule) types.SecurityGroupRule {
	out := types.SecurityGroupRule{
		SecurityGroupRuleId: aws.String(r.ID), GroupId: aws.String(r.group), GroupOwnerId: aws.String(e.world.Options.Account),
		IsEgress: aws.Bool(r.Egress), IpProtocol: aws.String(r.Protocol), FromPort: shownPort(r.From), ToPort: shownPort(r.To),
		CidrIpv4: optional(r.CIDR), CidrIpv6: optional(r.CIDRv6), PrefixListId: optional(r.PrefixList), Description: optional(r.Description),
		SecurityGroupRuleArn: aws.String(fmt.Sprintf("arn:aws:ec2:%s:%s:security-group-rule/%s", e.world.Options.Region, e.world.Options.Account, r.ID)),
		Tags:                 e.tagsOf(r.ID),
	}
	if r.GroupID != "" {
		out.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: aws.String(r.GroupID), UserId: aws.String(e.world.Options.Account)}
	}
	return out
}

// shownPort is a port where rules are listed one by one: -1 stands for all.
func shownPort(port *int32) *int32 {
	if port == nil {
		return aws.Int32(-1)
	}
	return port
}
