package awswire

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/drover-project/drover/lab/awswire/shape"
	"github.com/drover-project/drover/lab/awswire/tables"
)

// operation is one handler: call takes *XInput and gives *XOutput.
type operation struct {
	name  string
	input reflect.Type // struct type of the input
	call  reflect.Value
}

// Register makes every exported method of implementation with the signature
//
//	func(context.Context, *XInput) (*XOutput, error)
//
// the handler of operation X of the service, named as in the SigV4 credential
// scope ("ec2", "ssm", "pricing", "iam", "eks", "sts"). Other methods are left
// alone. It may be called several times for one service; an operation that is
// registered twice is an error, as is an implementation without any.
func (s *Server) Register(name string, implementation any) error {
	found := operationsOf(implementation)
	if len(found) == 0 {
		return fmt.Errorf("awswire: %T has no method func(context.Context, *XInput) (*XOutput, error) to register for %q", implementation, name)
	}
	svc := s.services[name]
	if svc == nil {
		var err error
		if svc, err = newService(name); err != nil {
			return fmt.Errorf("awswire: %w", err)
		}
	}
	var errs []error
	for _, op := range found {
		errs = append(errs, svc.add(op))
	}
	s.services[name] = svc
	return errors.Join(errs...)
}

// service is what is registered under one SigV4 service name.
type service struct {
	name       string
	table      *shape.Service
	protocol   protocol
	dialect    dialect
	operations map[string]operation
	// older is the same service in the query protocol, for one that speaks
	// JSON to newer clients; nil for the others.
	older *service
}

func newService(name string) (*service, error) {
	svc, err := serviceOf(name, name)
	if err == nil && name == "sqs" {
		svc.older, err = serviceOf(name, "sqsquery")
	}
	if err != nil {
		return nil, err
	}
	if svc.older != nil {
		svc.older.operations = svc.operations
	}
	return svc, nil
}

// speaking gives the service in the protocol that a request is in.
func (svc *service) speaking(req *request) *service {
	if svc != nil && svc.older != nil && req.form.Has("Action") {
		return svc.older
	}
	return svc
}

func serviceOf(name, tableName string) (*service, error) {
	table, err := tables.Load(tableName)
	if err != nil {
		return nil, err
	}
	p, err := protocolOf(table)
	if err != nil {
		return nil, err
	}
	return &service{
		name: name, table: table, protocol: p, dialect: dialectFor(name, p),
		operations: map[string]operation{},
	}, nil
}

func (svc *service) add(op operation) error {
	if _, known := svc.table.Operations[op.name]; !known {
		return fmt.Errorf("awswire: %s has no operation %s", svc.name, op.name)
	}
	if _, taken := svc.operations[op.name]; taken {
		return fmt.Errorf("awswire: %s:%s is registered twice", svc.name, op.name)
	}
	svc.operations[op.name] = op
	return nil
}

func operationsOf(implementation any) []operation {
	v := reflect.ValueOf(implementation)
	if !v.IsValid() {
		return nil
	}
	var found []operation
	for i := range v.NumMethod() {
		m := v.Type().Method(i)
		if op, ok := asOperation(m.Name, v.Method(i)); ok {
			found = append(found, op)
		}
	}
	return found
}

// asOperation reports whether fn has the shape of operation name.
func asOperation(name string, fn reflect.Value) (operation, bool) {
	t := fn.Type()
	if t.IsVariadic() || t.NumIn() != 2 || t.NumOut() != 2 || t.In(0) != reflect.TypeFor[context.Context]() || t.Out(1) != reflect.TypeFor[error]() {
		return operation{}, false
	}
	in, out := t.In(1), t.Out(0)
	if !isStructPointer(in, name+"Input") || !isStructPointer(out, name+"Output") {
		return operation{}, false
	}
	return operation{name: name, input: in.Elem(), call: fn}, true
}

func isStructPointer(t reflect.Type, name string) bool {
	return t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct &&
		strings.EqualFold(t.Elem().Name(), name)
}
