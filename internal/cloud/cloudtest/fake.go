package cloudtest

import (
	"context"
	"fmt"
	"maps"
	"sort"
	"strings"
	"sync"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// Fake is an in-memory cloud. Its methods may be called concurrently.
type Fake struct {
	world World

	mu          sync.Mutex
	serial      int
	instances   map[string]*instance // by provider ID
	tokens      map[string]string    // client token -> provider ID
	unavailable map[model.OfferingKey]time.Time
	profiles    map[string]string // NodeClass name -> instance profile
	calls       map[string]int
	changes     map[model.OfferingKey][]change
}

// change is a price that came to an end.
type change struct {
	price float64
	until time.Time
}

type instance struct {
	cloud.Instance
	key        model.OfferingKey
	terminated time.Time // when Terminate was called, zero before
}

var _ cloud.Provider = (*Fake)(nil)

// New makes a cloud out of a world; empty parts come from DefaultWorld.
func New(world World) *Fake {
	defaults := DefaultWorld()
	if world.InstanceTypes == nil {
		world.InstanceTypes, world.Prices = defaults.InstanceTypes, defaults.Prices
	}
	if world.Region == "" {
		world.Region = defaults.Region
	}
	if world.Subnets == nil {
		world.Subnets = defaults.Subnets
	}
	if world.SecurityGroups == nil {
		world.SecurityGroups = defaults.SecurityGroups
	}
	if world.Images == nil {
		world.Images = defaults.Images
	}
	if world.Now == nil {
		world.Now = time.Now
	}
	world.Prices = maps.Clone(world.Prices)
	world.Capacity = maps.Clone(world.Capacity)
	if world.Capacity == nil {
		world.Capacity = map[model.OfferingKey]int{}
	}
	return &Fake{
		world:       world,
		instances:   map[string]*instance{},
		tokens:      map[string]string{},
		unavailable: map[model.OfferingKey]time.Time{},
		profiles:    map[string]string{},
		calls:       map[string]int{},
		changes:     map[model.OfferingKey][]change{},
	}
}

// Calls is how often an operation was asked for.
func (f *Fake) Calls(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[operation]
}

// SetCapacity makes a pool hold count instances at most from now on, those that
// run included.
func (f *Fake) SetCapacity(key model.OfferingKey, count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.Capacity[key] = count
}

// SetPrice changes what an offering costs from now on, in USD per hour.
func (f *Fake) SetPrice(key model.OfferingKey, price float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes[key] = append(f.changes[key], change{f.world.Prices[key], f.world.Now()})
	f.world.Prices[key] = price
}

// bounds are the lowest and the highest price within the window.
func (f *Fake) bounds(key model.OfferingKey) (lowest, highest float64) {
	lowest, highest = f.world.Prices[key], f.world.Prices[key]
	for _, each := range f.changes[key] {
		if each.until.After(f.world.Now().Add(-SpotWindow)) {
			lowest, highest = min(lowest, each.price), max(highest, each.price)
		}
	}
	return lowest, highest
}

// Vanish ends an instance from outside, as a Spot reclaim or a person would.
func (f *Fake) Vanish(providerID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.instances, providerID)
}

// begin counts an operation and lets the world refuse it.
func (f *Fake) begin(ctx context.Context, operation string) error {
	f.mu.Lock()
	f.calls[operation]++
	f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.world.Before != nil {
		return f.world.Before(operation)
	}
	return nil
}

// end lets the world lose the answer of an operation that took effect.
func (f *Fake) end(operation string) error {
	if f.world.After != nil {
		return f.world.After(operation)
	}
	return nil
}

// Launch implements cloud.Provider.
func (f *Fake) Launch(ctx context.Context, request cloud.LaunchRequest) (cloud.Instance, error) {
	if err := f.begin(ctx, "Launch"); err != nil {
		return cloud.Instance{}, err
	}
	launched, err := f.launch(request)
	if err != nil {
		return cloud.Instance{}, err
	}
	return launched, f.end("Launch")
}

func (f *Fake) launch(request cloud.LaunchRequest) (cloud.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.byToken(request.ClientToken); known != nil {
		return f.view(known), nil
	}
	var dry []model.Offering
	for _, offering := range request.Offerings {
		if f.room(offering.OfferingKey) {
			bought := f.view(f.buy(request, offering))
			bought.Unavailable = dry
			return bought, nil
		}
		f.unavailable[offering.OfferingKey] = f.world.Now()
		offering.UnavailableReason = "InsufficientInstanceCapacity"
		dry = append(dry, offering)
	}
	return cloud.Instance{}, &cloud.CapacityError{Unavailable: dry, Message: "InsufficientInstanceCapacity"}
}

func (f *Fake) byToken(token string) *instance {
	known := f.instances[f.tokens[token]]
	if known == nil || f.state(known) == cloud.Terminated {
		return nil
	}
	return known
}

