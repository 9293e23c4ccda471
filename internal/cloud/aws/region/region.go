// Package region is the adapter to AWS for what commands do with node groups,
// roles and add-ons: CloudFormation, EKS, Auto Scaling, EC2, IAM, SSM and STS,
// in drover's words. AWS_ENDPOINT_URL and its relatives lead it elsewhere.
package region

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	domain "github.com/drover-project/drover/internal/eks"
)

// Region is one region of AWS. Its methods may be called concurrently.
type Region struct {
	name           string
	autoscaling    *autoscaling.Client
	cloudformation *cloudformation.Client
	ec2            *ec2.Client
	eks            *eks.Client
	iam            *iam.Client
	ssm            *ssm.Client
	sts            *sts.Client
}

// New connects with the SDK's default configuration. Empty name means the region
// of that configuration, and empty profile its profile.
func New(ctx context.Context, name, profile string) (*Region, error) {
	// What the SDK would print on standard error is for its developers.
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{}), config.WithAppID("drover")}
	if name != "" {
		options = append(options, config.WithRegion(name))
	}
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	configuration, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	if configuration.Region == "" {
		return nil, errors.New("the AWS region is unknown: give --region, set AWS_REGION, or write metadata.region into the file")
	}
	return NewFromConfig(configuration), nil
}

// NewFromConfig connects with a given configuration.
func NewFromConfig(configuration sdk.Config) *Region {
	return &Region{
		name:           configuration.Region,
		autoscaling:    autoscaling.NewFromConfig(configuration),
		cloudformation: cloudformation.NewFromConfig(configuration),
		ec2:            ec2.NewFromConfig(configuration),
		eks:            eks.NewFromConfig(configuration),
		iam:            iam.NewFromConfig(configuration),
		ssm:            ssm.NewFromConfig(configuration),
		sts:            sts.NewFromConfig(configuration),
	}
}

// Name is the region's.
func (r *Region) Name() string { return r.name }

// meaning marks errors that callers tell apart.
func meaning(err error) error {
	var api smithy.APIError
	if err == nil || !errors.As(err, &api) {
		return err
	}
	switch code := api.ErrorCode(); {
	case code == "ResourceNotFoundException", code == "NoSuchEntity", code == "NoSuchEntityException", code == "ParameterNotFound",
		code == "ValidationError" && strings.Contains(api.ErrorMessage(), "does not exist"),
		code == "ValidationError" && strings.Contains(api.ErrorMessage(), "not found"):
		return fmt.Errorf("%w (%w)", err, domain.ErrNotFound)
	case code == "AlreadyExistsException", code == "EntityAlreadyExists", code == "ResourceInUseException" && strings.Contains(api.ErrorMessage(), "exists"),
		code == "InvalidKeyPair.Duplicate":
		return fmt.Errorf("%w (%w)", err, domain.ErrExists)
	}
	return err
}

func number(value *int32) int { return int(sdk.ToInt32(value)) }

func small(value *int) *int32 {
	if value == nil {
		return nil
	}
	n := int32(*value)
	return &n
}
