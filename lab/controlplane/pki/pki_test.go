package pki

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func authority(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := LoadOrCreateAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func leaf(t *testing.T, pair Pair, err error) *x509.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	made, err := pair.TLS()
	if err != nil {
		t.Fatal(err)
	}
	return made.Leaf
}

func TestAuthorityIsKept(t *testing.T) {
	dir := t.TempDir()
	first, second := authority(t, dir), authority(t, dir)
	if string(first.CertPEM()) != string(second.CertPEM()) {
		t.Fatal("another authority after a restart")
	}
	pair, err := first.IssueClient("user", "group")
	options := x509.VerifyOptions{Roots: second.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	made := leaf(t, pair, err)
	if _, err := made.Verify(options); err != nil {
		t.Error(err)
	}
	if made.Subject.CommonName != "user" || made.Subject.Organization[0] != "group" {
		t.Errorf("subject %v", made.Subject)
	}
	info, err := os.Stat(filepath.Join(dir, "ca.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestServerCertificate(t *testing.T) {
	a := authority(t, t.TempDir())
	pair, err := a.IssueServer("api", "127.0.0.1", "kubernetes.default.svc")
	made := leaf(t, pair, err)
	for _, host := range []string{"127.0.0.1", "kubernetes.default.svc"} {
		if _, err := made.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: host}); err != nil {
			t.Error(err)
		}
	}
	if err := made.VerifyHostname("192.168.0.1"); err == nil {
		t.Error("valid for a host it was not issued for")
	}
	usage := x509.VerifyOptions{Roots: a.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := made.Verify(usage); err == nil {
		t.Error("a serving certificate is good for a client")
	}
}

func TestAuthorityAsTLSCertificateSigns(t *testing.T) {
	if signer := authority(t, t.TempDir()).TLS(); !signer.Leaf.IsCA || signer.PrivateKey == nil {
		t.Error("it cannot sign")
	}
}

func TestDamagedAuthority(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string) error{
		"no key": func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "ca.key")) },
		"broken cert": func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("x"), 0o600)
		},
		"another key": func(t *testing.T, dir string) error {
			other := t.TempDir()
			authority(t, other)
			return os.Rename(filepath.Join(other, "ca.key"), filepath.Join(dir, "ca.key"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			authority(t, dir)
			if err := damage(t, dir); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadOrCreateAuthority(dir, "ca"); err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v does not name %s", err, dir)
			}
		})
	}
}

func TestSigningKeyIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	path, _, err := LoadOrCreateSigningKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadOrCreateSigningKey(dir); err != nil {
		t.Fatal(err)
	}
	if second, _ := os.ReadFile(path); string(first) != string(second) {
		t.Error("another key after a restart")
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadOrCreateSigningKey(dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %v", err)
	}
}
