package stsapi

import (
	"context"
	"crypto"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/golang-jwt/jwt/v5"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/world"
)

// AssumeRoleWithWebIdentity gives temporary credentials of a role that trusts
// the bearer of a token, such as a service account of the cluster. The token's
// issuer must be an identity provider of the account.
func (s *STS) AssumeRoleWithWebIdentity(_ context.Context, in *sts.AssumeRoleWithWebIdentityInput) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	if err := supported(in, "RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds"); err != nil {
		return nil, err
	}
	identity, err := s.verify(aws.ToString(in.WebIdentityToken))
	if err != nil {
		return nil, err
	}
	out := &sts.AssumeRoleWithWebIdentityOutput{
		SubjectFromWebIdentityToken: &identity.subject, Audience: &identity.audience, Provider: &identity.providerARN,
	}
	request := policy.Request{
		Action:     "sts:AssumeRoleWithWebIdentity",
		Principals: []policy.Principal{{Kind: "Federated", ID: identity.providerARN}},
		Context: map[string][]string{
			identity.provider + ":sub": {identity.subject}, identity.provider + ":aud": {identity.audience},
			"aws:FederatedProvider": {identity.providerARN}, "sts:RoleSessionName": {aws.ToString(in.RoleSessionName)},
		},
	}
	err = s.open(opening{role: in.RoleArn, name: in.RoleSessionName, seconds: in.DurationSeconds}, func(r world.Role) error {
		if !trusts(r, request) {
			return awserr.WithStatus(forbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
		}
		return nil
	}, func(session world.Session) { out.Credentials, out.AssumedRoleUser = s.credentials(session) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// webIdentity is whom a token is about.
type webIdentity struct{ provider, providerARN, subject, audience string }

// verify checks a token's signature, time, issuer and audience.
func (s *STS) verify(token string) (webIdentity, error) {
	claims := jwt.RegisteredClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}), jwt.WithTimeFunc(s.world.Clock.Now), jwt.WithExpirationRequired())
	if _, _, err := parser.ParseUnverified(token, &claims); err != nil {
		return webIdentity{}, awserr.New("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	issuer := claims.Issuer
	provider, err := s.providerOf(issuer)
	if err != nil {
		return webIdentity{}, err
	}
	_, err = parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return s.keysOf(issuer) })
	if err != nil {
		return webIdentity{}, s.invalidToken(err, claims)
	}
	at := slices.IndexFunc(claims.Audience, func(audience string) bool { return slices.Contains(provider.ClientIDs, audience) })
	if at < 0 {
		return webIdentity{}, awserr.New("InvalidIdentityToken", "Incorrect token audience")
	}
	return webIdentity{
		provider: provider.URL, providerARN: "arn:aws:iam::" + s.world.Options.Account + ":oidc-provider/" + provider.URL,
		subject: claims.Subject, audience: claims.Audience[at],
	}, nil
}

func (s *STS) providerOf(issuer string) (world.OIDCProvider, error) {
	var provider world.OIDCProvider
	found := false
	s.world.Store.View(func() {
		for _, p := range s.world.Providers.All() {
			if "https://"+p.URL == strings.TrimSuffix(issuer, "/") {
				provider, found = p, true
			}
		}
	})
	if !found {
		return provider, awserr.New("InvalidIdentityToken", "No OpenIDConnect provider found in your account for %s", issuer)
	}
	return provider, nil
}

var errNoKeys = errors.New("no keys")

// keysOf are the keys that an issuer signs with. AWS fetches them; the lab
// calls nobody, and knows those of its own cluster.
func (s *STS) keysOf(issuer string) (jwt.VerificationKeySet, error) {
	set := jwt.VerificationKeySet{}
	if issuer != s.world.OIDCIssuer() {
		return set, errNoKeys
	}
	for _, key := range s.world.Options.Cluster.TokenKeys {
		set.Keys = append(set.Keys, jwt.VerificationKey(crypto.PublicKey(key)))
	}
	return set, nil
}

func (s *STS) invalidToken(err error, claims jwt.RegisteredClaims) error {
	switch {
	case errors.Is(err, errNoKeys):
		return awserr.New("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements")
	case errors.Is(err, jwt.ErrTokenExpired):
		return awserr.New("ExpiredTokenException", "Token expired: current date/time %s must be before the expiration date/time %s",
			s.world.Clock.Now().UTC().Format(time.RFC3339), claims.ExpiresAt.UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return awserr.New("InvalidIdentityToken", "The web identity token that was passed could not be validated: its signature is not one of the identity provider")
	}
	return awserr.New("InvalidIdentityToken", "The web identity token that was passed could not be validated: %v", err)
}
