package awswire

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"

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

// authenticate checks the signature and finds the service by its credential
// scope. The service is given with an error too when it is known, so that the
// error takes its shape.
func (s *Server) authenticate(req *request) (*service, Caller, *awserr.Error) {
	scope, err := s.verifier.Verify(req.http, req.body)
	caller := Caller{AccessKeyID: scope.AccessKeyID, Region: scope.Region}
	svc := s.services[scope.Service].speaking(req)
	if failed := (*sigv4.Error)(nil); errors.As(err, &failed) {
		anonymous := s.services[unsignedService(req.form.Get("Action"))]
		if failed.Reason == sigv4.NotSigned && anonymous != nil {
			return anonymous, Caller{Region: s.opts.Region}, nil
		}
		return svc, caller, dialectOf(svc, req).signature(s.explain(failed, scope))
	}
	if err != nil {
		return svc, caller, awserr.WithStatus(http.StatusInternalServerError, "InternalFailure", "The signature could not be checked: %v", err)
	}
	if refused := s.checkSession(scope.AccessKeyID, req.http, dialectOf(svc, req)); refused != nil {
		return svc, caller, refused
	}
	if svc == nil {
		s.count(scope.Service, req.name())
		return nil, caller, dialectOf(nil, req).notDone(scope.Service, req.name())
	}
	return svc, caller, nil
}

// checkSession checks the session token that comes with temporary credentials.
func (s *Server) checkSession(accessKeyID string, r *http.Request, d dialect) *awserr.Error {
	if s.opts.Session == nil {
		return nil
	}
	token, expired, temporary := s.opts.Session(accessKeyID)
	given := r.Header.Get("X-Amz-Security-Token")
	if given == "" {
		given = r.URL.Query().Get("X-Amz-Security-Token")
	}
	switch {
	case !temporary:
		return nil
	case subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1:
		return d.signature(&sigv4.Error{Reason: sigv4.UnknownKey, Message: "The security token included in the request is invalid."})
	case expired:
		return awserr.WithStatus(d.forbidden, d.expiredToken, "The security token included in the request is expired")
	}
	return nil
}

// dialectOf is the service's, or that of services that take such requests.
func dialectOf(svc *service, req *request) dialect {
	if svc != nil {
		return svc.dialect
	}
	return dialectFor("", guess(req))
}

// explain tells someone who points real credentials at the lab what to do.
func (s *Server) explain(failed *sigv4.Error, scope sigv4.Scope) *sigv4.Error {
	if failed.Reason != sigv4.UnknownKey {
		return failed
	}
	return &sigv4.Error{Reason: failed.Reason, Message: fmt.Sprintf(
		`%s This endpoint is a lab (account %s), which knows only the credentials it issued, and %s is not one of them. Run eval "$(drover-lab env)" and try again.`,
		failed.Message, s.opts.Account, scope.AccessKeyID)}
}
