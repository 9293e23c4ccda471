package metrics

import (
	"context"
	"errors"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// Measure returns a provider that times every call of the one it wraps.
func Measure(provider cloud.Provider, metrics *Metrics) cloud.Provider {
	return &measured{Provider: provider, metrics: metrics}
}

type measured struct {
	cloud.Provider
	metrics *Metrics
}

// record is deferred with the call's start and a pointer to its error.
func (m *measured) record(method string, start time.Time, err *error) {
	labels := []string{"cloud", method, "aws"}
	m.metrics.CloudProviderDuration.WithLabelValues(labels...).Observe(time.Since(start).Seconds())
	if *err != nil {
		m.metrics.CloudProviderErrors.WithLabelValues(append(labels, kind(*err))...).Inc()
	}
}

func kind(err error) string {
	var capacity *cloud.CapacityError
	var terminal *cloud.TerminalError
	switch {
	case cloud.IsNotFound(err):
		return "NodeClaimNotFoundError"
	case errors.As(err, &capacity):
		return "InsufficientCapacityError"
	case errors.As(err, &terminal):
		return terminal.Reason
	}
	return ""
}

func (m *measured) Resolve(ctx context.Context, class *ec2v1.EC2NodeClass) (_ cloud.Resolved, err error) {
	defer m.record("Resolve", time.Now(), &err)
	return m.Provider.Resolve(ctx, class)
}

func (m *measured) EnsureInstanceProfile(ctx context.Context, class *ec2v1.EC2NodeClass) (_ string, err error) {
	defer m.record("EnsureInstanceProfile", time.Now(), &err)
	return m.Provider.EnsureInstanceProfile(ctx, class)
}

func (m *measured) Catalog(ctx context.Context, class *ec2v1.EC2NodeClass) (_ model.Catalog, err error) {
	defer m.record("GetInstanceTypes", time.Now(), &err)
	return m.Provider.Catalog(ctx, class)
}

func (m *measured) Launch(ctx context.Context, request cloud.LaunchRequest) (_ cloud.Instance, err error) {
	defer m.record("Create", time.Now(), &err)
	return m.Provider.Launch(ctx, request)
}

func (m *measured) Get(ctx context.Context, providerID string) (_ cloud.Instance, err error) {
	defer m.record("Get", time.Now(), &err)
	return m.Provider.Get(ctx, providerID)
}

func (m *measured) List(ctx context.Context) (_ []cloud.Instance, err error) {
	defer m.record("List", time.Now(), &err)
	return m.Provider.List(ctx)
}

func (m *measured) Terminate(ctx context.Context, providerID string) (err error) {
	defer m.record("Delete", time.Now(), &err)
	return m.Provider.Terminate(ctx, providerID)
}
