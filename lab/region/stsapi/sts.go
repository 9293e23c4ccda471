// Package stsapi is the region's Security Token Service: it says who a caller
// is, and lets callers have roles that trust them.
package stsapi

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// STS implements the operations of the service, one method for each.
type STS struct {
	world *world.World
}

// New makes the service of a region.
func New(w *world.World) *STS { return &STS{world: w} }

const forbidden = 403

// GetCallerIdentity says who signed the request: the account's user "lab", or
// the session of a role.
func (s *STS) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	c := s.caller(ctx)
	return &sts.GetCallerIdentityOutput{Account: aws.String(s.world.Options.Account), Arn: &c.arn, UserId: &c.id}, nil
}

// caller is who signed a request.
type caller struct {
	arn, id string
	role    string // name of the role that the caller has, empty for the user
}

func (s *STS) caller(ctx context.Context) caller {
	key := awswire.CallerFrom(ctx).AccessKeyID
	if session, found := s.world.Session(key); found {
		return caller{arn: s.world.SessionARN(session), id: session.RoleID + ":" + session.Name, role: session.RoleName}
	}
	return caller{arn: s.world.UserARN(), id: s.world.UserID(key)}
}

// supported is awswire.Supported with STS's code.
func supported(in any, honoured ...string) error {
	return awserr.Translate(awswire.Supported(in, honoured...), map[string]string{"UnsupportedOperation": "ValidationError"})
}

// roleOf finds a role by its ARN. Use it within View or Update.
func (s *STS) roleOf(arn string) (world.Role, bool) {
	r, found := s.world.Roles.Get(arn[strings.LastIndex(arn, "/")+1:])
	return r, found && s.world.RoleARN(r) == arn
}
