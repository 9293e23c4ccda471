package serviceaccounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/eksctl/stacks"
	"github.com/drover-project/drover/internal/stack"
)

// Annotation of a service account that the Pod Identity webhook reads.
const Annotation = "eks.amazonaws.com/role-arn"

// managedBy marks service accounts that this program or eksctl made.
const managedBy = "app.kubernetes.io/managed-by"

// CreateOptions say how roles and service accounts are made.
type CreateOptions struct {
	// Plan tells what would be done and does nothing.
	Plan bool
	// Override annotates service accounts that exist already.
	Override bool
}

// Create makes the role of each account that is chosen, unless it has one, and
// the service account with the role's annotation.
func (m *Manager) Create(ctx context.Context, config *eksctl.ClusterConfig, accounts []eksctl.ServiceAccount, options CreateOptions) error {
	if len(accounts) == 0 {
		m.Log.Info("no tasks")
		return nil
	}
	provider, err := m.AWS.OIDCProvider(ctx, m.Cluster.Issuer)
	if errors.Is(err, eks.ErrNotFound) {
		return fmt.Errorf("cluster %q has no IAM OIDC provider; make it with `drover utils associate-iam-oidc-provider --cluster %s --approve`",
			m.Cluster.Name, m.Cluster.Name)
	}
	if err != nil {
		return fmt.Errorf("looking for the IAM OIDC provider of cluster %q: %w", m.Cluster.Name, err)
	}
	var failures []error
	made := 0
	for i := range accounts {
		account := accounts[i]
		if account.Metadata.Namespace == "" {
			account.Metadata.Namespace = metav1.NamespaceDefault
		}
		changed, err := m.one(ctx, config, &account, provider, options)
		if err != nil {
			failures = append(failures, fmt.Errorf("service account %s/%s: %w", account.Metadata.Namespace, account.Metadata.Name, err))
		}
		if changed {
			made++
		}
	}
	if options.Plan && made > 0 {
		m.Log.Warning("no changes were applied, run again with '--approve' to apply the changes")
	}
	return errors.Join(failures...)
}

func (m *Manager) one(ctx context.Context, config *eksctl.ClusterConfig, account *eksctl.ServiceAccount, provider string, options CreateOptions) (bool, error) {
	name, namespace := account.Metadata.Name, account.Metadata.Namespace
	existing, err := m.Kube.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return false, fmt.Errorf("reading it: %w", err)
	}
	stackName := stacks.ServiceAccountStack(m.Cluster.Name, namespace, name)
	role, err := m.AWS.DescribeStack(ctx, stackName)
	if err != nil && !errors.Is(err, eks.ErrNotFound) {
		return false, fmt.Errorf("looking for stack %q: %w", stackName, err)
	}
	hasRole := err == nil
	switch {
	case hasRole && !missing && existing.Annotations[Annotation] == role.Outputs["Role1"]:
		m.Log.Info("1 existing iamserviceaccount(s) (%s/%s) will be excluded", namespace, name)
		return false, nil
	case !missing && !account.RoleOnly && !options.Override && !ours(existing):
		m.Log.Warning("serviceaccounts that exist in Kubernetes will be excluded, use --override-existing-serviceaccounts to override: %s/%s", namespace, name)
		return false, nil
	case options.Plan:
		m.Log.Info("(plan) would create IAM role for serviceaccount %q and annotate it", namespace+"/"+name)
		return true, nil
	}
	arn := account.AttachRoleARN
	if arn == "" && hasRole {
		arn = role.Outputs["Role1"]
	}
	if arn == "" {
		if arn, err = m.role(ctx, config, account, provider); err != nil {
			return false, err
		}
	}
	if account.RoleOnly {
		m.Log.Success("created IAM role %s for serviceaccount %q", arn, namespace+"/"+name)
		return true, nil
	}
	return true, m.annotate(ctx, account, existing, missing, arn)
}

func ours(account *corev1.ServiceAccount) bool {
	by := account.Labels[managedBy]
	return by == "eksctl" || by == "drover"
}

