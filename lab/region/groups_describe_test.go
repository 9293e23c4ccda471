package region_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func groupTag(key, value string) asgtypes.Tag {
	return asgtypes.Tag{Key: &key, Value: &value, PropagateAtLaunch: aws.Bool(value == "spread")}
}

// threeGroups are named one, two and three, with tags.
func threeGroups(t *testing.T) *lab {
	l := open(t).withNodes("m5.large")
	for name, tags := range map[string][]asgtypes.Tag{
		"one": {groupTag("team", "blue"), groupTag("k8s.io/cluster-autoscaler/enabled", "true")}, "two": {groupTag("team", "green")}, "three": {groupTag("x", "spread")},
	} {
		in := l.groupInput(name, 0, 1, 1)
		in.Tags = tags
		l.createGroup(in)
	}
	l.clock.Advance(soon)
	return l
}

func groupFilter(name string, values ...string) asgtypes.Filter {
	return asgtypes.Filter{Name: &name, Values: values}
}

func TestGroupsAreFilteredByTag(t *testing.T) {
	t.Parallel()
	l := threeGroups(t)
	for want, filters := range map[string][]asgtypes.Filter{
		"one":           {groupFilter("tag-key", "k8s.io/cluster-autoscaler/enabled")},
		"one, two":      {groupFilter("tag-key", "team")},
		"two":           {groupFilter("tag:team", "green", "red")},
		"":              {groupFilter("tag-key", "team"), groupFilter("tag-value", "spread")},
		"three":         {groupFilter("tag-value", "spread")},
		"one, three":    {groupFilter("tag-key", "k8s.io/cluster-autoscaler/enabled", "x")},
		"error: a name": {groupFilter("name", "one")},
	} {
		out, err := l.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{Filters: filters})
		if strings.HasPrefix(want, "error") {
			refused(t, err, "ValidationError")
			continue
		}
		var names []string
		for _, g := range out.AutoScalingGroups {
			names = append(names, *g.AutoScalingGroupName)
		}
		check(t, "groups", strings.Join(names, ", "), want)
	}
}

func TestGroupsComeInPages(t *testing.T) {
	t.Parallel()
	l := threeGroups(t)
	var names []string
	in := &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(2), IncludeInstances: aws.Bool(false)}
	for pages := 1; ; pages++ {
		out := must[*autoscaling.DescribeAutoScalingGroupsOutput](l)(l.AutoScaling().DescribeAutoScalingGroups(ctx(), in))
		for _, g := range out.AutoScalingGroups {
			names = append(names, *g.AutoScalingGroupName)
			check(t, "instances", len(g.Instances), 0)
		}
		if in.NextToken = out.NextToken; out.NextToken == nil {
			check(t, "pages", pages, 2)
			break
		}
	}
	check(t, "groups", slices.Equal(names, []string{"one", "three", "two"}), true)
	_, err := l.AutoScaling().DescribeAutoScalingGroups(ctx(), &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(101)})
	refused(t, err, "ValidationError")
	instances := must[*autoscaling.DescribeAutoScalingInstancesOutput](l)(l.AutoScaling().DescribeAutoScalingInstances(ctx(), &autoscaling.DescribeAutoScalingInstancesInput{MaxRecords: aws.Int32(2)}))
	check(t, "instances", len(instances.AutoScalingInstances), 2)
	check(t, "health", *instances.AutoScalingInstances[0].HealthStatus, "HEALTHY")
}

func TestTagsOfGroups(t *testing.T) {
	t.Parallel()
	l := threeGroups(t)
	list := func(filters ...asgtypes.Filter) string {
		var texts []string
		for _, tag := range must[*autoscaling.DescribeTagsOutput](l)(l.AutoScaling().DescribeTags(ctx(), &autoscaling.DescribeTagsInput{Filters: filters})).Tags {
			texts = append(texts, *tag.ResourceId+" "+*tag.Key+"="+*tag.Value)
		}
		return strings.Join(texts, ", ")
	}
	check(t, "by group", list(groupFilter("auto-scaling-group", "two", "three")), "three x=spread, two team=green")
	check(t, "by key", list(groupFilter("key", "team"), groupFilter("value", "blue")), "one team=blue")
	check(t, "spread", list(groupFilter("propagate-at-launch", "true")), "three x=spread")
	of := func(group, key, value string) asgtypes.Tag {
		tag := groupTag(key, value)
		tag.ResourceId, tag.ResourceType = &group, aws.String("auto-scaling-group")
		return tag
	}
	_, err := l.AutoScaling().CreateOrUpdateTags(ctx(), &autoscaling.CreateOrUpdateTagsInput{Tags: []asgtypes.Tag{of("one", "new", "1"), of("zero", "new", "1")}})
	refused(t, err, "ValidationError")
	check(t, "none of it", list(groupFilter("key", "new")), "")
	must[*autoscaling.CreateOrUpdateTagsOutput](l)(l.AutoScaling().CreateOrUpdateTags(ctx(), &autoscaling.CreateOrUpdateTagsInput{Tags: []asgtypes.Tag{of("one", "team", "red"), of("two", "new", "1")}}))
	check(t, "changed", list(groupFilter("key", "team", "new")), "one team=red, two new=1, two team=green")
	must[*autoscaling.DeleteTagsOutput](l)(l.AutoScaling().DeleteTags(ctx(), &autoscaling.DeleteTagsInput{Tags: []asgtypes.Tag{of("one", "team", "blue"), of("two", "team", "")}}))
	check(t, "deleted", list(groupFilter("key", "team", "new")), "one team=red, two new=1")
}

func TestGroupChangesWhatItLaunchesFrom(t *testing.T) {
	t.Parallel()
	l := open(t).withNodes("m5.large")
	l.createGroup(l.groupInput("workers", 0, 1, 5))
	l.clock.Advance(soon)
	mixed := l.mixedInput("", 0, 0, 100, "c5.large").MixedInstancesPolicy
	l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), MixedInstancesPolicy: mixed, DesiredCapacity: aws.Int32(2)})
	l.clock.Advance(soon)
	check(t, "types", l.kinds("workers", typeOf), "c5.large 1, m5.large 1")
	check(t, "template", l.group("workers").LaunchTemplate == nil, true)
	l.updateGroup(&autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("workers"), DesiredCapacity: aws.Int32(3),
		LaunchTemplate: &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String("nodes")}})
	l.clock.Advance(soon)
	check(t, "types", l.kinds("workers", typeOf), "c5.large 1, m5.large 2")
	check(t, "policy", l.group("workers").MixedInstancesPolicy == nil, true)
	check(t, "version", *l.group("workers").LaunchTemplate.Version, "$Default")
}
