// Package region is a simulated AWS region with one EKS cluster in it: EC2, Auto
// Scaling, SSM, Pricing, IAM, EKS and STS on one state and one clock, as plain
// Go. It keeps its state in a data directory, so that whatever a call answered
// is still so after the process was killed.
package region

import (
	"net/http"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/asgapi"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/eksapi"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/iamapi"
	"github.com/drover-project/drover/lab/region/nodegroups"
	"github.com/drover-project/drover/lab/region/pricingapi"
	"github.com/drover-project/drover/lab/region/ssmapi"
	"github.com/drover-project/drover/lab/region/stsapi"
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
	nodes  *nodegroups.Service
}

var (
	_ machine.Source  = (*Region)(nil)
	_ machine.Console = (*Region)(nil)
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
	r.nodes = nodegroups.New(w, r.EC2(), r.AutoScaling())
	r.nodes.Start()
	return r, nil
}

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

// Watch implements machine.Source.
func (r *Region) Watch(changed func(machine.Machine)) (stop func()) { return r.world.Watch(changed) }

// WriteConsole implements machine.Console; GetConsoleOutput gives it back.
func (r *Region) WriteConsole(id, line string) { r.world.WriteConsole(id, line) }

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

// Admin serves the lab's own /capacity, which no AWS client uses.
func (r *Region) Admin() http.Handler { return admin{world: r.world} }
