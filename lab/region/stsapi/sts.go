// Package stsapi is the region's Security Token Service.
package stsapi

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// STS implements the operations of the service, one method for each.
type STS struct {
	world *world.World
}

// New makes the service of a region.
func New(w *world.World) *STS { return &STS{world: w} }

// defaultKey stands for the caller when there was no request over the wire.
const defaultKey = "AKIALAB"

// GetCallerIdentity says who signed the request: the account's user "lab".
func (s *STS) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	account := s.world.Options.Account
	key := awswire.CallerFrom(ctx).AccessKeyID
	if key == "" {
		key = defaultKey
	}
	return &sts.GetCallerIdentityOutput{
		Account: &account,
		Arn:     aws.String(fmt.Sprintf("arn:aws:iam::%s:user/lab", account)),
		UserId:  aws.String("AIDA" + key[min(len(key), 4):]),
	}, nil
}
