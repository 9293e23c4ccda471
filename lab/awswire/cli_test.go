package awswire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/drover-project/drover/lab/awserr"
)

var launched = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// toy answers a few operations of each protocol from its arguments.
type toy struct{}

func (toy) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	if aws.ToBool(in.DryRun) {
		return nil, awserr.WithStatus(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	instance := ec2types.Instance{
		InstanceId: aws.String("i-1"), InstanceType: ec2types.InstanceTypeM5Large, LaunchTime: &launched,
		State: &ec2types.InstanceState{Code: aws.Int32(16), Name: ec2types.InstanceStateNameRunning},
		Tags:  []ec2types.Tag{{Key: aws.String("a<b"), Value: aws.String("é & 'more'")}},
	}
	out := &ec2.DescribeInstancesOutput{}
	for _, f := range in.Filters {
		for _, v := range f.Values {
			if *f.Name == "instance-id" && v == "i-1" {
				out.Reservations = []ec2types.Reservation{{ReservationId: aws.String("r-1"), Instances: []ec2types.Instance{instance}}}
			}
		}
	}
	return out, nil
}

func (toy) DescribeSpotPriceHistory(_ context.Context, in *ec2.DescribeSpotPriceHistoryInput) (*ec2.DescribeSpotPriceHistoryOutput, error) {
	all := []ec2types.SpotPrice{}
	for i, zone := range []string{"us-west-2a", "us-west-2b", "us-west-2c"} {
		all = append(all, ec2types.SpotPrice{
			AvailabilityZone: aws.String(zone), InstanceType: in.InstanceTypes[0], SpotPrice: aws.String(fmt.Sprintf("0.0%d00", i+3)),
			ProductDescription: ec2types.RIProductDescriptionLinuxUnix, Timestamp: in.StartTime,
		})
	}
	page, next, err := Page(all, in.NextToken, aws.Int32(2))
	return &ec2.DescribeSpotPriceHistoryOutput{SpotPriceHistory: page, NextToken: next}, err
}

func (toy) GetRole(_ context.Context, in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	if *in.RoleName != "known" {
		return nil, awserr.New("NoSuchEntity", "The role with name %s cannot be found.", *in.RoleName)
	}
	return &iam.GetRoleOutput{Role: &iamtypes.Role{RoleName: in.RoleName, RoleId: aws.String("AROALAB"), Path: aws.String("/"), Arn: aws.String("arn"), CreateDate: &launched}}, nil
}

func (toy) GetParametersByPath(_ context.Context, in *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error) {
	return &ssm.GetParametersByPathOutput{Parameters: []ssmtypes.Parameter{
		{Name: aws.String(*in.Path + "/id"), Value: aws.String("ami-1"), Type: ssmtypes.ParameterTypeString, Version: 3, LastModifiedDate: &launched}}}, nil
}

func (toy) GetProducts(_ context.Context, in *pricing.GetProductsInput) (*pricing.GetProductsOutput, error) {
	return &pricing.GetProductsOutput{FormatVersion: aws.String("aws_v1"), PriceList: []string{`{"field":"` + *in.Filters[0].Field + `"}`}}, nil
}

func (toy) DescribeCluster(_ context.Context, in *eks.DescribeClusterInput) (*eks.DescribeClusterOutput, error) {
	if *in.Name != "lab/one" {
		return nil, awserr.New("ResourceNotFoundException", "No cluster found for name: %s.", *in.Name)
	}
	return &eks.DescribeClusterOutput{Cluster: &ekstypes.Cluster{Name: in.Name, CreatedAt: &launched, Tags: map[string]string{"k": "v"}}}, nil
}

func (toy) ListClusters(context.Context, *eks.ListClustersInput) (*eks.ListClustersOutput, error) {
	return &eks.ListClustersOutput{}, nil
}

// CreateRole shows that what the wire does not refuse arrives as it was typed.
func (toy) CreateRole(_ context.Context, in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
	return nil, awserr.New("InvalidInput", "%s %s=%s", *in.AssumeRolePolicyDocument, *in.Tags[0].Key, *in.Tags[0].Value)
}

// toyServices splits the toy by service: an implementation may only have
// operations that its service has.
func toyServices() map[string]any {
	type ec2Part interface {
		DescribeInstances(context.Context, *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error)
		DescribeSpotPriceHistory(context.Context, *ec2.DescribeSpotPriceHistoryInput) (*ec2.DescribeSpotPriceHistoryOutput, error)
	}
	type iamPart interface {
		GetRole(context.Context, *iam.GetRoleInput) (*iam.GetRoleOutput, error)
		CreateRole(context.Context, *iam.CreateRoleInput) (*iam.CreateRoleOutput, error)
	}
	type ssmPart interface {
		GetParametersByPath(context.Context, *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error)
	}
	type pricingPart interface {
		GetProducts(context.Context, *pricing.GetProductsInput) (*pricing.GetProductsOutput, error)
	}
	type eksPart interface {
		DescribeCluster(context.Context, *eks.DescribeClusterInput) (*eks.DescribeClusterOutput, error)
		ListClusters(context.Context, *eks.ListClustersInput) (*eks.ListClustersOutput, error)
	}
	return map[string]any{
		"ec2": struct{ ec2Part }{toy{}}, "iam": struct{ iamPart }{toy{}}, "ssm": struct{ ssmPart }{toy{}},
		"pricing": struct{ pricingPart }{toy{}}, "eks": struct{ eksPart }{toy{}}, "sts": identities{},
	}
}

// runCLI runs the aws CLI in a clean environment.
func runCLI(t *testing.T, endpoint, command string) (stdout string, err error) {
	t.Helper()
	cmd := exec.Command("aws", strings.Split(command, " ")...)
	cmd.Dir = t.TempDir()
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	cmd.Env = append(inherited,
		"AWS_ENDPOINT_URL="+endpoint, "AWS_ACCESS_KEY_ID="+testKey, "AWS_SECRET_ACCESS_KEY=lab-secret",
		"AWS_DEFAULT_REGION=us-west-2", "AWS_REGION=us-west-2", "AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1", "AWS_DEFAULT_OUTPUT=json")
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	return string(out), err
}

// TestCommandLineClient has botocore, which shares no code with the SDK for Go,
// read answers of every protocol. fails is a part of the error message.
func TestCommandLineClient(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the aws CLI is not installed: its reading of the answers is not checked")
	}
	_, endpoint := serve(t, Options{}, toyServices())
	for _, c := range []struct{ command, want, fails string }{
		{command: "ec2 describe-instances --filters Name=instance-id,Values=i-0,i-1",
			want: `{"Reservations": [{"ReservationId": "r-1", "Instances": [{"InstanceId": "i-1", "InstanceType": "m5.large",
				"LaunchTime": "2026-11-24T10:00:00.000Z", "State": {"Code": 16, "Name": "running"}, "Tags": [{"Key": "a<b", "Value": "é & 'more'"}]}]}]}`},
		{command: "ec2 describe-instances", want: `{"Reservations": []}`},
		{command: "ec2 describe-instances --dry-run", fails: "(DryRunOperation)"},
		{command: "ec2 describe-vpcs", fails: "(InvalidAction)"},
		{command: "ec2 describe-spot-price-history --instance-types m5.large --start-time 2026-11-24T10:00:00 --query SpotPriceHistory[].[AvailabilityZone,SpotPrice,Timestamp]",
			want: `[["us-west-2a", "0.0300", "2026-11-24T10:00:00.000Z"], ["us-west-2b", "0.0400", "2026-11-24T10:00:00.000Z"], ["us-west-2c", "0.0500", "2026-11-24T10:00:00.000Z"]]`},
		{command: "iam get-role --role-name known",
			want: `{"Role": {"Path": "/", "RoleName": "known", "RoleId": "AROALAB", "Arn": "arn", "CreateDate": "2026-11-24T10:00:00Z"}}`},
		{command: "iam get-role --role-name other", fails: "(NoSuchEntity) when calling the GetRole operation: The role with name other cannot be found."},
		{command: `iam create-role --role-name r --assume-role-policy-document {"a":"<&+%20>"} --tags Key=k,Value=v=w`, fails: `{"a":"<&+%20>"} k=v=w`},
		{command: "ssm get-parameters-by-path --path /aws/service",
			want: `{"Parameters": [{"Name": "/aws/service/id", "Type": "String", "Value": "ami-1", "Version": 3, "LastModifiedDate": 1795514400.0}]}`},
		{command: "pricing get-products --service-code AmazonEC2 --filters Type=TERM_MATCH,Field=location,Value=x",
			want: `{"FormatVersion": "aws_v1", "PriceList": ["{\"field\":\"location\"}"]}`},
		{command: "eks describe-cluster --name lab/one", want: `{"cluster": {"name": "lab/one", "createdAt": 1795514400.0, "tags": {"k": "v"}}}`},
		{command: "eks describe-cluster --name other", fails: "(ResourceNotFoundException) when calling the DescribeCluster operation: No cluster found for name: other."},
		{command: "eks list-clusters", want: `{"clusters": []}`},
		{command: "sts get-caller-identity --query UserId", want: `"` + testKey + `"`},
		{command: "events list-rules", fails: "(UnknownOperationException)"},
	} {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			got, err := runCLI(t, endpoint, c.command)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %s, %v; want it to fail with %s", got, err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !sameJSON(t, got, c.want) {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	return reflect.DeepEqual(x, y)
}
