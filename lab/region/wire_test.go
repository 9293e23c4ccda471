package region_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region"
)

// accessKey is the caller that STS makes up for calls without a wire.
const accessKey = "AKIALAB"

// services are the implementations by the name they are served under.
func (l *lab) services() map[string]any {
	return map[string]any{
		"autoscaling": l.AutoScaling(), "cloudformation": l.CloudFormation(), "ec2": l.Region.EC2(), "eks": l.EKS(), "events": l.Events(),
		"iam": l.IAM(), "pricing": l.Pricing(), "sqs": l.SQS(), "ssm": l.SSM(), "sts": l.STS(),
	}
}

// operations are the names of a service's operations, by its methods.
func operations(implementation any) (names []string) {
	v := reflect.TypeOf(implementation)
	for i := range v.NumMethod() {
		m := v.Method(i)
		if t := m.Type; t.NumIn() == 3 && t.NumOut() == 2 && t.In(1) == reflect.TypeFor[context.Context]() && strings.HasSuffix(t.In(2).String(), "Input") {
			names = append(names, m.Name)
		}
	}
	return names
}

// wire is a region served over HTTP, with the official clients to it.
type wire struct {
	server   *awswire.Server
	endpoint string
	clients  map[string]any
}

func serve(t *testing.T, l *lab) wire {
	t.Helper()
	server := awswire.New(awswire.Options{
		Account: account, Region: l.options.Region,
		Credentials: func(id string) (string, bool) {
			if id == accessKey {
				return "secret", true
			}
			session, _, found := l.Session(id)
			return session.Secret, found
		},
		Session: func(id string) (string, bool, bool) {
			session, expired, found := l.Session(id)
			return session.Token, expired, found
		},
	})
	for name, implementation := range l.services() {
		if err := server.Register(name, implementation); err != nil {
			t.Fatal(err)
		}
	}
	endpoint := httptest.NewServer(server)
	t.Cleanup(endpoint.Close)
	cfg := aws.Config{
		Region: l.options.Region, BaseEndpoint: &endpoint.URL, HTTPClient: wholeAnswers{endpoint.Client()}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: "secret"}, nil
		}),
	}
	return wire{server: server, endpoint: endpoint.URL, clients: map[string]any{
		"autoscaling": autoscaling.NewFromConfig(cfg), "cloudformation": cloudformation.NewFromConfig(cfg), "ec2": ec2.NewFromConfig(cfg), "eks": eks.NewFromConfig(cfg), "iam": iam.NewFromConfig(cfg),
		"events": eventbridge.NewFromConfig(cfg), "pricing": pricing.NewFromConfig(cfg), "sqs": sqs.NewFromConfig(cfg), "ssm": ssm.NewFromConfig(cfg), "sts": sts.NewFromConfig(cfg),
	}}
}

// wholeAnswers reads every answer to its end before the SDK sees it. The SDK
// closes a request's body as soon as an answer begins; where the server is this
// near, the transport may not be done with that body yet, and gives up the
// connection with the rest of a long answer.
type wholeAnswers struct{ client *http.Client }

// Do implements aws.HTTPClient.
func (w wholeAnswers) Do(request *http.Request) (*http.Response, error) {
	response, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(content))
	return response, nil
}

// operationOf is the operation that an input belongs to: CreateFleet.
func operationOf(input any) string {
	return strings.TrimSuffix(reflect.TypeOf(input).Elem().Name(), "Input")
}

// serviceOf is the service that an input belongs to: ec2.
func serviceOf(input any) string {
	name, _, _ := strings.Cut(reflect.TypeOf(input).Elem().String(), ".")
	if name == "eventbridge" {
		return "events" // its name in signatures
	}
	return name
}

// call calls the operation of an input on an implementation or a client.
func call(on map[string]any, input any) (any, error) {
	method := reflect.ValueOf(on[serviceOf(input)]).MethodByName(operationOf(input))
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx()), reflect.ValueOf(input)})
	err, _ := results[1].Interface().(error)
	return results[0].Interface(), err
}

