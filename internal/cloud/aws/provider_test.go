package aws

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/internal/cloud"
)

func TestNewDiscoversTheCluster(t *testing.T) {
	w := newWorld(t)
	want := Cluster{Name: "demo", Endpoint: "https://demo.eks.example", CA: "Q0E=", Version: "1.37", ServiceCIDR: "10.100.0.0/16"}
	if w.Cluster() != want || w.Region() != "us-west-2" {
		t.Errorf("got %+v in %s, want %+v", w.Cluster(), w.Region(), want)
	}
}

func TestNewAsksEKSOnlyForWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	eks := &fakeEKS{}
	clients := Clients{EC2: w.ec2, EKS: eks}
	given := Options{ClusterName: "elsewhere", ClusterEndpoint: "https://e", ClusterCA: "Q0E=", KubernetesVersion: "1.36", ServiceCIDR: "fd00::/108"}
	provider, err := NewFromClients(t.Context(), given, "us-west-2", clients)
	if err != nil || eks.calls != 0 || !provider.Cluster().IPv6 {
		t.Errorf("got %v after %d calls of EKS", err, eks.calls)
	}
}

func TestNewSaysWhatToSet(t *testing.T) {
	w := newWorld(t)
	refused := newFakeEC2(w.clock.Now)
	refused.fails["DescribeInstanceTypes"] = apiError("AuthFailure", "AWS was not able to validate the provided access credentials")
	cases := map[string]struct {
		name, region string
		ec2          EC2
		want         string
	}{
		"no cluster":      {"", "us-west-2", w.ec2, "CLUSTER_NAME"},
		"no region":       {"demo", "", w.ec2, "AWS_REGION"},
		"bad credentials": {"demo", "us-west-2", refused, "credentials"},
		"unknown cluster": {"other", "us-west-2", w.ec2, `EKS cluster "other"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := NewFromClients(t.Context(), Options{ClusterName: c.name}, c.region, Clients{EC2: c.ec2, EKS: &fakeEKS{}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

// TestCallsAreCounted goes over HTTP, since the count is of what is sent: the
// first answer is a fault that the SDK retries.
func TestCallsAreCounted(t *testing.T) {
	t.Parallel()
	attempts := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		attempts++
		if attempts == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = w.Write([]byte("<Response><Errors><Error><Code>DryRunOperation</Code><Message>ok</Message></Error></Errors></Response>"))
	}))
	t.Cleanup(server.Close)
	var mu sync.Mutex
	var heard []string
	_, err := NewFromConfig(t.Context(), Options{
		ClusterName: "demo", ClusterEndpoint: "e", ClusterCA: "Q0E=", KubernetesVersion: "1.37", ServiceCIDR: "10.100.0.0/16",
		OnCall: func(service, operation string, took time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			if took <= 0 || err == nil {
				t.Errorf("%s %s took %v, error %v", service, operation, took, err)
			}
			heard = append(heard, service+" "+operation)
		},
	}, sdk.Config{
		Region: "us-west-2", BaseEndpoint: sdk.String(server.URL),
		Credentials: sdk.CredentialsProviderFunc(staticCredentials),
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "EC2 DescribeInstanceTypes,EC2 DescribeInstanceTypes"; strings.Join(heard, ",") != want {
		t.Errorf("heard of %v, want each attempt: %s", heard, want)
	}
}

func TestPricingRegion(t *testing.T) {
	for region, want := range map[string]string{
		"us-west-2": "us-east-1", "ap-northeast-2": "ap-south-1", "eu-west-1": "eu-central-1", "sa-east-1": "us-east-1",
	} {
		if got := pricingRegion(region); got != want {
			t.Errorf("%s: got %s, want %s", region, got, want)
		}
	}
}

func TestListPagesAndLeavesOutOthers(t *testing.T) {
	w := newWorld(t)
	add := func(id, state string, tags map[string]string) {
		w.ec2.instances[id] = &fakeInstance{Instance: types.Instance{
			InstanceId: &id, State: &types.InstanceState{Name: types.InstanceStateName(state)}, Tags: ec2Tags(tags),
			Placement: &types.Placement{AvailabilityZone: sdk.String("us-west-2a")},
		}}
	}
	mine := map[string]string{"karpenter.sh/nodepool": "p", "karpenter.k8s.aws/ec2nodeclass": "c", "eks:eks-cluster-name": "demo"}
	for _, id := range []string{"i-1", "i-2", "i-3", "i-4", "i-5"} {
		add(id, "running", mine)
	}
	add("i-6", "shutting-down", mine)
	add("i-7", "terminated", mine)
	add("i-8", "running", map[string]string{"karpenter.sh/nodepool": "p", "karpenter.k8s.aws/ec2nodeclass": "c", "eks:eks-cluster-name": "other"})
	add("i-9", "running", map[string]string{"eks:eks-cluster-name": "demo"})
	all, err := w.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, instance := range all {
		ids = append(ids, instance.ID)
	}
	if strings.Join(ids, " ") != "i-1 i-2 i-3 i-4 i-5 i-6" {
		t.Errorf("got %v", ids)
	}
	if all[5].State != cloud.ShuttingDown || all[0].ProviderID != "aws:///us-west-2a/i-1" {
		t.Errorf("got %+v", all)
	}
}

func TestGetSharesCalls(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := w.Get(t.Context(), "aws:///us-west-2a/i-0123"); !cloud.IsNotFound(err) {
				t.Errorf("got %v, want not found", err)
			}
		})
	}
	group.Wait()
	if calls := w.ec2.count("DescribeInstances"); calls > 5 {
		t.Errorf("50 concurrent reads made %d calls", calls)
	}
}

func TestManyReadsStayWithinEC2sLimits(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	for i := range 400 {
		group.Go(func() {
			if _, err := w.Get(t.Context(), fmt.Sprintf("aws:///us-west-2a/i-%d", i)); !cloud.IsNotFound(err) {
				t.Errorf("got %v, want not found", err)
			}
		})
		group.Go(func() {
			if _, found, err := w.byClaim.Do(t.Context(), strconv.Itoa(i)); found || err != nil {
				t.Errorf("got %v, %v, want nothing", found, err)
			}
		})
	}
	group.Wait()
}

func TestProviderIDMustBeOfEC2(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"", "i-1", "aws:///i-1", "gce:///a/i-1", "aws:///zone/"} {
		if _, err := w.Get(t.Context(), id); err == nil || !strings.Contains(err.Error(), "aws:///ZONE/INSTANCE-ID") {
			t.Errorf("%q: got %v", id, err)
		}
	}
}

func TestJustLaunchedIsNotGone(t *testing.T) {
	w := newWorld(t)
	w.launches.succeeded("token", "i-1")
	if _, err := w.Get(t.Context(), "aws:///us-west-2a/i-1"); err == nil || cloud.IsNotFound(err) {
		t.Errorf("got %v; EC2 shows new instances with a delay", err)
	}
	w.clock.Advance(visibleAfter + time.Second)
	if _, err := w.Get(t.Context(), "aws:///us-west-2a/i-1"); !cloud.IsNotFound(err) {
		t.Errorf("got %v, want not found", err)
	}
}
