package cloudtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

func launchBuysTheBestOffering(t *testing.T, s *subject) {
	offerings := s.onDemand(t, 2)
	request := s.request(offerings)
	instance := s.launch(t, request)
	best := offerings[0]
	if instance.InstanceType != best.InstanceType || instance.Zone != best.Zone || instance.CapacityType != best.CapacityType {
		t.Errorf("bought %s %s %s, want the first offering %+v", instance.InstanceType, instance.Zone, instance.CapacityType, best.OfferingKey)
	}
	if want := "aws:///" + instance.Zone + "/" + instance.ID; instance.ProviderID != want {
		t.Errorf("provider id %q, want %q", instance.ProviderID, want)
	}
	if len(instance.Unavailable) != 0 {
		t.Errorf("unavailable: %v, want none", instance.Unavailable)
	}
	seen, err := s.Get(t.Context(), instance.ProviderID)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if seen.ID != instance.ID || seen.NodeClaim != request.NodeClaim || seen.ImageID == "" || seen.ImageID != instance.ImageID {
		t.Errorf("Get gave %+v, Launch %+v", seen, instance)
	}
	for key, want := range map[string]string{
		"karpenter.sh/nodeclaim": request.NodeClaim, "karpenter.sh/nodepool": request.NodePool,
		"karpenter.k8s.aws/ec2nodeclass": s.class.Name, "Name": request.NodeClaim,
	} {
		if seen.Tags[key] != want {
			t.Errorf("tag %s is %q, want %q", key, seen.Tags[key], want)
		}
	}
}

func launchRepeatedBuysOnce(t *testing.T, s *subject) {
	request := s.request(s.onDemand(t, 2))
	first, second := s.launch(t, request), s.launch(t, request)
	if first.ID != second.ID || len(s.ofClaim(t, request.NodeClaim)) != 1 {
		t.Errorf("two calls bought %s and %s, listed are %v", first.ID, second.ID, s.ofClaim(t, request.NodeClaim))
	}
}

// launchAfterACrashBuysOnce asks anew, with another order of offerings, as a
// plan on fresh state might.
func launchAfterACrashBuysOnce(t *testing.T, s *subject) {
	offerings := s.onDemand(t, 2)
	request := s.request(offerings)
	first := s.launch(t, request)
	request.Offerings = []model.Offering{offerings[1], offerings[0]}
	second, err := s.restarted(t).Launch(t.Context(), request)
	if err != nil {
		t.Fatalf("Launch after a restart: %v", err)
	}
	if first.ID != second.ID || len(s.ofClaim(t, request.NodeClaim)) != 1 {
		t.Errorf("bought %s before and %s after a restart", first.ID, second.ID)
	}
}

func launchConcurrentlyBuysOnce(t *testing.T, s *subject) {
	request := s.request(s.onDemand(t, 1))
	var group sync.WaitGroup
	ids := make([]string, 4)
	for i := range ids {
		group.Go(func() {
			instance, err := s.Launch(t.Context(), request)
			if err != nil {
				t.Errorf("Launch: %v", err)
			}
			ids[i] = instance.ID
		})
	}
	group.Wait()
	instances := s.ofClaim(t, request.NodeClaim)
	for _, instance := range instances {
		s.endAfter(t, instance)
	}
	for _, id := range ids {
		if id != ids[0] || len(instances) != 1 {
			t.Fatalf("concurrent calls bought %v, listed are %d instances", ids, len(instances))
		}
	}
}

func launchOfManyClaimsBuysEach(t *testing.T, s *subject) {
	offerings := s.onDemand(t, 1)
	requests := make([]cloud.LaunchRequest, 5)
	for i := range requests {
		requests[i] = s.request(offerings)
	}
	var group sync.WaitGroup
	for _, request := range requests {
		group.Go(func() {
			if _, err := s.Launch(t.Context(), request); err != nil {
				t.Errorf("Launch: %v", err)
			}
		})
	}
	group.Wait()
	for _, request := range requests {
		instances := s.ofClaim(t, request.NodeClaim)
		for _, instance := range instances {
			s.endAfter(t, instance)
		}
		if len(instances) != 1 {
			t.Errorf("claim %s has %d instances, want 1", request.NodeClaim, len(instances))
		}
	}
}

func launchFallsBack(t *testing.T, s *subject) {
	s.needsCapacity(t)
	offerings := s.onDemand(t, 2)
	s.SetCapacity(t, offerings[0].OfferingKey, 0)
	instance := s.launch(t, s.request(offerings))
	if instance.InstanceType != offerings[1].InstanceType {
		t.Errorf("bought %s, want %s", instance.InstanceType, offerings[1].InstanceType)
	}
	if len(instance.Unavailable) != 1 || instance.Unavailable[0].OfferingKey != offerings[0].OfferingKey {
		t.Errorf("unavailable: %v, want %v", instance.Unavailable, offerings[0].OfferingKey)
	}
	if s.unavailableReason(t, offerings[0].OfferingKey) == "" {
		t.Error("the catalog does not show that the first pool is dry")
	}
	if reason := s.unavailableReason(t, offerings[1].OfferingKey); reason != "" {
		t.Errorf("the catalog says of the pool that was bought from: %s", reason)
	}
}

func (s *subject) unavailableReason(t *testing.T, key model.OfferingKey) string {
	t.Helper()
	for _, offering := range s.catalog(t).Offerings {
		if offering.OfferingKey == key {
			return offering.UnavailableReason
		}
	}
	t.Fatalf("%+v is not in the catalog any more; a pool without capacity stays, with the reason", key)
	return ""
}

