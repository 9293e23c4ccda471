package nodeclass_test

import (
	"errors"
	"strings"
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud/cloudtest"
	"github.com/drover-project/drover/internal/clustertest"
	"github.com/drover-project/drover/internal/controllers/nodeclass"
)

func reconcileClass(t *testing.T, cluster *clustertest.Cluster) (reconcile.Result, error) {
	t.Helper()
	reconciler := &nodeclass.Reconciler{Client: cluster.Client, Cloud: cluster.Cloud, Events: cluster.Events, Log: logr.Discard()}
	return reconciler.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Name: "default"}})
}

func TestClassBecomesReady(t *testing.T) {
	cluster := clustertest.New(t, cloudtest.World{}, cloudtest.NodeClass())
	result, err := reconcileClass(t, cluster)
	if err != nil || result.RequeueAfter == 0 {
		t.Fatalf("result %v, error %v: want another look later", result, err)
	}
	class := clustertest.Get(cluster, &ec2v1.EC2NodeClass{}, "default")
	if !class.StatusConditions().Root().IsTrue() {
		t.Errorf("not Ready: %s", class.StatusConditions().Root().Message)
	}
	if len(class.Status.Subnets) != 3 || len(class.Status.SecurityGroups) != 1 || len(class.Status.AMIs) != 2 || class.Status.InstanceProfile == "" {
		t.Errorf("status is not complete: %+v", class.Status)
	}
	version := class.ResourceVersion
	if _, err := reconcileClass(t, cluster); err != nil {
		t.Fatal(err)
	}
	if again := clustertest.Get(cluster, &ec2v1.EC2NodeClass{}, "default"); again.ResourceVersion != version {
		t.Error("a look that found nothing new wrote to the object, and would wake itself for ever")
	}
}

func TestConditionSaysWhichSelectorMatchesNothing(t *testing.T) {
	for _, test := range []struct {
		condition string
		spoil     func(*ec2v1.EC2NodeClass)
		want      []string
	}{
		{
			ec2v1.ConditionTypeSubnetsReady,
			func(c *ec2v1.EC2NodeClass) { c.Spec.SubnetSelectorTerms[0].Tags = map[string]string{"team": "blue"} },
			[]string{"spec.subnetSelectorTerms", `{"team":"blue"}`, "match no subnet"},
		},
		{
			ec2v1.ConditionTypeSecurityGroupsReady,
			func(c *ec2v1.EC2NodeClass) { c.Spec.SecurityGroupSelectorTerms[0].ID = "sg-0" },
			[]string{"spec.securityGroupSelectorTerms", "sg-0"},
		},
		{
			ec2v1.ConditionTypeAMIsReady,
			func(c *ec2v1.EC2NodeClass) { c.Spec.AMISelectorTerms[0].Alias = "al2@latest" },
			[]string{"spec.amiSelectorTerms", "al2@latest", "al2023@latest"},
		},
		{
			ec2v1.ConditionTypeInstanceProfileReady,
			func(c *ec2v1.EC2NodeClass) { c.Spec.Role = "" },
			[]string{"spec.role"},
		},
		{
			ec2v1.ConditionTypeValidationSucceeded,
			func(c *ec2v1.EC2NodeClass) { c.Spec.AMISelectorTerms[0].Alias = "latest" },
			[]string{"spec.amiSelectorTerms[0].alias", "FAMILY@VERSION"},
		},
		{
			ec2v1.ConditionTypeValidationSucceeded,
			func(c *ec2v1.EC2NodeClass) {
				c.Spec.PlacementGroupSelector = &ec2v1.PlacementGroupSelector{Name: new("pg")}
			},
			[]string{"not supported", "spec.placementGroupSelector"},
		},
	} {
		t.Run(test.want[0], func(t *testing.T) {
			spoilt := cloudtest.NodeClass()
			test.spoil(spoilt)
			cluster := clustertest.New(t, cloudtest.World{}, spoilt)
			if _, err := reconcileClass(t, cluster); err != nil {
				t.Fatal(err)
			}
			class := clustertest.Get(cluster, &ec2v1.EC2NodeClass{}, "default")
			condition := class.StatusConditions().Get(test.condition)
			if !condition.IsFalse() || class.StatusConditions().Root().IsTrue() {
				t.Fatalf("%s is %s, want False", test.condition, condition.Status)
			}
			said := <-cluster.Said
			for _, part := range test.want {
				if !strings.Contains(condition.Message, part) || !strings.Contains(said, part) {
					t.Errorf("condition %q or event %q does not contain %q", condition.Message, said, part)
				}
			}
		})
	}
}

func TestMomentaryTroubleChangesNothing(t *testing.T) {
	trouble := error(nil)
	cluster := clustertest.New(t, cloudtest.World{Before: func(string) error { return trouble }}, cloudtest.NodeClass())
	if _, err := reconcileClass(t, cluster); err != nil {
		t.Fatal(err)
	}
	trouble = errors.New("RequestLimitExceeded")
	if _, err := reconcileClass(t, cluster); !errors.Is(err, trouble) {
		t.Errorf("error is %v, want it to be tried again because of %v", err, trouble)
	}
	class := clustertest.Get(cluster, &ec2v1.EC2NodeClass{}, "default")
	if !class.StatusConditions().Root().IsTrue() {
		t.Errorf("the class is not Ready any more: %s", class.StatusConditions().Root().Message)
	}
}

func TestClassStaysWhileClaimsNeedIt(t *testing.T) {
	claim := &karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{Name: "default-1"}}
	claim.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
	cluster := clustertest.New(t, cloudtest.World{}, cloudtest.NodeClass(), claim)
	reconcileTwice := func() {
		if _, err := reconcileClass(t, cluster); err != nil {
			t.Fatal(err)
		}
	}
	reconcileTwice()
	cluster.Delete(clustertest.Get(cluster, &ec2v1.EC2NodeClass{}, "default"))
	reconcileTwice()
	if !cluster.Exists(&ec2v1.EC2NodeClass{}, "default") || !cluster.Cloud.HasInstanceProfile("default") {
		t.Fatal("the class went although a claim needs it")
	}
	cluster.Delete(claim)
	reconcileTwice()
	if cluster.Exists(&ec2v1.EC2NodeClass{}, "default") || cluster.Cloud.HasInstanceProfile("default") {
		t.Error("the class or its instance profile is still there")
	}
}
