package imds

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// Headers of version 2.
const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
)

// longestTTL is the longest life of a token, in seconds.
const longestTTL = 21600

// tokens makes and knows tokens without keeping them: each says until when it
// holds, sealed for one instance.
type tokens struct{ key []byte }

const timeBytes = 8

func (t tokens) issue(instance string, until time.Time) string {
	content := binary.BigEndian.AppendUint64(nil, uint64(until.UnixNano()))
	return base64.URLEncoding.EncodeToString(append(content, t.seal(instance, content)...))
}

func (t tokens) holds(token, instance string, now time.Time) bool {
	content, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(content) < timeBytes {
		return false
	}
	until, seal := content[:timeBytes], content[timeBytes:]
	return hmac.Equal(seal, t.seal(instance, until)) && now.UnixNano() < int64(binary.BigEndian.Uint64(until))
}

func (t tokens) seal(instance string, content []byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(instance))
	mac.Write(content)
	return mac.Sum(nil)
}
