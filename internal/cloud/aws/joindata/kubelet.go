package joindata

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/cloud/aws/bootscript"
	"github.com/drover-project/drover/internal/model"
)

// flags reads kubelet arguments, both --name=value and --name value; those that
// show in no Node are passed over.
func (j *Join) flags(words []string) error {
	for i := 0; i < len(words); i++ {
		name, value, joined := strings.Cut(words[i], "=")
		name = "--" + strings.TrimLeft(name, "-")
		switch name {
		case "--node-labels", "--register-with-taints", "--max-pods":
		default:
			continue
		}
		if !joined && i+1 < len(words) {
			i++
			value = words[i]
		}
		if err := j.flag(name, strings.Trim(value, `"'`)); err != nil {
			return err
		}
	}
	return nil
}

func (j *Join) flag(name, value string) error {
	switch name {
	case "--node-labels":
		for pair := range strings.SplitSeq(value, ",") {
			if key, text, _ := strings.Cut(strings.TrimSpace(pair), "="); key != "" {
				j.label(key, text)
			}
		}
	case "--register-with-taints":
		for text := range strings.SplitSeq(value, ",") {
			if strings.TrimSpace(text) == "" {
				continue
			}
			taint, err := ParseTaint(strings.TrimSpace(text))
			if err != nil {
				return err
			}
			// No toleration is for a value that nobody knows, but for any.
			taint.Value = strings.ReplaceAll(taint.Value, bootscript.Opaque, "?")
			j.Taints = append(j.Taints, taint)
		}
	case "--max-pods":
		if strings.Contains(value, bootscript.Opaque) {
			j.Undecided = append(j.Undecided, name)
			return nil
		}
		number, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return fmt.Errorf("--max-pods=%s is not a number", value)
		}
		j.MaxPods = int32(number)
	}
	return nil
}

// ParseTaint reads key=value:Effect or key:Effect.
func ParseTaint(text string) (model.Taint, error) {
	at := strings.LastIndex(text, ":")
	if at < 0 {
		return model.Taint{}, fmt.Errorf("taint %q has no effect: write key=value:NoSchedule", text)
	}
	key, value, _ := strings.Cut(text[:at], "=")
	taint := model.Taint{Key: key, Value: value, Effect: model.TaintEffect(text[at+1:])}
	switch taint.Effect {
	case model.NoSchedule, model.PreferNoSchedule, model.NoExecute:
		return taint, nil
	}
	return model.Taint{}, fmt.Errorf("taint %q: the effect must be NoSchedule, PreferNoSchedule or NoExecute", text)
}

// nodeConfig is the part of nodeadm's NodeConfig that shows in a Node.
type nodeConfig struct {
	Kind string `json:"kind"`
	Spec struct {
		Cluster struct {
			Name string `json:"name"`
		} `json:"cluster"`
		Kubelet struct {
			Config struct {
				MaxPods            int32         `json:"maxPods"`
				RegisterWithTaints []model.Taint `json:"registerWithTaints"`
			} `json:"config"`
			Flags []string `json:"flags"`
		} `json:"kubelet"`
	} `json:"spec"`
}

func parseNodeConfigs(text string) ([]Join, error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	var joins []Join
	for {
		document, err := documents.Read()
		if err == io.EOF {
			return joins, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading a NodeConfig: %w", err)
		}
		var config nodeConfig
		if err := yaml.Unmarshal(document, &config); err != nil {
			return nil, fmt.Errorf("reading a NodeConfig: %w", err)
		}
		if config.Kind != "NodeConfig" {
			continue
		}
		join := Join{Kind: Nodeadm, Cluster: config.Spec.Cluster.Name, MaxPods: config.Spec.Kubelet.Config.MaxPods,
			Taints: config.Spec.Kubelet.Config.RegisterWithTaints}
		var words []string
		for _, flag := range config.Spec.Kubelet.Flags {
			words = append(words, strings.Fields(flag)...)
		}
		if err := join.flags(words); err != nil {
			return nil, fmt.Errorf("spec.kubelet.flags of a NodeConfig: %w", err)
		}
		joins = append(joins, join)
	}
}

// settings is the part of Bottlerocket's that shows in a Node.
type settings struct {
	Settings struct {
		Kubernetes struct {
			ClusterName string            `toml:"cluster-name"`
			MaxPods     int32             `toml:"max-pods"`
			NodeLabels  map[string]string `toml:"node-labels"`
			NodeTaints  map[string]any    `toml:"node-taints"`
		} `toml:"kubernetes"`
	} `toml:"settings"`
}

func parseSettings(text string) (Join, error) {
	var read settings
	if err := toml.Unmarshal([]byte(text), &read); err != nil {
		return Join{}, fmt.Errorf("reading Bottlerocket settings: %w", err)
	}
	kubernetes := read.Settings.Kubernetes
	join := Join{Kind: Bottlerocket, Cluster: kubernetes.ClusterName, Labels: kubernetes.NodeLabels, MaxPods: kubernetes.MaxPods}
	for key, value := range kubernetes.NodeTaints {
		values, ok := value.([]any)
		if !ok {
			values = []any{value}
		}
		for _, each := range values {
			taint, err := ParseTaint(fmt.Sprintf("%s=%v", key, each))
			if err != nil {
				return Join{}, fmt.Errorf("settings.kubernetes.node-taints: %w", err)
			}
			join.Taints = append(join.Taints, taint)
		}
	}
	sortTaints(join.Taints)
	return join, nil
}
