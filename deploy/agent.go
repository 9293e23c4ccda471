package deploy

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// AgentNamespace is where the agents run unless told otherwise.
const AgentNamespace = "kube-system"

//go:embed agent/*.yaml
var agentManifests embed.FS

// AgentParameters are what differs between installations of the agent. The zero
// value works.
type AgentParameters struct {
	Image     string // empty means DefaultImage
	Namespace string // empty means AgentNamespace
	// NodeSelector is added to kubernetes.io/os=linux.
	NodeSelector map[string]string
	// Env is added to the agent's environment and wins over the rest.
	Env map[string]string
}

// forceVariable is the setting for which the agent must be able to delete pods.
const forceVariable = "INTERRUPTION_FORCE"

// AgentObjects returns everything that the agent needs, in the order in which it
// has to be applied.
func AgentObjects(p AgentParameters) ([]*unstructured.Unstructured, error) {
	return filled(agentManifests, "agent/*.yaml", p.fill)
}

// AgentYAML returns the objects as one stream for `kubectl apply -f -`.
func AgentYAML(p AgentParameters) ([]byte, error) {
	objects, err := AgentObjects(p)
	if err != nil {
		return nil, err
	}
	return stream(objects)
}

func (p AgentParameters) fill(object *unstructured.Unstructured) error {
	namespace := p.Namespace
	if namespace == "" {
		namespace = AgentNamespace
	}
	if object.GetNamespace() != "" {
		object.SetNamespace(namespace)
	}
	labels := map[string]string{"app.kubernetes.io/name": "drover-agent"}
	maps.Copy(labels, object.GetLabels())
	object.SetLabels(labels)
	switch object.GetKind() {
	case "ClusterRole":
		return p.fillRole(object)
	case "ClusterRoleBinding":
		return unstructured.SetNestedSlice(object.Object, []any{
			map[string]any{"kind": "ServiceAccount", "name": "drover-agent", "namespace": namespace},
		}, "subjects")
	case "DaemonSet":
		return p.fillDaemonSet(object)
	}
	return nil
}

// fillRole adds the right to delete pods where that is asked for.
func (p AgentParameters) fillRole(object *unstructured.Unstructured) error {
	if p.Env[forceVariable] != "delete" {
		return nil
	}
	rules, _, err := unstructured.NestedSlice(object.Object, "rules")
	if err != nil {
		return err
	}
	rules = append(rules, map[string]any{"apiGroups": []any{""}, "resources": []any{"pods"}, "verbs": []any{"delete"}})
	return unstructured.SetNestedSlice(object.Object, rules, "rules")
}

func (p AgentParameters) fillDaemonSet(object *unstructured.Unstructured) error {
	pod := []string{"spec", "template", "spec"}
	selector, _, err := unstructured.NestedStringMap(object.Object, append(slices.Clone(pod), "nodeSelector")...)
	if err != nil {
		return err
	}
	maps.Copy(selector, p.NodeSelector)
	if err := unstructured.SetNestedStringMap(object.Object, selector, append(slices.Clone(pod), "nodeSelector")...); err != nil {
		return err
	}
	containers, _, err := unstructured.NestedSlice(object.Object, append(slices.Clone(pod), "containers")...)
	if err != nil {
		return err
	}
	container := containers[0].(map[string]any)
	container["image"] = DefaultImage
	if p.Image != "" {
		container["image"] = p.Image
	}
	env, _ := container["env"].([]any)
	container["env"] = withVariables(env, p.Env)
	if err := p.fillProbe(container); err != nil {
		return err
	}
	return unstructured.SetNestedSlice(object.Object, containers, append(slices.Clone(pod), "containers")...)
}

// fillProbe has the kubelet ask where the agent answers, if it does.
func (p AgentParameters) fillProbe(container map[string]any) error {
	if p.Env["ENABLE_PROBES_SERVER"] == "false" {
		delete(container, "livenessProbe")
		return nil
	}
	probe := []string{"livenessProbe", "httpGet"}
	if path := p.Env["PROBES_SERVER_ENDPOINT"]; path != "" {
		if err := unstructured.SetNestedField(container, path, append(slices.Clone(probe), "path")...); err != nil {
			return err
		}
	}
	text := p.Env["PROBES_SERVER_PORT"]
	if text == "" {
		return nil
	}
	port, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return fmt.Errorf("PROBES_SERVER_PORT=%q is not a port", text)
	}
	return unstructured.SetNestedField(container, port, append(slices.Clone(probe), "port")...)
}
