package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// GroupIAM is what the diagnosis needs of AWS IAM.
type GroupIAM interface {
	GetInstanceProfile(context.Context, *iam.GetInstanceProfileInput, ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error)
}

// Diagnose implements cloud.NodeGroups.
func (g *Groups) Diagnose(ctx context.Context, instanceID, cluster string) []string {
	instance := g.instance(ctx, instanceID)
	if instance == nil {
		return nil
	}
	var found []string
	if instance.State != nil && instance.State.Name != ec2types.InstanceStateNameRunning && instance.State.Name != ec2types.InstanceStateNamePending {
		found = append(found, fmt.Sprintf("the instance is %s", instance.State.Name))
	}
	if text := g.unmapped(ctx, instance, cluster); text != "" {
		found = append(found, text)
	}
	if text := g.unreachable(ctx, instance); text != "" {
		found = append(found, text)
	}
	return found
}

func (g *Groups) instance(ctx context.Context, id string) *ec2types.Instance {
	answer, err := g.clients.EC2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		return nil
	}
	for i := range answer.Reservations {
		for j := range answer.Reservations[i].Instances {
			return &answer.Reservations[i].Instances[j]
		}
	}
	return nil
}

// unmapped says that the instance's role has no access entry.
func (g *Groups) unmapped(ctx context.Context, instance *ec2types.Instance, cluster string) string {
	if instance.IamInstanceProfile == nil {
		return "the instance has no instance profile: give its launch template one whose role is mapped in the cluster"
	}
	arn := sdk.ToString(instance.IamInstanceProfile.Arn)
	profile, err := g.clients.IAM.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: sdk.String(arn[strings.LastIndex(arn, "/")+1:])})
	if err != nil || cluster == "" || profile.InstanceProfile == nil {
		return ""
	}
	if len(profile.InstanceProfile.Roles) == 0 {
		return "its instance profile has no role"
	}
	role := sdk.ToString(profile.InstanceProfile.Roles[0].Arn)
	var entries []string
	pages := eks.NewListAccessEntriesPaginator(g.clients.EKS, &eks.ListAccessEntriesInput{ClusterName: &cluster})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return ""
		}
		entries = append(entries, page.AccessEntries...)
	}
	if slices.Contains(entries, role) {
		return ""
	}
	return fmt.Sprintf("its role %s has no access entry in cluster %s: create one of type EC2_LINUX, unless aws-auth maps the role", role, cluster)
}

// unreachable says that the instance is in a public subnet without an address
// of its own there.
func (g *Groups) unreachable(ctx context.Context, instance *ec2types.Instance) string {
	subnet := sdk.ToString(instance.SubnetId)
	if subnet == "" || sdk.ToString(instance.PublicIpAddress) != "" {
		return ""
	}
	answer, err := g.clients.EC2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{
		Filters: []ec2types.Filter{{Name: sdk.String("association.subnet-id"), Values: []string{subnet}}},
	})
	if err != nil {
		return ""
	}
	for _, table := range answer.RouteTables {
		for _, route := range table.Routes {
			if sdk.ToString(route.DestinationCidrBlock) == "0.0.0.0/0" && strings.HasPrefix(sdk.ToString(route.GatewayId), "igw-") {
				return fmt.Sprintf("it has no public IP address in the public subnet %s, hence no way out: let the subnet assign public addresses (MapPublicIpOnLaunch), or use private subnets with a NAT gateway", subnet)
			}
		}
	}
	return ""
}
