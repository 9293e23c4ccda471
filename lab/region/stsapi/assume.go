package stsapi

import (
	"context"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// Lengths of sessions, in seconds.
const (
	shortestSession = 900
	usualSession    = 3600
	longestChained  = 3600
)

// AssumeRole gives temporary credentials of a role whose trust policy names
// the caller. What the role's policies allow is not looked at.
func (s *STS) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	if err := supported(in, "RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"); err != nil {
		return nil, err
	}
	c := s.caller(ctx)
	if c.role != "" && in.DurationSeconds != nil && *in.DurationSeconds > longestChained {
		return nil, awserr.New("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	request := policy.Request{Action: "sts:AssumeRole", Context: map[string][]string{
		"aws:PrincipalArn": {c.arn}, "aws:PrincipalAccount": {s.world.Options.Account}, "aws:userid": {c.id},
		"sts:RoleSessionName": {aws.ToString(in.RoleSessionName)},
	}}
	if in.ExternalId != nil {
		request.Context["sts:ExternalId"] = []string{*in.ExternalId}
	}
	out := &sts.AssumeRoleOutput{}
	err := s.open(opening{role: in.RoleArn, name: in.RoleSessionName, seconds: in.DurationSeconds}, func(r world.Role) error {
		request.Principals = s.principals(c)
		if !trusts(r, request) {
			return awserr.WithStatus(forbidden, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.arn, aws.ToString(in.RoleArn))
		}
		return nil
	}, func(session world.Session) { out.Credentials, out.AssumedRoleUser = s.credentials(session) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// principals are the names that a trust policy may have for a caller.
func (s *STS) principals(c caller) []policy.Principal {
	account := s.world.Options.Account
	names := []string{c.arn, c.id, account, "arn:aws:iam::" + account + ":root"}
	if r, found := s.world.Roles.Get(c.role); found {
		names = append(names, s.world.RoleARN(r), r.ID)
	}
	var principals []policy.Principal
	for _, name := range names {
		principals = append(principals, policy.Principal{Kind: "AWS", ID: name})
	}
	return principals
}

func trusts(r world.Role, request policy.Request) bool {
	document, err := policy.Trust(r.TrustPolicy)
	return err == nil && document.Allows(request)
}

// opening is what the calls that open a session have in common.
type opening struct {
	role, name *string
	seconds    *int32
}

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// open opens a session of a role once check has found that the caller may have
// it. A role that there is not is checked as one that trusts nobody.
func (s *STS) open(o opening, check func(world.Role) error, opened func(world.Session)) error {
	if !sessionName.MatchString(aws.ToString(o.name)) {
		return awserr.New("ValidationError", `1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}`, aws.ToString(o.name))
	}
	seconds := int32(usualSession)
	if o.seconds != nil {
		seconds = *o.seconds
	}
	if seconds < shortestSession {
		return awserr.New("ValidationError", "1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to %d", seconds, shortestSession)
	}
	return s.world.Store.Update(func(tx *store.Tx) error {
		r, found := s.roleOf(aws.ToString(o.role))
		if !found {
			r = world.Role{}
		}
		if err := check(r); err != nil {
			return err
		}
		if seconds > r.MaxSessionSeconds {
			return awserr.New("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
		}
		session, err := s.world.OpenSession(tx, r, *o.name, time.Duration(seconds)*time.Second)
		if err != nil {
			return err
		}
		opened(session)
		return nil
	})
}

func (s *STS) credentials(session world.Session) (*types.Credentials, *types.AssumedRoleUser) {
	return &types.Credentials{
			AccessKeyId: aws.String(session.AccessKeyID), SecretAccessKey: aws.String(session.Secret), SessionToken: aws.String(session.Token),
			Expiration: aws.Time(session.Expires),
		}, &types.AssumedRoleUser{
			Arn: aws.String(s.world.SessionARN(session)), AssumedRoleId: aws.String(session.RoleID + ":" + session.Name),
		}
}
