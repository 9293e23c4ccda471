package ec2api

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/drover-project/drover/lab/region/world"
)

// tokened are the requests with a client token.
type tokened interface {
	ec2.CreateFleetInput | ec2.RunInstancesInput | ec2.CreateLaunchTemplateInput | ec2.CreateLaunchTemplateVersionInput | ec2.RequestSpotInstancesInput
}

// tokenOf is the idempotency token of a request: the same token stands for the
// same parameters, of which the token itself and DryRun are not a part.
func tokenOf[T tokened](operation string, token *string, in T) world.Token {
	switch request := any(&in).(type) {
	case *ec2.CreateFleetInput:
		request.ClientToken, request.DryRun = nil, nil
	case *ec2.RequestSpotInstancesInput:
		request.ClientToken, request.DryRun = nil, nil
	case *ec2.RunInstancesInput:
		request.ClientToken, request.DryRun = nil, nil
	case *ec2.CreateLaunchTemplateInput:
		request.ClientToken, request.DryRun = nil, nil
	case *ec2.CreateLaunchTemplateVersionInput:
		request.ClientToken, request.DryRun = nil, nil
	}
	return world.Token{Operation: operation, Value: aws.ToString(token), Parameters: in}
}

// answered finds what a token was answered before. A dry run is never answered
// with it: it only asks whether the request would be allowed.
func (e *EC2) answered(token world.Token, dry *bool, output any) (found bool, err error) {
	if found, err = e.world.Answered(token, output); !found || err != nil {
		return found, err
	}
	return true, dryRun(dry)
}

// timestamp is a time as filters compare it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
