package cfnapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/cfn/intrinsic"
	"github.com/drover-project/drover/lab/region/cfn/property"
	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
	"github.com/drover-project/drover/lab/region/store"
)

// How long CloudFormation itself takes, before the time scale.
const (
	startsAfter   = 3 * time.Second // from the request to the first resource
	callsAfter    = time.Second     // from the event to the call
	looksEvery    = 5 * time.Second // while a service works
	finishesAfter = time.Second
	patience      = 10 * time.Minute // with what is still in use
)

// operation is one step of a stack's operation.
type operation struct {
	cf       *CloudFormation
	tx       *store.Tx
	now      time.Time
	s        *stack.Stack
	plan     *plan
	services resource.Services
}

// operation prepares a step; s is changed by it.
func (c *CloudFormation) operation(tx *store.Tx, s *stack.Stack) (*operation, error) {
	o := &operation{cf: c, tx: tx, now: c.world.Clock.Now(), s: s, services: c.services(tx)}
	plan, err := c.plan(s, s.Target)
	if err != nil {
		return nil, fmt.Errorf("the template of %s, which was accepted: %w", s.Name, err)
	}
	o.plan = plan
	plan.scope.Resource, plan.scope.Attribute = o.ref, o.attribute
	return o, nil
}

// after is when something that takes a realistic duration is due.
func (o *operation) after(realistic time.Duration) time.Time {
	return o.now.Add(o.cf.world.Clock.Scaled(realistic))
}

func (o *operation) isDue(at time.Time) bool { return !at.After(o.now) }

// advance does everything that is due now.
func (o *operation) advance() error {
	if !o.s.Due.IsZero() && !o.isDue(o.s.Due) {
		return nil
	}
	o.s.Due = time.Time{}
	if o.s.Applying() {
		return o.apply()
	}
	return o.cleanup()
}

// since is for how long a resource has had its status, in realistic time.
func (o *operation) since(r *stack.Resource) time.Duration {
	return o.cf.world.Unscaled(o.now.Sub(r.Since))
}

// ref is what Ref gives for a resource: its identifier.
func (o *operation) ref(name string) (any, error) {
	i := o.s.Find(name)
	if i < 0 || o.s.Resources[i].Physical == "" {
		return nil, &template.Error{Message: fmt.Sprintf("Unresolved dependency %s", name)}
	}
	return o.s.Resources[i].Physical, nil
}

func (o *operation) attribute(name, attribute string) (any, error) {
	i := o.s.Find(name)
	if i < 0 {
		return nil, &template.Error{Message: fmt.Sprintf("Template error: instance of Fn::GetAtt references undefined resource %s", name)}
	}
	value, has := o.s.Resources[i].Attributes[attribute]
	if !has {
		return nil, &template.Error{Message: fmt.Sprintf("Attribute '%s' does not exist", attribute)}
	}
	return value, nil
}

// evaluate computes a resource's properties.
func (o *operation) evaluate(n *template.Node) (property.Set, error) {
	if n == nil {
		return property.Set{}, nil
	}
	v, err := o.plan.scope.Evaluate(n)
	if err != nil {
		return nil, err
	}
	if intrinsic.IsNoValue(v) {
		return property.Set{}, nil
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, &template.Error{Message: "Properties must be an object", At: n.At}
	}
	return fields, nil
}

// properties are a resource's, checked, as JSON.
func (o *operation) properties(r template.Resource) (json.RawMessage, error) {
	set, err := o.evaluate(r.Properties)
	if err != nil {
		return nil, err
	}
	t, _ := resource.Find(r.Type)
	if err := t.Check(set); err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

// call prepares a call on a resource.
func (o *operation) call(r *stack.Resource) (*resource.Call, error) {
	properties, err := property.Parse(r.Properties)
	if err != nil {
		return nil, err
	}
	c := &resource.Call{
		Services: o.services, Name: r.Name, Attempt: r.Attempt, Physical: r.Physical, Properties: properties, Attributes: r.Attributes,
		Stack:   resource.Stack{Name: o.s.Name, ID: o.s.ID, Region: o.cf.world.Options.Region, Account: o.cf.world.Options.Account, Tags: o.s.Target.Tags},
		Signals: r.Signals, Now: o.now, Since: r.Since, Memory: r.Memory,
	}
	if r.Verb == stack.Update && r.Prior != nil {
		if c.Before, err = property.Parse(r.Prior.Properties); err != nil {
			return nil, err
		}
	}
	declared, exists := o.plan.resource(r.Name)
	if !exists || r.Verb == stack.Delete {
		return c, nil
	}
	if declared.CreationPolicy != nil {
		if c.CreationPolicy, err = o.evaluate(declared.CreationPolicy); err != nil {
			return nil, err
		}
	}
	if declared.UpdatePolicy != nil {
		c.UpdatePolicy, err = o.evaluate(declared.UpdatePolicy)
	}
	return c, err
}

// attempt runs a handler so that one that fails has done nothing.
func (o *operation) attempt(run func(context.Context) error) error {
	return o.services.World.Store.Update(func(*store.Tx) error { return run(context.Background()) })
}

// handler finds what works for a resource.
func handler(r *stack.Resource) resource.Handler {
	t, _ := resource.Find(r.Type)
	return t.Handler
}

// reason puts an error into the words of a stack's events.
func (o *operation) reason(err error) string {
	var failed resource.Failed
	var wrong *property.Error
	var language *template.Error
	switch {
	case errors.As(err, &wrong), errors.As(err, &language):
		return err.Error()
	case errors.As(err, &failed):
		return o.handlerMessage(failed.Reason, "NotStabilized")
	}
	var coded *awserr.Error
	if !errors.As(err, &coded) {
		return o.handlerMessage(err.Error(), "InternalFailure")
	}
	status := coded.Status
	if status == 0 {
		status = 400
	}
	return o.handlerMessage(fmt.Sprintf("%s (Status Code: %d, Error Code: %s, Request ID: %s)", coded.Message, status, coded.Code, o.uuid("request")),
		handlerCode(coded.Code))
}

func (o *operation) handlerMessage(text, code string) string {
	return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)", text, o.uuid("handler"), code)
}

func (o *operation) uuid(of string) string {
	id, err := o.cf.world.NewUUID(o.tx, of)
	if err != nil {
		return "unknown"
	}
	return id
}

// handlerCode is CloudFormation's own code for a service's.
func handlerCode(code string) string {
	switch code {
	case "EntityAlreadyExists", "AlreadyExists", "AlreadyExistsFault", "InvalidGroup.Duplicate", "ResourceInUseException",
		"InvalidLaunchTemplateName.AlreadyExistsException", "InvalidKeyPair.Duplicate":
		return "AlreadyExists"
	case "LimitExceeded", "ResourceLimitExceeded", "VpcLimitExceeded", "AddressLimitExceeded":
		return "ServiceLimitExceeded"
	case "AccessDenied", "UnauthorizedOperation", "AccessDeniedException":
		return "AccessDenied"
	}
	if resource.IsGone(&awserr.Error{Code: code}) {
		return "NotFound"
	}
	return "InvalidRequest"
}
