package userdata

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/BurntSushi/toml"
	"sigs.k8s.io/yaml"
)

type bottlerocketSettings struct {
	Settings struct {
		Kubernetes struct {
			ClusterName          string              `toml:"cluster-name"`
			APIServer            string              `toml:"api-server"`
			ClusterCertificate   string              `toml:"cluster-certificate"`
			NodeLabels           map[string]string   `toml:"node-labels"`
			NodeTaints           map[string][]string `toml:"node-taints"`
			MaxPods              int64               `toml:"max-pods"`
			KubeReserved         map[string]string   `toml:"kube-reserved"`
			SystemReserved       map[string]string   `toml:"system-reserved"`
			EvictionHard         map[string]string   `toml:"eviction-hard"`
			HostnameOverrideFrom string              `toml:"hostname-override-source"`
		} `toml:"kubernetes"`
	} `toml:"settings"`
}

func looksLikeBottlerocket(raw []byte) bool {
	return bytes.Contains(raw, []byte("[settings."))
}

func parseBottlerocket(raw []byte) (Config, error) {
	var doc bottlerocketSettings
	if _, err := toml.Decode(string(raw), &doc); err != nil {
		return Config{}, fmt.Errorf("user data of a Bottlerocket image is not TOML: %w", err)
	}
	settings := doc.Settings.Kubernetes
	ca, err := base64.StdEncoding.DecodeString(settings.ClusterCertificate)
	if err != nil {
		return Config{}, fmt.Errorf("user data: settings.kubernetes.cluster-certificate is not base64: %w", err)
	}
	config := Config{
		ClusterName:      settings.ClusterName,
		Endpoint:         settings.APIServer,
		CA:               ca,
		NameIsInstanceID: settings.HostnameOverrideFrom == "instance-id",
		Labels:           settings.NodeLabels,
		MaxPods:          settings.MaxPods,
		KubeReserved:     settings.KubeReserved,
		SystemReserved:   settings.SystemReserved,
		EvictionHard:     settings.EvictionHard,
	}
	for key, values := range settings.NodeTaints {
		for _, value := range values {
			if err := config.addTaints([]string{key + "=" + value}); err != nil {
				return Config{}, fmt.Errorf("user data: settings.kubernetes.node-taints: %w", err)
			}
		}
	}
	sortTaints(config.Taints)
	return config, config.validate()
}

// parseCloudConfigs reads the environment file that eksctl writes for its own
// bootstrap script on Amazon Linux 2.
func parseCloudConfigs(documents [][]byte) (config Config, found bool, err error) {
	for _, document := range documents {
		var cloud struct {
			WriteFiles []struct {
				Path    string `json:"path"`
				Content string `json:"content"`
			} `json:"write_files"`
		}
		if err := yaml.Unmarshal(document, &cloud); err != nil {
			return Config{}, false, fmt.Errorf("cloud-config in user data: %w", err)
		}
		for _, file := range cloud.WriteFiles {
			if file.Path == "/etc/eksctl/kubelet.env" {
				config, err := parseEksctlEnv(file.Content)
				return config, true, err
			}
		}
	}
	return Config{}, false, nil
}
