package region

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	domain "github.com/drover-project/drover/internal/eks"
)

// answering is a region whose calls are answered by their Action, or by their
// path for EKS.
func answering(t *testing.T, answers map[string]string) *Region {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		form, err := url.ParseQuery(string(body))
		key := r.Method + " " + r.URL.Path
		if err == nil && form.Get("Action") != "" {
			key = form.Get("Action")
		}
		answer, known := answers[key]
		if !known {
			w.WriteHeader(http.StatusNotImplemented)
			t.Errorf("unexpected call %s", key)
			return
		}
		if status, rest, failed := strings.Cut(answer, "!"); failed && len(status) == 3 {
			var code int
			_, _ = fmt.Sscan(status, &code) // three digits
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(code)
			answer = rest
		}
		_, _ = io.WriteString(w, answer) // the client tells when it is gone
	}))
	t.Cleanup(server.Close)
	return NewFromConfig(sdk.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
}

const clusterAnswer = `{"cluster": {"name": "blue", "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/blue", "status": "ACTIVE", "version": "1.34",
 "endpoint": "https://e", "certificateAuthority": {"data": "Q0E="}, "identity": {"oidc": {"issuer": "https://i"}},
 "accessConfig": {"authenticationMode": "API"}, "kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": "ipv4"},
 "resourcesVpcConfig": {"vpcId": "vpc-1", "clusterSecurityGroupId": "sg-1", "securityGroupIds": ["sg-2"], "subnetIds": ["subnet-a", "subnet-b"]}}}`

// TestSubnetsArePublicByTheirRoutes: a subnet is public when its route table
// leads to an internet gateway, whatever addresses it gives.
func TestSubnetsArePublicByTheirRoutes(t *testing.T) {
	r := answering(t, map[string]string{
		"GET /clusters/blue": clusterAnswer,
		"DescribeSubnets": `<DescribeSubnetsResponse><subnetSet>
 <item><subnetId>subnet-b</subnetId><availabilityZone>eu-west-1b</availabilityZone><mapPublicIpOnLaunch>false</mapPublicIpOnLaunch></item>
 <item><subnetId>subnet-a</subnetId><availabilityZone>eu-west-1a</availabilityZone><mapPublicIpOnLaunch>true</mapPublicIpOnLaunch></item>
</subnetSet></DescribeSubnetsResponse>`,
		"DescribeRouteTables": `<DescribeRouteTablesResponse><routeTableSet>
 <item><routeSet><item><gatewayId>local</gatewayId></item></routeSet><associationSet><item><main>true</main></item></associationSet></item>
 <item><routeSet><item><gatewayId>igw-1</gatewayId></item></routeSet><associationSet><item><subnetId>subnet-b</subnetId></item></associationSet></item>
</routeTableSet></DescribeRouteTablesResponse>`,
		"DescribeVpcs": `<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>192.168.0.0/24</cidrBlock></item></vpcSet></DescribeVpcsResponse>`,
	})
	cluster, err := r.Cluster(t.Context(), "blue")
	if err != nil {
		t.Fatal(err)
	}
	if cluster.VPCCIDR != "192.168.0.0/24" || cluster.AuthMode != domain.AuthAPI || cluster.Issuer != "https://i" || cluster.ServiceCIDR != "10.100.0.0/16" {
		t.Errorf("%+v", cluster)
	}
	if len(cluster.Subnets) != 2 || cluster.Subnets[0].Public || !cluster.Subnets[0].MapsPublicIP || !cluster.Subnets[1].Public {
		t.Errorf("%+v", cluster.Subnets)
	}
}

func TestAClusterThatIsNotThereNamesThoseThatAre(t *testing.T) {
	r := answering(t, map[string]string{
		"GET /clusters/green": `404!{"message": "No cluster found for name: green."}`, "GET /clusters": `{"clusters": ["blue", "red"]}`,
	})
	_, err := r.Cluster(t.Context(), "green")
	if !errors.Is(err, domain.ErrNotFound) || !strings.Contains(err.Error(), `no cluster "green"; there are blue, red`) {
		t.Error(err)
	}
}

func TestAStackThatIsNotThereIsNotFound(t *testing.T) {
	r := answering(t, map[string]string{"DescribeStacks": `400!<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>
<Message>Stack with id a does not exist</Message></Error></ErrorResponse>`})
	if _, err := r.DescribeStack(t.Context(), "a"); !errors.Is(err, domain.ErrNotFound) {
		t.Error(err)
	}
}

func TestEventsComeOldestFirst(t *testing.T) {
	event := func(id, status string) string {
		return "<member><LogicalResourceId>" + id + "</LogicalResourceId><ResourceStatus>" + status + "</ResourceStatus></member>"
	}
	r := answering(t, map[string]string{"DescribeStackEvents": "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents>" +
		event("b", "CREATE_FAILED") + event("a", "CREATE_COMPLETE") + "</StackEvents></DescribeStackEventsResult></DescribeStackEventsResponse>"})
	events, err := r.StackEvents(t.Context(), "s")
	if err != nil || len(events) != 2 || events[0].LogicalID != "a" || events[1].Status != "CREATE_FAILED" {
		t.Errorf("%+v, %v", events, err)
	}
}

// TestTokensAreWhatTheClusterVerifies: a presigned GetCallerIdentity that names
// the cluster in a signed header and lives for a minute.
func TestTokensAreWhatTheClusterVerifies(t *testing.T) {
	token, _, err := answering(t, nil).Token(t.Context(), "blue")
	if err != nil {
		t.Fatal(err)
	}
	encoded, isToken := strings.CutPrefix(token, "k8s-aws-v1.")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || !isToken {
		t.Fatalf("%s: %v", token, err)
	}
	presigned, err := url.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	query := presigned.Query()
	if query.Get("Action") != "GetCallerIdentity" || query.Get("X-Amz-Expires") != "60" || !strings.Contains(query.Get("X-Amz-SignedHeaders"), "x-k8s-aws-id") {
		t.Errorf("%v", query)
	}
}
