package region_test

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// alwaysRefused are the operations that are there to say why not.
func alwaysRefused() []string {
	return []string{"eks:CreateCluster", "eks:DeleteCluster", "eks:UpdateClusterVersion"}
}

func eksSteps() []step {
	var steps []step
	for _, part := range [][]step{nodegroupSteps(), addonSteps(), accessSteps(), podIdentitySteps(), clusterSteps()} {
		steps = append(steps, part...)
	}
	return steps
}

func nodegroupSteps() []step {
	cluster, name := aws.String(clusterName), aws.String("story")
	return []step{
		always(&ec2.CreateKeyPairInput{KeyName: aws.String("nodes"), KeyType: "ed25519"}),
		func(l *lab) any {
			return l.nodegroup("story", func(in *eks.CreateNodegroupInput) {
				in.ScalingConfig, in.ReleaseVersion = sizes(0, 3, 0), aws.String(oldRelease)
				in.Labels, in.Tags = map[string]string{"a": "b"}, map[string]string{"b": "é <&>"}
				in.Taints = []types.Taint{{Key: aws.String("k"), Value: aws.String("v"), Effect: types.TaintEffectPreferNoSchedule}}
				in.RemoteAccess = &types.RemoteAccessConfig{Ec2SshKey: aws.String("nodes")}
				in.NodeRepairConfig = &types.NodeRepairConfig{Enabled: aws.Bool(true), MaxParallelNodesRepairedCount: aws.Int32(1)}
			})
		},
		always(&eks.DescribeNodegroupInput{ClusterName: cluster, NodegroupName: name}),
		always(time.Minute),
		always(&eks.DescribeNodegroupInput{ClusterName: cluster, NodegroupName: name}),
		always(&eks.ListNodegroupsInput{ClusterName: cluster}),
		always(&eks.UpdateNodegroupConfigInput{ClusterName: cluster, NodegroupName: name, Labels: &types.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{"c": "d"}}}),
		always(time.Minute),
		always(&eks.UpdateNodegroupVersionInput{ClusterName: cluster, NodegroupName: name}),
		always(&eks.ListUpdatesInput{Name: cluster, NodegroupName: name}),
		func(l *lab) any {
			ids := must[*eks.ListUpdatesOutput](l)(l.EKS().ListUpdates(ctx(), &eks.ListUpdatesInput{Name: cluster, NodegroupName: name})).UpdateIds
			return &eks.DescribeUpdateInput{Name: cluster, NodegroupName: name, UpdateId: &ids[0]}
		},
		always(time.Minute),
		always(&eks.DescribeNodegroupInput{ClusterName: cluster, NodegroupName: name}),
		always(&eks.DeleteNodegroupInput{ClusterName: cluster, NodegroupName: name}),
	}
}

func addonSteps() []step {
	cluster, name := aws.String(clusterName), aws.String("vpc-cni")
	values := aws.String(`{"env":{"ENABLE_PREFIX_DELEGATION":"true"}}`)
	return []step{
		always(&eks.DescribeAddonVersionsInput{KubernetesVersion: aws.String("1.37")}),
		always(&eks.DescribeAddonConfigurationInput{AddonName: name, AddonVersion: aws.String("v1.20.4-eksbuild.2")}),
		func(l *lab) any {
			return &eks.CreateAddonInput{ClusterName: cluster, AddonName: name, ConfigurationValues: values, Tags: map[string]string{"a": "b"},
				PodIdentityAssociations: []types.AddonPodIdentityAssociations{{RoleArn: aws.String(l.nodeRole()), ServiceAccount: aws.String("aws-node")}}}
		},
		always(time.Minute),
		always(&eks.UpdateAddonInput{ClusterName: cluster, AddonName: name, ConfigurationValues: aws.String("{}"), ResolveConflicts: types.ResolveConflictsPreserve}),
		always(&eks.DescribeAddonInput{ClusterName: cluster, AddonName: name}),
		always(&eks.ListAddonsInput{ClusterName: cluster}),
		always(&eks.DeleteAddonInput{ClusterName: cluster, AddonName: name, Preserve: true}),
	}
}