// TestEveryOperationOverTheWire runs one story on two regions that are alike,
// in-process and with the official clients: the answers must be the same.
func TestEveryOperationOverTheWire(t *testing.T) {
	t.Parallel()
	tokens := newSigner(t)
	known := func(o *region.Options) { o.Endpoint = "http://127.0.0.1:1" }
	direct, served := open(t, tokens.of, known), open(t, tokens.of, known)
	clients := serve(t, served).clients
	done := map[string]bool{}
	for _, step := range story(tokens) {
		input := step(direct)
		if pause, waits := input.(time.Duration); waits {
			direct.clock.Advance(pause)
			served.clock.Advance(pause)
			continue
		}
		name := serviceOf(input) + ":" + operationOf(input)
		want, err := call(direct.services(), input)
		if err != nil {
			t.Fatalf("%s in-process: %v", name, err)
		}
		got, err := call(clients, input)
		if err != nil {
			t.Fatalf("%s over the wire: %v", name, err)
		}
		if a, b := plain(reflect.ValueOf(got)), plain(reflect.ValueOf(want)); !reflect.DeepEqual(a, b) {
			t.Errorf("%s over the wire:\n%v\nin-process:\n%v", name, a, b)
		}
		done[name] = true
		if deletion, is := want.(*iam.DeleteServiceLinkedRoleOutput); is {
			direct.deletionTask = *deletion.DeletionTaskId
		}
		if received, is := want.(*sqs.ReceiveMessageOutput); is {
			direct.receipts = nil
			for _, m := range received.Messages {
				direct.receipts = append(direct.receipts, *m.ReceiptHandle)
			}
		}
		direct.clock.Advance(time.Second)
		served.clock.Advance(time.Second)
	}
	for service, implementation := range direct.services() {
		for _, name := range operations(implementation) {
			if full := service + ":" + name; !done[full] && !slices.Contains(alwaysRefused(), full) {
				t.Errorf("the story leaves out %s:%s", service, name)
			}
		}
	}
}

// plain is a value without what the wire cannot carry or the client adds: the
// difference of nil and empty, and metadata.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Struct:
		if at, isTime := v.Interface().(time.Time); isTime {
			return at.UTC().Truncate(time.Second).String()
		}
		fields := map[string]any{}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if value := any(nil); f.IsExported() && !differs(f.Name) {
				if value = plain(v.Field(i)); value != nil {
					fields[f.Name] = value
				}
			}
		}
		return fields
	case reflect.Slice, reflect.Map:
		return plainCollection(v)
	}
	return v.Interface()
}

// differs names the fields that are not the same for the same call: what the
// client adds, and secrets.
func differs(field string) bool {
	return slices.Contains([]string{"ResultMetadata", "KeyMaterial", "KeyFingerprint", "SecretAccessKey", "SessionToken"}, field)
}

func plainCollection(v reflect.Value) any {
	if v.Len() == 0 {
		return nil
	}
	if v.Kind() == reflect.Map {
		entries := map[string]any{}
		for _, key := range v.MapKeys() {
			entries[key.String()] = plain(v.MapIndex(key))
		}
		return entries
	}
	items := []any{}
	for i := range v.Len() {
		items = append(items, plain(v.Index(i)))
	}
	return items
}

