// Package tunnel carries what the API server sends to nodes. The addresses of
// simulated nodes exist nowhere, so the API server is told (as its egress
// selector) to ask this HTTP CONNECT proxy, which finds the node in the lab.
package tunnel

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Dialer opens a connection to a port of a simulated node or pod, and fails for
// every other host.
type Dialer func(ctx context.Context, host, port string) (net.Conn, error)

// Proxy is an http.Handler that serves CONNECT. It dials this machine's own
// loopback itself (webhooks and aggregated APIs may be there) and leaves every
// other host to Dial, so that nothing leaves the machine.
type Proxy struct {
	Dial Dialer
	Log  *slog.Logger
}

// Server returns an HTTP server around the proxy.
func (p *Proxy) Server() *http.Server {
	return &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT is served here", http.StatusMethodNotAllowed)
		return
	}
	target, err := p.dial(r.Context(), r.Host)
	if err != nil {
		p.Log.Warn("cannot connect the API server to a node", "address", r.Host, "error", err)
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer target.Close()
	client, err := accept(w)
	if err != nil {
		p.Log.Warn("cannot take over the API server's connection", "address", r.Host, "error", err)
		return
	}
	defer client.Close()
	join(client, target)
}

func (p *Proxy) dial(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is not host:port: %w", address, err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	return p.Dial(ctx, host, port)
}

// stream is a connection whose first bytes may already be in a buffer.
type stream struct {
	net.Conn
	buffered io.Reader
}

func (s stream) Read(b []byte) (int, error) { return s.buffered.Read(b) }

func accept(w http.ResponseWriter) (net.Conn, error) {
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		conn.Close()
		return nil, err
	}
	return stream{Conn: conn, buffered: buffer.Reader}, nil
}

// join copies both ways until both directions have ended.
func join(client, target net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(target, client)
		closeWrite(target)
	}()
	_, _ = io.Copy(client, target)
	// The node has finished: there is nobody left to send to.
	client.Close()
	<-done
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = conn.Close()
}
