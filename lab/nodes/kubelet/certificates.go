package kubelet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// signer issues the serving certificates, one per node, when first needed.
type signer struct {
	authority *x509.Certificate
	key       crypto.PrivateKey

	mu     sync.Mutex
	issued map[string]*tls.Certificate
}

func newSigner(ca *tls.Certificate) (*signer, error) {
	if ca == nil || len(ca.Certificate) == 0 || ca.PrivateKey == nil {
		return nil, errors.New("the serving CA needs a certificate and its private key")
	}
	authority, err := x509.ParseCertificate(ca.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("serving CA: %w", err)
	}
	return &signer{authority: authority, key: ca.PrivateKey, issued: map[string]*tls.Certificate{}}, nil
}

// certificateFor issues a certificate for the node that the caller dialled.
func (s *signer) certificateFor(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	conn, ok := hello.Conn.(*nodeConn)
	if !ok {
		return nil, errors.New("the connection is for no node")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if certificate, known := s.issued[conn.node.Name+"/"+conn.node.IP]; known {
		return certificate, nil
	}
	certificate, err := s.issue(conn.node)
	if err != nil {
		return nil, err
	}
	s.issued[conn.node.Name+"/"+conn.node.IP] = certificate
	return certificate, nil
}

func (s *signer) issue(node Node) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"system:nodes"}, CommonName: "system:node:" + node.Name},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: s.authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{node.Name}, IPAddresses: []net.IP{net.ParseIP(node.IP)},
	}
	if node.DNS != "" && node.DNS != node.Name {
		template.DNSNames = append(template.DNSNames, node.DNS)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.authority, key.Public(), s.key)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate of node %s: %w", node.Name, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
