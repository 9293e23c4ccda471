// Package resource makes, changes and removes what stacks consist of, by calling
// the region's own services. Every call takes part in the transaction that
// records it, so that a resource exists exactly when its stack knows it.
package resource

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/drover-project/drover/lab/region/asgapi"
	"github.com/drover-project/drover/lab/region/cfn/property"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/eksapi"
	"github.com/drover-project/drover/lab/region/eventsapi"
	"github.com/drover-project/drover/lab/region/iamapi"
	"github.com/drover-project/drover/lab/region/sqsapi"
	"github.com/drover-project/drover/lab/region/ssmapi"
	"github.com/drover-project/drover/lab/region/world"
)

// Services are the region's services within one transaction.
type Services struct {
	World       *world.World
	EC2         *ec2api.EC2
	IAM         *iamapi.IAM
	ASG         *asgapi.AutoScaling
	EKS         *eksapi.EKS
	SSM         *ssmapi.SSM
	SQS         *sqsapi.SQS
	EventBridge *eventsapi.Events
}

// Stack is the stack that a resource belongs to.
type Stack struct {
	Name, ID, Region, Account string
	// Tags are those the user gave to the stack.
	Tags map[string]string
}

// Signal is a message from a machine that waits for nobody else.
type Signal struct {
	UniqueID string
	Success  bool
	At       time.Time
}

// Call is one call on one resource.
type Call struct {
	Services
	Stack Stack
	// Name is the logical name.
	Name string
	// Attempt tells apart the resources that a name stands for one after the other.
	Attempt  int
	Physical string
	// Properties as they are to be; Before as they were, for updates.
	Properties, Before property.Set
	Attributes         map[string]any
	// Policies of the resource, nil when it has none.
	CreationPolicy, UpdatePolicy property.Set
	Signals                      []Signal
	// Since is when the resource began to be what it becomes.
	Now, Since time.Time
	// Memory is what the handler wants to know again in its next call for the
	// same change; empty in the first.
	Memory json.RawMessage
	// Events are what the handler tells of its progress.
	Events []string
}

// Tell adds an event.
func (c *Call) Tell(reason string) { c.Events = append(c.Events, reason) }

// Made is a resource that exists.
type Made struct {
	Physical   string
	Attributes map[string]any
}

// Handler does the work for resources of one type. An error is the service's
// own, a property.Error, or Failed.
type Handler interface {
	Create(ctx context.Context, c *Call) (Made, error)
	// Update changes what can be changed without a new resource.
	Update(ctx context.Context, c *Call) (Made, error)
	// Settled reports whether what Create or Update began is done.
	Settled(ctx context.Context, c *Call) (bool, error)
	// Delete begins to remove it. One that is not there is no error.
	Delete(ctx context.Context, c *Call) error
	// Gone reports whether what Delete began is done.
	Gone(ctx context.Context, c *Call) (bool, error)
}

// Failed is the error of a resource that came to exist but not to work, with
// the reason that the stack's events give.
type Failed struct{ Reason string }

func (f Failed) Error() string { return f.Reason }

// Change is what a change of a property takes.
type Change int

// Changes.
const (
	InPlace Change = iota
	Replaces
)

// Type is what a stack must know of a resource type.
type Type struct {
	Name string
	// Properties that are supported, with what changing them takes.
	Properties map[string]Change
	Required   []string
	// Attributes that Fn::GetAtt may ask for.
	Attributes []string
	// NeedsIAM: a stack with it must be acknowledged. NamedBy is the property that
	// makes it need the stronger acknowledgement.
	NeedsIAM bool
	NamedBy  string
	// Tagged resources get the stack's tags; changing those changes them.
	Tagged bool
	// Takes and Deletes are how long it takes at least, before the time scale.
	Takes, Deletes time.Duration
	Handler        Handler
}

// base is what most handlers share.
type base struct{}

// Settled is true at once.
func (base) Settled(context.Context, *Call) (bool, error) { return true, nil }

// Gone is true at once.
func (base) Gone(context.Context, *Call) (bool, error) { return true, nil }

// Update has nothing to change.
func (base) Update(_ context.Context, c *Call) (Made, error) {
	return Made{c.Physical, c.Attributes}, nil
}

// Find gives a type by its name.
func Find(name string) (Type, bool) {
	t, found := registry()[name]
	return t, found
}

// Names are the names of all types in order.
func Names() []string { return slices.Sorted(maps.Keys(registry())) }

func registry() map[string]Type {
	all := map[string]Type{}
	for _, list := range [][]Type{iamTypes(), computeTypes(), securityTypes(), networkTypes(), routeTypes(), scalingTypes(), scalingPlanTypes(), eksTypes(), messagingTypes()} {
		for _, t := range list {
			all[t.Name] = t
		}
	}
	return all
}

// props makes a table of properties: those of the first list can change in
// place, those of the second need a new resource.
func props(inPlace, replaces []string) map[string]Change {
	all := map[string]Change{}
	for _, name := range inPlace {
		all[name] = InPlace
	}
	for _, name := range replaces {
		all[name] = Replaces
	}
	return all
}

// Check holds properties against the type before anything is made.
func (t Type) Check(p property.Set) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if _, known := t.Properties[name]; !known {
			return property.Unsupported(name)
		}
	}
	for _, name := range t.Required {
		if !p.Has(name) {
			return &property.Error{Message: "Property " + name + " cannot be empty."}
		}
	}
	return nil
}
