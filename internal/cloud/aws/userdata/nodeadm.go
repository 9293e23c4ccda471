package userdata

import (
	"errors"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/model"
)

// nodeConfig is the part used here of NodeConfig in node.eks.aws/v1alpha1, see
// https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/.
type nodeConfig struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Spec       nodeConfigSpec `json:"spec"`
}

type nodeConfigSpec struct {
	Cluster  clusterDetails   `json:"cluster"`
	Instance *instanceOptions `json:"instance,omitempty"`
	Kubelet  kubeletOptions   `json:"kubelet"`
}

type clusterDetails struct {
	Name                 string `json:"name"`
	APIServerEndpoint    string `json:"apiServerEndpoint"`
	CertificateAuthority string `json:"certificateAuthority"`
	CIDR                 string `json:"cidr"`
}

type instanceOptions struct {
	LocalStorage struct {
		Strategy string `json:"strategy"`
	} `json:"localStorage"`
}

type kubeletOptions struct {
	Config map[string]any `json:"config,omitempty"`
	Flags  []string       `json:"flags,omitempty"`
}

// renderNodeadm writes a MIME archive whose last part is the NodeConfig: nodeadm
// merges the parts in order, so what identifies the cluster cannot be lost.
func renderNodeadm(node Node) (string, error) {
	config, err := nodeadmConfig(node)
	if err != nil {
		return "", err
	}
	parts, err := customParts(node.Custom)
	if err != nil {
		return "", err
	}
	return writeMIME(append(parts, part{contentType: typeNodeConfig, content: config}))
}

func nodeadmConfig(node Node) (string, error) {
	if node.Cluster.ServiceCIDR == "" {
		return "", errors.New("the cluster's service CIDR is unknown; AL2023 nodes need it")
	}
	config := nodeConfig{APIVersion: "node.eks.aws/v1alpha1", Kind: "NodeConfig"}
	config.Spec.Cluster = clusterDetails{
		Name:                 node.Cluster.Name,
		APIServerEndpoint:    node.Cluster.Endpoint,
		CertificateAuthority: node.Cluster.CertificateAuthority,
		CIDR:                 node.Cluster.ServiceCIDR,
	}
	if node.LocalStorageRAID0 {
		config.Spec.Instance = &instanceOptions{}
		config.Spec.Instance.LocalStorage.Strategy = "RAID0"
	}
	fields, err := kubeletFields(node.Kubelet)
	if err != nil {
		return "", err
	}
	if len(node.Taints) > 0 {
		fields["registerWithTaints"] = taintFields(node.Taints)
	}
	config.Spec.Kubelet.Config = fields
	if len(node.Labels) > 0 {
		config.Spec.Kubelet.Flags = []string{labelFlag(node.Labels)}
	}
	text, err := yaml.Marshal(config)
	return string(text), err
}

func taintFields(taints []model.Taint) []map[string]string {
	fields := make([]map[string]string, 0, len(taints))
	for _, taint := range taints {
		field := map[string]string{"key": taint.Key, "effect": string(taint.Effect)}
		if taint.Value != "" {
			field["value"] = taint.Value
		}
		fields = append(fields, field)
	}
	return fields
}

// customParts splits spec.userData into MIME parts: an archive into its own,
// a NodeConfig or a script into one.
func customParts(custom string) ([]part, error) {
	trimmed := strings.TrimSpace(custom)
	switch {
	case trimmed == "":
		return nil, nil
	case strings.HasPrefix(trimmed, "MIME-Version:"), strings.HasPrefix(trimmed, "Content-Type:"):
		return readMIME(trimmed)
	case yaml.Unmarshal([]byte(trimmed), &map[string]any{}) == nil:
		return []part{{contentType: typeNodeConfig, content: custom}}, nil
	}
	return []part{{contentType: typeShellScript, content: custom}}, nil
}
