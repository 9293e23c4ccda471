package awswire

import (
	"errors"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire/sigv4"
)

// unsignedService gives the service of the few operations that take no
// signature, because they are how a caller gets credentials.
func unsignedService(action string) string {
	switch action {
	case "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML":
		return "sts"
	default:
		return ""
	}
}

// authenticate finds the service by the credential scope and checks the
// signature. The service is given with an error too when it is known, so that
// the error takes its shape.
func (s *Server) authenticate(req *request) (*service, Caller, *awserr.Error) {
	caller := Caller{Region: s.opts.Region}
	scope, err := sigv4.Parse(req.http)
	if failed := (*sigv4.Error)(nil); errors.As(err, &failed) {
		svc := s.services[unsignedService(req.form.Get("Action"))]
		if failed.Reason == sigv4.NotSigned && svc != nil {
			return svc, caller, nil
		}
		return nil, caller, dialectFor("", guess(req)).signature(failed)
	}
	svc := s.services[scope.Service]
	if svc == nil {
		s.count(scope.Service, req.name())
		return nil, caller, dialectFor(scope.Service, guess(req)).notDone(scope.Service, req.name())
	}
	scope, err = s.verifier.Verify(req.http, req.body)
	if failed := (*sigv4.Error)(nil); errors.As(err, &failed) {
		return svc, caller, svc.dialect.signature(explain(failed, scope))
	}
	if err != nil {
		return svc, caller, awserr.WithStatus(500, "InternalFailure", "The signature could not be checked.")
	}
	caller.AccessKeyID, caller.Region = scope.AccessKeyID, scope.Region
	return svc, caller, nil
}

// explain tells someone who points real credentials at the lab what to do.
func explain(failed *sigv4.Error, scope sigv4.Scope) *sigv4.Error {
	if failed.Reason != sigv4.UnknownKey {
		return failed
	}
	return &sigv4.Error{
		Reason: failed.Reason,
		Message: failed.Message + " This is a lab, which knows only the credentials it issued and " + scope.AccessKeyID +
			` is not one of them. Run eval "$(drover-lab env)" and try again.`,
	}
}
