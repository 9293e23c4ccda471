package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubetesting "k8s.io/client-go/testing"

	"github.com/drover-project/drover/internal/eks"
)

// withBlockedPod adds a pod whose budget allows no disruption, until refusals
// evictions were refused; -1 is for ever.
func withBlockedPod(t *testing.T, c *cloud, node string, refusals int) {
	t.Helper()
	labels := map[string]string{"app": "web"}
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}},
		Status:     policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 1, DesiredHealthy: 1},
	}
	if err := c.kube.Tracker().Add(budget); err != nil {
		t.Fatal(err)
	}
	if err := c.kube.Tracker().Add(pod("web-1", node, labels)); err != nil {
		t.Fatal(err)
	}
	daemon := pod("agent", node, nil)
	yes := true
	daemon.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: "agent", Controller: &yes}}
	if err := c.kube.Tracker().Add(daemon); err != nil {
		t.Fatal(err)
	}
	c.kube.PrependReactor("create", "pods", func(action kubetesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "eviction" {
			return false, nil, nil
		}
		eviction := action.(kubetesting.CreateAction).GetObject().(*policyv1.Eviction)
		if refusals != 0 {
			refusals--
			return true, nil, apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10)
		}
		return true, nil, c.kube.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), "shop", eviction.Name)
	})
}

const held = "PodDisruptionBudget shop/web allows no disruption: 1 of the 1 pods it needs are healthy"

func TestADrainWaitsForBudgetsAndNamesThem(t *testing.T) {
	c := newCloud()
	c.must(t, spotFile, "create", "nodegroup", "-f", "-")
	withBlockedPod(t, c, "ip-192-168-0-1", 2)
	_, log := c.must(t, spotFile, "drain", "nodegroup", "-f", "-")
	says(t, log, "(plan) would drain 2 node(s)", `pod shop/web-1 on node "ip-192-168-0-1" would hold that up: `+held)
	_, log = c.must(t, "", "drain", "nodegroup", "--cluster", "blue", "managed-ng-1")
	says(t, log, `pod shop/web-1 cannot be evicted from node "ip-192-168-0-1" yet: `+held, `drained node "ip-192-168-0-1"`)
	if strings.Count(log, "cannot be evicted") != 1 {
		t.Errorf("the same reason is told more than once:\n%s", log)
	}
	node, err := c.kube.CoreV1().Nodes().Get(t.Context(), "ip-192-168-0-2", metav1.GetOptions{})
	if err != nil || !node.Spec.Unschedulable {
		t.Errorf("%v: %v", node, err)
	}
	_, log = c.must(t, "", "drain", "nodegroup", "--cluster", "blue", "managed-ng-1", "--undo")
	says(t, log, `uncordon node "ip-192-168-0-2"`)
}

func TestADrainThatDoesNotEndSaysWhatIsLeft(t *testing.T) {
	c := newCloud()
	c.must(t, spotFile, "create", "nodegroup", "-f", "-")
	withBlockedPod(t, c, "ip-192-168-0-1", -1)
	_, log, code := c.run(t, "", "delete", "nodegroup", "--cluster", "blue", "managed-ng-1")
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	says(t, log, `draining node "ip-192-168-0-1": pod shop/web-1 is left: `+held)
	if calls := strings.Join(c.Calls(), " "); strings.Contains(calls, "DeleteStack") {
		t.Error("the group is deleted although its nodes are not empty")
	}
	c.waited = 0
	c.must(t, "", "delete", "nodegroup", "--cluster", "blue", "managed-ng-1", "--disable-eviction")
}

