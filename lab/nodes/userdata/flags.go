package userdata

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	cliflag "k8s.io/component-base/cli/flag"
	kubeletapis "k8s.io/kubelet/pkg/apis"
)

// applyFlags reads kubelet command-line arguments. Flags that do not show in a
// Node are accepted and ignored.
func (c *Config) applyFlags(arguments []string) error {
	cleaned := make([]string, 0, len(arguments))
	for _, argument := range arguments {
		cleaned = append(cleaned, unquote(argument))
	}
	var taints []string
	labels := cliflag.ConfigurationMap{}
	var kubeReserved, systemReserved, evictionHard map[string]string
	flags := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	flags.Int64Var(&c.MaxPods, "max-pods", c.MaxPods, "")
	flags.Var(&labels, "node-labels", "")
	flags.StringSliceVar(&taints, "register-with-taints", nil, "")
	flags.Var(cliflag.NewMapStringString(&kubeReserved), "kube-reserved", "")
	flags.Var(cliflag.NewMapStringString(&systemReserved), "system-reserved", "")
	flags.Var(cliflag.NewLangleSeparatedMapStringString(&evictionHard), "eviction-hard", "")
	if err := flags.Parse(cleaned); err != nil {
		return fmt.Errorf("kubelet flags %q: %w", strings.Join(arguments, " "), err)
	}
	overlay(&c.Labels, labels)
	overlay(&c.KubeReserved, kubeReserved)
	overlay(&c.SystemReserved, systemReserved)
	overlay(&c.EvictionHard, evictionHard)
	return c.addTaints(taints)
}

func (c *Config) addTaints(texts []string) error {
	for _, text := range texts {
		taint, err := parseTaint(text)
		if err != nil {
			return err
		}
		c.Taints = append(c.Taints, taint)
	}
	return nil
}

// parseTaint reads key=value:Effect or key:Effect.
func parseTaint(text string) (corev1.Taint, error) {
	pair, effect, found := strings.Cut(text, ":")
	key, value, _ := strings.Cut(pair, "=")
	effects := []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
	if !found || key == "" || !slices.Contains(effects, corev1.TaintEffect(effect)) {
		return corev1.Taint{}, fmt.Errorf("taint %q: want key=value:Effect with Effect NoSchedule, PreferNoSchedule or NoExecute", text)
	}
	if problems := validation.IsQualifiedName(key); len(problems) > 0 {
		return corev1.Taint{}, fmt.Errorf("taint %q: key: %s", text, strings.Join(problems, "; "))
	}
	return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}, nil
}

// checkLabels refuses what makes a kubelet exit at start: labels of Kubernetes'
// own namespaces that a node may not give itself, and malformed ones.
func checkLabels(labels map[string]string) error {
	for key, value := range labels {
		if problems := validation.IsQualifiedName(key); len(problems) > 0 {
			return fmt.Errorf("node label %q: %s", key, strings.Join(problems, "; "))
		}
		if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
			return fmt.Errorf("node label %s=%q: %s", key, value, strings.Join(problems, "; "))
		}
		if inKubernetesNamespace(key) && !kubeletapis.IsKubeletLabel(key) {
			return fmt.Errorf("unknown 'kubernetes.io' or 'k8s.io' label %q given with --node-labels: the kubelet exits; use a prefix of your own or node.kubernetes.io/", key)
		}
	}
	return nil
}

func inKubernetesNamespace(key string) bool {
	namespace, _, found := strings.Cut(key, "/")
	if !found {
		return false
	}
	for _, own := range []string{"kubernetes.io", "k8s.io"} {
		if namespace == own || strings.HasSuffix(namespace, "."+own) {
			return true
		}
	}
	return false
}
