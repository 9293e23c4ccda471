package bootdata

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/BurntSushi/toml"
)

// Bottlerocket is the user data for Bottlerocket: the user's settings with
// EKS's own in them, which win where both say the same. Only the number of pods
// stays the user's. User data that is not TOML is an error.
func Bottlerocket(n Node, user []byte) ([]byte, error) {
	document := map[string]any{}
	if _, err := toml.Decode(string(user), &document); err != nil {
		return nil, fmt.Errorf("user data was not in the TOML format: %w", err)
	}
	settings := table(table(document, "settings"), "kubernetes")
	settings["cluster-name"] = n.Cluster.Name
	settings["api-server"] = n.Cluster.Endpoint
	settings["cluster-certificate"] = base64.StdEncoding.EncodeToString(n.Cluster.CA)
	settings["cluster-dns-ip"] = n.Cluster.DNS
	if _, set := settings["max-pods"]; !set && n.MaxPods > 0 {
		settings["max-pods"] = n.MaxPods
	}
	labels := table(settings, "node-labels")
	for key, value := range n.Labels {
		labels[key] = value
	}
	if len(n.Taints) > 0 {
		taints := table(settings, "node-taints")
		for _, t := range n.Taints {
			list, _ := taints[t.Key].([]any)
			taints[t.Key] = append(list, t.Value+":"+t.Effect)
		}
	}
	text := &bytes.Buffer{}
	if err := toml.NewEncoder(text).Encode(document); err != nil {
		return nil, fmt.Errorf("writing Bottlerocket settings: %w", err)
	}
	return text.Bytes(), nil
}

// table finds a table by its key and makes it when it is not there.
func table(in map[string]any, key string) map[string]any {
	found, ok := in[key].(map[string]any)
	if !ok {
		found = map[string]any{}
		in[key] = found
	}
	return found
}
