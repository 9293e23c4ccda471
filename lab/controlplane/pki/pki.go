// Package pki is the lab's local certificate authority: kept in the data
// directory, so that kubeconfigs written earlier stay valid after a restart.
package pki

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
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

const (
	authorityYears = 10
	leafDuration   = 365 * 24 * time.Hour
	// clockSkew is how far in the past a certificate starts to be valid.
	clockSkew = time.Hour
)

// Authority is a certificate authority with its key.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  []byte
}

// Pair is a certificate and its private key, both PEM.
type Pair struct {
	CertPEM, KeyPEM []byte
}

// LoadOrCreateAuthority reads name.crt and name.key in dir. Without name.crt,
// which is written last, there is no authority yet and it creates one.
func LoadOrCreateAuthority(dir, name string) (*Authority, error) {
	certPath, keyPath := paths(dir, name)
	certs, certErr := cert.CertsFromFile(certPath)
	key, keyErr := keyutil.PrivateKeyFromFile(keyPath)
	if errors.Is(certErr, fs.ErrNotExist) {
		return createAuthority(dir, name)
	}
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, fmt.Errorf("the certificate authority in %s is damaged: %w", dir, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the key in %s cannot sign", keyPath)
	}
	if !samePublicKey(certs[0], signer) {
		return nil, fmt.Errorf("%s and %s do not belong together", certPath, keyPath)
	}
	return newAuthority(certs[0], signer)
}

func samePublicKey(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

func newAuthority(c *x509.Certificate, key crypto.Signer) (*Authority, error) {
	pem, err := cert.EncodeCertificates(c)
	if err != nil {
		return nil, fmt.Errorf("encoding the authority's certificate: %w", err)
	}
	return &Authority{cert: c, key: key, pem: pem}, nil
}

func createAuthority(dir, name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the key of authority %s: %w", name, err)
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "drover-lab " + name},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.AddDate(authorityYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	made, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("creating authority %s: %w", name, err)
	}
	authority, err := newAuthority(made, key)
	if err != nil {
		return nil, err
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the key of authority %s: %w", name, err)
	}
	_, _, err = Pair{CertPEM: authority.pem, KeyPEM: keyPEM}.Write(dir, name)
	return authority, err
}

// CertPEM is the authority's own certificate.
func (a *Authority) CertPEM() []byte { return a.pem }

// TLS is the authority as a certificate that can sign others.
func (a *Authority) TLS() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key, Leaf: a.cert}
}

// Pool trusts this authority and no other.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// IssueClient makes a client certificate that Kubernetes reads as this user in
// these groups. It is valid for a year.
func (a *Authority) IssueClient(user string, groups ...string) (Pair, error) {
	return a.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// IssueServer makes a serving certificate for the hosts, which are DNS names or
// IP addresses. It is valid for a year.
func (a *Authority) IssueServer(commonName string, hosts ...string) (Pair, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: commonName},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.issue(template)
}

func (a *Authority) issue(template *x509.Certificate) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("generating a key for %s: %w", template.Subject.CommonName, err)
	}
	now := time.Now()
	template.NotBefore, template.NotAfter = now.Add(-clockSkew), now.Add(leafDuration)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	made, err := sign(template, a.cert, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("issuing a certificate for %s: %w", template.Subject.CommonName, err)
	}
	certPEM, err := cert.EncodeCertificates(made)
	if err != nil {
		return Pair{}, fmt.Errorf("encoding the certificate for %s: %w", template.Subject.CommonName, err)
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return Pair{}, fmt.Errorf("encoding the key for %s: %w", template.Subject.CommonName, err)
	}
	return Pair{CertPEM: certPEM, KeyPEM: keyPEM}, nil
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Write stores the pair as name.crt and name.key (mode 0600) in dir.
func (p Pair) Write(dir, name string) (certPath, keyPath string, err error) {
	certPath, keyPath = paths(dir, name)
	if err := keyutil.WriteKey(keyPath, p.KeyPEM); err != nil {
		return "", "", fmt.Errorf("writing %s: %w", keyPath, err)
	}
	if err := cert.WriteCert(certPath, p.CertPEM); err != nil {
		return "", "", fmt.Errorf("writing %s: %w", certPath, err)
	}
	return certPath, keyPath, nil
}

// TLS is the pair as crypto/tls wants it.
func (p Pair) TLS() (tls.Certificate, error) {
	return tls.X509KeyPair(p.CertPEM, p.KeyPEM)
}

// LoadOrCreateSigningKey returns the path of the key that signs service account
// tokens, creating it the first time, and the key that verifies them.
func LoadOrCreateSigningKey(dir string) (string, crypto.PublicKey, error) {
	path := filepath.Join(dir, "service-account.key")
	key, err := keyutil.PrivateKeyFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createSigningKey(path); err != nil {
			return "", nil, err
		}
		key, err = keyutil.PrivateKeyFromFile(path)
	}
	if err != nil {
		return "", nil, fmt.Errorf("the service account signing key is damaged: %w", err)
	}
	signer, signs := key.(crypto.Signer)
	if !signs {
		return "", nil, fmt.Errorf("the key in %s cannot sign", path)
	}
	return path, signer.Public(), nil
}

func createSigningKey(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	pem, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return fmt.Errorf("generating the service account signing key: %w", err)
	}
	return keyutil.WriteKey(path, pem)
}

func paths(dir, name string) (certPath, keyPath string) {
	return filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
}
