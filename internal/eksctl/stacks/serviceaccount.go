package stacks

import (
	"fmt"
	"strings"

	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/stack"
)

// RoleRequest is a role for a service account.
type RoleRequest struct {
	Description string
	// Namespace and Name of the service account, for the OIDC provider; without
	// a name EKS Pod Identity may take the role.
	Namespace, Name string
	// SubjectPattern replaces Namespace and Name in the trust.
	SubjectPattern      string
	ProviderARN, Issuer string
	RoleName            string
	PermissionsBoundary string
	PolicyARNs          []string
	Policy              map[string]any
	WellKnown           *eksctl.WellKnownPolicies
}

// Role is the template of a role, Role1, whose ARN is the output Role1.
func Role(request *RoleRequest) *stack.Template {
	t := stack.New(request.Description + " [created by drover, as eksctl does]")
	managed, own := wellKnown(request.WellKnown)
	arns := []any{}
	for _, arn := range request.PolicyARNs {
		arns = append(arns, arn)
	}
	properties := map[string]any{
		"AssumeRolePolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": []any{trust(request)}},
	}
	if arns = append(arns, managed...); len(arns) > 0 {
		properties["ManagedPolicyArns"] = arns
	}
	if request.RoleName != "" {
		properties["RoleName"] = request.RoleName
	}
	if request.PermissionsBoundary != "" {
		properties["PermissionsBoundary"] = request.PermissionsBoundary
	}
	t.Add("Role1", "AWS::IAM::Role", properties)
	for _, one := range own {
		addPolicy(t, one.name, "Role1", policyDocument(one.statements))
	}
	if request.Policy != nil {
		addPolicy(t, "Policy1", "Role1", request.Policy)
	}
	t.Outputs["Role1"] = stack.Output{Value: stack.GetAtt("Role1", "Arn")}
	return t
}

func trust(request *RoleRequest) map[string]any {
	if request.ProviderARN == "" {
		return map[string]any{
			"Effect": "Allow", "Action": []string{"sts:AssumeRole", "sts:TagSession"},
			"Principal": map[string]any{"Service": "pods.eks.amazonaws.com"},
		}
	}
	issuer := strings.TrimPrefix(request.Issuer, "https://")
	condition, subject := "StringEquals", fmt.Sprintf("system:serviceaccount:%s:%s", request.Namespace, request.Name)
	if request.SubjectPattern != "" {
		condition, subject = "StringLike", request.SubjectPattern
	}
	conditions := map[string]any{"StringEquals": map[string]any{issuer + ":aud": "sts.amazonaws.com"}}
	if condition == "StringEquals" {
		conditions["StringEquals"] = map[string]any{issuer + ":aud": "sts.amazonaws.com", issuer + ":sub": subject}
	} else {
		conditions[condition] = map[string]any{issuer + ":sub": subject}
	}
	return map[string]any{
		"Effect": "Allow", "Action": []string{"sts:AssumeRoleWithWebIdentity"},
		"Principal": map[string]any{"Federated": request.ProviderARN}, "Condition": conditions,
	}
}

func wellKnown(p *eksctl.WellKnownPolicies) (managed []any, own []namedPolicy) {
	if p == nil {
		return nil, nil
	}
	if p.ImageBuilder {
		managed = append(managed, policyARN("AmazonEC2ContainerRegistryPowerUser"))
	}
	if p.EBSCSIController {
		managed = append(managed, policyARN("service-role/AmazonEBSCSIDriverPolicy"))
	}
	if p.AutoScaler {
		own = append(own, namedPolicy{"PolicyAutoScaling", "autoScaling"})
	}
	if p.AWSLoadBalancerController {
		own = append(own, namedPolicy{"PolicyAWSLoadBalancerController", "awsLoadBalancerController"})
	}
	if p.ExternalDNS {
		own = append(own, externalDNSPolicies()...)
	}
	if p.CertManager {
		own = append(own, certManagerPolicies()...)
	}
	if p.EFSCSIController {
		own = append(own, namedPolicy{"PolicyEFSCSIController", "efsCSIController"})
	}
	return managed, own
}
