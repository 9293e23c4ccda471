package deploy_test

import (
	"maps"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/drover-project/drover/deploy"
)

// agentParts are the objects that differ between installations.
func agentParts(t *testing.T, p deploy.AgentParameters) (appsv1.DaemonSet, rbacv1.ClusterRole, rbacv1.ClusterRoleBinding) {
	t.Helper()
	objects, err := deploy.AgentObjects(p)
	if err != nil {
		t.Fatal(err)
	}
	var daemons appsv1.DaemonSet
	var role rbacv1.ClusterRole
	var binding rbacv1.ClusterRoleBinding
	for kind, into := range map[string]any{"DaemonSet": &daemons, "ClusterRole": &role, "ClusterRoleBinding": &binding} {
		for _, object := range objects {
			if object.GetKind() != kind {
				continue
			}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
		}
	}
	return daemons, role, binding
}

func TestTheAgentAsItIs(t *testing.T) {
	daemons, role, binding := agentParts(t, deploy.AgentParameters{})
	spec := daemons.Spec.Template.Spec
	if daemons.Namespace != "kube-system" || binding.Subjects[0].Namespace != "kube-system" || spec.Containers[0].Image != deploy.DefaultImage {
		t.Errorf("in %s for %s, image %s", daemons.Namespace, binding.Subjects[0].Namespace, spec.Containers[0].Image)
	}
	if !maps.Equal(spec.NodeSelector, map[string]string{"kubernetes.io/os": "linux"}) || !spec.HostNetwork || spec.Tolerations[0].Operator != "Exists" {
		t.Errorf("node selector %v, host network %t, tolerations %v", spec.NodeSelector, spec.HostNetwork, spec.Tolerations)
	}
	for name, value := range daemons.Spec.Selector.MatchLabels {
		if daemons.Spec.Template.Labels[name] != value {
			t.Errorf("the selector's %s=%s is not a label of the pods", name, value)
		}
	}
	if mayDelete(role) {
		t.Error("the agent may delete pods")
	}
	for _, rule := range role.Rules {
		if slices.Contains(rule.Verbs, "*") || slices.Contains(rule.Resources, "*") || slices.Contains(rule.Verbs, "watch") {
			t.Errorf("a wide right: %v", rule)
		}
	}
}

func mayDelete(role rbacv1.ClusterRole) bool {
	return slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Resources, "pods") && slices.Contains(r.Verbs, "delete")
	})
}

func TestParametersReachTheAgent(t *testing.T) {
	daemons, role, binding := agentParts(t, deploy.AgentParameters{
		Image: "drover:1", Namespace: "nodes", NodeSelector: map[string]string{"lifecycle": "Ec2Spot"},
		Env: map[string]string{"INTERRUPTION_FORCE": "delete", "PROBES_SERVER_PORT": "8100"},
	})
	spec := daemons.Spec.Template.Spec
	if !maps.Equal(spec.NodeSelector, map[string]string{"kubernetes.io/os": "linux", "lifecycle": "Ec2Spot"}) || spec.Containers[0].Image != "drover:1" {
		t.Errorf("node selector %v, image %s", spec.NodeSelector, spec.Containers[0].Image)
	}
	env := environment(spec.Containers[0])
	if env["INTERRUPTION_FORCE"] != "delete" || env["PROBES_SERVER_PORT"] != "8100" || len(env) != 4 {
		t.Errorf("environment %v", env)
	}
	if probe := spec.Containers[0].LivenessProbe; probe.HTTPGet.Port.IntValue() != 8100 || probe.HTTPGet.Path != "/healthz" {
		t.Errorf("the kubelet asks %v", probe.HTTPGet)
	}
	if daemons.Namespace != "nodes" || binding.Subjects[0].Namespace != "nodes" || !mayDelete(role) {
		t.Errorf("in %s for %s, rights %v", daemons.Namespace, binding.Subjects[0].Namespace, role.Rules)
	}
}

func TestAnAgentWithoutProbes(t *testing.T) {
	daemons, _, _ := agentParts(t, deploy.AgentParameters{Env: map[string]string{"ENABLE_PROBES_SERVER": "false"}})
	if probe := daemons.Spec.Template.Spec.Containers[0].LivenessProbe; probe != nil {
		t.Errorf("the kubelet asks %v", probe)
	}
	if _, err := deploy.AgentObjects(deploy.AgentParameters{Env: map[string]string{"PROBES_SERVER_PORT": "http"}}); err == nil {
		t.Error("a port that is none is taken")
	}
}
