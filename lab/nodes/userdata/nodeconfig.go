package userdata

import (
	"fmt"
	"maps"
	"strings"

	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"
)

const nodeConfigVersion = "node.eks.aws/v1alpha1"

// nodeConfig is the part of nodeadm's NodeConfig that shows in a Node.
type nodeConfig struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Cluster struct {
			Name                 string `json:"name"`
			APIServerEndpoint    string `json:"apiServerEndpoint"`
			CertificateAuthority []byte `json:"certificateAuthority"`
			CIDR                 string `json:"cidr"`
		} `json:"cluster"`
		Kubelet struct {
			Config *kubeletv1beta1.KubeletConfiguration `json:"config"`
			Flags  []string                             `json:"flags"`
		} `json:"kubelet"`
		FeatureGates map[string]bool `json:"featureGates"`
	} `json:"spec"`
}

// parseNodeConfigs merges the documents in order, the later one winning, as
// nodeadm does.
func parseNodeConfigs(documents [][]byte) (Config, error) {
	var merged Config
	var cidr string
	for i, document := range documents {
		var doc nodeConfig
		if err := yaml.Unmarshal(document, &doc); err != nil {
			return Config{}, fmt.Errorf("NodeConfig %d in user data: %w", i+1, err)
		}
		if doc.APIVersion != nodeConfigVersion || doc.Kind != "NodeConfig" {
			return Config{}, fmt.Errorf("NodeConfig %d in user data: apiVersion %q kind %q, want %s NodeConfig", i+1, doc.APIVersion, doc.Kind, nodeConfigVersion)
		}
		if doc.Spec.Cluster.CIDR != "" {
			cidr = doc.Spec.Cluster.CIDR
		}
		if err := merged.apply(doc); err != nil {
			return Config{}, fmt.Errorf("NodeConfig %d in user data: %w", i+1, err)
		}
	}
	return merged, requireCluster(merged, cidr)
}

func requireCluster(c Config, cidr string) error {
	missing := func(field string) error {
		return fmt.Errorf("NodeConfig in user data: spec.cluster.%s is missing", field)
	}
	switch {
	case c.ClusterName == "":
		return missing("name")
	case c.Endpoint == "":
		return missing("apiServerEndpoint")
	case len(c.CA) == 0:
		return missing("certificateAuthority")
	case cidr == "":
		return missing("cidr")
	}
	return nil
}

func (c *Config) apply(doc nodeConfig) error {
	spec := doc.Spec
	if spec.Cluster.Name != "" {
		c.ClusterName = spec.Cluster.Name
	}
	if spec.Cluster.APIServerEndpoint != "" {
		c.Endpoint = spec.Cluster.APIServerEndpoint
	}
	if len(spec.Cluster.CertificateAuthority) > 0 {
		c.CA = spec.Cluster.CertificateAuthority
	}
	if on, set := spec.FeatureGates["InstanceIdNodeName"]; set {
		c.NameIsInstanceID = on
	}
	if kubelet := spec.Kubelet.Config; kubelet != nil {
		c.applyKubelet(kubelet)
	}
	// A flag wins over the configuration file, as in the kubelet.
	return c.applyFlags(spec.Kubelet.Flags)
}

func (c *Config) applyKubelet(k *kubeletv1beta1.KubeletConfiguration) {
	if k.MaxPods != 0 {
		c.MaxPods = int64(k.MaxPods)
	}
	if k.RegisterWithTaints != nil {
		c.Taints = k.RegisterWithTaints
	}
	overlay(&c.KubeReserved, k.KubeReserved)
	overlay(&c.SystemReserved, k.SystemReserved)
	overlay(&c.EvictionHard, k.EvictionHard)
}

func overlay(base *map[string]string, over map[string]string) {
	if len(over) == 0 {
		return
	}
	merged := maps.Clone(*base)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, over)
	*base = merged
}

// unquote removes the quotes that systemd removes from an argument such as
// --node-labels="a=b,c=d".
func unquote(argument string) string {
	name, value, found := strings.Cut(argument, "=")
	if !found || len(value) < 2 {
		return argument
	}
	quote := value[0]
	if (quote == '"' || quote == '\'') && value[len(value)-1] == quote {
		return name + "=" + value[1:len(value)-1]
	}
	return argument
}
