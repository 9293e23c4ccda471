package asgapi

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// DescribeScalingActivities lists the activities of a group or of all, the
// latest first; those of deleted groups when asked to.
func (a *AutoScaling) DescribeScalingActivities(_ context.Context, in *autoscaling.DescribeScalingActivitiesInput) (*autoscaling.DescribeScalingActivitiesOutput, error) {
	if err := supported(in, "ActivityIds", "AutoScalingGroupName", "IncludeDeletedGroups", "MaxRecords", "NextToken"); err != nil {
		return nil, err
	}
	size, err := pageSize(in.MaxRecords, mostRecords)
	if err != nil {
		return nil, err
	}
	var list []world.Activity
	name, deleted := aws.ToString(in.AutoScalingGroupName), aws.ToBool(in.IncludeDeletedGroups)
	a.world.Store.View(func() {
		if _, exists := a.world.Groups.Get(name); name != "" && !exists && !deleted {
			err = noGroup(name)
			return
		}
		list = slices.DeleteFunc(a.world.Activities.All(), func(activity world.Activity) bool {
			return (name != "" && activity.Group != name && activity.GroupARN != name) || (activity.Deleted && !deleted) ||
				(len(in.ActivityIds) > 0 && !slices.Contains(in.ActivityIds, activity.ID))
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(x, y world.Activity) int { return int(y.Number - x.Number) })
	out := &autoscaling.DescribeScalingActivitiesOutput{}
	if list, out.NextToken, err = awswire.Page(list, in.NextToken, size); err != nil {
		return nil, paged(err)
	}
	for _, activity := range list {
		out.Activities = append(out.Activities, describeActivity(activity, deleted))
	}
	return out, nil
}

func describeActivity(activity world.Activity, withState bool) types.Activity {
	where := struct {
		Subnet string `json:"Subnet ID,omitempty"`
		Zone   string `json:"Availability Zone,omitempty"`
	}{activity.Subnet, activity.Zone}
	details, err := json.Marshal(where)
	if err != nil {
		details = []byte("{}") // two strings can always be marshalled
	}
	out := types.Activity{
		ActivityId: aws.String(activity.ID), AutoScalingGroupName: aws.String(activity.Group), AutoScalingGroupARN: aws.String(activity.GroupARN),
		Cause: aws.String(activity.Cause), Description: aws.String(activity.Description), StatusCode: activity.Status,
		StatusMessage: optional(activity.Message), Progress: aws.Int32(activity.Progress), StartTime: aws.Time(activity.Started), EndTime: activity.Ended,
		Details: aws.String(string(details)),
	}
	if withState && activity.Deleted {
		out.AutoScalingGroupState = aws.String("Deleted")
	}
	return out
}