// TestUnsupportedOverTheWire: what the lab does not do is the service's own
// error, and counted.
func TestUnsupportedOverTheWire(t *testing.T) {
	t.Parallel()
	l := open(t)
	w := serve(t, l)
	for _, c := range []struct {
		input  any
		code   string
		counts bool
	}{
		{&ec2.DescribeVolumesInput{}, "InvalidAction", true},
		{&iam.ListUsersInput{}, "InvalidAction", true},
		{&cloudformation.CreateStackSetInput{StackSetName: aws.String("s")}, "InvalidAction", true},
		{&cloudformation.DescribeStacksInput{StackName: aws.String("none")}, "ValidationError", false},
		{&cloudformation.DescribeChangeSetInput{StackName: aws.String("none"), ChangeSetName: aws.String("none")}, "ChangeSetNotFound", false},
		{&cloudformation.CreateStackInput{StackName: aws.String("s"), TemplateURL: aws.String("https://bucket/template")}, "ValidationError", false},
		{&sts.GetSessionTokenInput{}, "InvalidAction", true},
		{&ssm.DescribeParametersInput{}, "UnknownOperationException", true},
		{&sqs.StartMessageMoveTaskInput{SourceArn: aws.String("arn")}, "InvalidAction", true},
		{&sqs.GetQueueUrlInput{QueueName: aws.String("none")}, "AWS.SimpleQueueService.NonExistentQueue", false},
		{&eventbridge.ListArchivesInput{}, "UnknownOperationException", true},
		{&eventbridge.DescribeRuleInput{Name: aws.String("none")}, "ResourceNotFoundException", false},
		{&pricing.ListPriceListsInput{CurrencyCode: aws.String("USD"), ServiceCode: aws.String("AmazonEC2"), EffectiveDate: aws.Time(start())}, "UnknownOperationException", true},
		{&eks.ListFargateProfilesInput{ClusterName: aws.String(clusterName)}, "UnknownOperationException", true},
		{&eks.CreateClusterInput{Name: aws.String("second"), RoleArn: aws.String("arn"), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{}}, "ResourceLimitExceededException", false},
		{&eks.CreateClusterInput{Name: aws.String(clusterName), RoleArn: aws.String("arn"), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{}}, "ResourceInUseException", false},
		{&eks.DeleteClusterInput{Name: aws.String(clusterName)}, "InvalidRequestException", false},
		{&eks.UpdateClusterVersionInput{Name: aws.String(clusterName), Version: aws.String("1.38")}, "InvalidParameterException", false},
		{&eks.DescribeNodegroupInput{ClusterName: aws.String(clusterName), NodegroupName: aws.String("none")}, "ResourceNotFoundException", false},
		{&ec2.DescribeImagesInput{ImageIds: []string{"ami-0123456789abcdef0"}}, "InvalidAMIID.NotFound", false},
		{&ec2.DescribeInstancesInput{DryRun: aws.Bool(true)}, "DryRunOperation", false},
		{&ec2.DescribeSpotPriceHistoryInput{NextToken: aws.String("x")}, "InvalidNextToken", false},
		{&ec2.StopInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}, Hibernate: aws.Bool(true)}, "UnsupportedOperation", false},
		{&iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn"), ActionNames: []string{"ec2:*"}}, "InvalidAction", true},
		{&sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::111122223333:role/r"), RoleSessionName: aws.String("me"), Policy: aws.String("{}")}, "ValidationError", false},
		{&iam.GetRoleInput{RoleName: aws.String("none")}, "NoSuchEntity", false},
		{&ssm.GetParametersByPathInput{Path: aws.String("/"), ParameterFilters: []ssmtypes.ParameterStringFilter{{Key: aws.String("Label")}}}, "ValidationException", false},
		{&ssm.GetParameterInput{Name: aws.String("/none")}, "ParameterNotFound", false},
		{&pricing.GetProductsInput{ServiceCode: aws.String("AmazonS3")}, "NotFoundException", false},
		{&autoscaling.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("g")}, "InvalidAction", true},
		{&autoscaling.DescribeTrafficSourcesInput{AutoScalingGroupName: aws.String("g")}, "InvalidAction", true},
		{&autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("none"), DesiredCapacity: aws.Int32(1)}, "ValidationError", false},
		{&autoscaling.DescribeAutoScalingGroupsInput{NextToken: aws.String("x")}, "InvalidNextToken", false},
		{&autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("g"), MinSize: aws.Int32(0), MaxSize: aws.Int32(0), TargetGroupARNs: []string{"arn"}}, "ValidationError", false},
		{&eks.DescribeClusterInput{Name: aws.String("none")}, "ResourceNotFoundException", false},
	} {
		name := serviceOf(c.input) + ":" + operationOf(c.input)
		_, err := call(w.clients, c.input)
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if n := w.server.Unimplemented()[name]; (n == 1) != c.counts {
			t.Errorf("%s is counted %d times as not implemented", name, n)
		}
	}
}

// TestFleetErrorsOverTheWire: what a provisioner reads of a fleet that fell
// short comes through with the official client.
func TestFleetErrorsOverTheWire(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.template("nodes", "x86_64")
	l.limit("m5.large", "a", "spot", 1)
	client := serve(t, l).clients["ec2"].(*ec2.Client)
	out, err := client.CreateFleet(ctx(), l.fleet("nodes", spot, 3, anyOrder("m5.large", "a")))
	if err != nil {
		t.Fatal(err)
	}
	if got := launched(out); got["m5.large/a"] != 1 || !slices.Equal(failures(out), []string{"InsufficientInstanceCapacity m5.large/a"}) {
		t.Errorf("launched %v, errors %v", got, failures(out))
	}
	_, err = client.RunInstances(ctx(), &ec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: ec2types.InstanceTypeM5Large, ImageId: aws.String("ami-1"), SubnetId: aws.String(l.subnets()[0]),
	})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InvalidAMIID.NotFound" {
		t.Errorf("unknown image: %v", err)
	}
}
