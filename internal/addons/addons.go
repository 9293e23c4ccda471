// Package addons makes, shows and deletes the EKS add-ons of a cluster with
// eksctl's files: the add-on through EKS, its role in a stack of its own.
package addons

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/eksctl"
	"github.com/drover-project/drover/internal/eksctl/stacks"
	"github.com/drover-project/drover/internal/say"
	"github.com/drover-project/drover/internal/stack"
)

// Request is an add-on to make or to change.
type Request struct {
	Cluster, Name, Version string
	RoleARN                string
	ConfigurationValues    string
	// ResolveConflicts is NONE, OVERWRITE or PRESERVE.
	ResolveConflicts string
	Tags             map[string]string
	Namespace        string
	PodIdentities    []PodIdentity
}

// PodIdentity gives a service account of an add-on a role by EKS Pod Identity.
type PodIdentity struct{ ServiceAccount, RoleARN string }

// AWS is what is needed of AWS.
type AWS interface {
	stack.Service
	OIDCProvider(ctx context.Context, issuer string) (arn string, err error)
	Addons(ctx context.Context, cluster string) ([]string, error)
	Addon(ctx context.Context, cluster, name string) (*eks.Addon, error)
	CreateAddon(ctx context.Context, request Request) error
	DeleteAddon(ctx context.Context, cluster, name string, preserve bool) error
	// AddonVersions lists the versions for a version of Kubernetes, newest first.
	AddonVersions(ctx context.Context, name, kubernetes string) ([]eks.AddonVersion, error)
}

// Manager acts on the add-ons of one cluster.
type Manager struct {
	AWS     AWS
	Cluster *eks.Cluster
	Log     *say.Log
	Sleep   func(ctx context.Context, d time.Duration) error
}

const pause = 2 * time.Second

// vpcCNI goes first: nodes become ready, and other add-ons run, with it.
const vpcCNI = "vpc-cni"

// Create makes the add-ons of a file that do not exist yet. With wait it returns
// when they are active. force overwrites what is in the cluster already.
func (m *Manager) Create(ctx context.Context, config *eksctl.ClusterConfig, wait, force bool) error {
	all := append([]eksctl.Addon{}, config.Addons...)
	for i := range all {
		if all[i].Name == vpcCNI {
			all[0], all[i] = all[i], all[0]
		}
	}
	for i := range all {
		if err := m.create(ctx, config, &all[i], wait, force); err != nil {
			return fmt.Errorf("addon %q: %w", all[i].Name, err)
		}
	}
	return nil
}

func (m *Manager) create(ctx context.Context, config *eksctl.ClusterConfig, addon *eksctl.Addon, wait, force bool) error {
	existing, err := m.AWS.Addon(ctx, m.Cluster.Name, addon.Name)
	if err == nil && existing.Status != "CREATE_FAILED" {
		m.Log.Info("Addon %s is already present in this cluster, as an EKS managed addon, and won't be re-created", addon.Name)
		return nil
	}
	if err != nil && !errors.Is(err, eks.ErrNotFound) {
		return fmt.Errorf("looking for it: %w", err)
	}
	version, err := m.version(ctx, addon)
	if err != nil {
		return err
	}
	role, err := m.role(ctx, config, addon)
	if err != nil {
		return err
	}
	identities, err := m.identities(ctx, config, addon)
	if err != nil {
		return err
	}
	m.Log.Info("creating addon: %s", addon.Name)
	request := Request{
		Cluster: m.Cluster.Name, Name: addon.Name, Version: version, RoleARN: role, ConfigurationValues: addon.ConfigurationValues,
		ResolveConflicts: strings.ToUpper(addon.ResolveConflicts), Tags: addon.Tags, PodIdentities: identities,
	}
	if addon.NamespaceConfig != nil {
		request.Namespace = addon.NamespaceConfig.Namespace
	}
	if force || addon.Name == vpcCNI && request.ResolveConflicts == "" {
		request.ResolveConflicts = "OVERWRITE"
	}
	if err := m.AWS.CreateAddon(ctx, request); err != nil {
		return fmt.Errorf("creating it: %w", err)
	}
	if wait {
		return m.await(ctx, addon.Name)
	}
	m.Log.Info("successfully created addon: %s", addon.Name)
	return nil
}

// version resolves "latest" and parts of a version; empty leaves it to EKS.
func (m *Manager) version(ctx context.Context, addon *eksctl.Addon) (string, error) {
	versions, err := m.AWS.AddonVersions(ctx, addon.Name, m.Cluster.Version)
	if err != nil {
		return "", fmt.Errorf("listing its versions: %w", err)
	}
	if len(versions) == 0 {
		return "", fmt.Errorf("EKS has no version of it for Kubernetes %s; is the name right?", m.Cluster.Version)
	}
	wanted := strings.TrimPrefix(addon.Version, "v")
	if wanted == "latest" {
		return versions[0].Version, nil
	}
	var have []string
	for _, one := range versions {
		if wanted == "" && one.Default {
			return one.Version, nil
		}
		if wanted != "" && strings.HasPrefix(strings.TrimPrefix(one.Version, "v"), wanted) {
			return one.Version, nil
		}
		have = append(have, one.Version)
	}
	if wanted == "" {
		return versions[0].Version, nil
	}
	return "", fmt.Errorf("version %q does not exist for Kubernetes %s; there are %s", addon.Version, m.Cluster.Version, strings.Join(have[:min(len(have), 6)], ", "))
}

