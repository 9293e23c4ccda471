package region

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	domain "github.com/drover-project/drover/internal/eks"
)

// Clusters lists the names of the region's clusters.
func (r *Region) Clusters(ctx context.Context) ([]string, error) {
	var all []string
	pages := eks.NewListClustersPaginator(r.eks, &eks.ListClustersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, meaning(err)
		}
		all = append(all, page.Clusters...)
	}
	slices.Sort(all)
	return all, nil
}

// DescribeCluster is EKS's own description of a cluster, as its API has it.
func (r *Region) DescribeCluster(ctx context.Context, name string) (any, error) {
	output, err := r.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if err != nil {
		return nil, meaning(err)
	}
	return output.Cluster, nil
}

// Cluster describes a cluster with its subnets.
func (r *Region) Cluster(ctx context.Context, name string) (*domain.Cluster, error) {
	output, err := r.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if err = meaning(err); errors.Is(err, domain.ErrNotFound) {
		return nil, r.noCluster(ctx, name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("describing EKS cluster %q in %s: %w", name, r.name, err)
	}
	if output.Cluster == nil {
		return nil, fmt.Errorf("EKS answered without a cluster for %q", name)
	}
	cluster := toCluster(output.Cluster)
	if config := output.Cluster.ResourcesVpcConfig; config != nil {
		if err := r.network(ctx, cluster, config.SubnetIds); err != nil {
			return nil, err
		}
	}
	return cluster, nil
}

// noCluster says which clusters there are instead.
func (r *Region) noCluster(ctx context.Context, name string, cause error) error {
	names, err := r.Clusters(ctx)
	have := "there is none"
	if err == nil && len(names) > 0 {
		have = "there are " + strings.Join(names, ", ")
	}
	return fmt.Errorf("EKS in %s has no cluster %q; %s: %w", r.name, name, have, cause)
}

func toCluster(c *types.Cluster) *domain.Cluster {
	cluster := &domain.Cluster{
		Name: sdk.ToString(c.Name), ARN: sdk.ToString(c.Arn), Status: string(c.Status), Version: sdk.ToString(c.Version),
		PlatformVersion: sdk.ToString(c.PlatformVersion), Endpoint: sdk.ToString(c.Endpoint), Role: sdk.ToString(c.RoleArn),
		Tags: c.Tags, Created: sdk.ToTime(c.CreatedAt),
	}
	if c.CertificateAuthority != nil {
		cluster.CA = sdk.ToString(c.CertificateAuthority.Data)
	}
	if n := c.KubernetesNetworkConfig; n != nil {
		cluster.ServiceCIDR = sdk.ToString(n.ServiceIpv4Cidr)
		if cluster.IPv6 = n.IpFamily == types.IpFamilyIpv6; cluster.IPv6 {
			cluster.ServiceCIDR = sdk.ToString(n.ServiceIpv6Cidr)
		}
	}
	if c.AccessConfig != nil {
		cluster.AuthMode = string(c.AccessConfig.AuthenticationMode)
	}
	if c.Identity != nil && c.Identity.Oidc != nil {
		cluster.Issuer = sdk.ToString(c.Identity.Oidc.Issuer)
	}
	if v := c.ResourcesVpcConfig; v != nil {
		cluster.VPC, cluster.SecurityGroup = sdk.ToString(v.VpcId), sdk.ToString(v.ClusterSecurityGroupId)
		cluster.ControlPlaneSecurityGroups = v.SecurityGroupIds
	}
	return cluster
}

// network fills in the VPC's range and the subnets, with whether each is public.
func (r *Region) network(ctx context.Context, cluster *domain.Cluster, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	subnets, err := r.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: ids})
	if err != nil {
		return fmt.Errorf("describing the subnets of cluster %q: %w", cluster.Name, err)
	}
	public, err := r.routes(ctx, cluster.VPC)
	if err != nil {
		return fmt.Errorf("describing the route tables of cluster %q: %w", cluster.Name, err)
	}
	for i := range subnets.Subnets {
		s := &subnets.Subnets[i]
		if cluster.VPC == "" {
			cluster.VPC = sdk.ToString(s.VpcId)
		}
		subnet := domain.Subnet{ID: sdk.ToString(s.SubnetId), Zone: sdk.ToString(s.AvailabilityZone), MapsPublicIP: sdk.ToBool(s.MapPublicIpOnLaunch)}
		subnet.Public = public(subnet.ID, subnet.MapsPublicIP)
		cluster.Subnets = append(cluster.Subnets, subnet)
	}
	slices.SortFunc(cluster.Subnets, func(a, b domain.Subnet) int { return strings.Compare(a.ID, b.ID) })
	vpcs, err := r.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{cluster.VPC}})
	if err != nil {
		return fmt.Errorf("describing the VPC of cluster %q: %w", cluster.Name, err)
	}
	if len(vpcs.Vpcs) > 0 {
		cluster.VPCCIDR = sdk.ToString(vpcs.Vpcs[0].CidrBlock)
	}
	return nil
}

// routes tells subnets with a way to an internet gateway. Where route tables may
// not be read, a subnet that gives public addresses counts as one.
func (r *Region) routes(ctx context.Context, vpc string) (func(subnet string, maps bool) bool, error) {
	byAddress := func(_ string, maps bool) bool { return maps }
	if vpc == "" {
		return byAddress, nil
	}
	var tables []ec2types.RouteTable
	pages := ec2.NewDescribeRouteTablesPaginator(r.ec2, &ec2.DescribeRouteTablesInput{
		Filters: []ec2types.Filter{{Name: sdk.String("vpc-id"), Values: []string{vpc}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var api smithy.APIError
		if errors.As(err, &api) && (strings.HasPrefix(api.ErrorCode(), "Unauthorized") || api.ErrorCode() == "UnsupportedOperation" || api.ErrorCode() == "InvalidAction") {
			return byAddress, nil
		}
		if err != nil {
			return nil, err
		}
		tables = append(tables, page.RouteTables...)
	}
	main, own := false, map[string]bool{}
	for i := range tables {
		toInternet := slices.ContainsFunc(tables[i].Routes, func(route ec2types.Route) bool {
			return strings.HasPrefix(sdk.ToString(route.GatewayId), "igw-")
		})
		for _, association := range tables[i].Associations {
			if sdk.ToBool(association.Main) {
				main = toInternet
			}
			if association.SubnetId != nil {
				own[*association.SubnetId] = toInternet
			}
		}
	}
	if len(tables) == 0 {
		return byAddress, nil
	}
	return func(subnet string, _ bool) bool {
		if public, named := own[subnet]; named {
			return public
		}
		return main
	}, nil
}
