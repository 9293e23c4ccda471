package world

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/drover-project/drover/lab/region/store"
)

const idDigits = 17

// NewID makes an identifier that this region never gave before, such as
// i-0123456789abcdef0 for the prefix "i-". The same calls in a region of the
// same seed give the same identifiers.
func (w *World) NewID(tx *store.Tx, prefix string) (string, error) {
	n, err := w.nextNumber(tx)
	if err != nil {
		return "", err
	}
	return w.fixedID(prefix, "n"+strconv.FormatInt(n, 10)), nil
}

// NewUUID makes an identifier in the form of a UUID.
func (w *World) NewUUID(tx *store.Tx, of string) (string, error) {
	n, err := w.nextNumber(tx)
	if err != nil {
		return "", err
	}
	return w.fixedUUID(of + strconv.FormatInt(n, 10)), nil
}

func (w *World) nextNumber(tx *store.Tx) (int64, error) {
	m, _ := w.meta.Get(metaKey)
	m.Sequence++
	return m.Sequence, w.meta.Put(tx, metaKey, m)
}

// fixedID is an identifier that follows from the region's identity.
func (w *World) fixedID(prefix, of string) string {
	return prefix + "0" + w.digest(of)[:idDigits-1]
}

func (w *World) fixedUUID(of string) string {
	d := w.digest(of)
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", d[:8], d[8:12], d[12:15], d[15:18], d[18:30])
}

// suffix is what CloudFormation appends to the names it makes.
func (w *World) suffix(of string) string {
	sum := sha256.Sum256([]byte(w.digest(of)))
	return base32.StdEncoding.EncodeToString(sum[:])[:12]
}

func (w *World) digest(of string) string {
	sum := sha256.Sum256([]byte(w.Options.identity().String() + "\x00" + of))
	return hex.EncodeToString(sum[:])
}

func fnvNumber(s string) int64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return int64(h.Sum64() >> 1)
}