// role is the ARN of the add-on's role: given, or made in a stack.
func (m *Manager) role(ctx context.Context, config *eksctl.ClusterConfig, addon *eksctl.Addon) (string, error) {
	if addon.ServiceAccountRoleARN != "" {
		return addon.ServiceAccountRoleARN, nil
	}
	request := &stacks.RoleRequest{
		Description: fmt.Sprintf("IAM role for addon %q", addon.Name), Issuer: m.Cluster.Issuer, PermissionsBoundary: addon.PermissionsBoundary,
		PolicyARNs: addon.AttachPolicyARNs, Policy: addon.AttachPolicy, WellKnown: addon.WellKnownPolicies,
	}
	request.Namespace, request.Name = serviceAccount(addon)
	if len(request.PolicyARNs) == 0 && request.Policy == nil && request.WellKnown == nil {
		return "", nil
	}
	provider, err := m.AWS.OIDCProvider(ctx, m.Cluster.Issuer)
	if errors.Is(err, eks.ErrNotFound) {
		m.Log.Warning("addon %q gets no role of its own: cluster %q has no IAM OIDC provider, so the roles of nodes need its permissions; "+
			"or run `drover utils associate-iam-oidc-provider --cluster %s --approve` first", addon.Name, m.Cluster.Name, m.Cluster.Name)
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking for the IAM OIDC provider: %w", err)
	}
	request.ProviderARN = provider
	if request.Name == "" {
		return "", fmt.Errorf("its service account is not known here; make a role yourself and give serviceAccountRoleARN")
	}
	m.Log.Info("creating role using provided policies for addon %q", addon.Name)
	return m.roleStack(ctx, config, stacks.AddonStack(m.Cluster.Name, addon.Name), addon.Name, request)
}

// roleStack is the role of a stack, which is made when there is none.
func (m *Manager) roleStack(ctx context.Context, config *eksctl.ClusterConfig, name, addon string, request *stacks.RoleRequest) (string, error) {
	if existing, err := m.AWS.DescribeStack(ctx, name); err == nil && existing.Outputs["Role1"] != "" {
		return existing.Outputs["Role1"], nil
	}
	body, err := stacks.Role(request).JSON()
	if err != nil {
		return "", err
	}
	runner := &stack.Runner{Service: m.AWS, Sleep: m.Sleep, Say: m.Log.Info}
	made, err := runner.Create(ctx, stack.Request{
		Name: name, Template: body, Tags: stacks.Tags(config, map[string]string{stacks.TagAddon: addon}),
	})
	if err != nil {
		return "", err
	}
	return made.Outputs["Role1"], nil
}

// identities are the roles by EKS Pod Identity that a file gives to an add-on.
func (m *Manager) identities(ctx context.Context, config *eksctl.ClusterConfig, addon *eksctl.Addon) ([]PodIdentity, error) {
	if addon.UseDefaultPodIdentityAssociations || config.AddonsConfig != nil && config.AddonsConfig.AutoApplyPodIdentityAssociations {
		return nil, errors.New("EKS's own proposals for Pod Identity are not looked up here; write podIdentityAssociations into the file")
	}
	var all []PodIdentity
	for i := range addon.PodIdentityAssociations {
		one := &addon.PodIdentityAssociations[i]
		role := one.RoleARN
		if role == "" {
			var err error
			name := fmt.Sprintf("%s-podidentityrole-%s", stacks.AddonStack(m.Cluster.Name, addon.Name), one.ServiceAccountName)
			role, err = m.roleStack(ctx, config, name, addon.Name, &stacks.RoleRequest{
				Description: fmt.Sprintf("IAM role for pod identity association of addon %q", addon.Name), RoleName: one.RoleName,
				PermissionsBoundary: one.PermissionsBoundaryARN, PolicyARNs: one.PermissionPolicyARNs, Policy: one.PermissionPolicy, WellKnown: one.WellKnownPolicies,
			})
			if err != nil {
				return nil, err
			}
		}
		all = append(all, PodIdentity{ServiceAccount: one.ServiceAccountName, RoleARN: role})
	}
	return all, nil
}

// serviceAccount is the one that an add-on of AWS runs as.
func serviceAccount(addon *eksctl.Addon) (namespace, name string) {
	switch addon.Name {
	case vpcCNI:
		return "kube-system", "aws-node"
	case "aws-ebs-csi-driver":
		return "kube-system", "ebs-csi-controller-sa"
	case "aws-efs-csi-driver":
		return "kube-system", "efs-csi-*"
	case "aws-fsx-csi-driver":
		return "kube-system", "fsx-csi-controller-sa"
	case "aws-mountpoint-s3-csi-driver":
		return "kube-system", "s3-csi-driver-sa"
	case "amazon-cloudwatch-observability":
		return "amazon-cloudwatch", "cloudwatch-agent"
	case "adot":
		return "opentelemetry-operator-system", "adot-collector"
	case "external-dns", "cert-manager":
		return addon.Name, addon.Name
	}
	return "", ""
}

func (m *Manager) await(ctx context.Context, name string) error {
	for {
		addon, err := m.AWS.Addon(ctx, m.Cluster.Name, name)
		if err != nil {
			return err
		}
		switch addon.Status {
		case "ACTIVE":
			m.Log.Info("addon %q active", name)
			return nil
		case "CREATE_FAILED", "DEGRADED", "UPDATE_FAILED":
			return fmt.Errorf("it is %s: %s", addon.Status, describe(addon.Issues))
		}
		if err := m.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("it is still %s: %w", addon.Status, err)
		}
	}
}

func describe(issues []eks.Issue) string {
	if len(issues) == 0 {
		return "EKS gives no reason; without nodes coredns and others cannot run"
	}
	var parts []string
	for _, one := range issues {
		parts = append(parts, one.Code+": "+one.Message)
	}
	return strings.Join(parts, "; ")
}
