package awswire

import (
	"fmt"
	"net/http"
	"reflect"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire/shape"
)

// response is an answer ready to be written.
type response struct {
	status int
	header map[string]string
	body   []byte
}

func respond(status int, contentType string, body []byte) *response {
	return &response{status: status, header: map[string]string{"Content-Type": contentType}, body: body}
}

// protocol is how a service writes requests, answers and errors.
type protocol interface {
	// operation names the operation that a request asks for. The error is
	// that of an operation the service does not have.
	operation(*request) (string, *awserr.Error)
	// decode sets the input struct from a request for the operation.
	decode(req *request, operation string, in reflect.Value) *shape.Fault
	// encode writes the output struct of the operation.
	encode(operation string, out reflect.Value, requestID string) (*response, error)
	// failure writes an error.
	failure(err *awserr.Error, requestID string) *response
}

func protocolOf(s *shape.Service) (protocol, error) {
	switch s.Protocol {
	case shape.EC2Query:
		return ec2Query{s}, nil
	case shape.Query:
		return awsQuery{s}, nil
	case shape.JSON10, shape.JSON11:
		return awsJSON{s}, nil
	case shape.RESTJSON:
		return newRESTJSON(s), nil
	}
	return nil, fmt.Errorf("service %s has protocol %q, which the codec does not know", s.Name, s.Protocol)
}

// guess gives a protocol to answer a request with whose service is not known,
// by what the request looks like.
func guess(req *request) protocol {
	switch {
	case req.http.Header.Get("X-Amz-Target") != "":
		return awsJSON{&shape.Service{Protocol: shape.JSON11}}
	case req.form.Get("Version") == "2016-11-15":
		return ec2Query{&shape.Service{}}
	case req.form.Has("Action"):
		return awsQuery{&shape.Service{}}
	default:
		return newRESTJSON(&shape.Service{})
	}
}

// statusOf is the HTTP status of an error: its own, the service's for the code,
// or 400.
func statusOf(err *awserr.Error, s *shape.Service) int {
	if err.Status != 0 {
		return err.Status
	}
	if status := s.ErrorStatus[err.Code]; status != 0 {
		return status
	}
	if s.Name == "iam" {
		return iamStatus(err.Code)
	}
	return http.StatusBadRequest
}

// iamStatus is the status of IAM's errors, which the SDK's source does not say.
// From the Errors sections of the IAM API Reference.
func iamStatus(code string) int {
	switch code {
	case "NoSuchEntity":
		return http.StatusNotFound
	case "EntityAlreadyExists", "DeleteConflict", "LimitExceeded", "ConcurrentModification":
		return http.StatusConflict
	default:
		return http.StatusBadRequest
	}
}
