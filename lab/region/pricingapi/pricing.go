// Package pricingapi is the AWS Price List Query API for EC2: the Linux
// on-demand prices of the catalogue, for every region it has.
package pricingapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/world"
)

// Pricing implements the operations of the service, one method for each.
type Pricing struct {
	world *world.World
}

// New makes the service of a region. As with AWS, it sells all regions.
func New(w *world.World) *Pricing { return &Pricing{world: w} }

const (
	serviceCode   = "AmazonEC2"
	formatVersion = "aws_v1"
	mostResults   = 100
)

// DescribeServices names the attributes that products can be filtered by.
func (p *Pricing) DescribeServices(_ context.Context, in *pricing.DescribeServicesInput) (*pricing.DescribeServicesOutput, error) {
	if err := checkService(in.ServiceCode, in.FormatVersion); in.ServiceCode != nil && err != nil {
		return nil, err
	}
	part, next, err := page([]types.Service{{
		ServiceCode: aws.String(serviceCode), AttributeNames: attributeNames(),
	}}, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &pricing.DescribeServicesOutput{FormatVersion: aws.String(formatVersion), Services: part, NextToken: next}, nil
}

// GetAttributeValues lists the values that an attribute has.
func (p *Pricing) GetAttributeValues(_ context.Context, in *pricing.GetAttributeValuesInput) (*pricing.GetAttributeValuesOutput, error) {
	if err := checkService(in.ServiceCode, nil); err != nil {
		return nil, err
	}
	name := aws.ToString(in.AttributeName)
	if !slices.Contains(attributeNames(), name) {
		return nil, awserr.New("InvalidParameterException", "Unknown attribute name %s for service %s: use one of %s", name, serviceCode, strings.Join(attributeNames(), ", "))
	}
	var values []string
	for _, product := range p.products() {
		if value, has := product.attribute(name); has {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	var items []types.AttributeValue
	for _, value := range slices.Compact(values) {
		items = append(items, types.AttributeValue{Value: aws.String(value)})
	}
	part, next, err := page(items, in.NextToken, limit(in.MaxResults))
	if err != nil {
		return nil, err
	}
	return &pricing.GetAttributeValuesOutput{AttributeValues: part, NextToken: next}, nil
}

// GetProducts gives the products that every filter fits, as JSON documents.
func (p *Pricing) GetProducts(_ context.Context, in *pricing.GetProductsInput) (*pricing.GetProductsOutput, error) {
	if err := checkService(in.ServiceCode, in.FormatVersion); err != nil {
		return nil, err
	}
	for _, f := range in.Filters {
		if err := checkFilter(f); err != nil {
			return nil, err
		}
	}
	var found []product
	for _, product := range p.products() {
		if product.matches(in.Filters) {
			found = append(found, product)
		}
	}
	part, next, err := page(found, in.NextToken, limit(in.MaxResults))
	if err != nil {
		return nil, err
	}
	out := &pricing.GetProductsOutput{FormatVersion: aws.String(formatVersion), NextToken: next}
	for _, product := range part {
		document, err := product.document()
		if err != nil {
			return nil, err
		}
		out.PriceList = append(out.PriceList, document)
	}
	return out, nil
}

// limit is the page size; AWS's largest one is also its default.
func limit(asked *int32) *int32 {
	if asked == nil || *asked == 0 || *asked > mostResults {
		return aws.Int32(mostResults)
	}
	return asked
}

func checkService(code, format *string) error {
	if aws.ToString(code) != serviceCode {
		return awserr.New("NotFoundException", "Service %s was not found: this endpoint has prices of %s only", aws.ToString(code), serviceCode)
	}
	if format != nil && *format != formatVersion {
		return awserr.New("InvalidParameterException", "Invalid FormatVersion %s: use %s", *format, formatVersion)
	}
	return nil
}

func checkFilter(f types.Filter) error {
	if f.Field == nil || f.Value == nil {
		return awserr.New("InvalidParameterException", "A filter needs Type, Field and Value")
	}
	if !slices.Contains(f.Type.Values(), f.Type) {
		return awserr.New("InvalidParameterException", "Invalid filter type %s: use one of %v", f.Type, f.Type.Values())
	}
	return nil
}

// page is awswire.Page with the price list's codes.
func page[T any](items []T, token *string, limit *int32) (part []T, next *string, err error) {
	part, next, err = awswire.Page(items, token, limit)
	return part, next, awserr.Translate(err, map[string]string{"InvalidNextToken": "InvalidNextTokenException", "InvalidParameterValue": "InvalidParameterException"})
}
