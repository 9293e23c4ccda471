package iamapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
)

// userName is the one user of the account.
const userName = "lab"

// GetUser gives the account's one user, whom the lab's access key belongs to.
func (i *IAM) GetUser(ctx context.Context, in *iam.GetUserInput) (*iam.GetUserOutput, error) {
	key := awswire.CallerFrom(ctx).AccessKeyID
	isSession := false
	i.world.Store.View(func() { _, isSession = i.world.Sessions.Get(key) })
	if in.UserName == nil && isSession {
		return nil, awserr.New("ValidationError", "Must specify userName when calling with non-User credentials")
	}
	if name := aws.ToString(in.UserName); name != "" && name != userName {
		return nil, awserr.WithStatus(notFound, "NoSuchEntity", "The user with name %s cannot be found.", name)
	}
	return &iam.GetUserOutput{User: &types.User{
		UserName: aws.String(userName), UserId: aws.String(i.world.UserID(key)), Path: aws.String("/"), Arn: i.arn("user", "/", userName),
		CreateDate: aws.Time(i.world.Created()),
	}}, nil
}
