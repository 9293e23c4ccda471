package awswire

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"github.com/drover-project/drover/lab/awserr"
)

// Page gives the part of items that a request asks for with its token and page
// size, and the token of the next part, nil after the last. A nil or zero max
// means all that is left. items must come in the same order for every call.
//
// A token this function did not make is InvalidNextToken, a negative max
// InvalidParameterValue; services whose codes differ translate them.
func Page[T any](items []T, token *string, limit *int32) (page []T, next *string, err error) {
	start := 0
	if token != nil && *token != "" {
		if start, err = decodeToken(*token); err != nil {
			return nil, nil, err
		}
	}
	if limit != nil && *limit < 0 {
		return nil, nil, awserr.New("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than or equal to 1.", *limit)
	}
	start = min(start, len(items))
	end := len(items)
	if limit != nil && *limit > 0 {
		end = min(end, start+int(*limit))
	}
	if end < len(items) {
		t := encodeToken(end)
		next = &t
	}
	return items[start:end], next, nil
}

// A token is an offset and its checksum: opaque, and a made-up one is noticed.
const tokenBytes = 12

func encodeToken(offset int) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, tokenBytes), uint64(offset))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeToken(token string) (int, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenBytes || crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) {
		return 0, awserr.New("InvalidNextToken", "The token '%s' is invalid. Use the token of the previous answer unchanged.", token)
	}
	return int(binary.BigEndian.Uint64(b[:8]) & (1<<31 - 1)), nil
}
