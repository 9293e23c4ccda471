package asgapi

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drover-project/drover/lab/region/world"
)

// number is a count in the answer.
func number(n int) *int32 { return aws.Int32(int32(n)) }

// optional is nil for the empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func weightText(m world.Member) *string { return aws.String(strconv.Itoa(m.Weight)) }
