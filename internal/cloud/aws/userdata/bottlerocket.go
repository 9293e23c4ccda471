package userdata

import (
	"bytes"
	"fmt"
	"strconv"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	"github.com/pelletier/go-toml/v2"
)

// renderBottlerocket writes settings.kubernetes over what spec.userData sets,
// see https://bottlerocket.dev/en/os/latest/api/settings/kubernetes/.
func renderBottlerocket(node Node) (string, error) {
	document := map[string]any{}
	if err := toml.Unmarshal([]byte(node.Custom), &document); err != nil {
		return "", fmt.Errorf("spec.userData must be TOML for Bottlerocket: %w", err)
	}
	settings, err := table(document, "settings")
	if err != nil {
		return "", err
	}
	kubernetes, err := table(settings, "kubernetes")
	if err != nil {
		return "", err
	}
	kubernetes["cluster-name"] = node.Cluster.Name
	kubernetes["api-server"] = node.Cluster.Endpoint
	kubernetes["cluster-certificate"] = node.Cluster.CertificateAuthority
	labels, err := table(kubernetes, "node-labels")
	if err != nil {
		return "", err
	}
	for key, value := range node.Labels {
		labels[key] = value
	}
	kubernetes["node-taints"] = bottlerocketTaints(node)
	if node.Kubelet != nil {
		bottlerocketKubelet(kubernetes, node.Kubelet)
	}
	if node.LocalStorageRAID0 {
		if err := bottlerocketLocalStorage(settings); err != nil {
			return "", err
		}
	}
	var text bytes.Buffer
	encoder := toml.NewEncoder(&text)
	if err := encoder.Encode(document); err != nil {
		return "", fmt.Errorf("writing Bottlerocket settings: %w", err)
	}
	return text.String(), nil
}

// table returns the table under key, made if it is missing.
func table(parent map[string]any, key string) (map[string]any, error) {
	existing, ok := parent[key]
	if !ok {
		made := map[string]any{}
		parent[key] = made
		return made, nil
	}
	found, ok := existing.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("spec.userData: %q must be a TOML table, it is %T", key, existing)
	}
	return found, nil
}

func bottlerocketTaints(node Node) map[string][]string {
	taints := map[string][]string{}
	for _, taint := range node.Taints {
		taints[taint.Key] = append(taints[taint.Key], fmt.Sprintf("%s:%s", taint.Value, taint.Effect))
	}
	return taints
}

func bottlerocketKubelet(kubernetes map[string]any, kubelet *ec2v1.KubeletConfiguration) {
	set := func(key string, known bool, value any) {
		if known {
			kubernetes[key] = value
		}
	}
	set("max-pods", kubelet.MaxPods != nil, number(kubelet.MaxPods))
	if len(kubelet.ClusterDNS) > 0 {
		kubernetes["cluster-dns-ip"] = kubelet.ClusterDNS[0]
	}
	set("system-reserved", kubelet.SystemReserved != nil, kubelet.SystemReserved)
	set("kube-reserved", kubelet.KubeReserved != nil, kubelet.KubeReserved)
	set("eviction-hard", kubelet.EvictionHard != nil, kubelet.EvictionHard)
	set("eviction-soft", kubelet.EvictionSoft != nil, kubelet.EvictionSoft)
	set("eviction-soft-grace-period", kubelet.EvictionSoftGracePeriod != nil, durations(kubelet.EvictionSoftGracePeriod))
	set("eviction-max-pod-grace-period", kubelet.EvictionMaxPodGracePeriod != nil, number(kubelet.EvictionMaxPodGracePeriod))
	// Bottlerocket wants these two percentages as strings.
	set("image-gc-high-threshold-percent", kubelet.ImageGCHighThresholdPercent != nil,
		strconv.FormatInt(number(kubelet.ImageGCHighThresholdPercent), 10))
	set("image-gc-low-threshold-percent", kubelet.ImageGCLowThresholdPercent != nil,
		strconv.FormatInt(number(kubelet.ImageGCLowThresholdPercent), 10))
	if kubelet.CPUCFSQuota != nil {
		kubernetes["cpu-cfs-quota-enforced"] = *kubelet.CPUCFSQuota
	}
}

func number(value *int32) int64 {
	if value == nil {
		return 0
	}
	return int64(*value)
}

// bottlerocketLocalStorage has the instance store disks joined and mounted at
// each boot; the directories are spelled out because older releases have no
// default for them.
func bottlerocketLocalStorage(settings map[string]any) error {
	commands, err := table(settings, "bootstrap-commands")
	if err != nil {
		return err
	}
	commands["000-mount-instance-storage"] = map[string]any{
		"commands": [][]string{
			{"apiclient", "ephemeral-storage", "init"},
			{"apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"},
		},
		"essential": true,
		"mode":      "always",
	}
	return nil
}
