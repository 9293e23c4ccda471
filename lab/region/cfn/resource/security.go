package resource

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region/cfn/property"
)

func securityTypes() []Type {
	ports := []string{"IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "GroupId"}
	return []Type{
		{
			Name: "AWS::EC2::SecurityGroup", Tagged: true, Handler: securityGroup{},
			Properties: props([]string{"SecurityGroupIngress", "SecurityGroupEgress", "Tags"}, []string{"GroupDescription", "GroupName", "VpcId"}),
			Required:   []string{"GroupDescription"}, Attributes: []string{"GroupId", "VpcId", "Id"},
			Takes: 5 * time.Second, Deletes: 2 * time.Second,
		},
		{
			Name: "AWS::EC2::SecurityGroupIngress", Handler: securityRule{ingress: true},
			Properties: props(nil, append([]string{"Description", "SourceSecurityGroupId", "SourcePrefixListId"}, ports...)),
			Required:   []string{"IpProtocol", "GroupId"}, Attributes: []string{"Id"}, Takes: time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::EC2::SecurityGroupEgress", Handler: securityRule{},
			Properties: props(nil, append([]string{"Description", "DestinationSecurityGroupId", "DestinationPrefixListId"}, ports...)),
			Required:   []string{"IpProtocol", "GroupId"}, Attributes: []string{"Id"}, Takes: time.Second, Deletes: time.Second,
		},
	}
}

// securityGroup is AWS::EC2::SecurityGroup.
type securityGroup struct{ base }

func (securityGroup) Create(ctx context.Context, c *Call) (Made, error) {
	in := &ec2.CreateSecurityGroupInput{
		GroupName: aws.String(c.named("GroupName", longestResource)), Description: aws.String(c.Properties.Text("GroupDescription")),
		TagSpecifications: c.specification(types.ResourceTypeSecurityGroup),
	}
	vpc := c.Properties.Text("VpcId")
	if vpc != "" {
		in.VpcId = &vpc
	}
	out, err := c.EC2.CreateSecurityGroup(ctx, in)
	if err != nil {
		return Made{}, err
	}
	c.Physical = *out.GroupId
	made := Made{c.Physical, map[string]any{"GroupId": c.Physical, "Id": c.Physical, "VpcId": vpc}}
	if err := c.mark(c.Physical); err != nil {
		return made, err
	}
	return made, changeRules(ctx, c)
}

func (securityGroup) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	if err := changeRules(ctx, c); err != nil {
		return made, err
	}
	return made, c.retag(ctx, c.Physical)
}

func (securityGroup) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &c.Physical})
	return unlessGone(err)
}

// changeRules brings the group's own rules from what they were to what they are
// to be. Egress rules of the template take the place of the one that lets
// everything out.
func changeRules(ctx context.Context, c *Call) error {
	before, after := c.Before.Objects("SecurityGroupIngress"), c.Properties.Objects("SecurityGroupIngress")
	if err := revoke(ctx, c, before, after, true); err != nil {
		return err
	}
	if err := authorize(ctx, c, before, after, true); err != nil {
		return err
	}
	before, after = c.Before.Objects("SecurityGroupEgress"), c.Properties.Objects("SecurityGroupEgress")
	everything := []property.Set{{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}}
	if len(before) == 0 {
		before = everything
	}
	if len(after) == 0 {
		after = everything
	}
	if err := revoke(ctx, c, before, after, false); err != nil {
		return err
	}
	return authorize(ctx, c, before, after, false)
}

func revoke(ctx context.Context, c *Call, before, after []property.Set, ingress bool) error {
	permissions, err := missing(before, after, ingress)
	if err != nil || len(permissions) == 0 {
		return err
	}
	if ingress {
		_, err = c.EC2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &c.Physical, IpPermissions: permissions})
	} else {
		_, err = c.EC2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &c.Physical, IpPermissions: permissions})
	}
	return unlessGone(err)
}

func authorize(ctx context.Context, c *Call, before, after []property.Set, ingress bool) error {
	permissions, err := missing(after, before, ingress)
	if err != nil || len(permissions) == 0 {
		return err
	}
	if ingress {
		_, err = c.EC2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &c.Physical, IpPermissions: permissions})
	} else {
		_, err = c.EC2.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &c.Physical, IpPermissions: permissions})
	}
	return err
}

// missing are the rules of the first list that the second lacks.
func missing(from, in []property.Set, ingress bool) ([]types.IpPermission, error) {
	have := map[string]bool{}
	for _, rule := range in {
		have[property.Set{"rule": map[string]any(rule)}.JSON("rule")] = true
	}
	var permissions []types.IpPermission
	for _, rule := range from {
		if have[property.Set{"rule": map[string]any(rule)}.JSON("rule")] {
			continue
		}
		p, err := permission(rule, ingress)
		if err != nil {
			return nil, err
		}
		permissions = append(permissions, p)
	}
	return permissions, nil
}

// permission is a rule as EC2 takes it.
func permission(rule property.Set, ingress bool) (types.IpPermission, error) {
	p := types.IpPermission{}
	if err := rule.Only("IpProtocol", "FromPort", "ToPort").Decode(&p); err != nil {
		return p, err
	}
	peer := "Source"
	if !ingress {
		peer = "Destination"
	}
	var description *string
	if text := rule.Text("Description"); text != "" {
		description = &text
	}
	known := []string{"IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "Description", "GroupId", peer + "SecurityGroupId", peer + "PrefixListId"}
	for name := range rule.Without(known...) {
		return p, property.Unsupported(name)
	}
	if cidr := rule.Text("CidrIp"); cidr != "" {
		p.IpRanges = []types.IpRange{{CidrIp: &cidr, Description: description}}
	}
	if cidr := rule.Text("CidrIpv6"); cidr != "" {
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &cidr, Description: description}}
	}
	if group := rule.Text(peer + "SecurityGroupId"); group != "" {
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &group, Description: description}}
	}
	if list := rule.Text(peer + "PrefixListId"); list != "" {
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: &list, Description: description}}
	}
	return p, nil
}

// securityRule is AWS::EC2::SecurityGroupIngress and -Egress.
type securityRule struct {
	base
	ingress bool
}

func (r securityRule) Create(ctx context.Context, c *Call) (Made, error) {
	p, err := permission(c.Properties, r.ingress)
	if err != nil {
		return Made{}, err
	}
	group, permissions := aws.String(c.Properties.Text("GroupId")), []types.IpPermission{p}
	var rules []types.SecurityGroupRule
	if r.ingress {
		out, err := c.EC2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: permissions})
		if err != nil {
			return Made{}, err
		}
		rules = out.SecurityGroupRules
	} else {
		out, err := c.EC2.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: group, IpPermissions: permissions})
		if err != nil {
			return Made{}, err
		}
		rules = out.SecurityGroupRules
	}
	if len(rules) != 1 {
		return Made{}, Failed{Reason: "A rule needs one of CidrIp, CidrIpv6, a prefix list and a security group"}
	}
	id := aws.ToString(rules[0].SecurityGroupRuleId)
	return Made{id, map[string]any{"Id": id}}, nil
}

func (r securityRule) Delete(ctx context.Context, c *Call) error {
	group, ids := aws.String(c.Properties.Text("GroupId")), []string{c.Physical}
	var err error
	if r.ingress {
		_, err = c.EC2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: group, SecurityGroupRuleIds: ids})
	} else {
		_, err = c.EC2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: group, SecurityGroupRuleIds: ids})
	}
	return unlessGone(err)
}
