// Package tokenreview accepts the bearer tokens of `aws eks get-token`: a
// presigned STS GetCallerIdentity URL, whose signature is computed again with
// the secret that the lab itself gave out. Nobody is called.
package tokenreview

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	prefix        = "k8s-aws-v1."
	clusterHeader = "X-K8s-Aws-Id"
	// lifetime is how long EKS accepts a token after its signing, whatever
	// shorter expiry the URL itself asks for.
	lifetime = 15 * time.Minute
	// clockSkew is how far ahead the signer's clock may be.
	clockSkew  = 5 * time.Minute
	dateLayout = "20060102T150405Z"
	// emptySHA256 is the hash of the empty body of a GET.
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// stsHost matches the hosts of STS in AWS, which a token may name though they
// are never called.
var stsHost = regexp.MustCompile(`^sts(-fips)?(\.[a-z]{2}(-[a-z]+)+-\d+)?\.(amazonaws\.com(\.cn)?|api\.aws)$`)

// Caller is who an access key belongs to.
type Caller struct {
	ARN     string
	UserID  string // AIDA... or AROA...:session
	Account string
	// Groups are the Kubernetes groups of the caller, from its access entry.
	Groups []string
}

// Keys finds the secret of an access key and its caller.
type Keys func(accessKeyID string) (secret string, caller Caller, ok bool)

// Verifier checks tokens for one cluster.
type Verifier struct {
	ClusterName string
	Keys        Keys
	Now         func() time.Time
}

// Verify returns who made the token. The error says what is wrong with it,
// without any secret.
func (v *Verifier) Verify(ctx context.Context, token string) (Caller, error) {
	presigned, err := decode(token)
	if err != nil {
		return Caller{}, err
	}
	if err := checkTarget(presigned); err != nil {
		return Caller{}, err
	}
	query := presigned.Query()
	signedAt, err := v.checkTime(query)
	if err != nil {
		return Caller{}, err
	}
	accessKeyID, region, err := scope(query)
	if err != nil {
		return Caller{}, err
	}
	secret, caller, ok := v.Keys(accessKeyID)
	if !ok {
		return Caller{}, fmt.Errorf("access key %s is not one of this lab", accessKeyID)
	}
	credentials := aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secret, SessionToken: query.Get("X-Amz-Security-Token")}
	want, err := v.sign(ctx, presigned, credentials, region, signedAt)
	if err != nil {
		return Caller{}, err
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(query.Get("X-Amz-Signature"))) != 1 {
		return Caller{}, fmt.Errorf("the signature is not one of access key %s for cluster %q", accessKeyID, v.ClusterName)
	}
	return caller, nil
}

func decode(token string) (*url.URL, error) {
	encoded, ok := strings.CutPrefix(token, prefix)
	if !ok {
		return nil, fmt.Errorf("the token does not begin with %s", prefix)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return nil, fmt.Errorf("the token is not base64url: %w", err)
	}
	presigned, err := url.Parse(string(raw))
	if err != nil {
		return nil, errors.New("the token does not hold a URL")
	}
	return presigned, nil
}

func checkTarget(presigned *url.URL) error {
	host := presigned.Hostname()
	ip := net.ParseIP(host)
	local := host == "localhost" || ip != nil && ip.IsLoopback()
	if !local && (presigned.Scheme != "https" || !stsHost.MatchString(presigned.Host)) {
		return fmt.Errorf("the token is signed for %s://%s, which is not STS", presigned.Scheme, presigned.Host)
	}
	if presigned.Path != "" && presigned.Path != "/" {
		return fmt.Errorf("the token is signed for path %q, not /", presigned.Path)
	}
	if action := presigned.Query().Get("Action"); action != "GetCallerIdentity" {
		return fmt.Errorf("the token is signed for action %q, not GetCallerIdentity", action)
	}
	for name, values := range presigned.Query() {
		if len(values) != 1 {
			return fmt.Errorf("the token gives the parameter %s more than once", name)
		}
	}
	return nil
}

func (v *Verifier) checkTime(query url.Values) (time.Time, error) {
	signedAt, err := time.Parse(dateLayout, query.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}, fmt.Errorf("X-Amz-Date %q is not a date like 20060102T150405Z", query.Get("X-Amz-Date"))
	}
	age := v.Now().Sub(signedAt)
	if age > lifetime {
		return time.Time{}, fmt.Errorf("the token expired: signed at %s, good for %s", signedAt.Format(time.RFC3339), lifetime)
	}
	if age < -clockSkew {
		return time.Time{}, fmt.Errorf("the token is signed in the future, at %s", signedAt.Format(time.RFC3339))
	}
	expires, err := time.ParseDuration(query.Get("X-Amz-Expires") + "s")
	if err != nil || expires < 0 || expires > lifetime {
		return time.Time{}, fmt.Errorf("X-Amz-Expires %q is not between 0 and 900 seconds", query.Get("X-Amz-Expires"))
	}
	return signedAt, nil
}

func scope(query url.Values) (accessKeyID, region string, err error) {
	if algorithm := query.Get("X-Amz-Algorithm"); algorithm != "AWS4-HMAC-SHA256" {
		return "", "", fmt.Errorf("the token is signed with %q, not AWS4-HMAC-SHA256", algorithm)
	}
	// accessKeyID/date/region/service/aws4_request
	parts := strings.Split(query.Get("X-Amz-Credential"), "/")
	if len(parts) != 5 || parts[3] != "sts" {
		return "", "", fmt.Errorf("X-Amz-Credential %q is not for sts", query.Get("X-Amz-Credential"))
	}
	return parts[0], parts[2], nil
}

// sign returns the signature that the same URL gets for this cluster's name.
func (v *Verifier) sign(ctx context.Context, presigned *url.URL, credentials aws.Credentials, region string, at time.Time) (string, error) {
	again := *presigned
	query := again.Query()
	for name := range query {
		// The signer sets these itself; a stale one would be signed as well.
		if strings.HasPrefix(name, "X-Amz-") && name != "X-Amz-Expires" {
			query.Del(name)
		}
	}
	again.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, again.String(), nil)
	if err != nil {
		return "", fmt.Errorf("rebuilding the signed request: %w", err)
	}
	request.Header.Set(clusterHeader, v.ClusterName)
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, credentials, request, emptySHA256, "sts", region, at)
	if err != nil {
		return "", fmt.Errorf("computing the signature: %w", err)
	}
	result, err := url.Parse(signed)
	if err != nil {
		return "", fmt.Errorf("reading the computed signature: %w", err)
	}
	return result.Query().Get("X-Amz-Signature"), nil
}
