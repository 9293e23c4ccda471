package world

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// ScalingPolicy is a policy of a group that changes its desired capacity when it
// is executed.
type ScalingPolicy struct {
	Name, ARN string
	// Kind is SimpleScaling or StepScaling.
	Kind string
	// Adjustment is what the numbers mean: ChangeInCapacity, ExactCapacity or
	// PercentChangeInCapacity.
	Adjustment string
	By         int                    `json:",omitempty"` // of SimpleScaling
	Steps      []types.StepAdjustment `json:",omitempty"` // of StepScaling
	// Least is the smallest change that a percentage makes.
	Least           *int32 `json:",omitempty"`
	CooldownSeconds *int32 `json:",omitempty"` // of SimpleScaling; nil: the group's
	WarmupSeconds   *int32 `json:",omitempty"` // of StepScaling; nil: the group's
	Aggregation     string `json:",omitempty"` // of StepScaling
	Disabled        bool   `json:",omitempty"`
}

// ScheduledAction changes the sizes of a group at a time, or again and again.
type ScheduledAction struct {
	Name, ARN         string
	Min, Max, Desired *int32 // nil stays as it is
	// Start is when it runs first, End after when it does not any more.
	Start, End *time.Time `json:",omitempty"`
	// Recurrence has the five fields of crontab, in the time zone; empty: it
	// runs once.
	Recurrence string `json:",omitempty"`
	TimeZone   string `json:",omitempty"`
	// Next is when it runs next.
	Next time.Time
}

// WarmPool is a group's warm pool. Its instances are Members, too.
type WarmPool struct {
	Min int `json:",omitempty"`
	// Prepared is how much the group and the pool are to have together; nil: the
	// group's maximum.
	Prepared *int `json:",omitempty"`
	// Running says that the pool's instances run; they are stopped otherwise.
	Running bool `json:",omitempty"`
	// Reuse lets instances go back to the pool when the group scales in.
	Reuse bool `json:",omitempty"`
	// Deleting says that the pool goes with its last instance.
	Deleting bool `json:",omitempty"`
}

// Warm reports whether the instance is one of the warm pool.
func (m Member) Warm() bool { return strings.HasPrefix(string(m.State), "Warmed:") }

// PartARN is the ARN of something that a group has: of a kind such as
// scalingPolicy, whose name follows a key such as policyName.
func (w *World) PartARN(g Group, kind, key, name string) string {
	o := w.Options
	return fmt.Sprintf("arn:aws:autoscaling:%s:%s:%s:%s:autoScalingGroupName/%s:%s/%s", o.Region, o.Account, kind, w.FixedUUID(kind+" "+g.ARN+" "+name), g.Name, key, name)
}