// role makes the stack with the role and returns the role's ARN.
func (m *Manager) role(ctx context.Context, config *eksctl.ClusterConfig, account *eksctl.ServiceAccount, provider string) (string, error) {
	full := account.Metadata.Namespace + "/" + account.Metadata.Name
	body, err := stacks.Role(&stacks.RoleRequest{
		Description: fmt.Sprintf("IAM role for serviceaccount %q", full), Namespace: account.Metadata.Namespace, Name: account.Metadata.Name,
		SubjectPattern: account.SubjectPattern, ProviderARN: provider, Issuer: m.Cluster.Issuer, RoleName: account.RoleName,
		PermissionsBoundary: account.PermissionsBoundary, PolicyARNs: account.AttachPolicyARNs, Policy: account.AttachPolicy, WellKnown: account.WellKnownPolicies,
	}).JSON()
	if err != nil {
		return "", err
	}
	tags := stacks.Tags(config, map[string]string{stacks.TagServiceAccount: full})
	for key, value := range account.Tags {
		tags[key] = value
	}
	name := stacks.ServiceAccountStack(m.Cluster.Name, account.Metadata.Namespace, account.Metadata.Name)
	m.Log.Info("building iamserviceaccount stack %q", name)
	made, err := m.runner().Create(ctx, stack.Request{Name: name, Template: body, Tags: tags, NamedRoles: account.RoleName != ""})
	if err != nil {
		return "", err
	}
	if made.Outputs["Role1"] == "" {
		return "", fmt.Errorf("stack %q has no output Role1", name)
	}
	return made.Outputs["Role1"], nil
}

// annotate makes the service account, or gives the existing one the annotation.
func (m *Manager) annotate(ctx context.Context, account *eksctl.ServiceAccount, existing *corev1.ServiceAccount, missing bool, role string) error {
	namespace, name := account.Metadata.Namespace, account.Metadata.Name
	if missing {
		existing = &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}
	existing = existing.DeepCopy()
	existing.Labels = merged(existing.Labels, account.Metadata.Labels, map[string]string{managedBy: "eksctl"})
	existing.Annotations = merged(existing.Annotations, account.Metadata.Annotations, map[string]string{Annotation: role})
	accounts := m.Kube.CoreV1().ServiceAccounts(namespace)
	if !missing {
		if _, err := accounts.Update(ctx, existing, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("annotating it: %w", err)
		}
		m.Log.Info("serviceaccount %q already exists", namespace+"/"+name)
		m.Log.Success("updated serviceaccount %q", namespace+"/"+name)
		return nil
	}
	if err := m.namespace(ctx, namespace); err != nil {
		return err
	}
	if _, err := accounts.Create(ctx, existing, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating it: %w", err)
	}
	m.Log.Success("created serviceaccount %q", namespace+"/"+name)
	return nil
}

func (m *Manager) namespace(ctx context.Context, name string) error {
	_, err := m.Kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("creating namespace %q: %w", name, err)
	}
	m.Log.Info("created namespace %q", name)
	return nil
}

func merged(all ...map[string]string) map[string]string {
	result := map[string]string{}
	for _, one := range all {
		for key, value := range one {
			result[key] = value
		}
	}
	return result
}

// Summary is a service account with its role.
type Summary struct {
	Namespace string
	Name      string
	RoleARN   string
	StackName string
}

// List lists the service accounts with a stack, by namespace and name.
func (m *Manager) List(ctx context.Context) ([]Summary, error) {
	all, err := m.AWS.ListStacks(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing stacks: %w", err)
	}
	found := []Summary{}
	for i := range all {
		namespace, name, ok := strings.Cut(all[i].Tags[stacks.TagServiceAccount], "/")
		if ok && stacks.ClusterOf(all[i].Tags) == m.Cluster.Name {
			found = append(found, Summary{Namespace: namespace, Name: name, RoleARN: all[i].Outputs["Role1"], StackName: all[i].Name})
		}
	}
	slices.SortFunc(found, func(a, b Summary) int { return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name) })
	return found, nil
}

// Delete takes a service account and the stack with its role away.
func (m *Manager) Delete(ctx context.Context, namespace, name string, plan, wait bool) error {
	full := namespace + "/" + name
	stackName := stacks.ServiceAccountStack(m.Cluster.Name, namespace, name)
	_, err := m.AWS.DescribeStack(ctx, stackName)
	if errors.Is(err, eks.ErrNotFound) {
		return fmt.Errorf("service account %s has no role here: there is no stack %q", full, stackName)
	}
	if err != nil {
		return fmt.Errorf("looking for stack %q: %w", stackName, err)
	}
	if plan {
		m.Log.Info("(plan) would delete iamserviceaccount %q and stack %q", full, stackName)
		m.Log.Warning("no changes were applied, run again with '--approve' to apply the changes")
		return nil
	}
	m.Log.Info("will delete stack %q", stackName)
	if err := m.runner().Delete(ctx, stackName, wait); err != nil {
		return err
	}
	err = m.Kube.CoreV1().ServiceAccounts(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting service account %s: %w", full, err)
	}
	m.Log.Success("deleted serviceaccount %q", full)
	return nil
}
