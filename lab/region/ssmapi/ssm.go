// Package ssmapi is the region's Systems Manager Parameter Store: the public
// parameters that name the current AMIs.
package ssmapi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// SSM implements the operations of the service, one method for each.
type SSM struct {
	region     string
	parameters map[string]world.Parameter
}

// New makes the service of a region.
func New(w *world.World) *SSM {
	return &SSM{region: w.Options.Region, parameters: w.Parameters()}
}

// GetParameter gives one parameter by its name, or ParameterNotFound.
func (s *SSM) GetParameter(_ context.Context, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	p, found := s.find(aws.ToString(in.Name))
	if !found {
		return nil, awserr.New("ParameterNotFound", "Parameter %s not found.", aws.ToString(in.Name))
	}
	return &ssm.GetParameterOutput{Parameter: s.parameter(p)}, nil
}

// GetParameters gives up to ten parameters and names those that do not exist.
func (s *SSM) GetParameters(_ context.Context, in *ssm.GetParametersInput) (*ssm.GetParametersOutput, error) {
	const most = 10
	if len(in.Names) == 0 || len(in.Names) > most {
		return nil, awserr.New("ValidationException", "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and %d", most)
	}
	out := &ssm.GetParametersOutput{}
	for _, name := range in.Names {
		if p, found := s.find(name); found {
			out.Parameters = append(out.Parameters, *s.parameter(p))
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

// GetParametersByPath gives the parameters of a folder, ten on a page.
func (s *SSM) GetParametersByPath(_ context.Context, in *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error) {
	if err := supported(in, "Path", "Recursive", "MaxResults", "NextToken", "WithDecryption"); err != nil {
		return nil, err
	}
	const most = 10
	limit := int32(most)
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	if limit < 1 || limit > most {
		return nil, awserr.New("ValidationException", "1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", limit, most)
	}
	folder := strings.TrimSuffix(aws.ToString(in.Path), "/") + "/"
	if !strings.HasPrefix(folder, "/") {
		return nil, awserr.New("ValidationException", "The parameter path doesn't meet the requirements: it must begin with a slash (/), such as /aws/service/eks/optimized-ami")
	}
	var found []types.Parameter
	for _, name := range slices.Sorted(maps.Keys(s.parameters)) {
		rest, inside := strings.CutPrefix(name, folder)
		if inside && (aws.ToBool(in.Recursive) || !strings.Contains(rest, "/")) {
			found = append(found, *s.parameter(s.parameters[name]))
		}
	}
	page, next, err := awswire.Page(found, in.NextToken, &limit)
	if err != nil {
		return nil, err
	}
	return &ssm.GetParametersByPathOutput{Parameters: page, NextToken: next}, nil
}

// find takes names and ARNs, with a version or without.
func (s *SSM) find(name string) (world.Parameter, bool) {
	if _, resource, isARN := strings.Cut(name, ":parameter/"); isARN && strings.HasPrefix(name, "arn:") {
		name = "/" + resource
	}
	p, found := s.parameters[strings.TrimSuffix(name, ":1")]
	return p, found
}

func (s *SSM) parameter(p world.Parameter) *types.Parameter {
	return &types.Parameter{
		Name: aws.String(p.Name), Value: aws.String(p.Value), Type: types.ParameterTypeString,
		ARN:     aws.String(fmt.Sprintf("arn:aws:ssm:%s::parameter%s", s.region, p.Name)),
		Version: 1, DataType: aws.String("text"), LastModifiedDate: aws.Time(p.Modified),
	}
}

// supported is awswire.Supported with Systems Manager's code.
func supported(in any, honoured ...string) error {
	return awserr.Translate(awswire.Supported(in, honoured...), map[string]string{"UnsupportedOperation": "ValidationException"})
}
