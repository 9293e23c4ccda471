package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/drover-project/drover/lab/awswire/sigv4"
)

var signedAt = time.Date(2026, 11, 24, 23, 59, 30, 0, time.UTC)

const body = "Action=DescribeInstances&Version=2016-11-15"

func verifier(at time.Time) sigv4.Verifier {
	return sigv4.Verifier{
		Secret: func(id string) (string, bool) { return "right", id == "LABKEY" },
		Now:    func() time.Time { return at },
	}
}

// received is a request as a server gets it, with a header signature.
func received(t *testing.T, key, secret string) *http.Request {
	t.Helper()
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/a%2Fb/c?x=1+2&x=%2F", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: "token"},
		r, hex.EncodeToString(sum[:]), "ec2", "us-west-2", signedAt)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "added on the way")
	return r
}

// presigned is a URL as aws eks get-token makes it.
func presigned(t *testing.T, seconds string) *http.Request {
	t.Helper()
	r := httptest.NewRequest("GET", "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	if seconds != "" {
		r.URL.RawQuery += "&X-Amz-Expires=" + seconds
	}
	r.Header.Set("X-K8s-Aws-Id", "eksworkshop-eksctl")
	empty := sha256.Sum256(nil)
	signed, headers, err := v4.NewSigner().PresignHTTP(context.Background(), aws.Credentials{AccessKeyID: "LABKEY", SecretAccessKey: "right"},
		r, hex.EncodeToString(empty[:]), "sts", "us-west-2", signedAt)
	if err != nil {
		t.Fatal(err)
	}
	got := httptest.NewRequest("GET", signed, nil)
	got.Header = headers
	return got
}

func TestVerifyAcceptsHeaderSignature(t *testing.T) {
	for _, late := range []time.Duration{0, -14 * time.Minute, 14 * time.Minute} {
		s, err := verifier(signedAt.Add(late)).Verify(received(t, "LABKEY", "right"), []byte(body))
		if err != nil {
			t.Fatalf("clock off by %s: %v", late, err)
		}
		if s.AccessKeyID != "LABKEY" || s.Region != "us-west-2" || s.Service != "ec2" || !s.Time.Equal(signedAt) {
			t.Errorf("scope %+v", s)
		}
	}
}

func TestVerifyAcceptsPresignedURL(t *testing.T) {
	for seconds, late := range map[string]time.Duration{"": 14 * time.Minute, "60": 14 * time.Minute, "3600": 59 * time.Minute} {
		if _, err := verifier(signedAt.Add(late)).Verify(presigned(t, seconds), nil); err != nil {
			t.Errorf("X-Amz-Expires %q after %s: %v", seconds, late, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	header := func(change func(*http.Request)) *http.Request {
		r := received(t, "LABKEY", "right")
		change(r)
		return r
	}
	for name, c := range map[string]struct {
		request *http.Request
		late    time.Duration
		body    string
		reason  sigv4.Reason
	}{
		"no signature":    {header(func(r *http.Request) { r.Header.Del("Authorization") }), 0, body, sigv4.NotSigned},
		"other algorithm": {header(func(r *http.Request) { r.Header.Set("Authorization", "AWS4-ECDSA x") }), 0, body, sigv4.Incomplete},
		"no date":         {header(func(r *http.Request) { r.Header.Del("X-Amz-Date") }), 0, body, sigv4.Incomplete},
		"short scope": {header(func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=x")
		}), 0, body, sigv4.Incomplete},
		"unknown key":          {received(t, "AKIAIOSFODNN7EXAMPLE", "right"), 0, body, sigv4.UnknownKey},
		"other secret":         {received(t, "LABKEY", "wrong"), 0, body, sigv4.Mismatch},
		"other body":           {received(t, "LABKEY", "right"), 0, body + "&x=1", sigv4.Mismatch},
		"other path":           {header(func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/other", "" }), 0, body, sigv4.Mismatch},
		"other query":          {header(func(r *http.Request) { r.URL.RawQuery = "x=2" }), 0, body, sigv4.Mismatch},
		"other host":           {header(func(r *http.Request) { r.Host = "elsewhere" }), 0, body, sigv4.Mismatch},
		"other signed header":  {header(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), 0, body, sigv4.Mismatch},
		"other day in scope":   {header(func(r *http.Request) { r.Header.Set("X-Amz-Date", "20261123T235930Z") }), 0, body, sigv4.Mismatch},
		"lying payload hash":   {header(func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "00") }), 0, body, sigv4.Mismatch},
		"too old":              {received(t, "LABKEY", "right"), 16 * time.Minute, body, sigv4.Expired},
		"from the future":      {received(t, "LABKEY", "right"), -16 * time.Minute, body, sigv4.Expired},
		"presigned, too old":   {presigned(t, "60"), 16 * time.Minute, "", sigv4.Expired},
		"presigned, too long":  {presigned(t, "700000"), 0, "", sigv4.Incomplete},
		"presigned, no number": {presigned(t, "soon"), 0, "", sigv4.Incomplete},
		"presigned, other cluster": {func() *http.Request {
			r := presigned(t, "60")
			r.Header.Set("X-K8s-Aws-Id", "another")
			return r
		}(), 0, "", sigv4.Mismatch},
	} {
		_, err := verifier(signedAt.Add(c.late)).Verify(c.request, []byte(c.body))
		var refused *sigv4.Error
		if !errors.As(err, &refused) || refused.Reason != c.reason {
			t.Errorf("%s: got %v, want reason %d", name, err, c.reason)
		}
	}
}
