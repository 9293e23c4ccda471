// Package deploy holds the Kubernetes objects that drover needs in a cluster:
// Karpenter's CRDs, taken from Karpenter's own Go packages, and drover's
// namespace, rights and Deployment.
package deploy

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	awsapis "github.com/aws/karpenter-provider-aws/pkg/apis"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Namespace is where drover runs.
const Namespace = "karpenter"

// DefaultImage is the container image of a release.
const DefaultImage = "ghcr.io/drover-project/drover:latest"

//go:embed manifests/*.yaml
var manifests embed.FS

// Parameters are what differs from cluster to cluster.
type Parameters struct {
	// Image of the controller; empty means DefaultImage.
	Image string
	// ClusterName is the EKS cluster's name. Required.
	ClusterName string
	// ClusterEndpoint is the URL of the API server that new nodes join; empty
	// means that drover asks EKS.
	ClusterEndpoint string
	// Region is the AWS region; empty leaves it to the SDK's default chain.
	Region string
	// RoleARN is the IAM role of the service account (IRSA); empty when the
	// credentials come another way, such as EKS Pod Identity.
	RoleARN string
	// Replicas of the controller; 0 means 2, one of which leads.
	Replicas int32
	// MetricsPort and HealthPort are where the controller listens; 0 means 8080
	// and 8081. Others are for hosts whose ports pods share.
	MetricsPort, HealthPort int32
	// Env is added to the controller's environment and wins over the rest.
	Env map[string]string
}

// Objects returns everything in the order in which it has to be applied.
func Objects(parameters Parameters) ([]*unstructured.Unstructured, error) {
	if parameters.ClusterName == "" {
		return nil, errors.New("the cluster name is empty: give the name of the EKS cluster, as in `aws eks list-clusters`")
	}
	objects, err := CRDs()
	if err != nil {
		return nil, err
	}
	own, err := filled(manifests, "manifests/*.yaml", parameters.fill)
	return append(objects, own...), err
}

// filled reads the files of a pattern, in order, and completes their objects.
func filled(files embed.FS, pattern string, fill func(*unstructured.Unstructured) error) ([]*unstructured.Unstructured, error) {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return nil, fmt.Errorf("listing the embedded manifests: %w", err)
	}
	var objects []*unstructured.Unstructured
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		decoded, err := decode(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		objects = append(objects, decoded...)
	}
	for _, object := range objects {
		if err := fill(object); err != nil {
			return nil, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return objects, nil
}

// CRDs returns Karpenter's custom resource definitions that drover serves.
func CRDs() ([]*unstructured.Unstructured, error) {
	var crds []*unstructured.Unstructured
	for _, content := range [][]byte{awsapis.NodePoolCRD, awsapis.NodeClaimCRD, awsapis.EC2NodeClassCRD} {
		decoded, err := decode(content)
		if err != nil {
			return nil, fmt.Errorf("decoding Karpenter's CRDs: %w", err)
		}
		crds = append(crds, decoded...)
	}
	return crds, nil
}

// YAML returns the objects as one stream for `kubectl apply --server-side -f -`.
func YAML(parameters Parameters) ([]byte, error) {
	objects, err := Objects(parameters)
	if err != nil {
		return nil, err
	}
	return stream(objects)
}

// stream is objects as one YAML stream.
func stream(objects []*unstructured.Unstructured) ([]byte, error) {
	var stream bytes.Buffer
	for _, object := range objects {
		document, err := yaml.Marshal(object.Object)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		stream.WriteString("---\n")
		stream.Write(document)
	}
	return stream.Bytes(), nil
}

func decode(content []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decoding YAML: %w", err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// fill writes the parameters into the object they belong to.
func (p Parameters) fill(object *unstructured.Unstructured) error {
	labels := map[string]string{
		"app.kubernetes.io/name":     "drover",
		"app.kubernetes.io/instance": "karpenter",
	}
	maps.Copy(labels, object.GetLabels())
	object.SetLabels(labels)
	switch object.GetKind() {
	case "ServiceAccount":
		if p.RoleARN != "" {
			object.SetAnnotations(map[string]string{"eks.amazonaws.com/role-arn": p.RoleARN})
		}
	case "Deployment":
		return p.fillDeployment(object)
	}
	return nil
}

func (p Parameters) fillDeployment(object *unstructured.Unstructured) error {
	if p.Replicas > 0 {
		if err := unstructured.SetNestedField(object.Object, int64(p.Replicas), "spec", "replicas"); err != nil {
			return err
		}
	}
	containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return err
	}
	container := containers[0].(map[string]any)
	container["image"] = DefaultImage
	if p.Image != "" {
		container["image"] = p.Image
	}
	env, _ := container["env"].([]any)
	container["env"] = p.environment(env)
	ports, _ := container["ports"].([]any)
	for i, port := range []int32{p.MetricsPort, p.HealthPort} {
		if port != 0 {
			ports[i].(map[string]any)["containerPort"] = int64(port)
		}
	}
	return unstructured.SetNestedSlice(object.Object, containers, "spec", "template", "spec", "containers")
}

// environment merges the parameters into the manifest's variables.
func (p Parameters) environment(env []any) []any {
	values := map[string]string{"CLUSTER_NAME": p.ClusterName}
	if p.ClusterEndpoint != "" {
		values["CLUSTER_ENDPOINT"] = p.ClusterEndpoint
	}
	if p.Region != "" {
		values["AWS_REGION"] = p.Region
	}
	if p.MetricsPort != 0 {
		values["METRICS_PORT"] = fmt.Sprint(p.MetricsPort)
	}
	if p.HealthPort != 0 {
		values["HEALTH_PROBE_PORT"] = fmt.Sprint(p.HealthPort)
	}
	maps.Copy(values, p.Env)
	return withVariables(env, values)
}

// withVariables sets variables of a container, in order of their names.
func withVariables(env []any, values map[string]string) []any {
	env = slices.DeleteFunc(env, func(variable any) bool {
		name, _ := variable.(map[string]any)["name"].(string)
		_, replaced := values[name]
		return replaced
	})
	for _, name := range slices.Sorted(maps.Keys(values)) {
		env = append(env, map[string]any{"name": name, "value": values[name]})
	}
	return env
}