func (f *Fake) room(key model.OfferingKey) bool {
	limit, finite := f.world.Capacity[key]
	if !finite {
		return true
	}
	for _, other := range f.instances {
		if other.key == key && other.terminated.IsZero() {
			limit--
		}
	}
	return limit > 0
}

func (f *Fake) buy(request cloud.LaunchRequest, offering model.Offering) *instance {
	f.serial++
	id := fmt.Sprintf("i-%017x", f.serial)
	bought := &instance{key: offering.OfferingKey, Instance: cloud.Instance{
		ProviderID:   "aws:///" + offering.Zone + "/" + id,
		ID:           id,
		InstanceType: offering.InstanceType,
		Zone:         offering.Zone,
		ZoneID:       f.zoneID(offering.Zone),
		CapacityType: offering.CapacityType,
		ImageID:      f.imageFor(request.NodeClass, offering.InstanceType),
		LaunchTime:   f.world.Now(),
		NodeClaim:    request.NodeClaim,
		Tags: map[string]string{
			"Name":                     request.NodeClaim,
			ec2v1.NodeClaimTagKey:      request.NodeClaim,
			ec2v1.NodePoolTagKey:       request.NodePool,
			ec2v1.NodeClassTagKey:      request.NodeClass.Name,
			ec2v1.EKSClusterNameTagKey: DiscoveryTagValue,
			"kubernetes.io/cluster/" + DiscoveryTagValue: "owned",
		},
	}}
	f.instances[bought.ProviderID] = bought
	f.tokens[request.ClientToken] = bought.ProviderID
	return bought
}

func (f *Fake) imageFor(class *ec2v1.EC2NodeClass, instanceType string) string {
	for _, ami := range class.Status.AMIs {
		for _, candidate := range f.world.InstanceTypes {
			if candidate.Name == instanceType && runs(ami, candidate) {
				return ami.ID
			}
		}
	}
	return ""
}

func (f *Fake) zoneID(zone string) string {
	for _, subnet := range f.world.Subnets {
		if subnet.Zone == zone {
			return subnet.ZoneID
		}
	}
	return ""
}

func (f *Fake) state(i *instance) cloud.InstanceState {
	now := f.world.Now()
	switch {
	case !i.terminated.IsZero() && !now.Before(i.terminated.Add(f.world.ShutdownTime)):
		return cloud.Terminated
	case !i.terminated.IsZero():
		return cloud.ShuttingDown
	case now.Before(i.LaunchTime.Add(f.world.BootTime)):
		return cloud.Pending
	}
	return cloud.Running
}

// view is a copy that the caller may keep and change.
func (f *Fake) view(i *instance) cloud.Instance {
	seen := i.Instance
	seen.State = f.state(i)
	seen.Tags = maps.Clone(i.Tags)
	return seen
}

// find returns the instance unless it is gone.
func (f *Fake) find(providerID string) (*instance, error) {
	found := f.instances[providerID]
	if found == nil || f.state(found) == cloud.Terminated {
		return nil, fmt.Errorf("instance %s: %w", providerID, cloud.ErrNotFound)
	}
	return found, nil
}

// Get implements cloud.Provider.
func (f *Fake) Get(ctx context.Context, providerID string) (cloud.Instance, error) {
	if err := f.begin(ctx, "Get"); err != nil {
		return cloud.Instance{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	found, err := f.find(providerID)
	if err != nil {
		return cloud.Instance{}, err
	}
	return f.view(found), nil
}

// List implements cloud.Provider.
func (f *Fake) List(ctx context.Context) ([]cloud.Instance, error) {
	if err := f.begin(ctx, "List"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []cloud.Instance
	for _, each := range f.instances {
		if seen := f.view(each); seen.State != cloud.Terminated {
			all = append(all, seen)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	return all, nil
}

// Terminate implements cloud.Provider.
func (f *Fake) Terminate(ctx context.Context, providerID string) error {
	if err := f.begin(ctx, "Terminate"); err != nil {
		return err
	}
	f.mu.Lock()
	found, err := f.find(providerID)
	if err == nil && found.terminated.IsZero() {
		found.terminated = f.world.Now()
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return f.end("Terminate")
}

// Tag implements cloud.Provider.
func (f *Fake) Tag(ctx context.Context, providerID string, tags map[string]string) error {
	if err := f.begin(ctx, "Tag"); err != nil {
		return err
	}
	f.mu.Lock()
	found, err := f.find(providerID)
	if err == nil {
		maps.Copy(found.Tags, tags)
		found.NodeClaim = found.Tags[ec2v1.NodeClaimTagKey]
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return f.end("Tag")
}

// hasTags reports whether all wanted tags are there; the value * matches any.
func hasTags(have, want map[string]string) bool {
	for key, value := range want {
		got, ok := have[key]
		if !ok || (value != "*" && got != value) {
			return false
		}
	}
	return true
}

// aliasFamily is the family of an alias such as al2023@latest.
func aliasFamily(alias string) string {
	family, _, _ := strings.Cut(alias, "@")
	return family
}
