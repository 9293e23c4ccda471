package ec2api

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/fleet"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Option is one way to launch an instance for another service of the region.
type Option struct {
	Data types.RequestLaunchTemplateData
	// Template is where Data comes from, its version a number; zero for data
	// that no template has.
	Template world.TemplateUse
	// Weight is how many units of the order an instance counts, 0 is 1.
	Weight int
}

// Markets of an Order.
const (
	AsTemplate = "" // as the launch data says
	OnDemand   = world.OnDemand
	Spot       = world.Spot
)

// Order is what another service of the region wants launched in one subnet.
type Order struct {
	Options  []Option // by priority
	SubnetID string   // empty: that of the launch data
	Market   string
	MaxPrice string // for Spot, USD per hour and instance; empty: no limit
	Strategy fleet.Strategy
	Pools    int // for fleet.LowestPrice
	Units    int // how much is wanted
	// Tags are laid over those of the launch data.
	Tags world.Tags
}

// Launched is an instance and the option that it was launched by.
type Launched struct {
	Instance world.Instance
	Option   Option
}

// TemplateData finds a launch template in a version: a number, $Latest, or
// $Default (also when empty). Use it within View or Update.
func (e *EC2) TemplateData(id, name, version string) (Option, error) {
	t, err := e.findTemplate(optional(id), optional(name))
	if err != nil {
		return Option{}, err
	}
	v, err := versionOf(t, version)
	if err != nil {
		return Option{}, err
	}
	data, err := dataOf(v)
	return Option{Data: data, Template: world.TemplateUse{ID: t.ID, Name: t.Name, Version: strconv.FormatInt(v.Number, 10)}}, err
}

// CheckOption is the error with which a launch from launch data would be
// refused whatever the capacity, nil when it would not. Use it within View or
// Update.
func (e *EC2) CheckOption(o Option, subnetID string) error {
	if err := checkLaunchData(o.Data); err != nil {
		return err
	}
	_, err := e.launchFrom(o.Data, place{subnetID: subnetID})
	return err
}

// CheckImage is the error with which a launch would be refused for its image
// and instance type, nil when it would not.
func (e *EC2) CheckImage(o Option) error {
	_, _, err := e.imageFor(o.Data)
	return err
}

// Fill launches what there is capacity for, by the order's strategy: at least
// Units of it unless something is short. short are EC2's errors for the pools
// that could not give all they were asked for; err fails the transaction.
func (e *EC2) Fill(tx *store.Tx, o Order) (launched []Launched, short []error, err error) {
	f := &groupFill{ec2: e, tx: tx, order: o}
	request := fleet.Request{Target: o.Units, Strategy: o.Strategy, PoolsToUse: o.Pools}
	for i, option := range o.Options {
		l, err := e.groupLaunch(option, o)
		if err != nil {
			short = append(short, err)
			continue
		}
		c, weight, priority := e.candidate(l), max(option.Weight, 1), float64(i)
		c.USD, c.Priority = c.USD/float64(weight), &priority
		f.pools = append(f.pools, groupPool{launch: l, option: option, weight: weight})
		request.Candidates = append(request.Candidates, c)
	}
	for _, s := range request.Fill(f.take) {
		short = append(short, s.Err)
	}
	return f.launched, short, f.failure
}

// groupLaunch is the launch of one option, or why it can never be.
func (e *EC2) groupLaunch(option Option, o Order) (world.Launch, error) {
	if err := checkLaunchData(option.Data); err != nil {
		return world.Launch{}, err
	}
	l, err := e.launchFrom(option.Data, place{subnetID: o.SubnetID})
	if err != nil {
		return l, err
	}
	if o.Market != AsTemplate {
		l.Spot, l.SpotMaxPrice = o.Market == Spot, ""
	}
	l.Persistent, l.Behavior = false, "" // a group launches again by itself
	l.SpotMaxPrice = first(o.MaxPrice, l.SpotMaxPrice)
	l.Tags.Instance = l.Tags.Instance.With(option.tags()).With(o.Tags)
	if err := e.checkOffered(l); err != nil || !l.Spot {
		return l, err
	}
	return l, e.checkSpot(l, l.SpotMaxPrice)
}

func (o Option) tags() world.Tags {
	if o.Template.ID == "" {
		return nil
	}
	return world.Tags{"aws:ec2launchtemplate:id": o.Template.ID, "aws:ec2launchtemplate:version": o.Template.Version}
}

type groupPool struct {
	launch world.Launch
	option Option
	weight int
}

// groupFill is an order being filled within a transaction.
type groupFill struct {
	ec2      *EC2
	tx       *store.Tx
	order    Order
	pools    []groupPool
	launched []Launched
	failure  error // of the state itself
}

// take launches as many instances of a pool as its units need and it has.
func (f *groupFill) take(pool, units int) (got int, short error) {
	if f.failure != nil {
		return 0, f.failure
	}
	p := f.pools[pool]
	count, short := f.ec2.room(p.launch, (units+p.weight-1)/p.weight)
	if count == 0 {
		return 0, short
	}
	l := p.launch
	if l.Reservation, f.failure = f.ec2.world.NewID(f.tx, "r-"); f.failure != nil {
		return 0, f.failure
	}
	instances, err := f.ec2.world.Launch(f.tx, l, count)
	if err != nil {
		f.failure = err
		return 0, err
	}
	for _, i := range instances {
		f.launched = append(f.launched, Launched{Instance: i, Option: p.option})
	}
	return count * p.weight, short
}

// Terminate begins to end an instance for another service of the region. One
// that has ended, or is not there, is left as it is.
func (e *EC2) Terminate(tx *store.Tx, id string) error {
	i, found := e.world.Instances.Get(id)
	if !found || ended(i) {
		return nil
	}
	i.Reason = world.Reason{Code: "Client.UserInitiatedShutdown", Message: "User initiated shutdown"}
	_, err := e.world.Enter(tx, i, machine.ShuttingDown)
	return err
}

func ended(i world.Instance) bool {
	return i.State == machine.Terminated || i.State == machine.ShuttingDown
}

// Stop begins to stop a running instance for another service of the region.
func (e *EC2) Stop(tx *store.Tx, id string) error {
	i, found := e.world.Instances.Get(id)
	if !found || i.State != machine.Running {
		return nil
	}
	i.Reason = world.Reason{Code: "Client.UserInitiatedShutdown", Message: "User initiated shutdown"}
	_, err := e.world.Enter(tx, i, machine.Stopping)
	return err
}

// Start begins to start a stopped instance for another service of the region.
// The error is EC2's, such as that there is no capacity: nothing has changed then.
func (e *EC2) Start(tx *store.Tx, id string) error {
	i, err := e.findInstances([]string{id})
	if err != nil {
		return err
	}
	_, err = e.start(tx, i[0])
	return err
}
