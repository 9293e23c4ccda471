package asgapi

import (
	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
)

func invalid(format string, args ...any) error { return awserr.New("ValidationError", format, args...) }

func noGroup(name string) error {
	return invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' not found", name)
}

func noInstance(id string) error {
	return invalid("Instance Id not found - No managed instance found for instance ID: %s", id)
}

func below(value int32, member string, least int) error {
	return invalid("1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to %d", value, member, least)
}

func unsupported(what string) error {
	return invalid("Not supported by this endpoint: %s.", what)
}

// supported is awswire.Supported with this service's code.
func supported(in any, honoured ...string) error {
	return awserr.Translate(awswire.Supported(in, honoured...), map[string]string{"UnsupportedOperation": "ValidationError"})
}

// paged gives the errors of a page the codes that this service has for them.
func paged(err error) error {
	return awserr.Translate(err, map[string]string{"InvalidParameterValue": "ValidationError"})
}
