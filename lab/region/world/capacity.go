package world

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// Offered reports whether a zone sells an instance type. A type is offered
// where its price is known; of the accelerated ones one zone has none, as most
// regions are, and which zone that is follows from the type's family.
func (w *World) Offered(instanceType, zone string) bool {
	t, known := w.Catalog.Type(instanceType)
	if _, priced := w.Catalog.Price(w.Options.Region, instanceType); !known || !priced || !w.Network.HasZone(zone) {
		return false
	}
	if t.GPU.Count == 0 && t.Neuron.Devices == 0 {
		return true
	}
	missing := fnvNumber(t.Family()) % int64(len(w.Network.Zones))
	return w.Network.Zones[missing].Name != zone
}

// SpotOffered reports whether a type can be had as Spot: all but the high
// memory (u-) and the HPC types.
func SpotOffered(instanceType string) bool {
	for _, family := range []string{"u-", "u7i", "hpc"} {
		if strings.HasPrefix(instanceType, family) {
			return false
		}
	}
	return true
}

// Price is what a pool costs now, in USD per hour.
func (w *World) Price(p Pool) (usd float64, known bool) {
	usd, known = w.Catalog.Price(w.Options.Region, p.InstanceType)
	if known && p.CapacityType == Spot {
		usd = w.spotPrice(p, usd).USD
	}
	return usd, known
}

// Available is how many instances a finite pool has left; finite is false for a
// pool without a limit. A zone that is out has none.
func (w *World) Available(p Pool) (count int64, finite bool) {
	if w.Out(p.Zone) {
		return 0, true
	}
	limit, finite := w.limits.Get(p.key())
	return limit.Available, finite
}

// take counts launched instances against the limit of their pool.
func (w *World) take(tx *store.Tx, p Pool, count int) (limitID string, err error) {
	limit, finite := w.limits.Get(p.key())
	if !finite {
		return "", nil
	}
	if limit.Available < int64(count) {
		return "", w.Insufficient(p)
	}
	limit.Available -= int64(count)
	return limit.ID, w.limits.Put(tx, p.key(), limit)
}

// giveBack returns the capacity of an ended instance to the limit that counted
// it. One set since then does not count it.
func (w *World) giveBack(tx *store.Tx, i Instance) error {
	p := w.poolOf(i)
	limit, finite := w.limits.Get(p.key())
	if !finite || limit.ID != i.Limit {
		return nil
	}
	if limit.Owed > 0 {
		limit.Owed--
		return w.limits.Put(tx, p.key(), limit)
	}
	limit.Available++
	return w.limits.Put(tx, p.key(), limit)
}

func (w *World) poolOf(i Instance) Pool {
	subnet, _ := w.Network.Subnet(i.SubnetID)
	return Pool{InstanceType: i.Type, Zone: subnet.Zone.Name, CapacityType: i.CapacityType()}
}

// CapacityType is on-demand or spot.
func (i Instance) CapacityType() string {
	if i.Spot {
		return Spot
	}
	return OnDemand
}

// Insufficient is EC2's error for a pool that has not enough.
func (w *World) Insufficient(p Pool) *awserr.Error {
	const code, status = "InsufficientInstanceCapacity", 500
	if p.CapacityType == Spot {
		return awserr.WithStatus(status, code, "There is no Spot capacity available that matches your request.")
	}
	var elsewhere []string
	for _, z := range w.Network.Zones {
		other := Pool{InstanceType: p.InstanceType, Zone: z.Name, CapacityType: p.CapacityType}
		if count, finite := w.Available(other); w.Offered(p.InstanceType, z.Name) && (!finite || count > 0) && z.Name != p.Zone {
			elsewhere = append(elsewhere, z.Name)
		}
	}
	text := fmt.Sprintf("We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). "+
		"Our system will be working on provisioning additional capacity.", p.InstanceType, p.Zone)
	if len(elsewhere) > 0 {
		text += fmt.Sprintf(" You can currently get %s capacity by not specifying an Availability Zone in your request or choosing %s.",
			p.InstanceType, strings.Join(elsewhere, ", "))
	}
	return awserr.WithStatus(status, code, "%s", text)
}

// QuotaLeft is how many vCPUs may still be launched; limited is false without a quota.
func (w *World) QuotaLeft(capacityType string) (vcpus int64, limited bool) {
	quota := w.Options.Quota.OnDemandVCPU
	if capacityType == Spot {
		quota = w.Options.Quota.SpotVCPU
	}
	if quota == 0 {
		return 0, false
	}
	for _, i := range w.Instances.All() {
		if i.CapacityType() == capacityType && (i.State == machine.Pending || i.State == machine.Running) {
			t, _ := w.Catalog.Type(i.Type)
			quota -= t.VCPU
		}
	}
	return quota, true
}

// Limits are the finite pools in the order of their names.
func (w *World) Limits() (limits []Limit) {
	w.Store.View(func() { limits = w.limits.All() })
	return limits
}

// SetCapacity makes pools finite: available is how many instances each of them
// can still launch. The parts of p may be patterns, "*" for all. It gives the
// number of pools, and an error when there is none.
func (w *World) SetCapacity(p Pool, available int64) (count int, err error) {
	if available < 0 {
		return 0, fmt.Errorf("available: %d is not a number of instances: use 0 or more", available)
	}
	pools, err := w.matching(p)
	if err != nil {
		return 0, err
	}
	err = w.Store.Update(func(tx *store.Tx) error {
		for _, pool := range pools {
			id, err := w.NewUUID(tx, "limit")
			if err != nil {
				return err
			}
			if err := w.limits.Put(tx, pool.key(), Limit{ID: id, Pool: pool, Available: available}); err != nil {
				return err
			}
		}
		return nil
	})
	return len(pools), err
}

// FreeCapacity makes pools infinite again.
func (w *World) FreeCapacity(p Pool) (count int, err error) {
	pools, err := w.matching(p)
	if err != nil {
		return 0, err
	}
	err = w.Store.Update(func(tx *store.Tx) error {
		for _, pool := range pools {
			if _, finite := w.limits.Get(pool.key()); finite {
				w.limits.Delete(tx, pool.key())
				count++
			}
		}
		return nil
	})
	return count, err
}

// matching are the pools that exist and fit a pattern.
func (w *World) matching(pattern Pool) ([]Pool, error) {
	var pools []Pool
	for _, t := range w.Catalog.Offered(w.Options.Region) {
		for _, z := range w.Network.Zones {
			for _, capacityType := range []string{OnDemand, Spot} {
				p := Pool{InstanceType: t.Name, Zone: z.Name, CapacityType: capacityType}
				if w.exists(p) && pattern.matches(p) {
					pools = append(pools, p)
				}
			}
		}
	}
	if len(pools) == 0 {
		return nil, fmt.Errorf("no pool fits instance type %q, zone %q, capacity type %q: the zones are %v, the capacity types %s and %s, and * is all",
			pattern.InstanceType, pattern.Zone, pattern.CapacityType, w.zoneNames(), OnDemand, Spot)
	}
	return pools, nil
}

func (w *World) exists(p Pool) bool {
	return w.Offered(p.InstanceType, p.Zone) && (p.CapacityType == OnDemand || SpotOffered(p.InstanceType))
}

func (w *World) zoneNames() []string {
	var names []string
	for _, z := range w.Network.Zones {
		names = append(names, z.Name)
	}
	return slices.Clip(names)
}
