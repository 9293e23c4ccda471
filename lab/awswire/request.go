package awswire

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
)

// maxBody is the largest request taken. The largest an AWS control plane takes
// are CloudFormation templates of 1 MiB by URL and 51,200 bytes in the body.
const maxBody = 4 << 20

// maxParameters bounds the parameters of a query request.
const maxParameters = 50_000

// request is a request that has been read.
type request struct {
	http *http.Request
	body []byte
	// form holds the parameters of the query protocols, from the query
	// string and the body, without those of the signature.
	form url.Values
}

func readRequest(r *http.Request) (*request, *awserr.Error) {
	req := &request{http: r, form: url.Values{}}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return req, awserr.WithStatus(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request is larger than %d bytes.", maxBody)
	}
	if err != nil {
		return req, awserr.New("IncompleteBody", "The request body could not be read: %v", err)
	}
	req.body = body
	return req, req.readForm()
}

func (r *request) readForm() *awserr.Error {
	form, err := url.ParseQuery(r.http.URL.RawQuery)
	if err != nil {
		return awserr.New("MalformedQueryString", "The query string is not valid: %v", err)
	}
	if strings.HasPrefix(r.http.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		posted, err := url.ParseQuery(string(r.body))
		if err != nil {
			return awserr.New("MalformedQueryString", "The request body is not a valid form: %v", err)
		}
		for name, values := range posted {
			form[name] = values
		}
	}
	if len(form) > maxParameters {
		return awserr.New("MalformedQueryString", "The request has more than %d parameters.", maxParameters)
	}
	for name := range form {
		if strings.HasPrefix(name, "X-Amz-") {
			delete(form, name)
		}
	}
	r.form = form
	return nil
}

// name is the best name for an operation that cannot be looked up.
func (r *request) name() string {
	if action := r.form.Get("Action"); action != "" {
		return action
	}
	if target := r.http.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndexByte(target, '.')+1:]
	}
	return r.http.Method + " " + r.http.URL.Path
}
