package aws

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/pricing"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/groupnodes"
	"github.com/drover-project/drover/internal/model"
)

// Tags that EKS gives the groups of its node groups.
const (
	tagCluster   = "eks:cluster-name"
	tagNodegroup = "eks:nodegroup-name"
)

// GroupClients are the services that node groups need.
type GroupClients struct {
	AutoScaling AutoScaling
	EC2         GroupEC2
	EKS         GroupEKS
	IAM         GroupIAM
}

// AutoScaling is what the adapter needs of Amazon EC2 Auto Scaling.
type AutoScaling interface {
	DescribeAutoScalingGroups(context.Context, *autoscaling.DescribeAutoScalingGroupsInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
	DescribeLaunchConfigurations(context.Context, *autoscaling.DescribeLaunchConfigurationsInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeLaunchConfigurationsOutput, error)
	DescribeScalingActivities(context.Context, *autoscaling.DescribeScalingActivitiesInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeScalingActivitiesOutput, error)
	SetDesiredCapacity(context.Context, *autoscaling.SetDesiredCapacityInput, ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error)
	TerminateInstanceInAutoScalingGroup(context.Context, *autoscaling.TerminateInstanceInAutoScalingGroupInput, ...func(*autoscaling.Options)) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error)
}

// GroupEC2 is what node groups need of Amazon EC2.
type GroupEC2 interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	DescribeRouteTables(context.Context, *ec2.DescribeRouteTablesInput, ...func(*ec2.Options)) (*ec2.DescribeRouteTablesOutput, error)
	DescribeLaunchTemplateVersions(context.Context, *ec2.DescribeLaunchTemplateVersionsInput, ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error)
}

// GroupEKS is what node groups need of Amazon EKS.
type GroupEKS interface {
	ListAccessEntries(context.Context, *eks.ListAccessEntriesInput, ...func(*eks.Options)) (*eks.ListAccessEntriesOutput, error)
	DescribeNodegroup(context.Context, *eks.DescribeNodegroupInput, ...func(*eks.Options)) (*eks.DescribeNodegroupOutput, error)
}

// Groups implements cloud.NodeGroups. Its methods may be called concurrently.
type Groups struct {
	provider *Provider
	clients  GroupClients
	region   string
	now      func() time.Time
	log      *slog.Logger

	market      *market
	unavailable *unavailable
	templates   *groupTemplates
	failures    *failureLog
	purchases   *purchases
}

var _ cloud.NodeGroups = (*Groups)(nil)

// NodeGroups gives access to the node groups of the Provider's region. What
// lately had no capacity is known to both.
func (p *Provider) NodeGroups(clients GroupClients) *Groups {
	return newGroups(p, clients)
}

// ConnectGroups connects to node groups alone, with the SDK's default
// configuration. It asks for fewer permissions than New: facts that may not be
// read are taken from the shipped catalog.
func ConnectGroups(ctx context.Context, options Options) (*Groups, error) {
	configuration, err := connect(ctx, options)
	if err != nil {
		return nil, err
	}
	if configuration.Region == "" {
		return nil, fmt.Errorf("the AWS region is unknown: set AWS_REGION, or run where the instance metadata service answers")
	}
	prices := configuration.Copy()
	prices.Region = pricingRegion(configuration.Region)
	options.complete()
	p := assemble(ctx, options, configuration.Region, Clients{EC2: ec2.NewFromConfig(configuration), Pricing: pricing.NewFromConfig(prices)}, Cluster{})
	return newGroups(p, ClientsOfGroups(configuration)), nil
}

// Interruptions is Provider.Interruptions where there are node groups alone.
func (g *Groups) Interruptions(members GroupMembers, statuses InstanceStatuses) *Interruptions {
	return g.provider.Interruptions(members, statuses)
}

// Price is Provider.Price where there are node groups alone.
func (g *Groups) Price(ctx context.Context, offering model.OfferingKey) float64 {
	return g.provider.Price(ctx, offering)
}

// DefaultGroupClients connect with the SDK's default configuration.
func DefaultGroupClients(ctx context.Context) (GroupClients, error) {
	configuration, err := connect(ctx, Options{})
	if err != nil {
		return GroupClients{}, err
	}
	return ClientsOfGroups(configuration), nil
}

