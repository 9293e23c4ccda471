package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const kubeconfigsFile = "kubeconfigs.json"

// KubeconfigEntry is where the lab has put its cluster into a user's file.
type KubeconfigEntry struct {
	Path    string `json:"path"`
	Context string `json:"context"`
}

// RecordKubeconfig remembers an entry, for the end of the lab.
func (d *Dir) RecordKubeconfig(entry KubeconfigEntry) error {
	entries, err := ReadKubeconfigs(d.path)
	if err != nil || slices.Contains(entries, entry) {
		return err
	}
	return d.writeJSON(kubeconfigsFile, append(entries, entry))
}

// ReadKubeconfigs returns every entry that is remembered in the folder.
func ReadKubeconfigs(path string) ([]KubeconfigEntry, error) {
	content, err := os.ReadFile(filepath.Join(path, kubeconfigsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading where the lab's cluster is known: %w", err)
	}
	var entries []KubeconfigEntry
	if err := json.Unmarshal(content, &entries); err != nil {
		return nil, fmt.Errorf("%s is damaged, delete it: %w", filepath.Join(path, kubeconfigsFile), err)
	}
	return entries, nil
}
