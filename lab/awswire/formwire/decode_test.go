package formwire_test

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/drover-project/drover/lab/awswire/formwire"
	"github.com/drover-project/drover/lab/awswire/shape"
	"github.com/drover-project/drover/lab/awswire/tables"
)

func decode(t *testing.T, service, query string, in any) *shape.Fault {
	t.Helper()
	table, err := tables.Load(service)
	if err != nil {
		t.Fatal(err)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return formwire.Decode(table, values, reflect.ValueOf(in).Elem())
}

func TestListPositionsAreNumbers(t *testing.T) {
	var query []string
	for _, i := range []int{10, 2, 1, 100, 9, 31} {
		query = append(query, fmt.Sprintf("InstanceId.%d=i-%d", i, i))
	}
	in := ec2.DescribeInstancesInput{}
	if fault := decode(t, "ec2", strings.Join(query, "&"), &in); fault != nil {
		t.Fatal(fault)
	}
	if got := strings.Join(in.InstanceIds, " "); got != "i-1 i-2 i-9 i-10 i-31 i-100" {
		t.Errorf("got %s", got)
	}
}

func TestEmptyListIsNotAMissingOne(t *testing.T) {
	in := iam.CreateRoleInput{}
	if fault := decode(t, "iam", "RoleName=r&Tags=", &in); fault != nil {
		t.Fatal(fault)
	}
	if in.Tags == nil || len(in.Tags) != 0 {
		t.Errorf("got %#v, want an empty list", in.Tags)
	}
}

func TestMapAndUnion(t *testing.T) {
	account := iam.PutAccountPropertiesInput{}
	if fault := decode(t, "iam", "Properties.entry.2.key=b&Properties.entry.2.value=&Properties.entry.1.value=x&Properties.entry.1.key=a", &account); fault != nil {
		t.Fatal(fault)
	}
	if got := fmt.Sprint(account.Properties); got != "map[a:x b:]" {
		t.Errorf("got %s", got)
	}
	simulated := iam.SimulatePrincipalPolicyInput{}
	fault := decode(t, "iam", "PolicyExclusionList.member.1.PolicyArn=arn&PolicyExclusionList.member.2.PolicyType=inline", &simulated)
	if fault != nil {
		t.Fatal(fault)
	}
	first, ok := simulated.PolicyExclusionList[0].(*iamtypes.PolicyIdentifierMemberPolicyArn)
	if !ok || first.Value != "arn" || len(simulated.PolicyExclusionList) != 2 {
		t.Errorf("got %#v", simulated.PolicyExclusionList)
	}
}

// TestFlatMaps: the query protocol of SQS has no element around entries.
func TestFlatMaps(t *testing.T) {
	in := sqs.SendMessageInput{}
	fault := decode(t, "sqsquery", "MessageBody=b&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=x"+
		"&MessageAttribute.2.Name=n&MessageAttribute.2.Value.DataType=Binary&MessageAttribute.2.Value.BinaryValue=AQI=", &in)
	if fault != nil {
		t.Fatal(fault)
	}
	if aws.ToString(in.MessageAttributes["a"].StringValue) != "x" || len(in.MessageAttributes["n"].BinaryValue) != 2 {
		t.Errorf("got %#v", in.MessageAttributes)
	}
	queue := sqs.CreateQueueInput{}
	if fault := decode(t, "sqsquery", "QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=3&Tag.1.Key=k&Tag.1.Value=v", &queue); fault != nil {
		t.Fatal(fault)
	}
	if fmt.Sprint(queue.Attributes, queue.Tags) != "map[DelaySeconds:3] map[k:v]" {
		t.Errorf("got %v %v", queue.Attributes, queue.Tags)
	}
}

func TestFaultsNameTheWholeParameter(t *testing.T) {
	for _, c := range []struct {
		service, query string
		in             any
		kind           shape.Kind
		path           string
	}{
		{"ec2", "Filter.1.Name.x.y=1", &ec2.DescribeInstancesInput{}, shape.Unknown, "Filter.1.Name.x.y"},
		{"ec2", "Filter.0.Name=1", &ec2.DescribeInstancesInput{}, shape.Unknown, "Filter.0.Name"},
		{"ec2", "Filter.01.Name=1", &ec2.DescribeInstancesInput{}, shape.Unknown, "Filter.01.Name"},
		{"ec2", "Filters.1.Name=1", &ec2.DescribeInstancesInput{}, shape.Unknown, "Filters.1.Name"},
		{"ec2", strings.Repeat("a.", 40) + "=1", &ec2.DescribeInstancesInput{}, shape.Unknown, strings.Repeat("a.", 40)},
		{"ec2", "InstanceMarketOptions.SpotOptions.ValidUntil=tomorrow", &ec2.RunInstancesInput{}, shape.WrongType, "InstanceMarketOptions.SpotOptions.ValidUntil"},
		{"iam", "Tags.1.Key=k", &iam.CreateRoleInput{}, shape.Unknown, "Tags.1.Key"},
		{"iam", "Tags.member.1.Kee=k", &iam.CreateRoleInput{}, shape.Unknown, "Tags.member.1.Kee"},
		{"iam", "PolicyExclusionList.member.1.PolicyArn=a&PolicyExclusionList.member.1.PolicyType=inline", &iam.SimulatePrincipalPolicyInput{}, shape.WrongType, "PolicyExclusionList.member.1"},
		{"iam", "Properties.entry.1.value=x", &iam.PutAccountPropertiesInput{}, shape.Missing, "Properties.entry.1.key"},
		{"sqsquery", "Attribute.1.Value=x", &sqs.SetQueueAttributesInput{}, shape.Missing, "Attribute.1.Name"},
		{"sqsquery", "Attribute.entry.1.Name=x", &sqs.SetQueueAttributesInput{}, shape.Unknown, "Attribute.entry.1.Name"},
		{"iam", "Properties.entry.1.color=x", &iam.PutAccountPropertiesInput{}, shape.Unknown, "Properties.entry.1.color"},
		{"iam", "PolicyExclusionList.member.1.Colour=red", &iam.SimulatePrincipalPolicyInput{}, shape.Unknown, "PolicyExclusionList.member.1.Colour"},
	} {
		fault := decode(t, c.service, c.query, c.in)
		if fault == nil || fault.Kind != c.kind || fault.Path != c.path {
			t.Errorf("%s: got %+v, want kind %d at %s", c.query, fault, c.kind, c.path)
		}
	}
}

func TestFirstValueOfANameCounts(t *testing.T) {
	in := ec2.DescribeInstancesInput{}
	if fault := decode(t, "ec2", "NextToken=a&NextToken=b", &in); fault != nil {
		t.Fatal(fault)
	}
	if aws.ToString(in.NextToken) != "a" {
		t.Errorf("got %s", *in.NextToken)
	}
}
