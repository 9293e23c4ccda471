package userdata

import (
	"fmt"
	"sort"
	"strings"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// renderBootstrap writes a MIME archive whose last part calls bootstrap.sh of
// the AL2 images.
func renderBootstrap(node Node) (string, error) {
	parts, err := shellParts(node.Custom)
	if err != nil {
		return "", err
	}
	return writeMIME(append(parts, part{contentType: typeShellScript, content: bootstrapScript(node)}))
}

func shellParts(custom string) ([]part, error) {
	trimmed := strings.TrimSpace(custom)
	switch {
	case trimmed == "":
		return nil, nil
	case strings.HasPrefix(trimmed, "MIME-Version:"), strings.HasPrefix(trimmed, "Content-Type:"):
		return readMIME(trimmed)
	}
	return []part{{contentType: typeShellScript, content: custom}}, nil
}

func bootstrapScript(node Node) string {
	// The script's arguments must not be joined to their flags with "=".
	arguments := []string{
		fmt.Sprintf("/etc/eks/bootstrap.sh '%s'", node.Cluster.Name),
		fmt.Sprintf("--apiserver-endpoint '%s'", node.Cluster.Endpoint),
		fmt.Sprintf("--b64-cluster-ca '%s'", node.Cluster.CertificateAuthority),
	}
	if node.Kubelet != nil && len(node.Kubelet.ClusterDNS) > 0 {
		arguments = append(arguments, fmt.Sprintf("--dns-cluster-ip '%s'", node.Kubelet.ClusterDNS[0]))
	}
	if node.Kubelet != nil && node.Kubelet.MaxPods != nil {
		arguments = append(arguments, "--use-max-pods false")
	}
	if node.LocalStorageRAID0 {
		arguments = append(arguments, "--local-disks raid0")
	}
	if flags := kubeletFlags(node); len(flags) > 0 {
		arguments = append(arguments, fmt.Sprintf("--kubelet-extra-args '%s'", strings.Join(flags, " ")))
	}
	return "#!/bin/bash -xe\nexec > >(tee /var/log/user-data.log|logger -t user-data -s 2>/dev/console) 2>&1\n" +
		strings.Join(arguments, " \\\n") + "\n"
}

func kubeletFlags(node Node) []string {
	var flags []string
	if len(node.Labels) > 0 {
		flags = append(flags, labelFlag(node.Labels))
	}
	if len(node.Taints) > 0 {
		flags = append(flags, taintFlag(node.Taints))
	}
	if node.Kubelet == nil {
		return flags
	}
	return append(flags, settingFlags(node.Kubelet)...)
}

func settingFlags(kubelet *ec2v1.KubeletConfiguration) []string {
	var flags []string
	number := func(flag string, value *int32) {
		if value != nil {
			flags = append(flags, fmt.Sprintf("--%s=%d", flag, *value))
		}
	}
	pairs := func(flag, separator string, values map[string]string) {
		if len(values) > 0 {
			// Quoted: thresholds hold a "<", which a shell takes for itself.
			flags = append(flags, fmt.Sprintf("--%s=%q", flag, joinPairs(values, separator)))
		}
	}
	number("max-pods", kubelet.MaxPods)
	number("pods-per-core", kubelet.PodsPerCore)
	pairs("system-reserved", "=", kubelet.SystemReserved)
	pairs("kube-reserved", "=", kubelet.KubeReserved)
	pairs("eviction-hard", "<", kubelet.EvictionHard)
	pairs("eviction-soft", "<", kubelet.EvictionSoft)
	pairs("eviction-soft-grace-period", "=", durations(kubelet.EvictionSoftGracePeriod))
	number("eviction-max-pod-grace-period", kubelet.EvictionMaxPodGracePeriod)
	number("image-gc-high-threshold", kubelet.ImageGCHighThresholdPercent)
	number("image-gc-low-threshold", kubelet.ImageGCLowThresholdPercent)
	if kubelet.CPUCFSQuota != nil {
		flags = append(flags, fmt.Sprintf("--cpu-cfs-quota=%t", *kubelet.CPUCFSQuota))
	}
	return flags
}

func joinPairs(values map[string]string, separator string) string {
	pairs := make([]string, 0, len(values))
	for key, value := range values {
		pairs = append(pairs, key+separator+value)
	}
	sort.Strings(pairs)
	return strings.Join(pairs, ",")
}

func durations(values map[string]metav1.Duration) map[string]string {
	texts := make(map[string]string, len(values))
	for key, value := range values {
		texts[key] = value.Duration.String()
	}
	return texts
}
