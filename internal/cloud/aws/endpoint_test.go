package aws

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/model"
)

// TestEndpointConformance runs the conformance suite over the wire against the
// endpoint and credentials of the environment. It launches and ends instances,
// so it must be asked for:
//
//	CONFORMANCE_CLUSTER    EKS cluster to launch for; without it the test is skipped
//	CONFORMANCE_NODECLASS  file with an EC2NodeClass in YAML
//	CONFORMANCE_CAPACITY   program that limits a pool, called with instance type,
//	                       zone, capacity type and count; without it, what needs
//	                       dry pools is skipped
//
// The test binary (go test -c) runs anywhere.
func TestEndpointConformance(t *testing.T) {
	cluster := os.Getenv("CONFORMANCE_CLUSTER")
	if cluster == "" {
		t.Skip("CONFORMANCE_CLUSTER is not set")
	}
	class := readNodeClass(t, os.Getenv("CONFORMANCE_NODECLASS"))
	cloudtest.Run(t, func(t *testing.T) (cloud.Provider, cloudtest.Fixture) {
		connect := func(t *testing.T) cloud.Provider {
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel)
			provider, err := New(ctx, Options{ClusterName: cluster})
			if err != nil {
				t.Fatal(err)
			}
			return provider
		}
		fixture := cloudtest.Fixture{NodeClass: class, Restart: connect}
		if program := os.Getenv("CONFORMANCE_CAPACITY"); program != "" {
			fixture.SetCapacity = limitPool(program)
		}
		return connect(t), fixture
	})
}

func readNodeClass(t *testing.T, path string) *ec2v1.EC2NodeClass {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("CONFORMANCE_NODECLASS: %v", err)
	}
	class := &ec2v1.EC2NodeClass{}
	if err := yaml.UnmarshalStrict(text, class); err != nil {
		t.Fatalf("CONFORMANCE_NODECLASS: %v", err)
	}
	if class.UID == "" {
		class.ObjectMeta = metav1.ObjectMeta{Name: "conformance", UID: "conformance"}
	}
	return class
}

func limitPool(program string) func(*testing.T, model.OfferingKey, int) {
	limit := func(t *testing.T, key model.OfferingKey, count string) {
		command := exec.Command(program, key.InstanceType, key.Zone, string(key.CapacityType), count)
		if answer, err := command.CombinedOutput(); err != nil {
			t.Fatalf("CONFORMANCE_CAPACITY: %s: %v: %s", strings.Join(command.Args, " "), err, answer)
		}
	}
	return func(t *testing.T, key model.OfferingKey, count int) {
		limit(t, key, strconv.Itoa(count))
		t.Cleanup(func() { limit(t, key, "unlimited") })
	}
}
