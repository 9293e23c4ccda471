package groups

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/world"
)

// choose picks the next instance to end so that at most units go, nil when none
// may: first the purchase option that there is too much of, then the zone with
// the most, then by the termination policies.
func (r *Round) choose(chosen []*world.Member, units int) *world.Member {
	left := r.without(chosen)
	for _, pending := range []bool{false, true} {
		candidates := slices.DeleteFunc(slices.Clone(left), func(m *world.Member) bool {
			return m.Protected || m.Weight > units || pending == (m.State == types.LifecycleStateInService)
		})
		if candidates = r.surplusOption(left, candidates); len(candidates) == 0 {
			continue
		}
		candidates = r.fullestZone(left, candidates)
		return slices.MinFunc(candidates, r.byPolicies())
	}
	return nil
}

// without are the counting instances that are not chosen yet.
func (r *Round) without(chosen []*world.Member) []*world.Member {
	return slices.DeleteFunc(slices.Clone(r.Members), func(m *world.Member) bool {
		return !Counts(m) || slices.Contains(chosen, m)
	})
}

// surplusOption keeps the candidates of the purchase option that can spare one;
// all when only the other has any.
func (r *Round) surplusOption(left, candidates []*world.Member) []*world.Member {
	if r.Group.Mixed == nil {
		return candidates
	}
	onDemand := 0
	for _, m := range left {
		if !m.Spot {
			onDemand += m.Weight
		}
	}
	wanted := onDemandOf(r.Group, r.Group.Desired)
	fitting := slices.DeleteFunc(slices.Clone(candidates), func(m *world.Member) bool {
		surplus := onDemand - wanted
		return m.Spot == (surplus > 0) || (!m.Spot && m.Weight > surplus)
	})
	if len(fitting) == 0 {
		fitting = slices.DeleteFunc(slices.Clone(candidates), func(m *world.Member) bool { return !m.Spot })
	}
	if len(fitting) == 0 {
		return candidates
	}
	return fitting
}

// elsewhere makes an instance in a zone that the group left go first.
const elsewhere = 1 << 20

// fullestZone keeps the candidates in the zone with the most capacity.
func (r *Round) fullestZone(left, candidates []*world.Member) []*world.Member {
	load := map[string]int{}
	for _, m := range left {
		if load[m.Zone] == 0 && !slices.Contains(r.Group.Zones, m.Zone) {
			load[m.Zone] = elsewhere
		}
		load[m.Zone] += m.Weight
	}
	most := 0
	for _, m := range candidates {
		most = max(most, load[m.Zone])
	}
	return slices.DeleteFunc(slices.Clone(candidates), func(m *world.Member) bool { return load[m.Zone] != most })
}

type comparison func(a, b *world.Member) int

// byPolicies puts first what the group's termination policies would end first.
func (r *Round) byPolicies() comparison {
	var all []comparison
	for _, policy := range r.Group.TerminationPolicies {
		all = append(all, r.policy(policy)...)
	}
	all = append(all, func(a, b *world.Member) int { return strings.Compare(a.InstanceID, b.InstanceID) })
	return func(a, b *world.Member) int {
		for _, compare := range all {
			if order := compare(a, b); order != 0 {
				return order
			}
		}
		return 0
	}
}

// Termination policies.
const (
	PolicyDefault             = "Default"
	PolicyAllocationStrategy  = "AllocationStrategy"
	PolicyOldestTemplate      = "OldestLaunchTemplate"
	PolicyOldestConfiguration = "OldestLaunchConfiguration"
	PolicyNextHour            = "ClosestToNextInstanceHour"
	PolicyNewest              = "NewestInstance"
	PolicyOldest              = "OldestInstance"
)

func (r *Round) policy(name string) []comparison {
	switch name {
	case PolicyAllocationStrategy:
		return []comparison{r.byStrategy()}
	case PolicyOldestTemplate:
		return []comparison{r.byTemplate}
	case PolicyOldestConfiguration:
		return []comparison{r.byConfiguration}
	case PolicyNextHour:
		return []comparison{r.byNextHour}
	case PolicyNewest:
		return []comparison{func(a, b *world.Member) int { return b.Joined.Compare(a.Joined) }}
	case PolicyOldest:
		return []comparison{func(a, b *world.Member) int { return a.Joined.Compare(b.Joined) }}
	}
	return []comparison{r.byStrategy(), r.byConfiguration, r.byTemplate, r.byNextHour}
}

// byStrategy puts first what the allocation strategy would launch last.
func (r *Round) byStrategy() comparison {
	if r.Group.Mixed == nil {
		return func(_, _ *world.Member) int { return 0 }
	}
	ranks := r.strategyRanks()
	return func(a, b *world.Member) int { return cmp.Compare(ranks[b.InstanceID], ranks[a.InstanceID]) }
}

// byTemplate puts first the instances of templates that are not the group's,
// then those of its lowest version.
func (r *Round) byTemplate(a, b *world.Member) int {
	return cmp.Compare(r.templateAge(a), r.templateAge(b))
}

func (r *Round) templateAge(m *world.Member) int64 {
	if m.Template == nil {
		return 0
	}
	if !slices.Contains(r.templateIDs(), m.Template.ID) {
		return -1
	}
	number, _ := strconv.ParseInt(m.Template.Version, 10, 64) // the region wrote it
	return number
}

// templateIDs are the launch templates that the group uses.
func (r *Round) templateIDs() (ids []string) {
	for _, use := range Templates(r.Group) {
		ids = append(ids, use.ID)
	}
	return ids
}

// byConfiguration puts first the instances of the oldest launch configurations.
func (r *Round) byConfiguration(a, b *world.Member) int {
	return r.configurationAge(a).Compare(r.configurationAge(b))
}

func (r *Round) configurationAge(m *world.Member) time.Time {
	if m.LaunchConfiguration == "" {
		return r.now() // the youngest: a launch template
	}
	c, _ := r.world.LaunchConfigurations.Get(m.LaunchConfiguration)
	return c.Created // of one that was deleted: the oldest
}

// byNextHour puts first the instances that are closest to their next full hour.
func (r *Round) byNextHour(a, b *world.Member) int {
	return cmp.Compare(r.toNextHour(a), r.toNextHour(b))
}

func (r *Round) toNextHour(m *world.Member) time.Duration {
	return time.Hour - r.now().Sub(m.Joined)%time.Hour
}