func accessSteps() []step {
	cluster, policy := aws.String(clusterName), aws.String("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")
	var principal string
	return []step{
		func(l *lab) any {
			principal = "arn:aws:iam::" + account + ":role/" + storyRole(l)
			return &eks.CreateAccessEntryInput{ClusterName: cluster, PrincipalArn: &principal, KubernetesGroups: []string{"dev"}, Tags: map[string]string{"a": "b"}}
		},
		func(*lab) any {
			return &eks.UpdateAccessEntryInput{ClusterName: cluster, PrincipalArn: &principal, KubernetesGroups: []string{"ops"}, Username: aws.String("jo")}
		},
		func(*lab) any {
			return &eks.AssociateAccessPolicyInput{ClusterName: cluster, PrincipalArn: &principal, PolicyArn: policy,
				AccessScope: &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"dev-*"}}}
		},
		func(*lab) any {
			return &eks.ListAssociatedAccessPoliciesInput{ClusterName: cluster, PrincipalArn: &principal}
		},
		func(*lab) any { return &eks.DescribeAccessEntryInput{ClusterName: cluster, PrincipalArn: &principal} },
		always(&eks.ListAccessEntriesInput{ClusterName: cluster}),
		always(&eks.ListAccessPoliciesInput{}),
		func(*lab) any {
			return &eks.DisassociateAccessPolicyInput{ClusterName: cluster, PrincipalArn: &principal, PolicyArn: policy}
		},
		func(*lab) any { return &eks.DeleteAccessEntryInput{ClusterName: cluster, PrincipalArn: &principal} },
	}
}

// storyRole is the name of the control plane's role, which has no access entry.
func storyRole(l *lab) string {
	l.t.Helper()
	arn := *must[*eks.DescribeClusterOutput](l)(l.EKS().DescribeCluster(ctx(), &eks.DescribeClusterInput{Name: aws.String(clusterName)})).Cluster.RoleArn
	return arn[len("arn:aws:iam::"+account+":role/"):]
}

func podIdentitySteps() []step {
	cluster := aws.String(clusterName)
	only := func(l *lab) *string {
		return must[*eks.ListPodIdentityAssociationsOutput](l)(l.EKS().ListPodIdentityAssociations(ctx(), &eks.ListPodIdentityAssociationsInput{ClusterName: cluster})).Associations[0].AssociationId
	}
	return []step{
		func(l *lab) any {
			return &eks.CreatePodIdentityAssociationInput{ClusterName: cluster, Namespace: aws.String("default"), ServiceAccount: aws.String("app"), RoleArn: aws.String(l.nodeRole())}
		},
		func(l *lab) any {
			return &eks.UpdatePodIdentityAssociationInput{ClusterName: cluster, AssociationId: only(l), DisableSessionTags: aws.Bool(true)}
		},
		func(l *lab) any {
			return &eks.DescribePodIdentityAssociationInput{ClusterName: cluster, AssociationId: only(l)}
		},
		always(&eks.ListPodIdentityAssociationsInput{ClusterName: cluster, Namespace: aws.String("default")}),
		func(l *lab) any {
			return &eks.DeletePodIdentityAssociationInput{ClusterName: cluster, AssociationId: only(l)}
		},
	}
}

func clusterSteps() []step {
	arn := aws.String("arn:aws:eks:us-west-2:" + account + ":cluster/" + clusterName)
	return []step{
		always(&eks.DescribeClusterVersionsInput{}),
		always(&eks.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"team": "blue"}}),
		always(&eks.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"alpha.eksctl.io/cluster-name"}}),
		always(&eks.ListTagsForResourceInput{ResourceArn: arn}),
		always(&eks.UpdateClusterConfigInput{Name: aws.String(clusterName), AccessConfig: &types.UpdateAccessConfigRequest{AuthenticationMode: types.AuthenticationModeApi}}),
		always(&eks.DescribeClusterInput{Name: aws.String(clusterName)}),
	}
}
