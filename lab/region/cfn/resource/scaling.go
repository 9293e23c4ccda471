package resource

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

func scalingTypes() []Type {
	return []Type{
		{
			Name: "AWS::AutoScaling::AutoScalingGroup", Tagged: true, Handler: scalingGroup{},
			Properties: props([]string{"AvailabilityZones", "CapacityRebalance", "Cooldown", "DefaultInstanceWarmup", "DesiredCapacity", "HealthCheckGracePeriod",
				"HealthCheckType", "LaunchConfigurationName", "LaunchTemplate", "LifecycleHookSpecificationList", "MaxInstanceLifetime", "MaxSize",
				"MetricsCollection", "MinSize", "MixedInstancesPolicy", "NewInstancesProtectedFromScaleIn", "ServiceLinkedRoleARN", "Tags",
				"TerminationPolicies", "VPCZoneIdentifier"}, []string{"AutoScalingGroupName"}),
			Required: []string{"MinSize", "MaxSize"}, Attributes: []string{"AutoScalingGroupARN"},
			Takes: 10 * time.Second, Deletes: 10 * time.Second,
		},
		{
			Name: "AWS::AutoScaling::LaunchConfiguration", Handler: launchConfiguration{},
			Properties: props(nil, []string{"AssociatePublicIpAddress", "BlockDeviceMappings", "EbsOptimized", "IamInstanceProfile", "ImageId", "InstanceMonitoring",
				"InstanceType", "KeyName", "LaunchConfigurationName", "MetadataOptions", "PlacementTenancy", "SecurityGroups", "SpotPrice", "UserData"}),
			Required: []string{"ImageId", "InstanceType"}, Takes: time.Second, Deletes: time.Second,
		},
		{
			Name: "AWS::AutoScaling::LifecycleHook", Handler: lifecycleHook{},
			Properties: props([]string{"DefaultResult", "HeartbeatTimeout", "LifecycleTransition", "NotificationMetadata", "NotificationTargetARN", "RoleARN"},
				[]string{"AutoScalingGroupName", "LifecycleHookName"}),
			Required: []string{"AutoScalingGroupName", "LifecycleTransition"}, Takes: time.Second, Deletes: time.Second,
		},
	}
}

// scalingGroup is AWS::AutoScaling::AutoScalingGroup.
type scalingGroup struct{}

// sameInGroup are what both requests for a group take as it is written.
func sameInGroup() []string {
	return []string{"AvailabilityZones", "CapacityRebalance", "DefaultInstanceWarmup", "DesiredCapacity", "HealthCheckGracePeriod", "HealthCheckType",
		"LaunchConfigurationName", "LaunchTemplate", "MaxInstanceLifetime", "MaxSize", "MinSize", "MixedInstancesPolicy", "NewInstancesProtectedFromScaleIn",
		"ServiceLinkedRoleARN", "TerminationPolicies"}
}

func (scalingGroup) Create(ctx context.Context, c *Call) (Made, error) {
	in := &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String(c.named("AutoScalingGroupName", longestResource))}
	if err := c.Properties.Only(append([]string{"LifecycleHookSpecificationList"}, sameInGroup()...)...).Decode(in); err != nil {
		return Made{}, err
	}
	in.VPCZoneIdentifier = c.zoneIdentifier()
	if err := cooldown(c, &in.DefaultCooldown); err != nil {
		return Made{}, err
	}
	c.Physical = *in.AutoScalingGroupName
	in.Tags = c.groupTags()
	if _, err := c.ASG.CreateAutoScalingGroup(ctx, in); err != nil {
		return Made{}, err
	}
	g, err := c.group(ctx)
	if err != nil {
		return Made{}, err
	}
	made := Made{c.Physical, map[string]any{"AutoScalingGroupARN": aws.ToString(g.AutoScalingGroupARN)}}
	if err := c.markGroup(); err != nil {
		return made, err
	}
	return made, c.collectMetrics(ctx)
}

// markGroup adds the tags that only AWS itself may give; instances get them too.
func (c *Call) markGroup() error {
	return c.World.Store.Update(func(tx *store.Tx) error {
		g, found := c.World.Groups.Get(c.Physical)
		if !found {
			return nil
		}
		g.Tags = slices.Clone(g.Tags)
		system := c.SystemTags()
		for _, key := range system.Keys() {
			g.Tags = append(g.Tags, world.GroupTag{Key: key, Value: system[key], Propagate: true})
		}
		slices.SortFunc(g.Tags, func(a, b world.GroupTag) int { return strings.Compare(a.Key, b.Key) })
		return c.World.Groups.Put(tx, g.Name, g)
	})
}