// ClientsOfGroups are the SDK's own clients.
func ClientsOfGroups(configuration sdk.Config) GroupClients {
	return GroupClients{
		AutoScaling: autoscaling.NewFromConfig(configuration), EC2: ec2.NewFromConfig(configuration), EKS: eks.NewFromConfig(configuration),
		IAM: iam.NewFromConfig(configuration),
	}
}

func newGroups(p *Provider, clients GroupClients) *Groups {
	return &Groups{
		provider: p, clients: clients, region: p.region, now: p.now, log: p.log, unavailable: p.unavailable,
		market:    &market{inventory: p.inventory, region: p.region, now: p.now, log: p.log},
		templates: &groupTemplates{clients: clients, region: p.region, now: p.now, log: p.log, known: map[string]templateEntry{}},
		failures:  &failureLog{seen: map[string]bool{}},
		purchases: &purchases{known: map[string]model.CapacityType{}},
	}
}

// Groups implements cloud.NodeGroups.
func (g *Groups) Groups(ctx context.Context, selection cloud.GroupSelection) ([]cloud.NodeGroup, error) {
	found, err := g.describe(ctx, selection)
	if err != nil {
		return nil, err
	}
	sold, err := g.market.sales(ctx)
	if err != nil {
		return nil, err
	}
	groups := make([]cloud.NodeGroup, 0, len(found))
	for i := range found {
		group := g.translate(ctx, &found[i], &sold)
		for _, named := range selection.Named {
			if named.Name == group.Name {
				group.Min, group.Max = named.Min, named.Max
			}
		}
		groups = append(groups, group)
	}
	slices.SortFunc(groups, func(a, b cloud.NodeGroup) int { return cmp.Compare(a.Name, b.Name) })
	return groups, nil
}

// namesPerCall is how many groups one call may name.
const namesPerCall = 50

func (g *Groups) describe(ctx context.Context, selection cloud.GroupSelection) ([]types.AutoScalingGroup, error) {
	var names []string
	for _, named := range selection.Named {
		names = append(names, named.Name)
	}
	found := map[string]types.AutoScalingGroup{}
	for chunk := range slices.Chunk(names, namesPerCall) {
		if err := g.pages(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: chunk}, found); err != nil {
			return nil, err
		}
	}
	if len(selection.Tags) > 0 {
		if err := g.pages(ctx, &autoscaling.DescribeAutoScalingGroupsInput{Filters: groupFilters(selection.Tags)}, found); err != nil {
			return nil, err
		}
	}
	return slices.Collect(maps.Values(found)), nil
}

func groupFilters(tags map[string]string) []types.Filter {
	var filters []types.Filter
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if tags[key] == "" {
			filters = append(filters, types.Filter{Name: sdk.String("tag-key"), Values: []string{key}})
		} else {
			filters = append(filters, types.Filter{Name: sdk.String("tag:" + key), Values: []string{tags[key]}})
		}
	}
	return filters
}

func (g *Groups) pages(ctx context.Context, input *autoscaling.DescribeAutoScalingGroupsInput, into map[string]types.AutoScalingGroup) error {
	input.MaxRecords = sdk.Int32(100)
	pages := autoscaling.NewDescribeAutoScalingGroupsPaginator(g.clients.AutoScaling, input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return classify(err, "describing Auto Scaling groups")
		}
		for _, group := range page.AutoScalingGroups {
			into[sdk.ToString(group.AutoScalingGroupName)] = group
		}
	}
	return nil
}

// one describes a single group; IsNotFound when it is gone.
func (g *Groups) one(ctx context.Context, name string) (types.AutoScalingGroup, error) {
	found := map[string]types.AutoScalingGroup{}
	if err := g.pages(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}}, found); err != nil {
		return types.AutoScalingGroup{}, err
	}
	group, ok := found[name]
	if !ok {
		return group, fmt.Errorf("no Auto Scaling group %s: %w", name, cloud.ErrNotFound)
	}
	return group, nil
}

