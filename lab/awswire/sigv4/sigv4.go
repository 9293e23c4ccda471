// Package sigv4 verifies AWS Signature Version 4, in the Authorization header
// or in a presigned URL, by signing the request again with the SDK's own signer
// and comparing.
package sigv4

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeLayout = "20060102T150405Z"
	// maxSkew is how far a client's clock may be off, as on AWS.
	maxSkew = 15 * time.Minute
	// maxExpires is the longest life of a presigned URL, as on AWS.
	maxExpires = 7 * 24 * time.Hour
)

// Reason says what is wrong with a signature. Services have their own error
// codes for each.
type Reason int

// The reasons to refuse a request.
const (
	NotSigned  Reason = iota // there is no signature at all
	Incomplete               // the signature has parts missing or malformed
	UnknownKey               // nobody has this access key id
	Mismatch                 // another secret, or the request was changed
	Expired                  // signed too long ago, or ahead of the clock
)

// Error is a refused request.
type Error struct {
	Reason  Reason
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Scope is what a signature says of the request.
type Scope struct {
	AccessKeyID string
	Region      string
	Service     string // such as ec2, the name requests are routed by
	Time        time.Time
	// Expires is how long the signature holds from Time. It is never below 15
	// minutes: only S3 keeps to a shorter X-Amz-Expires, and the tokens of
	// aws eks get-token, which say 60 seconds, count on the others not to.
	Expires time.Duration

	signature string
	headers   []string // names of the signed headers, lower case
	presigned bool
}

// Parse reads the signature of a request without verifying it.
func Parse(r *http.Request) (Scope, error) {
	header, query := r.Header.Get("Authorization"), r.URL.Query()
	switch {
	case header != "":
		return fromHeader(r, header)
	case query.Has("X-Amz-Signature") || query.Has("X-Amz-Credential"):
		return fromQuery(r)
	default:
		return Scope{}, refuse(NotSigned, "Request is missing Authentication Token")
	}
}

func fromHeader(r *http.Request, header string) (Scope, error) {
	rest, ok := strings.CutPrefix(header, algorithm)
	if !ok {
		return Scope{}, refuse(Incomplete, "Authorization header requires the algorithm %s.", algorithm)
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		return Scope{}, refuse(Incomplete, "Authorization header requires existence of an 'X-Amz-Date' header.")
	}
	return build(parts["Credential"], date, parts["SignedHeaders"], parts["Signature"])
}

func fromQuery(r *http.Request) (Scope, error) {
	q := r.URL.Query()
	if got := q.Get("X-Amz-Algorithm"); got != algorithm {
		return Scope{}, refuse(Incomplete, "X-Amz-Algorithm must be %s.", algorithm)
	}
	s, err := build(q.Get("X-Amz-Credential"), q.Get("X-Amz-Date"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"))
	if err != nil {
		return Scope{}, err
	}
	s.presigned = true
	if text := q.Get("X-Amz-Expires"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 1 || time.Duration(seconds)*time.Second > maxExpires {
			return Scope{}, refuse(Incomplete, "X-Amz-Expires must be a number of seconds between 1 and %d.", int(maxExpires.Seconds()))
		}
		s.Expires = max(s.Expires, time.Duration(seconds)*time.Second)
	}
	return s, nil
}

// build reads the credential KEY/DATE/REGION/SERVICE/aws4_request and the rest.
func build(credential, date, headers, signature string) (Scope, error) {
	for name, value := range map[string]string{"Credential": credential, "SignedHeaders": headers, "Signature": signature} {
		if value == "" {
			return Scope{}, refuse(Incomplete, "Authorization requires '%s' parameter.", name)
		}
	}
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[4] != "aws4_request" || slices.Contains(parts, "") {
		return Scope{}, refuse(Incomplete, "Credential must have the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request, got '%s'.", credential)
	}
	at, err := time.Parse(timeLayout, date)
	if err != nil {
		return Scope{}, refuse(Incomplete, "Date must be in ISO-8601 basic format such as %s, got '%s'.", timeLayout, date)
	}
	if at.Format("20060102") != parts[1] {
		return Scope{}, refuse(Mismatch, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", parts[1], at.Format("20060102"))
	}
	signed := strings.Split(headers, ";")
	if !slices.Contains(signed, "host") {
		return Scope{}, refuse(Incomplete, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return Scope{
		AccessKeyID: parts[0], Region: parts[2], Service: parts[3],
		Time: at, Expires: maxSkew, signature: signature, headers: signed,
	}, nil
}
