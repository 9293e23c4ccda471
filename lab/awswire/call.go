package awswire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"

	"github.com/drover-project/drover/lab/awserr"
)

// call decodes the request, runs the handler and gives its output struct.
func (s *Server) call(ctx context.Context, svc *service, op operation, req *request) (reflect.Value, *awserr.Error) {
	in := reflect.New(op.input)
	if fault := svc.protocol.decode(req, op.name, in.Elem()); fault != nil {
		return reflect.Value{}, svc.dialect.fault(fault)
	}
	if fault := svc.table.CheckRequired(in.Elem()); fault != nil {
		return reflect.Value{}, svc.dialect.fault(fault)
	}
	out, err := invoke(ctx, op, in)
	var refusal *awserr.Error
	switch {
	case errors.As(err, &refusal):
		return reflect.Value{}, refusal
	case err != nil:
		return reflect.Value{}, s.internal(ctx, svc, op, err)
	case out.IsNil():
		return reflect.Value{}, s.internal(ctx, svc, op, errors.New("the handler gave neither an output nor an error"))
	}
	return out.Elem(), nil
}

// invoke runs the handler; a panic becomes an error with its stack, because one
// bad request must not end the lab.
func invoke(ctx context.Context, op operation, in reflect.Value) (out reflect.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	results := op.call.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	err, _ = results[1].Interface().(error)
	return results[0], err
}

// internal logs a failure of the lab itself and gives what the client sees.
func (s *Server) internal(ctx context.Context, svc *service, op operation, err error) *awserr.Error {
	s.opts.Log.ErrorContext(ctx, "AWS operation failed", "service", svc.name, "operation", op.name,
		"requestID", CallerFrom(ctx).RequestID, "error", err)
	return awserr.WithStatus(http.StatusInternalServerError, "InternalFailure",
		"The lab failed to do %s. Its log says why, under request id %s.", op.name, CallerFrom(ctx).RequestID)
}
