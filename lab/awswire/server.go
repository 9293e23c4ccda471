package awswire

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire/shape"
	"github.com/drover-project/drover/lab/awswire/sigv4"
)

// Options configure a Server. Credentials is required; the rest has defaults.
type Options struct {
	// Credentials gives the secret of an access key id, ok false when the
	// lab never issued it.
	Credentials func(accessKeyID string) (secret string, ok bool)
	// Session says of an access key id whether it is temporary: then requests
	// must carry the session token, and are refused once it has expired. nil:
	// no key is temporary.
	Session func(accessKeyID string) (token string, expired, temporary bool)
	// Log receives failures of handlers, and at debug level every refusal;
	// nil discards.
	Log *slog.Logger
	// Account is the 12-digit account id, used in messages only.
	Account string
	// Region is the region served when a request names none.
	Region string
	// Called, when set, hears of every request once it is answered.
	Called func(Call)
}

// Server is the endpoint. Make it with New, register implementations, then
// serve. Register must not run concurrently with ServeHTTP.
type Server struct {
	opts     Options
	verifier sigv4.Verifier
	services map[string]*service

	mu            sync.Mutex
	unimplemented map[refused]int
}

// refused names an operation that the lab does not do.
type refused struct{ service, operation string }

// New makes a Server that refuses everything until Register is called.
func New(opts Options) *Server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Credentials == nil {
		opts.Credentials = func(string) (string, bool) { return "", false }
	}
	return &Server{
		opts:          opts,
		verifier:      sigv4.Verifier{Secret: opts.Credentials},
		services:      map[string]*service{},
		unimplemented: map[refused]int{},
	}
}

// ServeHTTP answers one AWS API request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	call := Call{Time: time.Now().UTC(), Client: ClientName(r.UserAgent()), RequestID: id}
	proto, answer, err := s.handle(r, &call)
	if err != nil {
		call.Code = err.Code
		answer = proto.failure(err, id)
		s.opts.Log.DebugContext(r.Context(), "AWS request refused", "method", r.Method, "path", r.URL.Path,
			"requestID", id, "code", err.Code, "message", err.Message)
	}
	w.Header().Set("X-Amzn-Requestid", id)
	for name, value := range answer.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.status)
	if _, err := w.Write(answer.body); err != nil {
		s.opts.Log.DebugContext(r.Context(), "client went away before the answer was written", "error", err)
	}
	if s.opts.Called != nil {
		s.opts.Called(call)
	}
}

// handle answers with the protocol to use for an error as well, and notes what
// was called.
func (s *Server) handle(r *http.Request, call *Call) (protocol, *response, *awserr.Error) {
	id := call.RequestID
	req, err := readRequest(r)
	if err != nil {
		return guess(req), nil, err
	}
	svc, caller, err := s.authenticate(req)
	if err != nil {
		if svc != nil {
			return svc.protocol, nil, err
		}
		return guess(req), nil, err
	}
	caller.RequestID, caller.Endpoint, caller.request = id, "http://"+r.Host, req
	call.Service, call.Operation = shape.Shorten(svc.name), shape.Shorten(req.name())
	op, err := s.find(svc, req)
	if err != nil {
		return svc.protocol, nil, err
	}
	call.Operation = op.name
	out, err := s.call(withCaller(r.Context(), caller), svc, op, req)
	if err != nil {
		return svc.protocol, nil, err
	}
	answer, encodeErr := svc.protocol.encode(op.name, out, id)
	if encodeErr != nil {
		return svc.protocol, nil, s.internal(r.Context(), svc, op, encodeErr)
	}
	return svc.protocol, answer, nil
}

// find gives the handler of the operation a request asks for, and counts the
// request when there is none.
func (s *Server) find(svc *service, req *request) (operation, *awserr.Error) {
	name, err := svc.protocol.operation(req)
	if err != nil {
		s.count(svc.name, req.name())
		return operation{}, err
	}
	if op, ok := svc.operations[name]; ok {
		return op, nil
	}
	s.count(svc.name, name)
	return operation{}, svc.dialect.notDone(svc.name, name)
}

func (s *Server) count(service, operation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unimplemented[refused{shape.Shorten(service), shape.Shorten(operation)}]++
}

// Unimplemented counts the requests refused because the lab does not do the
// operation, keyed "service:Operation".
func (s *Server) Unimplemented() map[string]int {
	counts := map[string]int{}
	for r, n := range s.refusals() {
		counts[r.service+":"+r.operation] = n
	}
	return counts
}

func (s *Server) refusals() map[refused]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.unimplemented)
}

func unimplementedDesc() *prometheus.Desc {
	return prometheus.NewDesc("drover_lab_unimplemented_total",
		"Requests refused because the lab does not do the operation.", []string{"service", "operation"}, nil)
}

// Describe and Collect make the Server a prometheus.Collector of the counter
// drover_lab_unimplemented_total, by service and operation.
func (s *Server) Describe(ch chan<- *prometheus.Desc) { ch <- unimplementedDesc() }

// Collect gives the counts so far.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	for r, n := range s.refusals() {
		ch <- prometheus.MustNewConstMetric(unimplementedDesc(), prometheus.CounterValue, float64(n), r.service, r.operation)
	}
}

// Caller is who sent a request and where it was addressed.
type Caller struct {
	AccessKeyID string // empty for the few operations that need no signature
	Region      string // from the credential scope
	RequestID   string // what the answer carries as its request id
	Endpoint    string // the address it was sent to, such as http://127.0.0.1:8443

	request *request
}

// Given reports whether the request has a parameter, by its name in the service's
// JSON. It tells a zero from nothing where the SDK's input does not.
func (c Caller) Given(parameter string) bool {
	if c.request == nil {
		return false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(c.request.body, &members) == nil && string(members[parameter]) != "null" {
		_, given := members[parameter]
		return given
	}
	return c.request.form.Has(parameter)
}

type callerKey struct{}

// CallerFrom gives the caller of the request being handled. It is the zero
// Caller when the handler was called in-process without HTTP.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

func withCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}
