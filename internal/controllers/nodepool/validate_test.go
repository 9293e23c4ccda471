package nodepool_test

import (
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodepool"
	"github.com/drover-project/drover/internal/model"
)

func TestIncompatibleSaysWhatWouldBeRight(t *testing.T) {
	catalog, err := cloudtest.New(cloudtest.World{}).Catalog(t.Context(), clustertest.Class())
	if err != nil {
		t.Fatal(err)
	}
	in := func(key string, values ...string) model.Requirement {
		return model.Requirement{Key: key, Operator: model.In, Values: values}
	}
	for _, test := range []struct {
		name         string
		requirements []model.Requirement
		want         []string // parts of the message; none means compatible
	}{
		{"nothing asked", nil, nil},
		{"something is left", []model.Requirement{in("karpenter.k8s.aws/instance-family", "m5", "z9")}, nil},
		{"a label of the user's own", []model.Requirement{in("team", "blue")}, nil},
		{"no such type", []model.Requirement{in("node.kubernetes.io/instance-type", "m5.lage")}, []string{"m5.lage", "use one of m5.large, m5.xlarge"}},
		{"no such zone", []model.Requirement{in("topology.kubernetes.io/zone", "us-west-2z")}, []string{"us-west-2a, us-west-2b, us-west-2c"}},
		{
			"two that exclude each other",
			[]model.Requirement{in("karpenter.k8s.aws/instance-family", "c5"), in("karpenter.k8s.aws/instance-size", "xlarge")},
			[]string{"instance-size In [xlarge]", "instance-family In [c5]", "use one of large"},
		},
		{
			"a number out of reach",
			[]model.Requirement{{Key: "karpenter.k8s.aws/instance-cpu", Operator: model.Gt, Values: []string{"64"}}},
			[]string{"instance-cpu Gt [64]", "use one of 2 to 4"},
		},
		{
			"numbers within reach",
			[]model.Requirement{{Key: "karpenter.k8s.aws/instance-cpu", Operator: model.Gte, Values: []string{"4"}}},
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := nodepool.Incompatible(test.requirements, catalog)
			if (got == "") != (len(test.want) == 0) {
				t.Fatalf("message is %q", got)
			}
			for _, part := range test.want {
				if !strings.Contains(got, part) {
					t.Errorf("message %q does not contain %q", got, part)
				}
			}
		})
	}
}

func TestStaticPoolIsRefused(t *testing.T) {
	pool := clustertest.Pool()
	pool.Spec.Replicas = new(int64(3))
	if err := nodepool.Validate(t.Context(), pool); err == nil || !strings.Contains(err.Error(), "spec.replicas") {
		t.Errorf("error is %v, want one about spec.replicas", err)
	}
}
