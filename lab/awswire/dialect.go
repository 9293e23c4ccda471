package awswire

import (
	"net/http"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire/shape"
	"github.com/drover-project/drover/lab/awswire/sigv4"
)

// dialect is how a service says what is wrong with a request. Codes and
// statuses are the services' own; see the "Common Errors" page of each API
// reference.
type dialect struct {
	noOperation     string // the operation is not there
	operationStatus int
	unknown         string // a parameter the operation does not have
	missing         string
	invalid         string // a value out of its enumeration
	wrongType       string
	malformed       string
	forbidden       int // status of refused signatures
	stranger        int // status of unknown access keys
	missingToken    string
	incomplete      string
	unknownKey      string
	mismatch        string
	expired         string
	expiredToken    string // of temporary credentials
	// sentence is true for services that report validation the way Coral
	// does: "1 validation error detected: Value ... at ... failed to satisfy
	// constraint: ...".
	sentence bool
}

func dialectFor(service string, p protocol) dialect {
	switch p.(type) {
	case ec2Query:
		return ec2Dialect()
	case awsQuery:
		d := queryDialect()
		if service == "sqs" {
			d.unknown, d.missing, d.invalid, d.wrongType = "InvalidParameterValue", "MissingParameter", "InvalidParameterValue", "InvalidParameterValue"
		}
		return d
	}
	d := jsonDialect()
	switch service {
	case "eks":
		d.unknown, d.missing, d.invalid, d.wrongType = "InvalidParameterException", "InvalidParameterException", "InvalidParameterException", "InvalidParameterException"
		d.forbidden, d.stranger, d.operationStatus = http.StatusForbidden, http.StatusForbidden, http.StatusNotFound
	case "sqs":
		d.noOperation, d.unknown, d.missing, d.invalid = "InvalidAction", "InvalidParameterValue", "MissingParameter", "InvalidParameterValue"
		d.forbidden, d.stranger = http.StatusForbidden, http.StatusForbidden
		d.unknownKey, d.mismatch = "InvalidClientTokenId", "SignatureDoesNotMatch"
	case "pricing":
		d.unknown, d.missing, d.invalid = "InvalidParameterException", "InvalidParameterException", "InvalidParameterException"
	}
	return d
}

func ec2Dialect() dialect {
	return dialect{
		noOperation: "InvalidAction", operationStatus: http.StatusBadRequest,
		unknown: "UnknownParameter", missing: "MissingParameter", invalid: "InvalidParameterValue",
		wrongType: "InvalidParameterValue", malformed: "MalformedQueryString",
		forbidden: http.StatusForbidden, stranger: http.StatusUnauthorized, missingToken: "MissingAuthenticationToken", incomplete: "IncompleteSignature",
		unknownKey: "AuthFailure", mismatch: "SignatureDoesNotMatch", expired: "RequestExpired", expiredToken: "RequestExpired",
	}
}

func queryDialect() dialect {
	return dialect{
		noOperation: "InvalidAction", operationStatus: http.StatusBadRequest,
		unknown: "ValidationError", missing: "ValidationError", invalid: "ValidationError",
		wrongType: "MalformedInput", malformed: "MalformedQueryString",
		forbidden: http.StatusForbidden, stranger: http.StatusForbidden, missingToken: "MissingAuthenticationToken", incomplete: "IncompleteSignature",
		unknownKey: "InvalidClientTokenId", mismatch: "SignatureDoesNotMatch", expired: "SignatureDoesNotMatch", expiredToken: "ExpiredToken",
		sentence: true,
	}
}

func jsonDialect() dialect {
	return dialect{
		noOperation: "UnknownOperationException", operationStatus: http.StatusBadRequest,
		unknown: "ValidationException", missing: "ValidationException", invalid: "ValidationException",
		wrongType: "SerializationException", malformed: "SerializationException",
		forbidden: http.StatusBadRequest, stranger: http.StatusBadRequest, missingToken: "MissingAuthenticationTokenException", incomplete: "IncompleteSignatureException",
		unknownKey: "UnrecognizedClientException", mismatch: "InvalidSignatureException", expired: "InvalidSignatureException", expiredToken: "ExpiredTokenException",
		sentence: true,
	}
}

// signature gives the error of a refused signature.
func (d dialect) signature(e *sigv4.Error) *awserr.Error {
	code := map[sigv4.Reason]string{
		sigv4.NotSigned: d.missingToken, sigv4.Incomplete: d.incomplete, sigv4.UnknownKey: d.unknownKey,
		sigv4.Mismatch: d.mismatch, sigv4.Expired: d.expired,
	}[e.Reason]
	return awserr.WithStatus(d.signatureStatus(e.Reason), code, "%s", e.Message)
}

func (d dialect) signatureStatus(reason sigv4.Reason) int {
	switch reason {
	case sigv4.Incomplete:
		return http.StatusBadRequest
	case sigv4.UnknownKey:
		return d.stranger
	case sigv4.Expired:
		if d.expired == "RequestExpired" {
			return http.StatusBadRequest
		}
	}
	return d.forbidden
}

// notDone gives the error of an operation that the service has, or may have,
// and the lab does not do.
func (d dialect) notDone(service, operation string) *awserr.Error {
	return awserr.WithStatus(d.operationStatus, d.noOperation,
		"The operation %s of %s is not done by this lab. It exists on AWS, but here nothing stands behind it.", operation, service)
}

// noSuch gives the error of an operation that the service does not have.
func (d dialect) noSuch(operation, version string) *awserr.Error {
	return awserr.WithStatus(d.operationStatus, d.noOperation,
		"The action %s is not valid for this web service (API version %s).", operation, version)
}

// fault gives the error of a request that does not fit its operation.
func (d dialect) fault(f *shape.Fault) *awserr.Error {
	switch f.Kind {
	case shape.Unknown:
		return awserr.New(d.unknown, "The parameter %s is not recognized", f.Path)
	case shape.Malformed:
		return awserr.New(d.malformed, "The request could not be read. It must be %s", f.Want)
	case shape.Missing:
		if d.sentence {
			return awserr.New(d.missing, "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", f.Path)
		}
		return awserr.New(d.missing, "The request must contain the parameter %s", f.Path)
	case shape.NotInEnum:
		if d.sentence {
			return awserr.New(d.invalid, "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: %s", f.Value, f.Path, f.Want)
		}
		return awserr.New(d.invalid, "Value (%s) for parameter %s is invalid. Allowed values: %s", f.Value, f.Path, f.Want)
	default:
		return awserr.New(d.wrongType, "Value (%s) for parameter %s is invalid. It must be %s", f.Value, f.Path, f.Want)
	}
}
