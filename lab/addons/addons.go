// Package addons puts into the cluster what every EKS cluster has: the VPC CNI
// and kube-proxy DaemonSets, CoreDNS, the gp2 storage class.
package addons

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"text/template"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// ClusterDNS is the address of the Service kube-dns: the tenth of the service
// range.
const ClusterDNS = "10.100.0.10"

//go:embed manifests/*.yaml
var manifests embed.FS

// Cluster is what the manifests depend on.
type Cluster struct {
	Region      string
	ClusterName string
}

// Objects returns EKS's own objects in the order in which they are applied.
func Objects(cluster Cluster) ([]*unstructured.Unstructured, error) {
	templates, err := template.New("").Option("missingkey=error").ParseFS(manifests, "manifests/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("parsing the add-ons: %w", err)
	}
	files, err := fs.Glob(manifests, "manifests/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing the add-ons: %w", err)
	}
	values := struct {
		Cluster
		ClusterDNS string
	}{cluster, ClusterDNS}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		var rendered bytes.Buffer
		if err := templates.ExecuteTemplate(&rendered, file[len("manifests/"):], values); err != nil {
			return nil, fmt.Errorf("rendering %s: %w", file, err)
		}
		decoded, err := decode(&rendered)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, decoded...)
	}
	return objects, nil
}

func decode(stream io.Reader) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(stream, 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decoding YAML: %w", err)
		}
		objects = append(objects, object)
	}
}
