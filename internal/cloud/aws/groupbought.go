package aws

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/aws/joindata"
	"github.com/drover-project/drover/internal/model"
)

// waysToBuy are how the group may buy its next nodes.
func waysToBuy(group *types.AutoScalingGroup, made *recipe) []model.CapacityType {
	var shares cloud.NodeGroup
	shares.OnDemandPercentage = 100
	distribution(&shares, group, *made)
	switch {
	case shares.OnDemandPercentage == 100:
		return []model.CapacityType{model.OnDemand}
	case shares.OnDemandPercentage == 0 && shares.OnDemandBase == 0:
		return []model.CapacityType{model.Spot}
	}
	return []model.CapacityType{model.OnDemand, model.Spot}
}

// readUserData reads it as a machine bought in each way would, in each of the
// group's zones.
func (t *groupTemplates) readUserData(group *types.AutoScalingGroup, made *recipe) {
	if made.userData == "" {
		return
	}
	made.madeFrom = madeFrom(group)
	var joins []joindata.Join
	ways := waysToBuy(group, made)
	for _, way := range ways {
		join, err := t.joinsAs(group, made, way)
		if err != nil {
			made.unread = append(made.unread, "user data: "+err.Error())
			return
		}
		joins = append(joins, join)
	}
	made.join = joindata.Certain(joins)
	var undecided []string
	for i, join := range joins {
		undecided = append(undecided, join.Undecided...)
		made.join.Taints = slices.DeleteFunc(made.join.Taints, func(taint model.Taint) bool { return !slices.Contains(joins[i].Taints, taint) })
	}
	slices.Sort(undecided)
	made.join.Undecided = slices.Compact(undecided)
	if len(undecided) > 0 {
		made.unread = append(made.unread, "its user data decides only at boot on "+strings.Join(made.join.Undecided, ", "))
	}
	made.bought = map[model.CapacityType]model.Traits{}
	for i, way := range ways {
		made.bought[way] = besides(joins[i], made.join)
	}
}

// besides is what one way of joining has that not all have.
func besides(one, all joindata.Join) model.Traits {
	own := model.Traits{Labels: maps.Clone(one.Labels)}
	maps.DeleteFunc(own.Labels, func(key, _ string) bool { _, shared := all.Labels[key]; return shared })
	for _, taint := range one.Taints {
		if !slices.Contains(all.Taints, taint) {
			own.Taints = append(own.Taints, taint)
		}
	}
	return own
}

// joinsAs is how a node joins that is bought in one way, whichever of the group's
// zones it comes up in.
func (t *groupTemplates) joinsAs(group *types.AutoScalingGroup, made *recipe, way model.CapacityType) (joindata.Join, error) {
	machine := joindata.Machine{Bought: string(way), Region: t.region, InstanceType: onlyType(group, made)}
	if options := made.metadata; options != nil {
		machine.TokensRequired = options.HttpTokens == ec2types.LaunchTemplateHttpTokensStateRequired
		machine.NoMetadata = options.HttpEndpoint == ec2types.LaunchTemplateInstanceMetadataEndpointStateDisabled
	}
	var joins []joindata.Join
	for _, machine.Zone = range group.AvailabilityZones {
		key := strings.Join([]string{"joins", machine.Bought, machine.Zone, machine.InstanceType, made.userData}, "/")
		join, err := remembered(t, key, func() (joindata.Join, error) { return joindata.Parse(made.userData, machine) })
		if err != nil {
			return joindata.Join{}, err
		}
		joins = append(joins, join)
	}
	if len(joins) == 0 {
		return joindata.Parse(made.userData, machine)
	}
	return joindata.Certain(joins), nil
}

func onlyType(group *types.AutoScalingGroup, made *recipe) string {
	if names, err := typesOf(group, *made); err == nil && len(names) == 1 {
		return names[0].Name
	}
	return ""
}

// addPurchases finds out how the group's instances were bought, where it matters
// for what its nodes are.
func (g *Groups) addPurchases(ctx context.Context, group *cloud.NodeGroup, made *recipe) {
	if len(group.ByCapacityType) == 0 {
		return
	}
	g.purchases.mu.Lock()
	defer g.purchases.mu.Unlock()
	if err := g.purchases.find(ctx, g.clients.EC2, group.Instances, g.now()); err != nil {
		group.Unread = append(group.Unread, "how its instances were bought: "+shortError(err))
		return
	}
	group.UnitsBought = map[model.CapacityType]int{}
	for i := range group.Instances {
		member := &group.Instances[i]
		member.CapacityType = g.purchases.known[member.ID]
		member.Current = made.isTemplateOf(member.ID)
		if !member.IsLeaving() {
			group.UnitsBought[member.CapacityType] += member.Weight
		}
	}
	if group.UnitsBought[""] > 0 { // EC2 does not know one of them yet
		group.UnitsBought = nil
	}
}

// isTemplateOf reports whether the instance was made from what the next will be.
func (r *recipe) isTemplateOf(id string) bool {
	return r.templateID != "" && r.madeFrom[id] == r.templateID+"/"+r.templateVersion
}

// madeFrom is the launch template and its version by instance.
func madeFrom(group *types.AutoScalingGroup) map[string]string {
	versions := map[string]string{}
	for _, instance := range group.Instances {
		if template := instance.LaunchTemplate; template != nil {
			versions[sdk.ToString(instance.InstanceId)] = sdk.ToString(template.LaunchTemplateId) + "/" + sdk.ToString(template.Version)
		}
	}
	return versions
}

// mostPurchases bounds how many instances are remembered.
const mostPurchases = 50_000

// purchases remembers how instances were bought.
type purchases struct {
	mu    sync.Mutex
	known map[string]model.CapacityType
	// refused is EC2's answer until again.
	refused error
	again   time.Time
}

// find asks EC2 about the instances that are not known; how one was bought never
// changes.
func (p *purchases) find(ctx context.Context, client GroupEC2, members []cloud.GroupInstance, now time.Time) error {
	if now.Before(p.again) {
		return p.refused
	}
	var unknown []string
	for i := range members {
		if p.known[members[i].ID] == "" {
			unknown = append(unknown, members[i].ID)
		}
	}
	for chunk := range slices.Chunk(unknown, instancesPerCall) {
		// By a filter: an id that EC2 does not know is no error then.
		pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{
			Filters: []ec2types.Filter{{Name: sdk.String("instance-id"), Values: chunk}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				p.refused, p.again = err, now.Add(templateAge)
				return err
			}
			for i := range page.Reservations {
				p.learn(page.Reservations[i].Instances)
			}
		}
	}
	return nil
}

// instancesPerCall is how many values a filter takes.
const instancesPerCall = 200

func (p *purchases) learn(instances []ec2types.Instance) {
	if len(p.known) >= mostPurchases {
		clear(p.known) // those that are still there are asked for again
	}
	for i := range instances {
		bought := model.OnDemand
		if instances[i].InstanceLifecycle == ec2types.InstanceLifecycleTypeSpot {
			bought = model.Spot
		}
		p.known[sdk.ToString(instances[i].InstanceId)] = bought
	}
}
