package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
)

// layout is where things are in the data directory.
type layout struct {
	dir string
}

func (l layout) pki() string             { return filepath.Join(l.dir, "pki") }
func (l layout) config() string          { return filepath.Join(l.dir, "config") }
func (l layout) logs() string            { return filepath.Join(l.dir, "logs") }
func (l layout) log(name string) string  { return filepath.Join(l.logs(), name+".log") }
func (l layout) file(name string) string { return filepath.Join(l.config(), name) }

func (l layout) create() error {
	for _, dir := range []string{l.pki(), l.config(), l.logs()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("creating the control plane's folders: %w", err)
		}
	}
	return nil
}
