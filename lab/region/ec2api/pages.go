package ec2api

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drover-project/drover/lab/awswire"
)

// bounds are the page sizes that an operation accepts.
type bounds struct{ least, most int32 }

// Bounds of most operations.
const (
	leastResults = 5
	mostResults  = 1000
)

func usual() bounds { return bounds{leastResults, mostResults} }

// fewer are the bounds of operations whose pages are smaller.
func fewer(most int32) bounds { return bounds{leastResults, most} }

// check refuses a page size out of bounds.
func (b bounds) check(asked *int32) error {
	switch {
	case asked == nil:
	case *asked < b.least:
		return invalid("Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than or equal to %d.", *asked, b.least)
	case *asked > b.most:
		return invalid("Value ( %d ) for parameter maxResults is invalid. Expecting a value smaller than or equal to %d.", *asked, b.most)
	}
	return nil
}

// page is awswire.Page for a page size within bounds.
func page[T any](items []T, token *string, asked *int32, b bounds) ([]T, *string, error) {
	if err := b.check(asked); err != nil {
		return nil, nil, err
	}
	return awswire.Page(items, token, asked)
}

// clamped is the page size of operations that give fewer results than asked for
// rather than refuse.
func clamped(asked *int32) *int32 {
	if asked == nil || *asked == 0 || *asked > mostResults {
		return aws.Int32(mostResults)
	}
	return asked
}
