package sqsapi

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/region/world"
)

// bodyDigest is the MD5 sum by which clients check a body.
func bodyDigest(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// How values go into the digest of attributes.
const (
	asText   = 1
	asBinary = 2
)

// attributesDigest is the MD5 sum by which clients check attributes, in the
// order of their names: name, type and value, each with its length in front.
func attributesDigest(attributes map[string]world.MessageAttribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var text []byte
	add := func(part []byte) {
		text = binary.BigEndian.AppendUint32(text, uint32(len(part)))
		text = append(text, part...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		add([]byte(name))
		add([]byte(a.Type))
		if strings.HasPrefix(a.Type, "Binary") {
			text = append(text, asBinary)
			add(a.Binary)
		} else {
			text = append(text, asText)
			add([]byte(a.Text))
		}
	}
	sum := md5.Sum(text)
	return hex.EncodeToString(sum[:])
}