// cooldown has another name in a template.
func cooldown(c *Call, into **int32) error {
	var p struct{ Cooldown *int32 }
	err := c.Properties.Only("Cooldown").Decode(&p)
	*into = p.Cooldown
	return err
}

// zoneIdentifier joins the subnets: a list in a template, one text in a request.
func (c *Call) zoneIdentifier() *string {
	if !c.Properties.Has("VPCZoneIdentifier") {
		return nil
	}
	return aws.String(strings.Join(c.Properties.Texts("VPCZoneIdentifier"), ","))
}

// groupTags are the stack's tags, which instances get too, and the group's own.
func (c *Call) groupTags() []types.Tag {
	own := map[string]bool{}
	var list []types.Tag
	add := func(key, value string, propagate bool) {
		list = append(list, types.Tag{Key: &key, Value: &value, PropagateAtLaunch: &propagate, ResourceId: &c.Physical, ResourceType: aws.String("auto-scaling-group")})
	}
	for _, t := range c.Properties.Objects("Tags") {
		own[t.Text("Key")] = true
		add(t.Text("Key"), t.Text("Value"), t.Text("PropagateAtLaunch") == "true")
	}
	stack := world.Tags(c.Stack.Tags)
	for _, key := range stack.Keys() {
		if !own[key] {
			add(key, stack[key], true)
		}
	}
	return list
}

func (c *Call) group(ctx context.Context) (types.AutoScalingGroup, error) {
	out, err := c.ASG.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{c.Physical}})
	if err != nil {
		return types.AutoScalingGroup{}, err
	}
	if len(out.AutoScalingGroups) == 0 {
		return types.AutoScalingGroup{}, Failed{Reason: fmt.Sprintf("Auto Scaling group %s was deleted outside of the stack", c.Physical)}
	}
	return out.AutoScalingGroups[0], nil
}

// collectMetrics brings the group's metrics from what they were to what they are
// to be.
func (c *Call) collectMetrics(ctx context.Context) error {
	if c.Before.Has("MetricsCollection") && c.Before.JSON("MetricsCollection") != c.Properties.JSON("MetricsCollection") {
		if _, err := c.ASG.DisableMetricsCollection(ctx, &autoscaling.DisableMetricsCollectionInput{AutoScalingGroupName: &c.Physical}); err != nil {
			return err
		}
	}
	for _, m := range c.Properties.Objects("MetricsCollection") {
		_, err := c.ASG.EnableMetricsCollection(ctx, &autoscaling.EnableMetricsCollectionInput{
			AutoScalingGroupName: &c.Physical, Granularity: aws.String(m.Text("Granularity")), Metrics: m.Texts("Metrics")})
		if err != nil {
			return err
		}
	}
	return nil
}

// Settled is when the group has as many instances in service as it is to have,
// or as many signals as the creation policy wants.
func (g scalingGroup) Settled(ctx context.Context, c *Call) (bool, error) {
	if c.Before != nil {
		return g.updated(ctx, c)
	}
	if signals, has := c.wantedSignals(); has {
		return c.signalled(signals)
	}
	group, err := c.group(ctx)
	if err != nil {
		return false, err
	}
	if hasMaxPrice(group) {
		return true, nil
	}
	if serving(group) >= int(aws.ToInt32(group.DesiredCapacity)) {
		return true, nil
	}
	return false, c.notStabilized(ctx, group)
}

// hasMaxPrice: a group whose Spot price is bounded may never reach its size, so
// that is not waited for.
func hasMaxPrice(g types.AutoScalingGroup) bool {
	return g.MixedInstancesPolicy != nil && g.MixedInstancesPolicy.InstancesDistribution != nil &&
		aws.ToString(g.MixedInstancesPolicy.InstancesDistribution.SpotMaxPrice) != ""
}

func serving(g types.AutoScalingGroup) (n int) {
	for _, i := range g.Instances {
		if i.LifecycleState == types.LifecycleStateInService {
			n++
		}
	}
	return n
}

// stabilizes is how long a group may try.
const stabilizes = time.Hour

