// Package eksapi is the region's Elastic Kubernetes Service: the one cluster
// whose control plane the lab runs.
package eksapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// EKS implements the operations of the service, one method for each.
type EKS struct {
	world *world.World
}

// New makes the service of a region.
func New(w *world.World) *EKS { return &EKS{world: w} }

const platformVersion = "eks.3"

// DescribeCluster describes the cluster; another name is ResourceNotFoundException.
func (e *EKS) DescribeCluster(_ context.Context, in *eks.DescribeClusterInput) (*eks.DescribeClusterOutput, error) {
	c := e.world.Options.Cluster
	if aws.ToString(in.Name) != c.Name {
		return nil, awserr.WithStatus(404, "ResourceNotFoundException", "No cluster found for name: %s.", aws.ToString(in.Name))
	}
	return &eks.DescribeClusterOutput{Cluster: &types.Cluster{
		Name:                 &c.Name,
		Arn:                  aws.String(fmt.Sprintf("arn:aws:eks:%s:%s:cluster/%s", e.world.Options.Region, e.world.Options.Account, c.Name)),
		CreatedAt:            aws.Time(e.world.Created()),
		Version:              &c.Version,
		PlatformVersion:      aws.String(platformVersion),
		Status:               types.ClusterStatusActive,
		Endpoint:             &c.Endpoint,
		CertificateAuthority: &types.Certificate{Data: aws.String(base64.StdEncoding.EncodeToString(c.CAData))},
		RoleArn:              aws.String(fmt.Sprintf("arn:aws:iam::%s:role/%s", e.world.Options.Account, e.world.ClusterRoleName())),
		Identity:             &types.Identity{Oidc: &types.OIDC{Issuer: aws.String(e.world.OIDCIssuer())}},
		KubernetesNetworkConfig: &types.KubernetesNetworkConfigResponse{
			IpFamily: types.IpFamilyIpv4, ServiceIpv4Cidr: &c.ServiceCIDR,
		},
		ResourcesVpcConfig: e.vpcConfig(),
		AccessConfig:       &types.AccessConfigResponse{AuthenticationMode: types.AuthenticationModeApiAndConfigMap},
		UpgradePolicy:      &types.UpgradePolicyResponse{SupportType: types.SupportTypeExtended},
		Health:             &types.ClusterHealth{Issues: []types.ClusterIssue{}},
		Tags: map[string]string{
			"alpha.eksctl.io/cluster-name":                c.Name,
			"eksctl.cluster.k8s.io/v1alpha1/cluster-name": c.Name,
		},
	}}, nil
}

func (e *EKS) vpcConfig() *types.VpcConfigResponse {
	n := e.world.Network
	config := &types.VpcConfigResponse{
		VpcId:                  aws.String(n.Cluster.VPCID),
		ClusterSecurityGroupId: aws.String(n.ClusterSecurityGroup().ID),
		SecurityGroupIds:       []string{n.ControlPlaneSecurityGroup().ID},
		EndpointPublicAccess:   true,
		PublicAccessCidrs:      []string{"0.0.0.0/0"},
	}
	config.SubnetIds = slices.Clone(n.Cluster.Subnets)
	return config
}

// ListClusters names the cluster.
func (e *EKS) ListClusters(_ context.Context, in *eks.ListClustersInput) (*eks.ListClustersOutput, error) {
	if err := supported(in, "MaxResults", "NextToken", "Include"); err != nil {
		return nil, err
	}
	part, next, err := page([]string{e.world.Options.Cluster.Name}, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.ListClustersOutput{Clusters: part, NextToken: next}, nil
}

// page is awswire.Page with EKS's codes.
func page[T any](items []T, token *string, limit *int32) (part []T, next *string, err error) {
	part, next, err = awswire.Page(items, token, limit)
	return part, next, awserr.Translate(err, map[string]string{"InvalidNextToken": "InvalidParameterException", "InvalidParameterValue": "InvalidParameterException"})
}

// supported is awswire.Supported with EKS's code.
func supported(in any, honoured ...string) error {
	return awserr.Translate(awswire.Supported(in, honoured...), map[string]string{"UnsupportedOperation": "InvalidParameterException"})
}