func TestAnUpgradeNamesWhatHoldsItUpBeforeAndDuring(t *testing.T) {
	c := newCloud()
	c.must(t, spotFile, "create", "nodegroup", "-f", "-")
	withBlockedPod(t, c, "ip-192-168-0-1", -1)
	c.UpdateSteps = 3
	c.UpdateError = &eks.Issue{Code: "PodEvictionFailure", Message: "Reached max retries while trying to evict pods from nodes in node group managed-ng-1"}
	node, err := c.kube.CoreV1().Nodes().Get(t.Context(), "ip-192-168-0-1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node.Spec.Unschedulable = true
	if _, err := c.kube.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, log, code := c.run(t, "", "upgrade", "nodegroup", "--cluster", "blue", "--name", "managed-ng-1")
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	says(t, log, `pod shop/web-1 on node "ip-192-168-0-1" will hold the update up: `+held, "EKS waits 15 minutes",
		`pod shop/web-1 holds the update up on node "ip-192-168-0-1": `+held, "ended as Failed: PodEvictionFailure")
	c.UpdateError, c.waited = nil, 0
	_, log = c.must(t, "", "upgrade", "nodegroup", "--cluster", "blue", "managed-ng-1", "--force-upgrade", "--kubernetes-version", "1.34")
	says(t, log, `nodegroup "managed-ng-1" successfully upgraded`)
	if calls := strings.Join(c.Calls(), "\n"); !strings.Contains(calls, "UpgradeNodegroup managed-ng-1 version=1.34 release= force=true") {
		t.Errorf("calls:\n%s", calls)
	}
	_, log, _ = c.run(t, "", "upgrade", "nodegroup", "--cluster", "blue", "managed-ng-1", "--kubernetes-version", "1.35")
	says(t, log, "nodes cannot be of Kubernetes 1.35")
}

func TestServiceAccountsGetRoles(t *testing.T) {
	c := newCloud()
	create := []string{
		"create", "iamserviceaccount", "--cluster", "blue", "--namespace", "kube-system", "--name", "cluster-autoscaler",
		"--attach-policy-arn", "arn:aws:iam::111122223333:policy/k8s-asg-policy", "--override-existing-serviceaccounts",
	}
	_, log, code := c.run(t, "", append(create, "--approve")...)
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	says(t, log, "has no IAM OIDC provider; make it with `drover utils associate-iam-oidc-provider --cluster blue --approve`")

	_, log = c.must(t, "", "utils", "associate-iam-oidc-provider", "--cluster", "blue")
	says(t, log, "(plan) would create IAM Open ID Connect provider")
	_, log = c.must(t, "", "utils", "associate-iam-oidc-provider", "--cluster", "blue", "--approve")
	says(t, log, `[✔]  created IAM Open ID Connect provider for cluster "blue" in "eu-west-1"`)
	_, log = c.must(t, "", "utils", "associate-iam-oidc-provider", "--cluster", "blue", "--approve")
	says(t, log, "is already associated")

	_, log = c.must(t, "", create...)
	says(t, log, "(plan) would create IAM role", "run again with '--approve'")
	_, log = c.must(t, "", append(create, "--approve")...)
	says(t, log, `building iamserviceaccount stack "eksctl-blue-addon-iamserviceaccount-kube-system-cluster-autoscaler"`,
		`created serviceaccount "kube-system/cluster-autoscaler"`)
	account, err := c.kube.CoreV1().ServiceAccounts("kube-system").Get(t.Context(), "cluster-autoscaler", metav1.GetOptions{})
	if err != nil || !strings.HasPrefix(account.Annotations["eks.amazonaws.com/role-arn"], "arn:aws:iam::") {
		t.Errorf("%v, %v", account, err)
	}
	_, log = c.must(t, "", append(create, "--approve")...)
	says(t, log, "1 existing iamserviceaccount(s) (kube-system/cluster-autoscaler) will be excluded")
	out, _ := c.must(t, "", "get", "iamserviceaccount", "--cluster", "blue")
	says(t, out, "NAMESPACE", "ROLE ARN", "kube-system", "cluster-autoscaler")
	c.must(t, "", "delete", "iamserviceaccount", "--cluster", "blue", "--namespace", "kube-system", "cluster-autoscaler", "--wait")
	out, _ = c.must(t, "", "get", "iamserviceaccount", "--cluster", "blue")
	says(t, out, "No iamserviceaccounts found")
}

func TestAddonsFromAFile(t *testing.T) {
	const file = `
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: blue, region: eu-west-1}
addons:
  - name: coredns
    version: latest
  - name: vpc-cni
    version: latest
    attachPolicyARNs: [arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy]
    configurationValues: |-
      env: {ENABLE_PREFIX_DELEGATION: "true"}
  - name: aws-ebs-csi-driver
    version: 1.2.0
    wellKnownPolicies: {ebsCSIController: true}
`
	c := newCloud()
	c.must(t, "", "utils", "associate-iam-oidc-provider", "--cluster", "blue", "--approve")
	identity := "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: blue}\naddons: [{name: efs, podIdentityAssociations: " +
		"[{namespace: kube-system, serviceAccountName: sa, permissionPolicyARNs: ['arn:aws:iam::aws:policy/p']}]}]"
	c.must(t, identity, "create", "addon", "-f", "-")
	says(t, strings.Join(c.Calls(), "\n"), "identities=[{sa arn:aws:iam::111122223333:role/eksctl-blue-addon-efs-podidentityrole-sa-Role1}]")
	c.must(t, identity, "delete", "addon", "-f", "-", "--wait")
	_, log := c.must(t, file, "create", "addon", "-f", "-", "--wait")
	says(t, log, `creating role using provided policies for addon "vpc-cni"`, "creating addon: vpc-cni", `addon "coredns" active`)
	says(t, strings.Join(c.Calls(), "\n"), "CreateAddon vpc-cni v1.3.0-eksbuild.1 role=arn:aws:iam::111122223333:role/eksctl-blue-addon-vpc-cni-Role1 conflicts=OVERWRITE",
		"CreateAddon aws-ebs-csi-driver v1.2.0-eksbuild.2")
	_, log = newCloud().must(t, file, "create", "addon", "-f", "-")
	says(t, log, `addon "vpc-cni" gets no role of its own: cluster "blue" has no IAM OIDC provider`)
	_, log = c.must(t, file, "create", "addon", "-f", "-")
	says(t, log, "Addon coredns is already present in this cluster")
	out, _ := c.must(t, "", "get", "addon", "--cluster", "blue")
	says(t, out, "UPDATE AVAILABLE", "aws-ebs-csi-driver\tv1.2.0-eksbuild.2\tACTIVE\t0")
	_, log, _ = c.run(t, "", "create", "addon", "--cluster", "blue", "nothing")
	says(t, log, "is the name right?")
	_, log = c.must(t, "", "delete", "addon", "--cluster", "blue", "vpc-cni", "--wait")
	says(t, log, "deleted addon: vpc-cni")
	if _, err := c.DescribeStack(t.Context(), "eksctl-blue-addon-vpc-cni"); err == nil {
		t.Error("the role's stack is left")
	}
}
