package stsapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/drover-project/drover/lab/awserr"
)

func pending() error {
	return awserr.New("UnsupportedOperation", "This operation is not done yet.")
}

// AssumeRole is not done yet.
func (*STS) AssumeRole(context.Context, *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	return nil, pending()
}

// AssumeRoleWithWebIdentity is not done yet.
func (*STS) AssumeRoleWithWebIdentity(context.Context, *sts.AssumeRoleWithWebIdentityInput) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return nil, pending()
}
