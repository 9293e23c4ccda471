package aws

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"
)

// How long facts are good for. Types and on-demand prices change a few times a
// month; Spot prices are smoothed by EC2 and move over hours.
const (
	typesAge = 12 * time.Hour
	spotAge  = time.Hour
	// retryAge is the pause after a refresh that failed; what is known stays in use.
	retryAge = time.Minute
)

// typeFacts is what a region sells. It is never changed once made.
type typeFacts struct {
	types []types.InstanceTypeInfo
	// zones in which a type is sold.
	zones map[string][]string
	// onDemand is USD per hour by type.
	onDemand map[string]float64
}

// pool names the Spot price of a type in a zone.
type pool struct{ instanceType, zone string }

// facts is one state of the inventory; a change has a new version.
type facts struct {
	*typeFacts
	spot    spotMarket
	version int
}

// inventory keeps the facts of the region: fetched at the first need, and in
// the background when they have grown old.
type inventory struct {
	ctx        context.Context
	fetchTypes func(context.Context) (*typeFacts, error)
	fetchSpot  func(context.Context) (spotMarket, error)
	now        func() time.Time
	log        *slog.Logger
	// spotAge is how long Spot prices are good for.
	spotAge time.Duration

	first sync.Mutex // held while the first facts are fetched

	mu         sync.Mutex
	current    facts
	typesDue   time.Time
	spotDue    time.Time
	refreshing bool
}

func newInventory(
	ctx context.Context,
	fetchTypes func(context.Context) (*typeFacts, error),
	fetchSpot func(context.Context) (spotMarket, error),
	options Options,
) *inventory {
	return &inventory{ctx: ctx, fetchTypes: fetchTypes, fetchSpot: fetchSpot, now: options.Now, log: options.Logger, spotAge: min(spotAge, options.spotWindow())}
}

// get returns the facts known now. Only the first call waits for the network.
func (i *inventory) get(ctx context.Context) (facts, error) {
	if known := i.peek(); known.typeFacts != nil {
		return known, nil
	}
	i.first.Lock()
	defer i.first.Unlock()
	if known := i.peek(); known.typeFacts != nil {
		return known, nil
	}
	var types, spot error
	var group sync.WaitGroup // each takes many pages
	group.Go(func() { types = i.refreshTypes(ctx) })
	group.Go(func() { spot = i.refreshSpot(ctx) })
	group.Wait()
	if types != nil {
		return facts{}, types
	}
	// Without Spot prices there is still on-demand to buy.
	if spot != nil {
		i.log.Warn("could not read Spot prices; offering on-demand only until they can be read", "error", spot)
	}
	return i.peek(), nil
}

// known is get for those who can do without: after a fetch that failed it does not
// try again before it is time.
func (i *inventory) known(ctx context.Context) (facts, bool) {
	i.mu.Lock()
	failed := i.current.typeFacts == nil && i.now().Before(i.typesDue)
	i.mu.Unlock()
	if failed {
		return facts{}, false
	}
	known, err := i.get(ctx)
	return known, err == nil
}

// peek returns what is known and has it refreshed if it is old.
func (i *inventory) peek() facts {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	isOld := !now.Before(i.typesDue) || !now.Before(i.spotDue)
	if i.current.typeFacts != nil && isOld && !i.refreshing {
		i.refreshing = true
		go i.refresh(!now.Before(i.typesDue), !now.Before(i.spotDue))
	}
	return i.current
}

func (i *inventory) refresh(needTypes, needSpot bool) {
	if needTypes {
		if err := i.refreshTypes(i.ctx); err != nil {
			i.log.Warn("could not refresh instance types and prices; keeping those known", "error", err)
		}
	}
	if needSpot {
		if err := i.refreshSpot(i.ctx); err != nil {
			i.log.Warn("could not refresh Spot prices; keeping those known", "error", err)
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refreshing = false
}

func (i *inventory) refreshTypes(ctx context.Context) error {
	fetched, err := i.fetchTypes(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil {
		i.typesDue = i.now().Add(retryAge)
		return err
	}
	i.typesDue = i.now().Add(typesAge)
	i.current.typeFacts = fetched
	i.current.version++
	return nil
}

func (i *inventory) refreshSpot(ctx context.Context) error {
	prices, err := i.fetchSpot(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil {
		i.spotDue = i.now().Add(retryAge)
		return err
	}
	i.spotDue = i.now().Add(i.spotAge)
	i.current.spot = prices
	i.current.version++
	return nil
}

// fetchTypes asks EC2 and the Price List what the region sells, at once: each
// answers in many pages.
func (p *Provider) fetchTypes(ctx context.Context) (*typeFacts, error) {
	var fetched typeFacts
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { fetched.types, err = p.describeTypes(ctx); return err })
	group.Go(func() (err error) { fetched.zones, err = p.describeTypeZones(ctx); return err })
	group.Go(func() (err error) { fetched.onDemand, err = p.fetchOnDemandPrices(ctx); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	p.logUnpriced(fetched.types, fetched.onDemand)
	return &fetched, nil
}

func (p *Provider) describeTypes(ctx context.Context) ([]types.InstanceTypeInfo, error) {
	pages := ec2.NewDescribeInstanceTypesPaginator(p.clients.EC2, &ec2.DescribeInstanceTypesInput{
		Filters: []types.Filter{
			{Name: sdk.String("supported-virtualization-type"), Values: []string{"hvm"}},
			{Name: sdk.String("processor-info.supported-architecture"), Values: []string{"x86_64", "arm64"}},
		},
		MaxResults: sdk.Int32(100),
	})
	var infos []types.InstanceTypeInfo
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify(err, "describing instance types")
		}
		infos = append(infos, page.InstanceTypes...)
	}
	if len(infos) == 0 {
		return nil, fmt.Errorf("EC2 in %s described no instance types", p.region)
	}
	return infos, nil
}

func (p *Provider) describeTypeZones(ctx context.Context) (map[string][]string, error) {
	pages := ec2.NewDescribeInstanceTypeOfferingsPaginator(p.clients.EC2, &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZone, MaxResults: sdk.Int32(1000),
	})
	zones := map[string][]string{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify(err, "describing the zones of instance types")
		}
		for _, offering := range page.InstanceTypeOfferings {
			name := string(offering.InstanceType)
			zones[name] = append(zones[name], sdk.ToString(offering.Location))
		}
	}
	return zones, nil
}

func (p *Provider) logUnpriced(infos []types.InstanceTypeInfo, prices map[string]float64) {
	var unpriced []string
	for _, info := range infos {
		if _, known := prices[string(info.InstanceType)]; !known {
			unpriced = append(unpriced, string(info.InstanceType))
		}
	}
	if len(unpriced) > 0 {
		p.log.Info("instance types without a known on-demand price are not offered on-demand",
			"count", len(unpriced), "instance-types", unpriced)
	}
}
