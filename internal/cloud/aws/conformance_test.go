package aws

import (
	"testing"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/model"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	cloudtest.Run(t, func(t *testing.T) (cloud.Provider, cloudtest.Fixture) {
		w := newWorld(t)
		return w.Provider, cloudtest.Fixture{
			NodeClass: nodeClass(),
			SetCapacity: func(_ *testing.T, key model.OfferingKey, count int) {
				w.ec2.mu.Lock()
				defer w.ec2.mu.Unlock()
				w.ec2.capacity[key] = count
			},
			Advance: w.clock.Advance,
			Restart: func(t *testing.T) cloud.Provider { return w.connect(t) },
		}
	})
}
