// Package region is a simulated AWS region with one EKS cluster in it: EC2, Auto
// Scaling, SSM, Pricing, IAM, EKS and STS on one state and one clock, as plain
// Go. It keeps its state in a data directory, so that whatever a call answered
// is still so after the process was killed.
package region

import (
	"errors"
	"net/http"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/asgapi"
	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfnapi"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/eksapi"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/iamapi"
	"github.com/drover-project/drover/lab/region/nodegroups"
	"github.com/drover-project/drover/lab/region/pricingapi"
	"github.com/drover-project/drover/lab/region/ssmapi"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/stsapi"
	"github.com/drover-project/drover/lab/region/weather"
	"github.com/drover-project/drover/lab/region/world"
)

// Options describe a region; see world.Options.
type Options = world.Options

// ClusterInfo is the cluster as the control plane came up.
type ClusterInfo = world.ClusterInfo

// Quota is how many vCPUs may run at once.
type Quota = world.Quota

// Pool is one capacity pool: instance type, zone and capacity type.
type Pool = world.Pool

// Limit is a finite pool and what is left of it.
type Limit = world.Limit

// Region is an open region. Everything on it may be used concurrently.
type Region struct {
	world  *world.World
	groups *groups.Keeper
	stacks *cfnapi.CloudFormation
	nodes  *nodegroups.Service
	// Weather is what happens to instances without anybody asking for it.
	Weather *weather.Keeper
}

var (
	_ machine.Source    = (*Region)(nil)
	_ machine.Console   = (*Region)(nil)
	_ machine.Signaller = (*Region)(nil)
	_ machine.Keyring   = (*Region)(nil)
)

// Open opens or creates the region kept in Options.DataDir. Instances that were
// starting or ending go on doing so. A directory that holds another region,
// account or cluster, or that another process has open, is an error.
func Open(o Options) (*Region, error) {
	w, err := world.Open(o)
	if err != nil {
		return nil, err
	}
	r := &Region{world: w, groups: groups.New(w, ec2api.New(w))}
	if r.Weather, err = weather.New(w, ec2api.New(w)); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	r.nodes = nodegroups.New(w, r.EC2(), r.AutoScaling())
	r.nodes.Start()
	if r.stacks, err = cfnapi.Open(w, r.within); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return r, nil
}

// within gives the services that stacks call, as parts of a transaction.
func (r *Region) within(tx *store.Tx) resource.Services {
	part := r.world.Within(tx)
	ec2 := ec2api.New(part)
	scaling := asgapi.New(part, r.groups, ec2)
	return resource.Services{
		World: part, EC2: ec2, IAM: iamapi.New(part), ASG: scaling, SSM: ssmapi.New(part),
		EKS: eksapi.New(part, nodesWithin{Service: nodegroups.New(part, ec2, scaling), wake: r.nodes.Wake}),
	}
}

// nodesWithin is the clockwork of node groups as a part of a transaction sees
// it. What wakes is the clockwork itself.
type nodesWithin struct {
	*nodegroups.Service
	wake func()
}

// Wake implements eksapi.NodeGroups.
func (n nodesWithin) Wake() { n.wake() }

// Connect lets the region's EKS work in its cluster: until then it knows no
// nodes, so that none of its node groups becomes active.
func (r *Region) Connect(c nodegroups.Cluster) { r.nodes.Connect(c) }

// Close stops the region's clockwork and releases its data directory.
func (r *Region) Close() error { return r.world.Close() }

// EC2 is the service to register as "ec2".
func (r *Region) EC2() *ec2api.EC2 { return ec2api.New(r.world) }

// AutoScaling is the service to register as "autoscaling".
func (r *Region) AutoScaling() *asgapi.AutoScaling {
	return asgapi.New(r.world, r.groups, ec2api.New(r.world))
}

// CloudFormation is the service to register as "cloudformation".
func (r *Region) CloudFormation() *cfnapi.CloudFormation { return r.stacks }

// SSM is the service to register as "ssm".
func (r *Region) SSM() *ssmapi.SSM { return ssmapi.New(r.world) }

// Pricing is the service to register as "pricing".
func (r *Region) Pricing() *pricingapi.Pricing { return pricingapi.New(r.world) }

// IAM is the service to register as "iam".
func (r *Region) IAM() *iamapi.IAM { return iamapi.New(r.world) }

// EKS is the service to register as "eks".
func (r *Region) EKS() *eksapi.EKS { return eksapi.New(r.world, r.nodes) }

// STS is the service to register as "sts".
func (r *Region) STS() *stsapi.STS { return stsapi.New(r.world) }

// Session finds the temporary credentials of an access key: their secret, the
// token that requests must carry, and whether they have expired.
func (r *Region) Session(accessKeyID string) (s world.Session, expired, found bool) {
	s, found = r.world.Session(accessKeyID)
	return s, !r.world.Clock.Now().Before(s.Expires), found
}

// SessionARN names the caller that a session is: the session of a role.
func (r *Region) SessionARN(s world.Session) string { return r.world.SessionARN(s) }

// Watch implements machine.Source.
func (r *Region) Watch(changed func(machine.Machine)) (stop func()) { return r.world.Watch(changed) }

// Credentials implements machine.Keyring.
func (r *Region) Credentials(id string) (machine.Credentials, error) { return r.world.Credentials(id) }

// WriteConsole implements machine.Console; GetConsoleOutput gives it back.
func (r *Region) WriteConsole(id, line string) { r.world.WriteConsole(id, line) }

// Signal implements machine.Signaller.
func (r *Region) Signal(s machine.Signal) error { return r.stacks.Signal(s) }

// SetCapacity makes the pools that fit finite: each can launch available more
// instances. Instances launched from then on give their place back when they
// end. Parts of the pool may contain *, an empty part is *. It gives the number
// of pools, and an error when none fits.
func (r *Region) SetCapacity(p Pool, available int64) (pools int, err error) {
	return r.world.SetCapacity(p, available)
}

// FreeCapacity makes the pools that fit infinite again, as they all are at
// first. It gives the number of pools that were finite.
func (r *Region) FreeCapacity(p Pool) (pools int, err error) { return r.world.FreeCapacity(p) }

// Capacity lists the finite pools.
func (r *Region) Capacity() []Limit { return r.world.Limits() }

// Admin serves the lab's own requests, which no AWS client uses: capacity and
// the weather.
func (r *Region) Admin() http.Handler { return newAdmin(r.world, r.Weather) }