// notStabilized is the error of a group that cannot get its instances: one whose
// launches fail, or that takes too long.
func (c *Call) notStabilized(ctx context.Context, g types.AutoScalingGroup) error {
	activities, err := c.ASG.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: &c.Physical})
	if err != nil {
		return err
	}
	failure := ""
	for _, a := range activities.Activities {
		if a.StatusCode == types.ScalingActivityStatusCodeFailed {
			failure = fmt.Sprintf(" Failed Scaling Activity: %s  Status Reason: %s", aws.ToString(a.Description), aws.ToString(a.StatusMessage))
			break
		}
	}
	const patience = 3 * time.Minute
	waited := c.World.Unscaled(c.Now.Sub(c.Since))
	if waited > stabilizes || failure != "" && waited > patience {
		return Failed{Reason: fmt.Sprintf("Group did not stabilize. {current/minSize/maxSize group size: %d/%d/%d}.%s",
			serving(g), aws.ToInt32(g.MinSize), aws.ToInt32(g.MaxSize), failure)}
	}
	return nil
}

func (g scalingGroup) Update(ctx context.Context, c *Call) (Made, error) {
	made, in := Made{c.Physical, c.Attributes}, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &c.Physical}
	properties := c.Properties.Only(sameInGroup()...)
	if c.ignoresSizes() {
		for _, name := range []string{"MinSize", "MaxSize", "DesiredCapacity"} {
			if c.Before.Text(name) == c.Properties.Text(name) {
				delete(properties, name)
			}
		}
	}
	if err := properties.Decode(in); err != nil {
		return made, err
	}
	in.VPCZoneIdentifier = c.zoneIdentifier()
	if err := cooldown(c, &in.DefaultCooldown); err != nil {
		return made, err
	}
	if _, err := c.ASG.UpdateAutoScalingGroup(ctx, in); err != nil {
		return made, err
	}
	if err := c.collectMetrics(ctx); err != nil {
		return made, err
	}
	if err := c.changeHooks(ctx); err != nil {
		return made, err
	}
	if err := c.retagGroup(ctx); err != nil {
		return made, err
	}
	return made, g.beginRolling(ctx, c)
}

// ignoresSizes: the update policy says that a size which the template does not
// change stays as scaling made it.
func (c *Call) ignoresSizes() bool {
	return c.UpdatePolicy.Object("AutoScalingScheduledAction").Text("IgnoreUnmodifiedGroupSizeProperties") == "true"
}

func (c *Call) changeHooks(ctx context.Context) error {
	var kept []string
	for _, h := range c.Properties.Objects("LifecycleHookSpecificationList") {
		in := &autoscaling.PutLifecycleHookInput{AutoScalingGroupName: &c.Physical}
		if err := h.Decode(in); err != nil {
			return err
		}
		kept = append(kept, h.Text("LifecycleHookName"))
		if _, err := c.ASG.PutLifecycleHook(ctx, in); err != nil {
			return err
		}
	}
	var before []string
	for _, h := range c.Before.Objects("LifecycleHookSpecificationList") {
		before = append(before, h.Text("LifecycleHookName"))
	}
	_, removed := difference(before, kept)
	for _, name := range removed {
		if _, err := c.ASG.DeleteLifecycleHook(ctx, &autoscaling.DeleteLifecycleHookInput{AutoScalingGroupName: &c.Physical, LifecycleHookName: &name}); unlessGone(err) != nil {
			return err
		}
	}
	return nil
}

func (c *Call) retagGroup(ctx context.Context) error {
	var gone []types.Tag
	for _, key := range lost(c.tagsBefore(), c.userTags()) {
		gone = append(gone, types.Tag{Key: aws.String(key), ResourceId: &c.Physical, ResourceType: aws.String("auto-scaling-group")})
	}
	if len(gone) > 0 {
		if _, err := c.ASG.DeleteTags(ctx, &autoscaling.DeleteTagsInput{Tags: gone}); err != nil {
			return err
		}
	}
	tags := c.groupTags()
	if len(tags) == 0 {
		return nil
	}
	_, err := c.ASG.CreateOrUpdateTags(ctx, &autoscaling.CreateOrUpdateTagsInput{Tags: tags})
	return err
}

// Delete lets the instances go with the group.
func (scalingGroup) Delete(ctx context.Context, c *Call) error {
	_, err := c.ASG.DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: &c.Physical, ForceDelete: aws.Bool(true)})
	return unlessGone(err)
}

func (scalingGroup) Gone(ctx context.Context, c *Call) (bool, error) {
	out, err := c.ASG.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{c.Physical}})
	return err == nil && len(out.AutoScalingGroups) == 0, err
}
