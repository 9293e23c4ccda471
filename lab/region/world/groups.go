package world

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/region/store"
)

// Group is one Auto Scaling group. Its instances are Members.
type Group struct {
	Name, ARN string
	Created   time.Time
	// Min, Max and Desired are in units of DesiredType: instances (or their
	// weights) for "units" and "", vCPUs for "vcpu", MiB for "memory-mib".
	Min, Max, Desired int
	DesiredType       string `json:",omitempty"`

	Zones   []string // names
	Subnets []string // ids; empty: the zones' own

	// Exactly one of these says what to launch.
	Template            *TemplateUse                `json:",omitempty"`
	LaunchConfiguration string                      `json:",omitempty"`
	Mixed               *types.MixedInstancesPolicy `json:",omitempty"`

	CooldownSeconds      int
	HealthCheckType      string
	HealthGraceSeconds   int
	WarmupSeconds        *int32 `json:",omitempty"`
	MaxLifetimeSeconds   int    `json:",omitempty"`
	TerminationPolicies  []string
	ProtectNew           bool         `json:",omitempty"`
	CapacityRebalance    bool         `json:",omitempty"`
	ServiceLinkedRoleARN string       `json:",omitempty"`
	Context              string       `json:",omitempty"`
	Hooks                []Hook       `json:",omitempty"` // by name
	Tags                 []GroupTag   `json:",omitempty"` // by key
	Suspended            []Suspension `json:",omitempty"` // by process
	Metrics              []string     `json:",omitempty"`

	// ScalingPolicies and Scheduled are by name.
	ScalingPolicies []ScalingPolicy   `json:",omitempty"`
	Scheduled       []ScheduledAction `json:",omitempty"`

	// WarmPool is what the group keeps ready beside its capacity, if anything.
	WarmPool *WarmPool `json:",omitempty"`

	// Refreshes are the instance refreshes, the latest last.
	Refreshes []Refresh `json:",omitempty"`

	// Deleting says that the group goes with its last instance.
	Deleting bool `json:",omitempty"`
	// Why is the request that changed the desired capacity, until that is met:
	// the beginning of the causes of its scaling activities.
	Why string `json:",omitempty"`
	// Scaled is when the last scaling activity ended.
	Scaled time.Time
	// Failures counts the launches in a row that fell short, FailedAt is when
	// the last did.
	Failures int `json:",omitempty"`
	FailedAt time.Time
	// ZoneFailed is when a zone last fell short.
	ZoneFailed map[string]time.Time `json:",omitempty"`
}

// TemplateUse is a launch template in a version.
type TemplateUse struct {
	ID, Name string
	Version  string // a number, $Latest or $Default
}

// GroupTag is a tag of a group.
type GroupTag struct {
	Key, Value string
	Propagate  bool // to the instances at their launch
}

// Suspension is a process of a group that does not run.
type Suspension struct{ Process, Reason string }

// Hook is a life cycle hook of a group.
type Hook struct {
	Name       string
	Transition string // autoscaling:EC2_INSTANCE_LAUNCHING or ..._TERMINATING
	Result     string // when nobody answers: CONTINUE or ABANDON
	Seconds    int    // how long it waits for a heartbeat
	Metadata   string `json:",omitempty"`
	// Target is the ARN of the queue that is told of actions directly, by the
	// role.
	Target string `json:",omitempty"`
	Role   string `json:",omitempty"`
}

// Refresh is one instance refresh.
type Refresh struct {
	ID     string
	Status types.InstanceRefreshStatus
	Reason string `json:",omitempty"`
	// Began is when it was asked for: instances that joined before are replaced.
	Began time.Time
	Ended *time.Time `json:",omitempty"`
	// Progress is when an instance was last replaced.
	Progress time.Time
	// Total is how many instances there were to replace, Left how many still are.
	Total, Left   int
	MinHealthy    int // percent of the desired capacity
	WarmupSeconds int
	SkipMatching  bool `json:",omitempty"`
}

