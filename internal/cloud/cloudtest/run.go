package cloudtest

import (
	"context"
	"testing"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// Fixture is what Run needs to know and to do outside the cloud.Provider.
type Fixture struct {
	// NodeClass is unresolved; its selectors match a subnet in two zones at
	// least, a security group, and AMIs.
	NodeClass *ec2v1.EC2NodeClass
	// SetCapacity makes a pool hold count instances at most, those that run
	// included. nil skips what needs pools to run dry.
	SetCapacity func(t *testing.T, key model.OfferingKey, count int)
	// Advance moves the provider's clock. nil means real time: what needs the
	// clock to jump is skipped.
	Advance func(time.Duration)
	// Restart returns a provider of the same cloud that remembers nothing, as
	// after a crash. nil means that the provider itself remembers nothing.
	Restart func(t *testing.T) cloud.Provider
	// Patience bounds the wait for an instance to be gone; 0 means a minute.
	Patience time.Duration
}

// Run states what every adapter of cloud.Provider must hold to. create is
// called for each test and gives a cloud of its own where that is possible.
func Run(t *testing.T, create func(t *testing.T) (cloud.Provider, Fixture)) {
	for _, each := range []struct {
		name  string
		check func(*testing.T, *subject)
	}{
		{"ResolveIsRepeatable", resolveIsRepeatable},
		{"ResolveOfNothingIsEmpty", resolveOfNothingIsEmpty},
		{"InstanceProfileIsEnsuredOnce", instanceProfileIsEnsuredOnce},
		{"InstanceProfileNeedsARole", instanceProfileNeedsARole},
		{"NodeClassResourcesAreDeletedRepeatably", nodeClassResourcesAreDeletedRepeatably},
		{"CatalogIsOrderedAndPriced", catalogIsOrderedAndPriced},
		{"CatalogKeepsToTheZonesOfTheClass", catalogKeepsToZones},
		{"CatalogKeepsToTheAMIsOfTheClass", catalogKeepsToAMIs},
		{"LaunchBuysTheBestOffering", launchBuysTheBestOffering},
		{"LaunchRepeatedBuysOnce", launchRepeatedBuysOnce},
		{"LaunchAfterACrashBuysOnce", launchAfterACrashBuysOnce},
		{"LaunchConcurrentlyBuysOnce", launchConcurrentlyBuysOnce},
		{"LaunchOfManyClaimsBuysEach", launchOfManyClaimsBuysEach},
		{"LaunchFallsBackOnADryPool", launchFallsBack},
		{"LaunchWithoutCapacityBuysNothing", launchWithoutCapacity},
		{"UnavailabilityIsForgotten", unavailabilityIsForgotten},
		{"TerminatedInstancesAreGone", terminatedInstancesAreGone},
		{"UnknownInstancesAreNotFound", unknownInstancesAreNotFound},
		{"TagsAreSeen", tagsAreSeen},
		{"CancelledCallsEnd", cancelledCallsEnd},
	} {
		t.Run(each.name, func(t *testing.T) {
			provider, fixture := create(t)
			each.check(t, newSubject(t, provider, fixture))
		})
	}
}

// subject is a provider under test with its resolved class.
type subject struct {
	cloud.Provider
	Fixture
	class *ec2v1.EC2NodeClass
}

func newSubject(t *testing.T, provider cloud.Provider, fixture Fixture) *subject {
	s := &subject{Provider: provider, Fixture: fixture}
	if s.Patience == 0 {
		s.Patience = time.Minute
	}
	s.class = s.resolved(t)
	return s
}

// resolved is the fixture's class with its status filled, as the controllers do.
func (s *subject) resolved(t *testing.T) *ec2v1.EC2NodeClass {
	t.Helper()
	class := s.NodeClass.DeepCopy()
	found, err := s.Resolve(t.Context(), class)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	if len(found.SecurityGroups) == 0 || len(found.AMIs) == 0 || len(zonesOf(found.Subnets)) < 2 {
		t.Fatalf("Resolve: got %+v, want subnets in two zones, a security group and an AMI", found)
	}
	class.Status.Subnets, class.Status.SecurityGroups, class.Status.AMIs = found.Subnets, found.SecurityGroups, found.AMIs
	if class.Status.InstanceProfile, err = s.EnsureInstanceProfile(t.Context(), class); err != nil {
		t.Fatalf("EnsureInstanceProfile: %v", err)
	}
	return class
}

func zonesOf(subnets []ec2v1.Subnet) map[string]bool {
	zones := map[string]bool{}
	for _, subnet := range subnets {
		zones[subnet.Zone] = true
	}
	return zones
}

func (s *subject) catalog(t *testing.T) model.Catalog {
	t.Helper()
	catalog, err := s.Catalog(t.Context(), s.class)
	if err != nil {
		t.Fatalf("Catalog: %v", err)
	}
	return catalog
}

// onDemand gives count offerings of different types.
func (s *subject) onDemand(t *testing.T, count int) []model.Offering {
	t.Helper()
	var offerings []model.Offering
	seen := map[string]bool{}
	for _, offering := range s.catalog(t).Offerings {
		if offering.CapacityType == model.OnDemand && !seen[offering.InstanceType] && len(offerings) < count {
			seen[offering.InstanceType] = true
			offerings = append(offerings, offering)
		}
	}
	if len(offerings) < count {
		t.Fatalf("the catalog sells %d types on-demand, the test needs %d", len(offerings), count)
	}
	return offerings
}

func (s *subject) request(offerings []model.Offering) cloud.LaunchRequest {
	// Unique among runs against a cloud that keeps instances.
	claim := "conformance-" + time.Now().UTC().Format("150405.000000000")
	return cloud.LaunchRequest{
		ClientToken: claim, NodeClass: s.class, NodeClaim: claim, NodePool: "conformance", Offerings: offerings,
		Labels: map[string]string{"karpenter.sh/nodepool": "conformance"},
	}
}

// launch buys an instance and ends it after the test.
func (s *subject) launch(t *testing.T, request cloud.LaunchRequest) cloud.Instance {
	t.Helper()
	instance, err := s.Launch(t.Context(), request)
	if err != nil {
		t.Fatalf("Launch: %v", err)
	}
	s.endAfter(t, instance)
	return instance
}

func (s *subject) endAfter(t *testing.T, instance cloud.Instance) {
	t.Cleanup(func() {
		err := s.Terminate(context.Background(), instance.ProviderID)
		if err != nil && !cloud.IsNotFound(err) {
			t.Errorf("ending %s: %v", instance.ProviderID, err)
		}
	})
}

// ofClaim lists the instances of one claim.
func (s *subject) ofClaim(t *testing.T, claim string) []cloud.Instance {
	t.Helper()
	all, err := s.List(t.Context())
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	var mine []cloud.Instance
	for _, instance := range all {
		if instance.NodeClaim == claim {
			mine = append(mine, instance)
		}
	}
	return mine
}

func (s *subject) restarted(t *testing.T) cloud.Provider {
	if s.Restart == nil {
		return s.Provider
	}
	return s.Restart(t)
}

func (s *subject) needsCapacity(t *testing.T) {
	if s.SetCapacity == nil {
		t.Skip("the fixture cannot make pools run dry")
	}
}
