// Package kubeconfig adds the lab's cluster to a kubeconfig file the way
// `aws eks update-kubeconfig` adds one of EKS: entries of other clusters stay as
// they are.
package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Entry is a cluster with the user and the context that go with it; all three
// get the same name.
type Entry struct {
	Name   string
	Server string
	// PEM data.
	CA, ClientCert, ClientKey []byte
}

// DefaultPath is the file that kubectl would write to: the first of KUBECONFIG,
// else ~/.kube/config.
func DefaultPath() string {
	return clientcmd.NewDefaultPathOptions().GetDefaultFilename()
}

// Merge writes the entry into the file (mode 0600), which need not exist,
// replacing an earlier entry of that name. The current context is set only when
// the file has none. It returns the file's current context.
func Merge(path string, entry Entry) (current string, err error) {
	err = edit(path, func(config *clientcmdapi.Config) bool {
		config.Clusters[entry.Name] = &clientcmdapi.Cluster{Server: entry.Server, CertificateAuthorityData: entry.CA}
		config.AuthInfos[entry.Name] = &clientcmdapi.AuthInfo{ClientCertificateData: entry.ClientCert, ClientKeyData: entry.ClientKey}
		config.Contexts[entry.Name] = mergedContext(config.Contexts[entry.Name], entry.Name)
		if config.CurrentContext == "" {
			config.CurrentContext = entry.Name
		}
		current = config.CurrentContext
		return true
	})
	return current, err
}

// mergedContext keeps what the user has set on the context, such as a namespace.
func mergedContext(old *clientcmdapi.Context, name string) *clientcmdapi.Context {
	context := clientcmdapi.NewContext()
	if old != nil {
		context = old
	}
	context.Cluster, context.AuthInfo = name, name
	return context
}

// Remove takes the entry out of the file again. The current context is cleared
// when it was this one. A file without the entry, or no file, is left alone.
func Remove(path, name string) error {
	return edit(path, func(config *clientcmdapi.Config) bool {
		if config.Clusters[name] == nil && config.Contexts[name] == nil && config.AuthInfos[name] == nil {
			return false
		}
		delete(config.Clusters, name)
		delete(config.Contexts, name)
		delete(config.AuthInfos, name)
		if config.CurrentContext == name {
			config.CurrentContext = ""
		}
		return true
	})
}

// edit reads the file, lets change alter it and, when that returns true, writes
// it back.
func edit(path string, change func(*clientcmdapi.Config) bool) error {
	// A link is followed, so that renaming does not replace it by a file.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	config, err := clientcmd.LoadFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		config, err = clientcmdapi.NewConfig(), nil
	}
	if err != nil {
		return fmt.Errorf("%s is not a kubeconfig, and is left as it is (repair it or choose another file): %w", path, err)
	}
	if !change(config) {
		return nil
	}
	content, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	if err := replace(path, content); err != nil {
		return fmt.Errorf("writing kubeconfig: %w", err)
	}
	return nil
}

// replace is atomic: a reader sees the old file or the new one.
func replace(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// CreateTemp makes the file with mode 0600.
	temporary, err := os.CreateTemp(dir, ".kubeconfig-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, writeErr := temporary.Write(content)
	if err := errors.Join(writeErr, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
