package userdata

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// parseEksctlEnv reads NAME=value lines.
func parseEksctlEnv(text string) (Config, error) {
	values := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			values[name] = strings.Trim(value, `"'`)
		}
	}
	ca, err := base64.StdEncoding.DecodeString(values["B64_CLUSTER_CA"])
	if err != nil {
		return Config{}, fmt.Errorf("/etc/eksctl/kubelet.env: B64_CLUSTER_CA is not base64: %w", err)
	}
	config := Config{ClusterName: values["CLUSTER_NAME"], Endpoint: values["API_SERVER_URL"], CA: ca}
	if text := values["MAX_PODS"]; text != "" {
		if config.MaxPods, err = strconv.ParseInt(text, 10, 64); err != nil {
			return Config{}, fmt.Errorf("/etc/eksctl/kubelet.env: MAX_PODS: %w", err)
		}
	}
	var flags []string
	if labels := values["NODE_LABELS"]; labels != "" {
		flags = append(flags, "--node-labels="+labels)
	}
	if taints := values["NODE_TAINTS"]; taints != "" {
		flags = append(flags, "--register-with-taints="+taints)
	}
	return config, config.applyFlags(flags)
}

func sortTaints(taints []corev1.Taint) {
	slices.SortFunc(taints, func(a, b corev1.Taint) int { return strings.Compare(a.ToString(), b.ToString()) })
}
