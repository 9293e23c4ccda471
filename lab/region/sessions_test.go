package region_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
)

// withRole makes a role that trusts as it says, and gives its ARN.
func (l *lab) withRole(name, policy string) *string {
	l.t.Helper()
	return must[*iam.CreateRoleOutput](l)(l.IAM().CreateRole(ctx(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &policy})).Role.Arn
}

func (l *lab) withProvider(clients ...string) {
	l.t.Helper()
	must[*iam.CreateOpenIDConnectProviderOutput](l)(l.IAM().CreateOpenIDConnectProvider(ctx(), &iam.CreateOpenIDConnectProviderInput{Url: aws.String(issuer), ClientIDList: clients}))
}

// TestServiceAccountsGetTheirRole: a token that the cluster signed, for the
// account that the role trusts, before it ends; nothing else.
func TestServiceAccountsGetTheirRole(t *testing.T) {
	t.Parallel()
	tokens, stranger := newSigner(t), newSigner(t)
	l := open(t, tokens.of)
	role := l.withRole("ca", podTrust)
	good := func() string {
		return tokens.token(t, "kube-system:cluster-autoscaler", "sts.amazonaws.com", l.clock.Now().Add(time.Hour))
	}
	assume := func(token string, role *string) error {
		return done(l.STS().AssumeRoleWithWebIdentity(ctx(), &sts.AssumeRoleWithWebIdentityInput{RoleArn: role, RoleSessionName: aws.String("pod"), WebIdentityToken: &token}))
	}
	refused(t, assume(good(), role), "InvalidIdentityToken") // no provider yet
	l.withProvider("sts.amazonaws.com")
	refused(t, assume(good(), role), "")
	for name, c := range map[string]struct {
		token string
		role  *string
		code  string
	}{
		"no token":          {"", role, "InvalidIdentityToken"},
		"no JWT":            {"abc.def.ghi", role, "InvalidIdentityToken"},
		"another signature": {stranger.token(t, "kube-system:cluster-autoscaler", "sts.amazonaws.com", l.clock.Now().Add(time.Hour)), role, "InvalidIdentityToken"},
		"an old token":      {tokens.token(t, "kube-system:cluster-autoscaler", "sts.amazonaws.com", l.clock.Now().Add(-time.Second)), role, "ExpiredTokenException"},
		"another audience":  {tokens.token(t, "kube-system:cluster-autoscaler", "kubernetes", l.clock.Now().Add(time.Hour)), role, "InvalidIdentityToken"},
		"another account":   {tokens.token(t, "default:cluster-autoscaler", "sts.amazonaws.com", l.clock.Now().Add(time.Hour)), role, "AccessDenied"},
		"another role":      {good(), l.withRole("other", trust), "AccessDenied"},
		"no role":           {good(), aws.String("arn:aws:iam::" + account + ":role/none"), "AccessDenied"},
		"unsigned":          {"eyJhbGciOiJub25lIn0." + good()[len("eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9."):], role, "InvalidIdentityToken"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, assume(c.token, c.role), c.code) })
	}
}

// TestAssumeRole: a role's trust policy decides, and the length of a session.
func TestAssumeRole(t *testing.T) {
	t.Parallel()
	l := open(t)
	role := l.withRole("r", accountTrust)
	assume := func(change func(*sts.AssumeRoleInput)) error {
		in := &sts.AssumeRoleInput{RoleArn: role, RoleSessionName: aws.String("me")}
		change(in)
		return done(l.STS().AssumeRole(ctx(), in))
	}
	external := l.withRole("external", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+account+`"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}]}`)
	for name, c := range map[string]struct {
		change func(*sts.AssumeRoleInput)
		code   string
	}{
		"the account's":       {func(*sts.AssumeRoleInput) {}, ""},
		"a node's":            {func(in *sts.AssumeRoleInput) { in.RoleArn = l.withRole("node", trust) }, "AccessDenied"},
		"none":                {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::" + account + ":role/none") }, "AccessDenied"},
		"its name in a path":  {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::" + account + ":role/path/r") }, "AccessDenied"},
		"without external id": {func(in *sts.AssumeRoleInput) { in.RoleArn = external }, "AccessDenied"},
		"with it":             {func(in *sts.AssumeRoleInput) { in.RoleArn, in.ExternalId = external, aws.String("x") }, ""},
		"too long":            {func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(7200) }, "ValidationError"},
		"too short":           {func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(60) }, "ValidationError"},
		"a name with a space": {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError"},
		"a session policy":    {func(in *sts.AssumeRoleInput) { in.Policy = aws.String("{}") }, "ValidationError"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, assume(c.change), c.code) })
	}
}

// TestCredentialsOfASession work over the wire, with their token, until they
// expire, and over a restart.
func TestCredentialsOfASession(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	l.withRole("r", accountTrust)
	given := must[*sts.AssumeRoleOutput](l)(l.STS().AssumeRole(ctx(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + account + ":role/r"), RoleSessionName: aws.String("me")}))
	l.reopen()
	endpoint := serve(t, l).endpoint
	identity := func(c ststypes.Credentials, token string) (string, string) {
		client := sts.New(sts.Options{
			Region: l.options.Region, BaseEndpoint: &endpoint, Retryer: aws.NopRetryer{},
			Credentials: credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, token),
		})
		out, err := client.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
		var refusal smithy.APIError
		if errors.As(err, &refusal) {
			return "", refusal.ErrorCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return *out.Arn + " " + *out.UserId, ""
	}
	role := must[*iam.GetRoleOutput](l)(l.IAM().GetRole(ctx(), &iam.GetRoleInput{RoleName: aws.String("r")})).Role
	who, code := identity(*given.Credentials, *given.Credentials.SessionToken)
	if want := "arn:aws:sts::" + account + ":assumed-role/r/me " + *role.RoleId + ":me"; who != want || code != "" {
		t.Errorf("it is %q (%s), want %q", who, code, want)
	}
	if *given.AssumedRoleUser.Arn+" "+*given.AssumedRoleUser.AssumedRoleId != who {
		t.Errorf("it was told to be %+v", given.AssumedRoleUser)
	}
	for _, token := range []string{"", "other"} {
		if _, code := identity(*given.Credentials, token); code != "InvalidClientTokenId" {
			t.Errorf("with the token %q: %s", token, code)
		}
	}
	l.clock.Advance(time.Hour)
	if _, code := identity(*given.Credentials, *given.Credentials.SessionToken); code != "ExpiredToken" {
		t.Errorf("after an hour: %q", code)
	}
}
