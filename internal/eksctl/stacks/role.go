package stacks

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/stack"
)

// policiesText holds the statements of permissions that have a name in the file
// format, by that name.
//
//go:embed policies.json
var policiesText []byte

// statements are those of one named permission.
func statements(name string) any {
	var all map[string]any
	if err := json.Unmarshal(policiesText, &all); err != nil || all[name] == nil {
		panic(fmt.Sprintf("policies.json has no %s: %v", name, err))
	}
	return all[name]
}

// policyDocument holds statements of a permission.
func policyDocument(name string) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": statements(name)}
}

// nodeRole is the ARN of the group's role: the one that is given, or the one
// that the stack makes.
func nodeRole(t *stack.Template, g *eksctl.NodeGroupBase, managed bool) any {
	if g.IAM.InstanceRoleARN != "" {
		return withoutPath(g.IAM.InstanceRoleARN)
	}
	properties := map[string]any{
		"Path": "/",
		"AssumeRolePolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Action": []string{"sts:AssumeRole"},
			"Principal": map[string]any{"Service": []any{stack.FindInMap("ServicePrincipalPartitionMap", stack.Ref("AWS::Partition"), "EC2")}},
		}}},
		"ManagedPolicyArns": managedPolicies(g.IAM, managed),
	}
	if g.IAM.InstanceRoleName != "" {
		properties["RoleName"] = g.IAM.InstanceRoleName
	}
	if g.IAM.InstanceRolePermissionsBoundary != "" {
		properties["PermissionsBoundary"] = g.IAM.InstanceRolePermissionsBoundary
	}
	t.Add("NodeInstanceRole", "AWS::IAM::Role", properties)
	if g.IAM.AttachPolicy != nil {
		addPolicy(t, "Policy1", "NodeInstanceRole", g.IAM.AttachPolicy)
	}
	for _, one := range addonPolicies(g.IAM.WithAddonPolicies) {
		addPolicy(t, one.name, "NodeInstanceRole", policyDocument(one.statements))
	}
	return stack.GetAtt("NodeInstanceRole", "Arn")
}

func addPolicy(t *stack.Template, name, role string, document map[string]any) {
	t.Add(name, "AWS::IAM::Policy", map[string]any{
		"PolicyName": stack.Sub("${AWS::StackName}-" + name), "Roles": []any{stack.Ref(role)}, "PolicyDocument": document,
	})
}

type namedPolicy struct{ name, statements string }

func addonPolicies(p *eksctl.AddonPolicies) []namedPolicy {
	if p == nil {
		return nil
	}
	var all []namedPolicy
	add := func(wanted bool, policies ...namedPolicy) {
		if wanted {
			all = append(all, policies...)
		}
	}
	add(p.AutoScaler, namedPolicy{"PolicyAutoScaling", "autoScaling"})
	add(p.CertManager, certManagerPolicies()...)
	add(p.ExternalDNS, externalDNSPolicies()...)
	add(p.AppMesh, namedPolicy{"PolicyAppMesh", "appMesh"})
	add(p.AppMeshPreview, namedPolicy{"PolicyAppMeshPreview", "appMeshPreview"})
	add(p.FSX, namedPolicy{"PolicyFSX", "fsx"}, namedPolicy{"PolicyServiceLinkRole", "serviceLinkRole"})
	add(p.EFS, namedPolicy{"PolicyEFS", "efs"}, namedPolicy{"PolicyEFSEC2", "efsEC2"})
	add(p.AWSLoadBalancerController || p.ALBIngress, namedPolicy{"PolicyAWSLoadBalancerController", "awsLoadBalancerController"})
	add(p.XRay, namedPolicy{"PolicyXRay", "xRay"})
	return all
}

func certManagerPolicies() []namedPolicy {
	return []namedPolicy{
		{"PolicyCertManagerChangeSet", "changeSet"}, {"PolicyCertManagerHostedZones", "certManagerHostedZones"},
		{"PolicyCertManagerGetChange", "certManagerGetChange"},
	}
}

func externalDNSPolicies() []namedPolicy {
	return []namedPolicy{{"PolicyExternalDNSChangeSet", "changeSet"}, {"PolicyExternalDNSHostedZones", "externalDNSHostedZones"}}
}

// managedPolicies are AWS's own policies of a node's role. A list that is given
// replaces those that every node has.
func managedPolicies(iam *eksctl.NodeIAM, managed bool) []any {
	names := map[string]bool{}
	if len(iam.AttachPolicyARNs) == 0 {
		names["AmazonEKSWorkerNodePolicy"], names["AmazonSSMManagedInstanceCore"] = true, true
		names["AmazonEKS_CNI_Policy"] = true
		names["AmazonEC2ContainerRegistryPullOnly"] = managed
	}
	if p := iam.WithAddonPolicies; p != nil {
		names["AmazonEC2ContainerRegistryPowerUser"] = p.ImageBuilder
		names["CloudWatchAgentServerPolicy"] = p.CloudWatch
		names["service-role/AmazonEBSCSIDriverPolicy"] = p.EBS
	}
	if !managed && !names["AmazonEC2ContainerRegistryPowerUser"] {
		names["AmazonEC2ContainerRegistryPullOnly"] = true
	}
	var all []any
	for _, arn := range iam.AttachPolicyARNs {
		all = append(all, arn)
		_, name, _ := strings.Cut(arn, "policy/")
		delete(names, name)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] {
			all = append(all, policyARN(name))
		}
	}
	return all
}

func policyARN(name string) any { return stack.Sub("arn:${AWS::Partition}:iam::aws:policy/" + name) }

// withoutPath shortens a role's ARN to the form in which nodes are recognised.
func withoutPath(arn string) string {
	parts := strings.Split(arn, "/")
	return parts[0] + "/" + parts[len(parts)-1]
}
