// Package stack is what the region keeps of CloudFormation stacks, and what
// follows from it alone.
package stack

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/resource"
)

// Stack is one stack, also after it was deleted.
type Stack struct {
	ID, Name, Description string
	Created               time.Time
	Updated, Deleted      time.Time // zero when it was not
	Status                types.StackStatus
	Reason                string `json:",omitempty"`
	// Target is what the stack is to be, Before what it was until the operation
	// under way began.
	Target Definition
	Before *Definition `json:",omitempty"`
	// Resources that exist or are being made, in the order they began to.
	Resources []Resource `json:",omitempty"`
	// Garbage is what the operation removes, Gone what a removal of all has removed.
	Garbage []Resource `json:",omitempty"`
	Gone    []Resource `json:",omitempty"`
	Outputs []Output   `json:",omitempty"`

	Protected bool `json:",omitempty"`
	// OnFailure is what becomes of a stack that cannot be created.
	OnFailure types.OnFailure
	// KeepOnFailure leaves a failed operation as it is.
	KeepOnFailure bool `json:",omitempty"`
	// Retain are logical names that a deletion leaves.
	Retain []string `json:",omitempty"`
	// Skip are logical names that a continued rollback leaves as they are.
	Skip []string `json:",omitempty"`
	// Deadline is when a creation gives up; zero never.
	Deadline       time.Time
	TimeoutMinutes int32 `json:",omitempty"`
	// Round counts operations; a resource whose Round it is has been seen to.
	Round int
	// Checked: the parameters of the operation were held against the account.
	Checked bool `json:",omitempty"`
	// Due is when the operation goes on. Alarm tells its timers apart.
	Due    time.Time
	Alarm  int
	Token  string `json:",omitempty"` // the operation's ClientRequestToken
	Events int    // how many there were
	// ChangeSet is the change set that made or changed it last.
	ChangeSet string `json:",omitempty"`
}

// Definition is what a request says a stack is to be.
type Definition struct {
	Body          string
	Parameters    []Parameter       `json:",omitempty"`
	Tags          map[string]string `json:",omitempty"`
	Capabilities  []string          `json:",omitempty"`
	Role          string            `json:",omitempty"`
	Notifications []string          `json:",omitempty"`
}

// Parameter is a parameter's value; Resolved is what a name in Systems Manager
// stood for when the operation began.
type Parameter struct {
	Name, Value string
	Resolved    string `json:",omitempty"`
}

// Effective is the value that counts.
func (p Parameter) Effective() string {
	if p.Resolved != "" {
		return p.Resolved
	}
	return p.Value
}

// Output is one output of a finished operation.
type Output struct{ Name, Value, Description, Export string }

// Step is how far the work on a resource is.
type Step string

// Steps.
const (
	// Idle: nothing is to be done.
	Idle Step = ""
	// Announced: the event is out, the service is called next.
	Announced Step = "announced"
	// Settling: the service was called, its work is waited for.
	Settling Step = "settling"
)

// Verb is what is done to a resource.
type Verb string

// Verbs.
const (
	Create  Verb = "create"
	Update  Verb = "update"
	Replace Verb = "replace"
	Delete  Verb = "delete"
)

// Version is one state of a resource.
type Version struct {
	Physical   string
	Properties json.RawMessage `json:",omitempty"`
	Attributes map[string]any  `json:",omitempty"`
}

// Resource is one resource of a stack.
type Resource struct {
	Name, Type string
	Version
	// Prior is what it was before the operation under way changed it.
	Prior  *Version `json:",omitempty"`
	Status types.ResourceStatus
	Reason string `json:",omitempty"`
	// Since is when it got its status, Due when the work goes on.
	Since, Due time.Time
	Verb       Verb `json:",omitempty"`
	Step       Step `json:",omitempty"`
	Round      int
	// Needs are the names of resources that it was made after.
	Needs []string `json:",omitempty"`
	// Keep and KeepOld say that it is not deleted with the stack or when replaced.
	Keep    bool              `json:",omitempty"`
	KeepOld bool              `json:",omitempty"`
	Signals []resource.Signal `json:",omitempty"`
	Memory  json.RawMessage   `json:",omitempty"`
	// Attempt counts what was made for this name.
	Attempt int
}

// Event is one event of a stack.
type Event struct {
	ID, StackID, StackName string
	Number                 int
	Logical, Physical      string
	Type                   string
	Status                 types.ResourceStatus
	Reason                 string          `json:",omitempty"`
	Properties             json.RawMessage `json:",omitempty"`
	At                     time.Time
	Token                  string `json:",omitempty"`
}

// Busy reports whether an operation is under way.
func (s *Stack) Busy() bool {
	switch s.Status {
	case types.StackStatusCreateInProgress, types.StackStatusRollbackInProgress, types.StackStatusDeleteInProgress,
		types.StackStatusUpdateInProgress, types.StackStatusUpdateCompleteCleanupInProgress,
		types.StackStatusUpdateRollbackInProgress, types.StackStatusUpdateRollbackCompleteCleanupInProgress:
		return true
	}
	return false
}

// Applying reports whether the operation makes the resources what they are to
// be, and not removes them.
func (s *Stack) Applying() bool {
	return s.Status == types.StackStatusCreateInProgress || s.Status == types.StackStatusUpdateInProgress ||
		s.Status == types.StackStatusUpdateRollbackInProgress
}

// Updatable reports whether a new update may begin.
func (s *Stack) Updatable() bool {
	switch s.Status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
		types.StackStatusCreateFailed, types.StackStatusUpdateFailed:
		return true
	}
	return false
}

// Find is the index of a resource by its logical name, -1 when there is none.
func (s *Stack) Find(name string) int {
	return slices.IndexFunc(s.Resources, func(r Resource) bool { return r.Name == name })
}

// Listed are the resources that the stack shows.
func (s *Stack) Listed() []Resource {
	listed := slices.Clone(s.Resources)
	if !s.Applying() {
		for _, r := range s.Garbage {
			if s.Find(r.Name) < 0 {
				listed = append(listed, r)
			}
		}
	}
	return append(listed, s.Gone...)
}

// Free are the indexes of the garbage that nothing else of it was made after.
func (s *Stack) Free() []int {
	var free []int
	for i, r := range s.Garbage {
		needed := slices.ContainsFunc(s.Garbage, func(other Resource) bool {
			return other.Name != r.Name && slices.Contains(other.Needs, r.Name)
		})
		if !needed {
			free = append(free, i)
		}
	}
	return free
}

// NextDue is the earliest time at which something is to be done.
func (s *Stack) NextDue() time.Time {
	next := s.Due
	for _, list := range [][]Resource{s.Resources, s.Garbage} {
		for _, r := range list {
			if r.Step != Idle && (next.IsZero() || r.Due.Before(next)) {
				next = r.Due
			}
		}
	}
	if s.Status == types.StackStatusCreateInProgress && !s.Deadline.IsZero() && (next.IsZero() || s.Deadline.Before(next)) {
		next = s.Deadline
	}
	return next
}

// Clone is a copy whose lists can be changed.
func (s Stack) Clone() Stack {
	s.Resources, s.Garbage, s.Gone = slices.Clone(s.Resources), slices.Clone(s.Garbage), slices.Clone(s.Gone)
	return s
}
