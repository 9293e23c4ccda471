package eksapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

const platformVersion = "eks.3"

// DescribeCluster describes the cluster; another name is ResourceNotFoundException.
func (e *EKS) DescribeCluster(_ context.Context, in *eks.DescribeClusterInput) (*eks.DescribeClusterOutput, error) {
	if err := e.checkCluster(in.Name); err != nil {
		return nil, err
	}
	var described types.Cluster
	e.world.Store.View(func() { described = e.cluster() })
	return &eks.DescribeClusterOutput{Cluster: &described}, nil
}

func (e *EKS) cluster() types.Cluster {
	c, stored := e.world.Options.Cluster, e.world.Cluster()
	return types.Cluster{
		Name:                 &c.Name,
		Arn:                  aws.String(e.clusterARN()),
		CreatedAt:            aws.Time(e.world.Created()),
		Version:              &c.Version,
		PlatformVersion:      aws.String(platformVersion),
		Status:               types.ClusterStatusActive,
		Endpoint:             &c.Endpoint,
		CertificateAuthority: &types.Certificate{Data: aws.String(base64.StdEncoding.EncodeToString(c.CAData))},
		RoleArn:              aws.String(fmt.Sprintf("arn:aws:iam::%s:role/%s", e.world.Options.Account, e.world.ClusterRoleName())),
		Identity:             &types.Identity{Oidc: &types.OIDC{Issuer: aws.String(e.world.OIDCIssuer())}},
		KubernetesNetworkConfig: &types.KubernetesNetworkConfigResponse{
			IpFamily: types.IpFamilyIpv4, ServiceIpv4Cidr: &c.ServiceCIDR, ElasticLoadBalancing: &types.ElasticLoadBalancing{Enabled: aws.Bool(false)},
		},
		ResourcesVpcConfig: e.vpcConfig(),
		AccessConfig:       &types.AccessConfigResponse{AuthenticationMode: stored.Authentication},
		UpgradePolicy:      &types.UpgradePolicyResponse{SupportType: types.SupportTypeExtended},
		Health:             &types.ClusterHealth{Issues: []types.ClusterIssue{}},
		Logging:            &types.Logging{ClusterLogging: []types.LogSetup{{Types: types.LogType("").Values(), Enabled: aws.Bool(false)}}},
		DeletionProtection: aws.Bool(false),
		Tags:               stored.Tags,
	}
}

func (e *EKS) clusterARN() string { return e.arn("cluster/" + e.world.Options.Cluster.Name) }

