package awswire

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"sync"
)

// Options configure a Server. Credentials is required; the rest has defaults.
type Options struct {
	// Credentials gives the secret of an access key id, ok false when the
	// lab never issued it.
	Credentials func(accessKeyID string) (secret string, ok bool)
	// Log receives failures of handlers; nil discards.
	Log *slog.Logger
	// Account is the 12-digit account id, used in messages only.
	Account string
	// Region is the region served when a request names none.
	Region string
}

// Server is the endpoint. Make it with New, register implementations, then
// serve. Register must not run concurrently with ServeHTTP.
type Server struct {
	opts     Options
	services map[string]*service

	mu            sync.Mutex
	unimplemented map[string]int
}

// service is what is registered under one SigV4 service name.
type service struct {
	name       string
	operations map[string]operation
}

// New makes a Server that refuses everything until Register is called.
func New(opts Options) *Server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{opts: opts, services: map[string]*service{}, unimplemented: map[string]int{}}
}

// Unimplemented counts the requests refused because the lab does not do the
// operation, keyed "service:Operation".
func (s *Server) Unimplemented() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.unimplemented)
}

// ServeHTTP answers one AWS API request.
func (s *Server) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "the codec is not linked in", http.StatusNotImplemented)
}

// Caller is who sent a request and where it was addressed.
type Caller struct {
	AccessKeyID string // empty for the few operations that need no signature
	Region      string // from the credential scope
	RequestID   string // what the answer carries as its request id
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