// Member is an instance in a group.
type Member struct {
	InstanceID, Group         string
	Type, Zone, ZoneID, Image string
	Spot                      bool `json:",omitempty"`
	State                     types.LifecycleState
	Since                     time.Time // in that state
	Joined                    time.Time
	// Weight is how many units of the group's capacity the instance is.
	Weight int
	// Weighted is set when the group gave the type a weight.
	Weighted            bool         `json:",omitempty"`
	Template            *TemplateUse `json:",omitempty"` // with its number
	LaunchConfiguration string       `json:",omitempty"`
	Protected           bool         `json:",omitempty"`
	// Unhealthy says why the instance is to be replaced: user, or EC2.
	Unhealthy string `json:",omitempty"`
	InService time.Time
	// Activity is the one that goes on with the instance.
	Activity string `json:",omitempty"`
	// Actions are the life cycle actions of the present transition.
	Actions []HookAction `json:",omitempty"`
	// Extra is set while the instance is one more than desired, for another
	// that goes once this one is in service.
	Extra bool `json:",omitempty"`
	// Replaces is the instance at risk that this one was launched for.
	Replaces string `json:",omitempty"`
	// Abandoned is set when a launch was given up.
	Abandoned bool `json:",omitempty"`
	// Rests is the state that the instance has in the warm pool; empty for one
	// that never was there.
	Rests types.LifecycleState `json:",omitempty"`
	// FromPool is set while the instance comes from the warm pool, Returns while
	// it goes back there.
	FromPool bool `json:",omitempty"`
	Returns  bool `json:",omitempty"`
}

// HookAction is a life cycle hook that runs for an instance.
type HookAction struct {
	Hook, Token string
	Seconds     int
	Default     string // the hook's result when nobody answers
	Began       time.Time
	Heartbeat   time.Time
	Result      string `json:",omitempty"` // CONTINUE or ABANDON once it is over
	TimedOut    bool   `json:",omitempty"`
}

// Activity is one scaling activity.
type Activity struct {
	ID, Group, GroupARN string
	Number              int64 // they come in this order
	Cause, Description  string
	Status              types.ScalingActivityStatusCode
	Message             string `json:",omitempty"`
	Progress            int32
	Started             time.Time
	Ended               *time.Time `json:",omitempty"`
	Subnet, Zone        string     `json:",omitempty"`
	Deleted             bool       `json:",omitempty"` // the group is
}

// LaunchConfiguration is what a group may launch from. Input is the request it
// was made with.
type LaunchConfiguration struct {
	Name, ARN string
	Created   time.Time
	Input     types.LaunchConfiguration
}

// MembersOf are the instances of a group, the oldest first. Use it within View
// or Update.
func (w *World) MembersOf(group string) []Member {
	var members []Member
	for _, m := range w.Members.All() {
		if m.Group == group {
			members = append(members, m)
		}
	}
	sortMembers(members)
	return members
}

// sortMembers puts the oldest first.
func sortMembers(members []Member) {
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(a.Joined.Compare(b.Joined), strings.Compare(a.InstanceID, b.InstanceID))
	})
}

// activitiesKeptFor is how long AWS tells of scaling activities. Older ones are
// looked for with every forgettingth.
const (
	activitiesKeptFor = 42 * 24 * time.Hour
	forgetting        = 64
)

// NewActivity stores a scaling activity with an id and a number of its own.
func (w *World) NewActivity(tx *store.Tx, a Activity) (Activity, error) {
	var err error
	if a.Number, err = w.nextNumber(tx); err != nil {
		return a, err
	}
	if a.ID, err = w.NewUUID(tx, "activity"); err != nil {
		return a, err
	}
	if w.Activities.Len()%forgetting == 0 {
		for _, old := range w.Activities.All() {
			if a.Started.Sub(old.Started) > activitiesKeptFor {
				w.Activities.Delete(tx, old.ID)
			}
		}
	}
	return a, w.Activities.Put(tx, a.ID, a)
}