func (e *EKS) vpcConfig() *types.VpcConfigResponse {
	n := e.world.Network
	config := &types.VpcConfigResponse{
		VpcId:                  aws.String(n.Cluster.VPCID),
		ClusterSecurityGroupId: aws.String(n.ClusterSecurityGroup().ID),
		SecurityGroupIds:       []string{n.ControlPlaneSecurityGroup().ID},
		EndpointPublicAccess:   true,
		PublicAccessCidrs:      []string{"0.0.0.0/0"},
		SubnetIds:              slices.Clone(n.Cluster.Subnets),
	}
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

// CreateCluster is refused: the lab runs one cluster.
func (e *EKS) CreateCluster(_ context.Context, in *eks.CreateClusterInput) (*eks.CreateClusterOutput, error) {
	name := e.world.Options.Cluster.Name
	if aws.ToString(in.Name) == name {
		return nil, inUse("Cluster already exists with name: %s", name)
	}
	return nil, awserr.New("ResourceLimitExceededException", "The lab runs one cluster, %s, and cannot create %s beside it.", name, aws.ToString(in.Name))
}

// DeleteCluster is refused: the cluster ends with the lab.
func (e *EKS) DeleteCluster(_ context.Context, in *eks.DeleteClusterInput) (*eks.DeleteClusterOutput, error) {
	if err := e.checkCluster(in.Name); err != nil {
		return nil, err
	}
	groups := 0
	e.world.Store.View(func() { groups = e.world.NodeGroups.Len() })
	if groups > 0 {
		return nil, inUse("Cluster has nodegroups attached")
	}
	return nil, badRequest("The lab runs one cluster, which ends with it: use drover-lab down, and drover-lab reset to begin anew.")
}

// UpdateClusterVersion is refused: the control plane of the lab has one version.
func (e *EKS) UpdateClusterVersion(_ context.Context, in *eks.UpdateClusterVersionInput) (*eks.UpdateClusterVersionOutput, error) {
	if err := e.checkCluster(in.Name); err != nil {
		return nil, err
	}
	now := e.world.Options.Cluster.Version
	return nil, invalid("Unsupported Kubernetes minor version update from %s to %s: the control plane of the lab is %s.", now, aws.ToString(in.Version), now)
}

// UpdateClusterConfig changes which of access entries and the aws-auth
// ConfigMap decide who may authenticate; all else is refused.
func (e *EKS) UpdateClusterConfig(_ context.Context, in *eks.UpdateClusterConfigInput) (*eks.UpdateClusterConfigOutput, error) {
	if err := e.checkCluster(in.Name); err != nil {
		return nil, err
	}
	if err := supported(in, "Name", "AccessConfig", "ClientRequestToken"); err != nil {
		return nil, err
	}
	if in.AccessConfig == nil || in.AccessConfig.AuthenticationMode == "" {
		return nil, invalid("The request changes nothing: give accessConfig.authenticationMode")
	}
	mode, t := in.AccessConfig.AuthenticationMode, token("UpdateClusterConfig", in.ClientRequestToken, in)
	out := &eks.UpdateClusterConfigOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(t, out); found || err != nil {
			return err
		}
		c := e.world.Cluster()
		if err := checkMode(c.Authentication, mode); err != nil {
			return err
		}
		c.Authentication = mode
		if err := e.world.PutCluster(tx, c); err != nil {
			return err
		}
		u, err := e.newUpdate(tx, types.UpdateTypeAccessConfigUpdate, params{{types.UpdateParamTypeAuthenticationMode, string(mode)}})
		if err != nil {
			return err
		}
		out.Update = &u.Description
		if err := e.world.EKSUpdates.Put(tx, *u.Description.Id, u); err != nil {
			return err
		}
		return e.world.Remember(tx, t, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkMode lets an authentication mode change only towards access entries.
func checkMode(from, to types.AuthenticationMode) error {
	order := []types.AuthenticationMode{types.AuthenticationModeConfigMap, types.AuthenticationModeApiAndConfigMap, types.AuthenticationModeApi}
	before, after := slices.Index(order, from), slices.Index(order, to)
	switch {
	case after < 0:
		return invalid("Invalid authentication mode %s: use one of %v", to, order)
	case after == before:
		return invalid("The cluster's authentication mode is %s already", to)
	case after != before+1:
		return invalid("Unsupported authentication mode update from %s to %s", from, to)
	}
	return nil
}

// DescribeClusterVersions describes the Kubernetes versions that there are node
// images of, of which the lab's control plane has one.
func (e *EKS) DescribeClusterVersions(_ context.Context, in *eks.DescribeClusterVersionsInput) (*eks.DescribeClusterVersionsOutput, error) {
	if err := supported(in, "ClusterType", "ClusterVersions", "DefaultOnly", "IncludeAll", "MaxResults", "NextToken", "VersionStatus"); err != nil {
		return nil, err
	}
	var list []types.ClusterVersionInformation
	for _, v := range e.versions() {
		wanted := len(in.ClusterVersions) == 0 || slices.Contains(in.ClusterVersions, *v.ClusterVersion)
		wanted = wanted && (!aws.ToBool(in.DefaultOnly) || v.DefaultVersion)
		wanted = wanted && (in.VersionStatus == "" || in.VersionStatus == v.VersionStatus)
		if wanted && (aws.ToString(in.ClusterType) == "" || *in.ClusterType == *v.ClusterType) {
			list = append(list, v)
		}
	}
	part, next, err := page(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.DescribeClusterVersionsOutput{ClusterVersions: part, NextToken: next}, nil
}

// versions are the known versions, the latest first. The last three are in
// standard support, for 14 months each; the others in extended support, a year
// longer. A version comes about every four months.
func (e *EKS) versions() []types.ClusterVersionInformation {
	const inStandard, monthsApart, standardMonths, extendedMonths = 4, 4, 14, 26
	patches := world.KubernetesPatches()
	latest := time.Date(2026, 9, 15, 0, 0, 0, 0, time.UTC)
	var list []types.ClusterVersionInformation
	for n := range patches {
		patch := patches[len(patches)-1-n]
		minor := world.KubernetesVersions()[len(patches)-1-n]
		released := latest.AddDate(0, -monthsApart*n, 0)
		v := types.ClusterVersionInformation{
			ClusterType: aws.String("eks"), ClusterVersion: aws.String(minor), KubernetesPatchVersion: aws.String(patch),
			DefaultPlatformVersion: aws.String(platformVersion), DefaultVersion: minor == e.world.Options.Cluster.Version,
			ReleaseDate: aws.Time(released), EndOfStandardSupportDate: aws.Time(released.AddDate(0, standardMonths, 0)),
			EndOfExtendedSupportDate: aws.Time(released.AddDate(0, extendedMonths, 0)),
			Status:                   types.ClusterVersionStatusStandardSupport, VersionStatus: types.VersionStatusStandardSupport,
		}
		if n >= inStandard {
			v.Status, v.VersionStatus = types.ClusterVersionStatusExtendedSupport, types.VersionStatusExtendedSupport
		}
		list = append(list, v)
	}
	return list
}
