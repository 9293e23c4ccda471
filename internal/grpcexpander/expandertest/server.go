// Package expandertest is an external expander for tests: a real gRPC server on a
// port of its own, over TLS.
package expandertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/drover-project/drover/internal/grpcexpander/wire"
)

// Answer is what a server does with a question.
type Answer func(context.Context, *wire.BestOptionsRequest) (*wire.BestOptionsResponse, error)

// Server is an external expander that keeps what it was asked.
type Server struct {
	wire.UnimplementedExpanderServer
	// Address is HOST:PORT, and CertFile what a client must trust.
	Address, CertFile string

	mu     sync.Mutex
	answer Answer
	asked  []*wire.BestOptionsRequest
	stop   func()
}

// Start serves until the test ends. The host of the address is 127.0.0.1, for which
// the certificate holds.
func Start(t testing.TB, answer Answer) *Server {
	t.Helper()
	s, err := Serve(t.TempDir(), answer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Serve is Start without a test: its certificate is written into the folder, and it
// serves until Stop.
func Serve(folder string, answer Answer) (*Server, error) {
	file := filepath.Join(folder, "expander.crt")
	certificate, err := certify(file)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Address: listener.Addr().String(), CertFile: file, answer: answer}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	wire.RegisterExpanderServer(server, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // it ends by Stop
	}()
	s.stop = func() { server.Stop(); <-done }
	return s, nil
}

// Choose answers with the groups of these names, whatever is asked.
func Choose(groups ...string) Answer {
	return func(context.Context, *wire.BestOptionsRequest) (*wire.BestOptionsResponse, error) {
		response := &wire.BestOptionsResponse{}
		for _, group := range groups {
			response.Options = append(response.Options, &wire.Option{NodeGroupId: group})
		}
		return response, nil
	}
}

// BestOptions implements the service.
func (s *Server) BestOptions(ctx context.Context, request *wire.BestOptionsRequest) (*wire.BestOptionsResponse, error) {
	s.mu.Lock()
	s.asked = append(s.asked, request)
	answer := s.answer
	s.mu.Unlock()
	return answer(ctx, request)
}

// Answers changes what the server does from now on.
func (s *Server) Answers(answer Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Asked are the questions so far.
func (s *Server) Asked() []*wire.BestOptionsRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*wire.BestOptionsRequest(nil), s.asked...)
}

// Stop ends the server at once; a second time it does nothing.
func (s *Server) Stop() { s.stop() }

// OtherCert is a file with a certificate that is not the server's.
func OtherCert(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "other.crt")
	if _, err := certify(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// certify makes a certificate for 127.0.0.1 and writes it into the file.
func certify(file string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "expander"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
