package region_test

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// What the story's stack is at first, what it becomes, and what it cannot be.
const (
	stackBody = `
Description: é & <story>
Parameters: {Key: {Type: String, Default: a, AllowedValues: [a, b], Description: of a tag}}
Resources:
  Gateway: {Type: 'AWS::EC2::InternetGateway'}
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 10.9.0.0/16}}
  Table: {Type: 'AWS::EC2::RouteTable', Metadata: {a: b}, Properties: {VpcId: !Ref Vpc, Tags: [{Key: !Ref Key, Value: <&>}]}}
Outputs: {Gateway: {Value: !Ref Gateway, Export: {Name: gateway}, Description: the gateway}}
`
	brokenBody = `
Parameters: {Key: {Type: String, Default: b}}
Resources:
  Gateway: {Type: 'AWS::EC2::InternetGateway'}
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 10.9.0.0/16}}
  Table: {Type: 'AWS::EC2::RouteTable', Properties: {VpcId: !Ref Vpc, Tags: [{Key: c, Value: d}]}}
  Subnet: {Type: 'AWS::EC2::Subnet', DependsOn: Table, Properties: {VpcId: !Ref Vpc, CidrBlock: 172.16.0.0/24}}
Outputs: {Gateway: {Value: !Ref Gateway, Export: {Name: gateway}}}
`
	importingBody = `
Resources: {Other: {Type: 'AWS::EC2::InternetGateway', Properties: {Tags: [{Key: k, Value: !ImportValue gateway}]}}}
`
)

// stackSteps are the part of the story with every operation of CloudFormation.
func stackSteps() []step {
	name := aws.String("story")
	var steps []step
	for _, part := range [][]step{stackBegins(name), stackReads(name), stackChanges(name), stackFails(name), stackEnds(name)} {
		steps = append(steps, part...)
	}
	return steps
}

func stackBegins(name *string) []step {
	return []step{
		always(&cloudformation.ValidateTemplateInput{TemplateBody: aws.String(stackBody)}),
		always(&cloudformation.CreateStackInput{
			StackName: name, TemplateBody: aws.String(stackBody), ClientRequestToken: aws.String("s1"), EnableTerminationProtection: aws.Bool(true),
			Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("é <&>")}}, TimeoutInMinutes: aws.Int32(30),
		}),
		wait(6 * time.Second),
		always(&cloudformation.SignalResourceInput{StackName: name, LogicalResourceId: aws.String("Gateway"), UniqueId: aws.String("i-1"), Status: types.ResourceSignalStatusSuccess}),
		wait(time.Minute),
		always(&cloudformation.UpdateTerminationProtectionInput{StackName: name, EnableTerminationProtection: aws.Bool(false)}),
	}
}

func stackReads(name *string) []step {
	return []step{
		always(&cloudformation.DescribeStacksInput{}), always(&cloudformation.DescribeStacksInput{StackName: name}),
		always(&cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusCreateComplete}}),
		always(&cloudformation.DescribeStackEventsInput{StackName: name}),
		always(&cloudformation.DescribeStackResourcesInput{StackName: name, LogicalResourceId: aws.String("Table")}),
		always(&cloudformation.DescribeStackResourceInput{StackName: name, LogicalResourceId: aws.String("Table")}),
		always(&cloudformation.ListStackResourcesInput{StackName: name}),
		always(&cloudformation.GetTemplateInput{StackName: name}),
		always(&cloudformation.GetTemplateSummaryInput{TemplateBody: aws.String(stackBody)}),
		always(&cloudformation.ListExportsInput{}),
		always(&cloudformation.CreateStackInput{StackName: aws.String("importer"), TemplateBody: aws.String(importingBody)}),
		wait(time.Minute),
		always(&cloudformation.ListImportsInput{ExportName: aws.String("gateway")}),
	}
}

func stackChanges(name *string) []step {
	set := func() *cloudformation.CreateChangeSetInput {
		return &cloudformation.CreateChangeSetInput{
			StackName: name, ChangeSetName: aws.String("changes"), UsePreviousTemplate: aws.Bool(true), Description: aws.String("<&>"),
			Parameters: []types.Parameter{{ParameterKey: aws.String("Key"), ParameterValue: aws.String("b")}},
		}
	}
	named := aws.String("changes")
	return []step{
		always(set()), wait(4 * time.Second),
		always(&cloudformation.DescribeChangeSetInput{StackName: name, ChangeSetName: named}),
		always(&cloudformation.ListChangeSetsInput{StackName: name}),
		always(&cloudformation.DeleteChangeSetInput{StackName: name, ChangeSetName: named}),
		always(set()), wait(4 * time.Second),
		always(&cloudformation.ExecuteChangeSetInput{StackName: name, ChangeSetName: named}),
		wait(time.Minute),
	}
}

// stackFails has an update that cannot be, and cannot be taken back either.
func stackFails(name *string) []step {
	update := &cloudformation.UpdateStackInput{StackName: name, TemplateBody: aws.String(brokenBody), ClientRequestToken: aws.String("s2")}
	again := &cloudformation.UpdateStackInput{StackName: name, TemplateBody: aws.String(brokenBody), ClientRequestToken: aws.String("s3")}
	return []step{
		always(update),
		wait(14 * time.Second),
		func(l *lab) any {
			out := must[*cloudformation.DescribeStackResourcesOutput](l)(l.CloudFormation().DescribeStackResources(ctx(), &cloudformation.DescribeStackResourcesInput{
				StackName: name, LogicalResourceId: aws.String("Table")}))
			return &ec2.DeleteRouteTableInput{RouteTableId: out.StackResources[0].PhysicalResourceId}
		},
		wait(2 * time.Minute),
		always(&cloudformation.ContinueUpdateRollbackInput{StackName: name, ResourcesToSkip: []string{"Table"}}),
		wait(time.Minute),
		always(&cloudformation.DescribeStacksInput{StackName: name}),
		always(again),
		always(&cloudformation.CancelUpdateStackInput{StackName: name}),
		wait(time.Minute),
	}
}

func stackEnds(name *string) []step {
	return []step{
		always(&cloudformation.DeleteStackInput{StackName: aws.String("importer")}), wait(time.Minute),
		always(&cloudformation.DeleteStackInput{StackName: name}), wait(2 * time.Minute),
		always(&cloudformation.ListStacksInput{}),
	}
}
