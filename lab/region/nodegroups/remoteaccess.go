package nodegroups

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/world"
)

// Remote access: a group with a key pair has a security group of its own, by
// which SSH reaches its nodes. It is found by its name, so that a region that
// was closed between the steps goes on with it.

const (
	sshPort       = 22
	everywhere    = "0.0.0.0/0"
	remoteAccess  = "eks-remoteAccess-"
	remoteMeaning = "Security group for all nodes in the nodeGroup to allow SSH access"
)

// remoteAccessGroup finds the security group for SSH to the nodes of a group.
// Use it within View or Update.
func (s *Service) remoteAccessGroup(g world.NodeGroup) (world.SecurityGroup, bool) {
	all := s.world.Network.SecurityGroups.All()
	at := slices.IndexFunc(all, func(own world.SecurityGroup) bool { return own.Name == remoteAccess+g.UUID })
	if at < 0 {
		return world.SecurityGroup{}, false
	}
	return all[at], true
}

// openRemoteAccess makes the security group by which SSH reaches a group's
// nodes: from the security groups that it names, from everywhere without any.
func (s *Service) openRemoteAccess(ctx context.Context, g world.NodeGroup) error {
	access := g.Description.RemoteAccess
	if access == nil || aws.ToString(access.Ec2SshKey) == "" {
		return nil
	}
	var own world.SecurityGroup
	var made bool
	var vpc string
	s.world.Store.View(func() {
		own, made = s.remoteAccessGroup(g)
		vpc = s.world.Network.ClusterSecurityGroup().VPCID
	})
	if !made {
		out, err := s.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String(remoteAccess + g.UUID), Description: aws.String(remoteMeaning), VpcId: aws.String(vpc),
			TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{
				{Key: aws.String("eks"), Value: aws.String(g.Name())}, {Key: aws.String(tagGroup), Value: aws.String(g.Name())},
			}}},
		})
		if err != nil {
			return err
		}
		own.ID = *out.GroupId
	}
	if slices.ContainsFunc(own.Rules, func(r network.Rule) bool { return !r.Egress }) {
		return nil
	}
	_, err := s.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: aws.String(own.ID), IpPermissions: []ec2types.IpPermission{sshFrom(access.SourceSecurityGroups)},
	})
	return err
}

// sshFrom lets SSH in from security groups, or from everywhere without any.
func sshFrom(sources []string) ec2types.IpPermission {
	p := ec2types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(sshPort), ToPort: aws.Int32(sshPort)}
	for _, id := range sources {
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, ec2types.UserIdGroupPair{GroupId: aws.String(id)})
	}
	if len(sources) == 0 {
		p.IpRanges = []ec2types.IpRange{{CidrIp: aws.String(everywhere)}}
	}
	return p
}

// closeRemoteAccess deletes that security group; something else that uses it is
// an issue.
func (s *Service) closeRemoteAccess(ctx context.Context, g world.NodeGroup) *types.Issue {
	var own world.SecurityGroup
	var made bool
	s.world.Store.View(func() { own, made = s.remoteAccessGroup(g) })
	if !made {
		return nil
	}
	_, err := s.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: aws.String(own.ID)})
	var known *awserr.Error
	if err == nil || errors.As(err, &known) && strings.HasSuffix(known.Code, ".NotFound") {
		return nil
	}
	return &types.Issue{Code: types.NodegroupIssueCodeEc2SecurityGroupDeletionFailure, Message: aws.String(err.Error()), ResourceIds: []string{own.ID}}
}