func launchWithoutCapacity(t *testing.T, s *subject) {
	s.needsCapacity(t)
	offerings := s.onDemand(t, 2)
	for _, offering := range offerings {
		s.SetCapacity(t, offering.OfferingKey, 0)
	}
	request := s.request(offerings)
	_, err := s.Launch(t.Context(), request)
	var capacity *cloud.CapacityError
	if !errors.As(err, &capacity) {
		t.Fatalf("got %v, want a CapacityError", err)
	}
	if len(capacity.Unavailable) != 2 || capacity.Message == "" {
		t.Errorf("got %+v, want both offerings and a message", capacity)
	}
	if instances := s.ofClaim(t, request.NodeClaim); len(instances) != 0 {
		t.Errorf("bought %v", instances)
	}
}

func unavailabilityIsForgotten(t *testing.T, s *subject) {
	s.needsCapacity(t)
	if s.Advance == nil {
		t.Skip("the fixture has no clock to move")
	}
	offerings := s.onDemand(t, 2)
	s.SetCapacity(t, offerings[0].OfferingKey, 0)
	s.launch(t, s.request(offerings))
	s.Advance(UnavailableFor - time.Second)
	if s.unavailableReason(t, offerings[0].OfferingKey) == "" {
		t.Errorf("forgotten before %v", UnavailableFor)
	}
	s.Advance(time.Second)
	if reason := s.unavailableReason(t, offerings[0].OfferingKey); reason != "" {
		t.Errorf("still shown after %v: %s", UnavailableFor, reason)
	}
	s.SetCapacity(t, offerings[0].OfferingKey, 1)
	if instance := s.launch(t, s.request(offerings)); instance.InstanceType != offerings[0].InstanceType {
		t.Errorf("bought %s, want %s again", instance.InstanceType, offerings[0].InstanceType)
	}
}

func terminatedInstancesAreGone(t *testing.T, s *subject) {
	request := s.request(s.onDemand(t, 1))
	instance := s.launch(t, request)
	if err := s.Terminate(t.Context(), instance.ProviderID); err != nil {
		t.Fatalf("Terminate: %v", err)
	}
	deadline := time.Now().Add(s.Patience)
	for {
		seen, err := s.Get(t.Context(), instance.ProviderID)
		if cloud.IsNotFound(err) {
			break
		}
		if err == nil && seen.State != cloud.ShuttingDown {
			t.Fatalf("state %s after Terminate, want %s", seen.State, cloud.ShuttingDown)
		}
		if time.Now().After(deadline) {
			t.Fatalf("not gone after %v: %+v, %v", s.Patience, seen, err)
		}
		s.pass(time.Second)
	}
	if err := s.Terminate(t.Context(), instance.ProviderID); !cloud.IsNotFound(err) {
		t.Errorf("Terminate of an instance that is gone: %v, want not found", err)
	}
	if left := s.ofClaim(t, request.NodeClaim); len(left) != 0 {
		t.Errorf("still listed: %v", left)
	}
}

// pass lets time go by in the provider's world.
func (s *subject) pass(d time.Duration) {
	if s.Advance != nil {
		s.Advance(d)
		return
	}
	time.Sleep(d)
}

func unknownInstancesAreNotFound(t *testing.T, s *subject) {
	unknown := "aws:///" + s.class.Status.Subnets[0].Zone + "/i-0123456789abcdef0"
	if _, err := s.Get(t.Context(), unknown); !cloud.IsNotFound(err) {
		t.Errorf("Get: %v, want not found", err)
	}
	if err := s.Terminate(t.Context(), unknown); !cloud.IsNotFound(err) {
		t.Errorf("Terminate: %v, want not found", err)
	}
	if err := s.Tag(t.Context(), unknown, map[string]string{"a": "b"}); !cloud.IsNotFound(err) {
		t.Errorf("Tag: %v, want not found", err)
	}
	// One unknown instance must not spoil the calls for others.
	instance := s.launch(t, s.request(s.onDemand(t, 1)))
	var group sync.WaitGroup
	group.Go(func() { _ = s.Terminate(t.Context(), unknown) })
	group.Go(func() {
		if err := s.Terminate(t.Context(), instance.ProviderID); err != nil {
			t.Errorf("Terminate beside an unknown instance: %v", err)
		}
	})
	group.Wait()
}

func tagsAreSeen(t *testing.T, s *subject) {
	instance := s.launch(t, s.request(s.onDemand(t, 1)))
	if err := s.Tag(t.Context(), instance.ProviderID, map[string]string{"Name": "ip-10-0-0-1", "team": "a"}); err != nil {
		t.Fatal(err)
	}
	seen, err := s.Get(t.Context(), instance.ProviderID)
	if err != nil {
		t.Fatal(err)
	}
	if seen.Tags["Name"] != "ip-10-0-0-1" || seen.Tags["team"] != "a" || seen.Tags["karpenter.sh/nodeclaim"] != instance.NodeClaim {
		t.Errorf("tags are %v", seen.Tags)
	}
}

func cancelledCallsEnd(t *testing.T, s *subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request := s.request(s.onDemand(t, 1))
	if _, err := s.Launch(ctx, request); err == nil {
		t.Error("Launch went on after its context ended")
	}
	if _, err := s.Get(ctx, "aws:///zone/i-0123456789abcdef0"); err == nil || cloud.IsNotFound(err) {
		t.Errorf("Get: %v, want the context's error", err)
	}
}
