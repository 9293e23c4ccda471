package sigv4

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Verifier checks signatures.
type Verifier struct {
	// Secret gives the secret of an access key id, ok false when unknown.
	Secret func(accessKeyID string) (secret string, ok bool)
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

// Verify checks the signature of a request with the given body, and answers an
// *Error when it does not hold. The scope is what the request claims, as far as
// it could be read, with an error too. The request is not changed.
func (v Verifier) Verify(r *http.Request, body []byte) (Scope, error) {
	s, err := Parse(r)
	if err != nil {
		return s, err
	}
	secret, ok := v.Secret(s.AccessKeyID)
	if !ok {
		return s, refuse(UnknownKey, "The security token included in the request is invalid.")
	}
	if err := v.fresh(s); err != nil {
		return s, err
	}
	payload, err := payloadHash(r, body)
	if err != nil {
		return s, err
	}
	want, err := s.sign(r, secret, payload)
	if err != nil {
		return s, err
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(s.signature)) != 1 {
		return s, refuse(Mismatch, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	return s, nil
}

func (v Verifier) fresh(s Scope) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	at, life := now(), s.Expires
	if at.After(s.Time.Add(life)) {
		return refuse(Expired, "Signature expired: %s is now earlier than %s (%s - %s)", s.Time.Format(timeLayout),
			at.Add(-life).UTC().Format(timeLayout), at.UTC().Format(timeLayout), life)
	}
	if s.Time.After(at.Add(maxSkew)) {
		return refuse(Expired, "Signature not yet current: %s is still later than %s (%s + %s)", s.Time.Format(timeLayout),
			at.Add(maxSkew).UTC().Format(timeLayout), at.UTC().Format(timeLayout), maxSkew)
	}
	return nil
}

// payloadHash is the hash that was signed: the body's own, unless the client
// said that it left the body out.
func payloadHash(r *http.Request, body []byte) (string, error) {
	sum := sha256.Sum256(body)
	actual := hex.EncodeToString(sum[:])
	switch declared := r.Header.Get("X-Amz-Content-Sha256"); declared {
	case "", actual:
		return actual, nil
	case "UNSIGNED-PAYLOAD":
		return declared, nil
	default:
		return "", refuse(Mismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
}

// sign gives the signature that the request should carry.
func (s Scope) sign(r *http.Request, secret, payload string) (string, error) {
	again := &http.Request{Method: r.Method, URL: cloneURL(r.URL), Host: r.Host, Header: http.Header{}}
	for _, name := range s.headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			if values := r.Header.Values(name); len(values) > 0 {
				again.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
	}
	credentials := aws.Credentials{AccessKeyID: s.AccessKeyID, SecretAccessKey: secret}
	// A signer keeps derived keys; a new one never answers for an old secret.
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableHeaderHoisting = true })
	if !s.presigned {
		err := signer.SignHTTP(context.Background(), credentials, again, payload, s.Service, s.Region, s.Time)
		_, signature, _ := strings.Cut(again.Header.Get("Authorization"), "Signature=")
		return signature, err
	}
	signed, _, err := signer.PresignHTTP(context.Background(), credentials, again, payload, s.Service, s.Region, s.Time)
	_, signature, _ := strings.Cut(signed, "X-Amz-Signature=")
	return signature, err
}

// cloneURL leaves out the signature, which cannot sign itself.
func cloneURL(u *url.URL) *url.URL {
	c := *u
	q := c.Query()
	q.Del("X-Amz-Signature")
	c.RawQuery = q.Encode()
	return &c
}
