package eksapi

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/world"
)

// accessPolicies are the access policies that the lab's authorizer knows.
func accessPolicies() []types.AccessPolicy {
	var list []types.AccessPolicy
	for _, name := range world.AccessPolicies() {
		list = append(list, types.AccessPolicy{Name: aws.String(name), Arn: aws.String(world.AccessPolicyARN(name))})
	}
	return list
}

func isPolicy(arn string) func(types.AssociatedAccessPolicy) bool {
	return func(p types.AssociatedAccessPolicy) bool { return aws.ToString(p.PolicyArn) == arn }
}

// ListAccessPolicies lists the access policies that can be associated.
func (e *EKS) ListAccessPolicies(_ context.Context, in *eks.ListAccessPoliciesInput) (*eks.ListAccessPoliciesOutput, error) {
	part, next, err := page(accessPolicies(), in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.ListAccessPoliciesOutput{AccessPolicies: part, NextToken: next}, nil
}

// AssociateAccessPolicy gives an access entry the permissions of an access
// policy, in the cluster or in some namespaces.
func (e *EKS) AssociateAccessPolicy(_ context.Context, in *eks.AssociateAccessPolicyInput) (*eks.AssociateAccessPolicyOutput, error) {
	if err := e.checkEntries(in.ClusterName); err != nil {
		return nil, err
	}
	arn := aws.ToString(in.PolicyArn)
	if !slices.ContainsFunc(accessPolicies(), func(p types.AccessPolicy) bool { return *p.Arn == arn }) {
		return nil, invalid("The policyArn parameter format is not valid: %s. See list-access-policies.", arn)
	}
	scope, err := checkScope(in.AccessScope)
	if err != nil {
		return nil, err
	}
	out := &eks.AssociateAccessPolicyOutput{ClusterName: in.ClusterName, PrincipalArn: in.PrincipalArn}
	err = e.changeEntry(in.PrincipalArn, func(a *world.AccessEntry) error {
		if kind := *a.Description.Type; kind != world.AccessStandard && kind != world.AccessEC2 {
			return badRequest("Access entry with type %s does not support access policies.", kind)
		}
		now := e.world.Clock.Now()
		p := types.AssociatedAccessPolicy{PolicyArn: in.PolicyArn, AccessScope: &scope, AssociatedAt: aws.Time(now), ModifiedAt: aws.Time(now)}
		list := slices.Clone(a.Policies)
		if at := slices.IndexFunc(list, isPolicy(arn)); at >= 0 {
			p.AssociatedAt = list[at].AssociatedAt
			list[at] = p
		} else {
			list = append(list, p)
		}
		a.Policies, out.AssociatedAccessPolicy = list, &p
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func checkScope(asked *types.AccessScope) (scope types.AccessScope, err error) {
	if asked != nil {
		scope = *asked
	}
	switch {
	case scope.Type == types.AccessScopeTypeCluster && len(scope.Namespaces) > 0:
		return scope, invalid("Namespaces must not be specified for access scope type cluster")
	case scope.Type == types.AccessScopeTypeCluster:
		scope.Namespaces = []string{}
	case scope.Type != types.AccessScopeTypeNamespace:
		return scope, invalid("Invalid access scope type %q: use cluster or namespace", scope.Type)
	case len(scope.Namespaces) == 0 || slices.Contains(scope.Namespaces, ""):
		return scope, invalid("Access scope type namespace needs at least one namespace")
	}
	return scope, nil
}

// DisassociateAccessPolicy takes an access policy away.
func (e *EKS) DisassociateAccessPolicy(_ context.Context, in *eks.DisassociateAccessPolicyInput) (*eks.DisassociateAccessPolicyOutput, error) {
	if err := e.checkEntries(in.ClusterName); err != nil {
		return nil, err
	}
	err := e.changeEntry(in.PrincipalArn, func(a *world.AccessEntry) error {
		at := slices.IndexFunc(a.Policies, isPolicy(aws.ToString(in.PolicyArn)))
		if at < 0 {
			return notFound("The specified policyArn could not be found in the associated policies of the access entry.")
		}
		a.Policies = slices.Delete(slices.Clone(a.Policies), at, at+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eks.DisassociateAccessPolicyOutput{}, nil
}

// ListAssociatedAccessPolicies lists the access policies of an access entry.
func (e *EKS) ListAssociatedAccessPolicies(_ context.Context, in *eks.ListAssociatedAccessPoliciesInput) (*eks.ListAssociatedAccessPoliciesOutput, error) {
	if err := e.checkEntries(in.ClusterName); err != nil {
		return nil, err
	}
	var a world.AccessEntry
	var err error
	e.world.Store.View(func() { a, err = e.entry(in.PrincipalArn) })
	if err != nil {
		return nil, err
	}
	part, next, err := page(a.Policies, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.ListAssociatedAccessPoliciesOutput{
		AssociatedAccessPolicies: append([]types.AssociatedAccessPolicy{}, part...), ClusterName: in.ClusterName, PrincipalArn: in.PrincipalArn, NextToken: next,
	}, nil
}
