package eksapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/nodegroups"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// checkEntries refuses access entries while only aws-auth counts.
func (e *EKS) checkEntries(cluster *string) error {
	if err := e.checkCluster(cluster); err != nil {
		return err
	}
	var mode types.AuthenticationMode
	e.world.Store.View(func() { mode = e.world.Cluster().Authentication })
	if mode == types.AuthenticationModeConfigMap {
		return badRequest("The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
	}
	return nil
}

// CreateAccessEntry lets a role or a user authenticate to the cluster.
func (e *EKS) CreateAccessEntry(_ context.Context, in *eks.CreateAccessEntryInput) (*eks.CreateAccessEntryOutput, error) {
	if err := e.checkEntries(in.ClusterName); err != nil {
		return nil, err
	}
	principal, t := aws.ToString(in.PrincipalArn), token("CreateAccessEntry", in.ClientRequestToken, in)
	out := &eks.CreateAccessEntryOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(t, out); found || err != nil {
			return err
		}
		if _, exists := e.world.AccessEntries.Get(principal); exists {
			return inUse("The specified access entry resource is already in use on this cluster.")
		}
		kind := aws.ToString(in.Type)
		if kind == "" {
			kind = world.AccessStandard
		}
		if err := e.checkEntry(principal, kind, in); err != nil {
			return err
		}
		entry, err := e.world.NewAccessEntry(tx, principal, kind, aws.ToString(in.Username), in.KubernetesGroups)
		if err != nil {
			return err
		}
		if in.Tags != nil {
			entry.Description.Tags = in.Tags
		}
		out.AccessEntry = &entry.Description
		if err := e.world.AccessEntries.Put(tx, principal, entry); err != nil {
			return err
		}
		return e.world.Remember(tx, t, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *EKS) checkEntry(principal, kind string, in *eks.CreateAccessEntryInput) error {
	kinds := []string{world.AccessStandard, world.AccessEC2Linux, world.AccessEC2Windows, world.AccessEC2, world.AccessFargateLinux, world.AccessHybridLinux}
	switch {
	case !slices.Contains(kinds, kind):
		return invalid("Invalid access entry type %q: use one of %s", kind, quoted(kinds))
	case !e.exists(principal):
		return invalid("The specified principalArn is invalid: invalid principal.")
	case kind != world.AccessStandard && (len(in.KubernetesGroups) > 0 || in.Username != nil):
		return invalid("The username and the kubernetesGroups of an access entry of type %s are set by EKS", kind)
	case kind != world.AccessStandard && !strings.Contains(principal, ":role/"):
		return invalid("An access entry of type %s needs the ARN of a role", kind)
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	return checkIdentity(in.Username, in.KubernetesGroups)
}

// exists reports whether there is a principal: a role, or the lab's user.
func (e *EKS) exists(principal string) bool {
	role, found := e.world.Roles.Get(nodegroups.RoleName(principal))
	return principal == e.world.UserARN() || found && e.world.RoleARN(role) == principal
}

// checkIdentity refuses names that only Kubernetes and AWS may use.
func checkIdentity(user *string, groups []string) error {
	own := []string{"system:", "eks:", "aws:", "amazon:", "iam:"}
	begins := func(name string) bool {
		return slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	if name := aws.ToString(user); begins(name) {
		return invalid("The username must not begin with one of %s: %s", quoted(own), name)
	}
	for _, group := range groups {
		if group == "" || begins(group) {
			return invalid("The kubernetes group name %s is invalid, it cannot start with %s", group, quoted(own))
		}
	}
	return nil
}

// entry finds an access entry. Use it within View or Update.
func (e *EKS) entry(principal *string) (world.AccessEntry, error) {
	a, found := e.world.AccessEntries.Get(aws.ToString(principal))
	if !found {
		return a, notFound("The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.")
	}
	return a, nil
}

// DescribeAccessEntry describes an access entry.
func (e *EKS) DescribeAccessEntry(_ context.Context, in *eks.DescribeAccessEntryInput) (out *eks.DescribeAccessEntryOutput, err error) {
	if err := e.checkEntries(in.ClusterName); err != nil {
		return nil, err
	}
	e.world.Store.View(func() {
		var a world.AccessEntry
		if a, err = e.entry(in.PrincipalArn); err == nil {
			out = &eks.DescribeAccessEntryOutput{AccessEntry: &a.Description}
		}
	})
	return out, err
}

// ListAccessEntries lists the principals that have an access entry.
func (e *EKS) ListAccessEntries(_ context.Context, in *eks.ListAccessEntriesInput) (*eks.ListAccessEntriesOutput, error) {
	if err := e.checkEntries(in.ClusterName); err != nil {
		return nil, err
	}
	list := []string{}
	e.world.Store.View(func() {
		for _, a := range e.world.AccessEntries.All() {
			if policy := aws.ToString(in.AssociatedPolicyArn); policy == "" || slices.ContainsFunc(a.Policies, isPolicy(policy)) {
				list = append(list, *a.Description.PrincipalArn)
			}
		}
	})
	part, next, err := page(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.ListAccessEntriesOutput{AccessEntries: part, NextToken: next}, nil
}

// UpdateAccessEntry changes the user name and the groups of a STANDARD entry.
func (e *EKS) UpdateAccessEntry(_ context.Context, in *eks.UpdateAccessEntryInput) (*eks.UpdateAccessEntryOutput, error) {
	if err := e.checkEntries(in.ClusterName); err != nil {
		return nil, err
	}
	out := &eks.UpdateAccessEntryOutput{}
	err := e.changeEntry(in.PrincipalArn, func(a *world.AccessEntry) error {
		if *a.Description.Type != world.AccessStandard {
			return badRequest("The username and the kubernetesGroups of an access entry of type %s are set by EKS", *a.Description.Type)
		}
		if err := checkIdentity(in.Username, in.KubernetesGroups); err != nil {
			return err
		}
		if in.Username != nil {
			a.Description.Username = in.Username
		}
		if in.KubernetesGroups != nil {
			a.Description.KubernetesGroups = in.KubernetesGroups
		}
		a.Description.ModifiedAt = aws.Time(e.world.Clock.Now())
		out.AccessEntry = &a.Description
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *EKS) changeEntry(principal *string, change func(*world.AccessEntry) error) error {
	return e.world.Store.Update(func(tx *store.Tx) error {
		a, err := e.entry(principal)
		if err != nil {
			return err
		}
		if err := change(&a); err != nil {
			return err
		}
		return e.world.AccessEntries.Put(tx, *principal, a)
	})
}

// DeleteAccessEntry shuts a principal out: its nodes do not join any more.
func (e *EKS) DeleteAccessEntry(_ context.Context, in *eks.DeleteAccessEntryInput) (*eks.DeleteAccessEntryOutput, error) {
	if err := e.checkEntries(in.ClusterName); err != nil {
		return nil, err
	}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if _, err := e.entry(in.PrincipalArn); err != nil {
			return err
		}
		e.world.AccessEntries.Delete(tx, *in.PrincipalArn)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eks.DeleteAccessEntryOutput{}, nil
}
