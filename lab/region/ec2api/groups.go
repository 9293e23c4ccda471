package ec2api

import (
	"context"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// CreateSecurityGroup makes a security group that lets everything out and
// nothing in.
func (e *EC2) CreateSecurityGroup(_ context.Context, in *ec2.CreateSecurityGroupInput) (*ec2.CreateSecurityGroupOutput, error) {
	if in.VpcId == nil {
		return nil, awserr.New("VPCIdNotSpecified", "No default VPC for this user. Specify a VPC.")
	}
	name, description := aws.ToString(in.GroupName), aws.ToString(in.Description)
	if err := checkGroupName(name, description); err != nil {
		return nil, err
	}
	out := &ec2.CreateSecurityGroupOutput{}
	_, err := e.create("CreateSecurityGroup", creation{dry: in.DryRun, resource: types.ResourceTypeSecurityGroup, specs: in.TagSpecifications}, func(tx *store.Tx) (string, error) {
		g, err := e.world.Network.CreateGroup(tx, *in.VpcId, name, description)
		return g.ID, err
	}, func(id string) {
		out.GroupId, out.SecurityGroupArn, out.Tags = aws.String(id), aws.String(e.groupARN(id)), e.tagsOf(id)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

var (
	groupText     = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)
	groupIDInName = regexp.MustCompile(`^sg-`)
)

func checkGroupName(name, description string) error {
	switch {
	case name == "":
		return missing("groupName")
	case description == "":
		return missing("groupDescription")
	case groupIDInName.MatchString(name):
		return invalid("Value (%s) for parameter GroupName is invalid. Group names may not be in the format sg-*.", name)
	case !groupText.MatchString(name):
		return invalid("Value (%s) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.", name)
	case !groupText.MatchString(description):
		return invalid("Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", description)
	}
	return nil
}

// DeleteSecurityGroup deletes a security group that nothing has or refers to.
func (e *EC2) DeleteSecurityGroup(_ context.Context, in *ec2.DeleteSecurityGroupInput) (*ec2.DeleteSecurityGroupOutput, error) {
	if in.GroupId == nil && in.GroupName != nil {
		return nil, awserr.New("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC", *in.GroupName)
	}
	if in.GroupId == nil {
		return nil, missing("groupName or groupId")
	}
	err := e.modify(in.DryRun, func(tx *store.Tx) error {
		rules, err := e.world.Network.DeleteGroup(tx, *in.GroupId)
		if err != nil {
			return err
		}
		return e.forget(tx, append(rules, *in.GroupId)...)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteSecurityGroupOutput{Return: aws.Bool(true), GroupId: in.GroupId}, nil
}

// DescribeSecurityGroups describes security groups with their rules.
func (e *EC2) DescribeSecurityGroups(_ context.Context, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "GroupIds", "GroupNames", "Filters", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	for _, name := range in.GroupNames {
		return nil, awserr.New("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC", name)
	}
	for _, id := range in.GroupIds {
		if err := malformed("InvalidGroupId.Malformed", id, "sg-"); err != nil {
			return nil, err
		}
	}
	part, next, err := list(e, listing[world.SecurityGroup]{
		rows: e.world.Network.SecurityGroups.All, ids: in.GroupIds, idOf: func(g world.SecurityGroup) string { return g.ID },
		code: "InvalidGroup.NotFound", text: "The security group '%s' does not exist",
		set: e.groupFilters(), filters: in.Filters, token: in.NextToken, limit: in.MaxResults,
	}, e.securityGroup)
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: part, NextToken: next}, err
}

func (e *EC2) groupFilters() ec2filter.Set[world.SecurityGroup] {
	f := fields[world.SecurityGroup]{}
	f.one("group-id", func(g world.SecurityGroup) string { return g.ID })
	f.one("group-name", func(g world.SecurityGroup) string { return g.Name })
	f.one("description", func(g world.SecurityGroup) string { return g.Description })
	f.one("vpc-id", func(g world.SecurityGroup) string { return g.VPCID })
	f.always("owner-id", e.world.Options.Account)
	for prefix, egress := range map[string]bool{"ip-permission.": false, "egress.ip-permission.": true} {
		add := func(name string, value func(network.Rule) string) {
			f.many(prefix+name, func(g world.SecurityGroup) (values []string) {
				for _, r := range g.Rules {
					if v := value(r); r.Egress == egress && v != "" {
						values = append(values, v)
					}
				}
				return values
			})
		}
		add("cidr", func(r network.Rule) string { return r.CIDR })
		add("ipv6-cidr", func(r network.Rule) string { return r.CIDRv6 })
		add("prefix-list-id", func(r network.Rule) string { return r.PrefixList })
		add("group-id", func(r network.Rule) string { return r.GroupID })
		add("protocol", func(r network.Rule) string { return r.Protocol })
		add("from-port", func(r network.Rule) string { return portText(r.From) })
		add("to-port", func(r network.Rule) string { return portText(r.To) })
	}
	return f.set(e, func(g world.SecurityGroup) string { return g.ID })
}

func portText(port *int32) string {
	if port == nil {
		return ""
	}
	return fmt.Sprint(*port)
}

func (e *EC2) groupARN(id string) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:security-group/%s", e.world.Options.Region, e.world.Options.Account, id)
}

func (e *EC2) securityGroup(g world.SecurityGroup) types.SecurityGroup {
	return types.SecurityGroup{
		GroupId: aws.String(g.ID), GroupName: aws.String(g.Name), Description: aws.String(g.Description),
		VpcId: aws.String(g.VPCID), OwnerId: aws.String(e.world.Options.Account), Tags: e.tagsOf(g.ID), SecurityGroupArn: aws.String(e.groupARN(g.ID)),
		IpPermissions: e.permissions(g, false), IpPermissionsEgress: e.permissions(g, true),
	}
}
