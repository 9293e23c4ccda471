// Package kubelet serves what the API server asks of nodes: logs above all. One
// server answers for every node; a connection says which node it is for.
package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Node is the node that a connection reaches.
type Node struct {
	Name string
	IP   string
	DNS  string
}

// Pods is where answers come from.
type Pods interface {
	// Pod returns a pod of the node, or nil.
	Pod(node Node, namespace, name string) *corev1.Pod
	// Pods returns all pods of the node.
	Pods(node Node) []corev1.Pod
	// LogFile is the log of one run of a container.
	LogFile(pod *corev1.Pod, container string, attempt int32) string
}

// Options of a server.
type Options struct {
	ServingCA *tls.Certificate
	ClientCAs *x509.CertPool // nil asks callers for no certificate
	Pods      Pods
	Log       *slog.Logger
}

// Server is the kubelet server of all nodes.
type Server struct {
	http     *http.Server
	listener *listener
	done     chan struct{}
}

// New starts a server. It has no port of its own: see Dial.
func New(opts Options) (*Server, error) {
	signer, err := newSigner(opts.ServingCA)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: signer.certificateFor}
	if opts.ClientCAs != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, opts.ClientCAs
	}
	s := &Server{listener: newListener(), done: make(chan struct{})}
	s.http = &http.Server{
		Handler: handler{pods: opts.Pods}.routes(), TLSConfig: config, ConnContext: rememberNode,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(debugLog{opts.Log}, "", 0),
	}
	go func() {
		defer close(s.done)
		if err := s.http.ServeTLS(s.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			opts.Log.Error("kubelet server ended", "error", err)
		}
	}()
	return s, nil
}

// Dial returns the caller's end of a connection to a node's kubelet.
func (s *Server) Dial(ctx context.Context, node Node) (net.Conn, error) {
	return s.listener.dial(ctx, node)
}

// Close ends all connections.
func (s *Server) Close() {
	_ = s.http.Close()
	<-s.done
}

type nodeKey struct{}

// rememberNode ties the requests of a connection to its node.
func rememberNode(ctx context.Context, conn net.Conn) context.Context {
	if secure, ok := conn.(*tls.Conn); ok {
		if inner, ok := secure.NetConn().(*nodeConn); ok {
			return context.WithValue(ctx, nodeKey{}, inner.node)
		}
	}
	return ctx
}

func nodeOf(r *http.Request) Node {
	node, _ := r.Context().Value(nodeKey{}).(Node)
	return node
}

// debugLog keeps failed handshakes and the like out of the lab's normal log.
type debugLog struct{ log *slog.Logger }

func (d debugLog) Write(p []byte) (int, error) {
	d.log.Debug("kubelet server: " + string(p))
	return len(p), nil
}

// listener accepts connections that are made inside this process.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

type nodeConn struct {
	net.Conn
	node Node
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *listener) dial(ctx context.Context, node Node) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- &nodeConn{Conn: theirs, node: node}:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "lab" }
func (addr) String() string  { return "kubelets" }
