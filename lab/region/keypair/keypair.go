// Package keypair makes and reads the SSH keys of EC2 key pairs.
package keypair

import (
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/drover-project/drover/lab/awserr"
)

// Kinds of keys.
const (
	RSA     = "rsa"
	ED25519 = "ed25519"
)

const rsaBits = 2048

// Pair is a key as EC2 tells of it.
type Pair struct {
	Kind        string
	Public      string // as in authorized_keys
	Private     string // PEM; empty for one that was read
	Fingerprint string
}

// New makes a key of a kind.
func New(kind string) (Pair, error) {
	switch kind {
	case RSA:
		return newRSA()
	case ED25519:
		return newED25519()
	}
	return Pair{}, awserr.New("InvalidParameterValue", "Value (%s) for parameter keyType is invalid. Expecting rsa or ed25519.", kind)
}

func newRSA() (Pair, error) {
	private, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return Pair{}, err
	}
	public, err := ssh.NewPublicKey(&private.PublicKey)
	if err != nil {
		return Pair{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Pair{}, err
	}
	sum := sha1.Sum(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
	return Pair{Kind: RSA, Public: string(ssh.MarshalAuthorizedKey(public)), Private: string(text), Fingerprint: colons(sum[:])}, nil
}

func newED25519() (Pair, error) {
	publicKey, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	public, err := ssh.NewPublicKey(publicKey)
	if err != nil {
		return Pair{}, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return Pair{}, err
	}
	return Pair{Kind: ED25519, Public: string(ssh.MarshalAuthorizedKey(public)), Private: string(pem.EncodeToMemory(block)), Fingerprint: sha256Of(public)}, nil
}

// Read reads a public key in OpenSSH's form, which may be base64 once more, as
// some clients send it.
func Read(material []byte) (Pair, error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey(material)
	if err != nil {
		decoded, notBase64 := base64.StdEncoding.DecodeString(strings.TrimSpace(string(material)))
		if notBase64 != nil {
			return Pair{}, err
		}
		if public, _, _, _, err = ssh.ParseAuthorizedKey(decoded); err != nil {
			return Pair{}, err
		}
	}
	pair := Pair{Public: string(ssh.MarshalAuthorizedKey(public))}
	switch public.Type() {
	case ssh.KeyAlgoED25519:
		pair.Kind, pair.Fingerprint = ED25519, sha256Of(public)
	case ssh.KeyAlgoRSA:
		pair.Kind = RSA
		pair.Fingerprint, err = md5Of(public)
	default:
		err = fmt.Errorf("%s is neither an RSA nor an ED25519 key", public.Type())
	}
	return pair, err
}

// md5Of is the fingerprint of an RSA key that was imported.
func md5Of(public ssh.PublicKey) (string, error) {
	key, holds := public.(ssh.CryptoPublicKey)
	if !holds {
		return "", errors.New("the key cannot be read")
	}
	der, err := x509.MarshalPKIXPublicKey(key.CryptoPublicKey())
	if err != nil {
		return "", err
	}
	sum := md5.Sum(der)
	return colons(sum[:]), nil
}

func sha256Of(public ssh.PublicKey) string {
	return strings.TrimPrefix(ssh.FingerprintSHA256(public), "SHA256:") + "="
}

func colons(sum []byte) string {
	digits := hex.EncodeToString(sum)
	var pairs []string
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	return strings.Join(pairs, ":")
}
