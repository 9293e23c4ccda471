package imds_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	sdkimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/imds"
	"github.com/drover-project/drover/lab/region"
)

// TestAWSsOwnClient: the SDK finds the instance and its role by itself, and the
// region knows the caller by the role's session.
func TestAWSsOwnClient(t *testing.T) {
	t.Parallel()
	wall, err := clock.NewWall(1000)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := region.Open(region.Options{
		Region: "us-west-2", Account: "111122223333", Seed: 1, Clock: wall, BaseNodes: 1,
		Cluster: region.ClusterInfo{Name: "blue", Endpoint: "https://127.0.0.1:6443", CAData: []byte("pem"), Version: "1.37"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	service, err := imds.New(imds.Options{Source: opened, Clock: wall})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	instance := onlyInstance(t, opened)
	url, err := service.URL(*instance.InstanceId)
	if err != nil {
		t.Fatal(err)
	}
	client := sdkimds.New(sdkimds.Options{Endpoint: url, ClientEnableState: sdkimds.ClientEnabled})
	document, err := client.GetInstanceIdentityDocument(t.Context(), nil)
	if err != nil || document.InstanceID != *instance.InstanceId || document.Region != "us-west-2" {
		t.Fatalf("%+v, %v", document, err)
	}
	info, err := client.GetIAMInfo(t.Context(), nil)
	if err != nil || info.InstanceProfileArn != *instance.IamInstanceProfile.Arn || info.InstanceProfileID != *instance.IamInstanceProfile.Id {
		t.Fatalf("%+v, %v", info, err)
	}
	caller := sts.New(sts.Options{
		BaseEndpoint: aws.String(wire(t, opened)), Region: "us-west-2",
		Credentials: ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = client }),
	})
	who, err := caller.GetCallerIdentity(t.Context(), nil)
	if err != nil || !strings.HasPrefix(*who.Arn, "arn:aws:sts::111122223333:assumed-role/") || !strings.HasSuffix(*who.Arn, "/"+*instance.InstanceId) {
		t.Fatalf("%+v, %v", who, err)
	}
}

func onlyInstance(t *testing.T, opened *region.Region) ec2types.Instance {
	t.Helper()
	out, err := opened.EC2().DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
	if err != nil || len(out.Reservations) != 1 {
		t.Fatalf("%v, %v", out, err)
	}
	return out.Reservations[0].Instances[0]
}

// wire serves the region's STS, which knows the keys of sessions only.
func wire(t *testing.T, opened *region.Region) (endpoint string) {
	t.Helper()
	server := awswire.New(awswire.Options{
		Region: "us-west-2", Account: "111122223333",
		Credentials: func(key string) (string, bool) { s, _, found := opened.Session(key); return s.Secret, found },
		Session: func(key string) (token string, expired, temporary bool) {
			s, expired, found := opened.Session(key)
			return s.Token, expired, found
		},
	})
	if err := server.Register("sts", opened.STS()); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	return listener.URL
}
