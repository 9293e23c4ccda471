package aws

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// failureLog remembers which failed activities have been taken into account.
type failureLog struct {
	mu   sync.Mutex
	seen map[string]bool
}

// isNew notes an activity; it is new once.
func (l *failureLog) isNew(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) > maxSeen {
		clear(l.seen)
	}
	known := l.seen[id]
	l.seen[id] = true
	return !known
}

// maxSeen bounds the memory; what is forgotten is read again and is old then.
const maxSeen = 10_000

// addFailures asks why a group has fewer instances than it wants, and remembers
// the pools that had no capacity.
func (g *Groups) addFailures(ctx context.Context, translated *cloud.NodeGroup, group *types.AutoScalingGroup) {
	have := 0
	for _, instance := range translated.Instances {
		if !instance.IsLeaving() {
			have += instance.Weight
		}
	}
	if have >= translated.Desired {
		return
	}
	answer, err := g.clients.AutoScaling.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{
		AutoScalingGroupName: &translated.Name, MaxRecords: sdk.Int32(activitiesRead),
	})
	if err != nil {
		translated.Unread = append(translated.Unread, "why launches fail: "+shortError(err))
		return
	}
	for i := range answer.Activities {
		activity := &answer.Activities[i]
		age := g.now().Sub(sdk.ToTime(activity.StartTime))
		if activity.StatusCode != types.ScalingActivityStatusCodeFailed || age > unavailableFor || !isLaunch(activity) {
			continue
		}
		failure := cloud.GroupFailure{At: sdk.ToTime(activity.StartTime), Message: sdk.ToString(activity.StatusMessage), Capacity: isShortage(activity)}
		translated.Failures = append(translated.Failures, failure)
		if failure.Capacity && g.failures.isNew(sdk.ToString(activity.ActivityId)) {
			g.markPools(translated, activity, group)
		}
	}
}

// activitiesRead is how many of the newest activities are looked at.
const activitiesRead = 20

func isLaunch(activity *types.Activity) bool {
	return strings.HasPrefix(sdk.ToString(activity.Description), "Launching")
}

// shortages are texts of activities that failed because there were no machines,
// no addresses or no quota.
var shortages = regexp.MustCompile(`(?i)InsufficientInstanceCapacity|sufficient .*capacity|UnfulfillableCapacity|no Spot capacity|VcpuLimitExceeded|` +
	`vCPU (limit|capacity)|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|InsufficientFreeAddresses|free addresses|Unsupported`)

func isShortage(activity *types.Activity) bool {
	return shortages.MatchString(sdk.ToString(activity.StatusMessage))
}

// typeName finds an instance type in a text.
var typeName = regexp.MustCompile(`\b[a-z][a-z0-9-]*[0-9][a-z0-9-]*\.(?:nano|micro|small|medium|large|metal(?:-[0-9]+xl)?|[0-9]*xlarge)\b`)

// markPools remembers the pools that an activity names: its type, its zone, and
// its way of buying, and all of the group's where it does not say.
func (g *Groups) markPools(group *cloud.NodeGroup, activity *types.Activity, raw *types.AutoScalingGroup) {
	message := sdk.ToString(activity.StatusMessage)
	var details struct {
		Zone string `json:"Availability Zone"`
	}
	_ = json.Unmarshal([]byte(sdk.ToString(activity.Details)), &details) // it says no zone then
	zones := raw.AvailabilityZones
	if slices.Contains(zones, details.Zone) {
		zones = []string{details.Zone}
	}
	named := typeName.FindAllString(message, -1)
	code := "no capacity for Auto Scaling"
	for i := range group.Types {
		kind := &group.Types[i]
		if len(named) > 0 && !slices.Contains(named, kind.Name) {
			continue
		}
		for _, offering := range kind.Offerings {
			if slices.Contains(zones, offering.Zone) && saysCapacityType(message, offering.CapacityType) {
				g.unavailable.markAt(offering.OfferingKey, code, sdk.ToTime(activity.StartTime))
			}
		}
	}
}

// saysCapacityType reports whether a text is about this way of buying, or says
// nothing of it.
func saysCapacityType(message string, capacityType model.CapacityType) bool {
	text := strings.ToLower(message)
	spot, onDemand := strings.Contains(text, "spot"), strings.Contains(text, "on-demand")
	if spot == onDemand {
		return true
	}
	return spot == (capacityType == model.Spot)
}

// markUnavailable writes down which of the group's pools lately had no capacity.
func (g *Groups) markUnavailable(group *cloud.NodeGroup) {
	now := g.unavailable.current()
	for i := range group.Types {
		for j := range group.Types[i].Offerings {
			offering := &group.Types[i].Offerings[j]
			offering.UnavailableReason = now.reason(offering.OfferingKey)
		}
	}
}

// markAt remembers that a pool refused at a time, unless it has refused later.
func (u *unavailable) markAt(key model.OfferingKey, code string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if known, ok := u.pools[key]; ok && known.at.After(at) {
		return
	}
	u.pools[key] = refusal{code: code, at: at}
	u.version++
}
