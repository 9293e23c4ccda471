package keypair_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/drover-project/drover/lab/region/keypair"
)

func TestNewKeysOpenTheirLocks(t *testing.T) {
	for kind, fingerprint := range map[string]int{keypair.RSA: 59, keypair.ED25519: 44} {
		pair, err := keypair.New(kind)
		if err != nil {
			t.Fatal(err)
		}
		private, err := ssh.ParsePrivateKey([]byte(pair.Private))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if got := string(ssh.MarshalAuthorizedKey(private.PublicKey())); got != pair.Public {
			t.Errorf("%s: the public half is %s, not %s", kind, pair.Public, got)
		}
		if len(pair.Fingerprint) != fingerprint {
			t.Errorf("%s: fingerprint %s", kind, pair.Fingerprint)
		}
		read, err := keypair.Read([]byte(pair.Public))
		if err != nil || read.Kind != kind || read.Public != pair.Public || read.Private != "" {
			t.Errorf("%s read again: %+v, %v", kind, read, err)
		}
	}
}

func TestFingerprintOfAnImportedKey(t *testing.T) {
	const text = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBW2DnA2XC5yvKzkJtvYcyIcFYIDpJ/LZgsLqNvUzQxo someone"
	// The SHA-256 of the key's own bytes.
	const fingerprint = "T0ZQn0Q0YjCwaHhnAyyBJFCZifXlMnHB6c2HR3i0pnQ="
	plain, err := keypair.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	again, err := keypair.Read([]byte(base64.StdEncoding.EncodeToString([]byte(text))))
	if err != nil || again != plain {
		t.Errorf("in base64: %+v, %v", again, err)
	}
	if strings.Contains(plain.Public, "someone") || plain.Fingerprint != fingerprint {
		t.Errorf("%+v", plain)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for _, text := range []string{"", "ssh-rsa", "bm90aGluZw==", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="} {
		if pair, err := keypair.Read([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, pair)
		}
	}
	if _, err := keypair.New("dsa"); err == nil {
		t.Error("a DSA key is made")
	}
}
