// Package serviceaccounts gives Kubernetes service accounts IAM roles through
// the OIDC provider of an EKS cluster, with eksctl's stacks and annotations.
package serviceaccounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/say"
	"github.com/drover-project/drover/internal/stack"
)

// AWS is what is needed of AWS.
type AWS interface {
	stack.Service
	// OIDCProvider is the ARN of the provider of an issuer; eks.ErrNotFound when
	// there is none.
	OIDCProvider(ctx context.Context, issuer string) (arn string, err error)
	// Thumbprint is of the certificate authority of an issuer.
	Thumbprint(ctx context.Context, issuer string) (string, error)
	// CreateOIDCProvider makes one. An empty thumbprint is left to IAM.
	CreateOIDCProvider(ctx context.Context, issuer, thumbprint string, tags map[string]string) (arn string, err error)
}

// Manager acts on the service accounts of one cluster.
type Manager struct {
	AWS     AWS
	Cluster *eks.Cluster
	Kube    kubernetes.Interface
	Log     *say.Log
	Sleep   func(ctx context.Context, d time.Duration) error
}

func (m *Manager) runner() *stack.Runner {
	return &stack.Runner{Service: m.AWS, Sleep: m.Sleep, Say: m.Log.Info}
}

// Associate makes the cluster's IAM OIDC provider, unless there is one. With plan
// it only says so.
func (m *Manager) Associate(ctx context.Context, plan bool) error {
	if m.Cluster.Issuer == "" {
		return fmt.Errorf("cluster %q has no OIDC issuer; EKS clusters since 1.13 have one", m.Cluster.Name)
	}
	_, err := m.AWS.OIDCProvider(ctx, m.Cluster.Issuer)
	if err == nil {
		m.Log.Info("IAM Open ID Connect provider is already associated with cluster %q in %q", m.Cluster.Name, m.region())
		return nil
	}
	if !errors.Is(err, eks.ErrNotFound) {
		return fmt.Errorf("looking for the IAM OIDC provider of cluster %q: %w", m.Cluster.Name, err)
	}
	if plan {
		m.Log.Info("(plan) would create IAM Open ID Connect provider for cluster %q in %q", m.Cluster.Name, m.region())
		m.Log.Warning("no changes were applied, run again with '--approve' to apply the changes")
		return nil
	}
	m.Log.Info("will create IAM Open ID Connect provider for cluster %q in %q", m.Cluster.Name, m.region())
	if _, err := m.AWS.CreateOIDCProvider(ctx, m.Cluster.Issuer, m.thumbprint(ctx), map[string]string{"alpha.eksctl.io/cluster-name": m.Cluster.Name}); err != nil {
		return fmt.Errorf("creating the IAM OIDC provider of cluster %q: %w", m.Cluster.Name, err)
	}
	m.Log.Success("created IAM Open ID Connect provider for cluster %q in %q", m.Cluster.Name, m.region())
	return nil
}

// thumbprint is empty where the issuer cannot be reached: IAM then finds out
// itself.
func (m *Manager) thumbprint(ctx context.Context) string {
	found, err := m.AWS.Thumbprint(ctx, m.Cluster.Issuer)
	if err != nil {
		m.Log.Info("the certificate of %s is left to IAM to look up: %v", m.Cluster.Issuer, err)
		return ""
	}
	return found
}

func (m *Manager) region() string {
	return eks.RegionOf(m.Cluster.ARN)
}