// Grow implements cloud.NodeGroups.
func (g *Groups) Grow(ctx context.Context, name string, to int) (int, error) {
	group, err := g.one(ctx, name)
	if err != nil {
		return 0, err
	}
	now, most := int(sdk.ToInt32(group.DesiredCapacity)), int(sdk.ToInt32(group.MaxSize))
	if to = min(to, most); to <= now {
		return now, nil
	}
	_, err = g.clients.AutoScaling.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: &name, DesiredCapacity: sdk.Int32(int32(to)), HonorCooldown: sdk.Bool(false),
	})
	if isGroupMissing(err) {
		return 0, fmt.Errorf("no Auto Scaling group %s: %w", name, cloud.ErrNotFound)
	}
	if err != nil {
		return now, classify(err, fmt.Sprintf("setting the desired capacity of Auto Scaling group %s to %d", name, to))
	}
	return to, nil
}

// Shrink implements cloud.NodeGroups.
func (g *Groups) Shrink(ctx context.Context, instanceID string) error {
	_, err := g.clients.AutoScaling.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: &instanceID, ShouldDecrementDesiredCapacity: sdk.Bool(true),
	})
	text := strings.ToLower(errorText(err))
	switch {
	case err == nil:
		return nil
	case errorCode(err) == "ValidationError" && strings.Contains(text, "not found"):
		return fmt.Errorf("instance %s: %w", instanceID, cloud.ErrNotFound)
	case errorCode(err) == "ValidationError" && strings.Contains(text, "min"):
		return &cloud.MinSizeError{Message: errorText(err)}
	}
	return classify(err, "ending instance "+instanceID+" in its Auto Scaling group")
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func isGroupMissing(err error) bool {
	return errorCode(err) == "ValidationError" && strings.Contains(strings.ToLower(errorText(err)), "not found")
}

// translate reads everything about one group that decides what its next node is.
func (g *Groups) translate(ctx context.Context, group *types.AutoScalingGroup, sold *groupnodes.Sales) cloud.NodeGroup {
	name := sdk.ToString(group.AutoScalingGroupName)
	translated := cloud.NodeGroup{Tags: map[string]string{}}
	translated.NodeGroup = model.NodeGroup{
		Name: name, Min: int(sdk.ToInt32(group.MinSize)), Max: int(sdk.ToInt32(group.MaxSize)), Desired: int(sdk.ToInt32(group.DesiredCapacity)),
		OnDemandPercentage: 100,
	}
	for _, tag := range group.Tags {
		translated.Tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	translated.Cluster, translated.Managed = translated.Tags[tagCluster], translated.Tags[tagNodegroup]
	translated.Rebalances = sdk.ToBool(group.CapacityRebalance)
	if group.Status != nil {
		translated.Deleting = true
		translated.NotReadyReason = "it is being deleted"
	}
	translated.Instances = groupInstances(group)
	translated.InstancesByZone = instancesByZone(group.AvailabilityZones, translated.Instances)
	recipe := g.templates.recipe(ctx, group, &translated)
	recipe.addTo(&translated)
	g.addPurchases(ctx, &translated, &recipe)
	g.addTypes(&translated, group, recipe, sold)
	g.addFailures(ctx, &translated, group)
	g.markUnavailable(&translated)
	return translated
}

// instancesByZone counts the members in each of the group's zones; those that
// are leaving are replaced, if at all, by others that AWS is still to launch.
func instancesByZone(zones []string, members []cloud.GroupInstance) map[string]int {
	counts := make(map[string]int, len(zones))
	for _, zone := range zones {
		counts[zone] = 0
	}
	for _, member := range members {
		if !member.IsLeaving() {
			counts[member.Zone]++
		}
	}
	return counts
}

func groupInstances(group *types.AutoScalingGroup) []cloud.GroupInstance {
	var instances []cloud.GroupInstance
	for _, each := range group.Instances {
		id, zone := sdk.ToString(each.InstanceId), sdk.ToString(each.AvailabilityZone)
		weight, _ := strconv.Atoi(sdk.ToString(each.WeightedCapacity))
		instances = append(instances, cloud.GroupInstance{
			ID: id, ProviderID: "aws:///" + zone + "/" + id, InstanceType: sdk.ToString(each.InstanceType), Zone: zone,
			Lifecycle: string(each.LifecycleState), Healthy: sdk.ToString(each.HealthStatus) == "Healthy",
			Protected: sdk.ToBool(each.ProtectedFromScaleIn), Weight: max(weight, 1),
		})
	}
	slices.SortFunc(instances, func(a, b cloud.GroupInstance) int { return cmp.Compare(a.ID, b.ID) })
	return instances
}
