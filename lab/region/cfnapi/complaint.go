package cfnapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
)

// complaint says what keeps an operation from beginning although its request was
// accepted: parameters that name what is not there, imports that nobody exports.
func (o *operation) complaint() string {
	var missing []string
	for _, declared := range o.plan.template.Parameters {
		kind := declared.ResourceType()
		if kind == "" {
			continue
		}
		for _, p := range o.s.Target.Parameters {
			if p.Name != declared.Name {
				continue
			}
			for _, value := range values(declared, p) {
				if !exists(o.services, kind, value) {
					missing = append(missing, fmt.Sprintf("parameter value %s for parameter name %s does not exist", value, p.Name))
				}
			}
		}
	}
	if len(missing) > 0 {
		return "Parameter validation failed: " + strings.Join(missing, ", ") + "."
	}
	for _, name := range o.plan.imports() {
		if _, err := o.plan.scope.Import(name); err != nil {
			return err.Error() + "."
		}
	}
	return ""
}

func values(declared template.Parameter, p stack.Parameter) []string {
	if declared.List() {
		return template.Split(p.Effective())
	}
	return []string{p.Effective()}
}

// imports are the names of exports that a plan uses, as far as they follow from
// its parameters.
func (p *plan) imports() []string {
	var names []string
	visit := func(n *template.Node) {
		n.Walk(func(n *template.Node) {
			if name, argument, isCall := n.Function(); isCall && name == "Fn::ImportValue" {
				if v, err := p.scope.Evaluate(argument); err == nil {
					if text, ok := v.(string); ok {
						names = append(names, text)
					}
				}
			}
		})
	}
	for _, r := range p.resources {
		visit(r.Properties)
	}
	for _, o := range p.outputs() {
		visit(o.Value)
	}
	return names
}

// exists reports whether the account has a thing of a parameter type. Types that
// the lab has nothing of do not exist.
func exists(s resource.Services, kind, value string) bool {
	ctx, ids := context.Background(), []string{value}
	var err error
	switch kind {
	case "AWS::EC2::VPC::Id":
		_, err = s.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: ids})
	case "AWS::EC2::Subnet::Id":
		_, err = s.EC2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: ids})
	case "AWS::EC2::SecurityGroup::Id":
		_, err = s.EC2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: ids})
	case "AWS::EC2::SecurityGroup::GroupName":
		out, failure := s.EC2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{{Name: aws.String("group-name"), Values: ids}}})
		return failure == nil && len(out.SecurityGroups) > 0
	case "AWS::EC2::Image::Id":
		_, err = s.EC2.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: ids})
	case "AWS::EC2::Instance::Id":
		_, err = s.EC2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids})
	case "AWS::EC2::KeyPair::KeyName":
		_, err = s.EC2.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: ids})
	case "AWS::EC2::AvailabilityZone::Name":
		_, err = s.EC2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{ZoneNames: ids})
	default:
		return false
	}
	return value != "" && err == nil
}

// stored gives the value of a parameter in Systems Manager.
func stored(s resource.Services, name string) (string, bool) {
	out, err := s.SSM.GetParameter(context.Background(), &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return "", false
	}
	return aws.ToString(out.Parameter.Value), true
}

// importers are the names of the stacks that use an export.
func (c *CloudFormation) importers(export string) []string {
	var names []string
	for _, s := range c.stacks.All() {
		if !s.Deleted.IsZero() {
			continue
		}
		plan, err := c.plan(&s, s.Target)
		if err != nil {
			continue
		}
		for _, name := range plan.imports() {
			if name == export {
				names = append(names, s.Name)
				break
			}
		}
	}
	return names
}
