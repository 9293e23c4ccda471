package kubeconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const users = `apiVersion: v1
kind: Config
current-context: work
clusters:
- name: work
  cluster: {server: "https://work.example.com", certificate-authority: relative/ca.crt}
users:
- name: me
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: aws
      interactiveMode: Never
contexts:
- name: work
  context: {cluster: work, user: me, namespace: mine}
`

func entry(server string) Entry {
	return Entry{Name: "lab", Server: server, CA: []byte("ca"), ClientCert: []byte("cert"), ClientKey: []byte("key")}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, path string) *clientcmdapi.Config {
	t.Helper()
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func merge(t *testing.T, path string, e Entry) string {
	t.Helper()
	current, err := Merge(path, e)
	if err != nil {
		t.Fatal(err)
	}
	return current
}

func TestMergeIntoAFileThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "config")
	if current := merge(t, path, entry("https://127.0.0.1:6443")); current != "lab" {
		t.Errorf("current context %q", current)
	}
	config := load(t, path)
	if config.CurrentContext != "lab" || config.Clusters["lab"].Server != "https://127.0.0.1:6443" || string(config.AuthInfos["lab"].ClientKeyData) != "key" {
		t.Errorf("config %+v", config)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMergeLeavesOthersAsTheyAre(t *testing.T) {
	path := write(t, users)
	if current := merge(t, path, entry("https://127.0.0.1:6443")); current != "work" {
		t.Errorf("current context %q", current)
	}
	config := load(t, path)
	if config.CurrentContext != "work" || config.Contexts["work"].Namespace != "mine" || config.AuthInfos["me"].Exec.Command != "aws" {
		t.Errorf("the user's entries changed: %+v", config)
	}
	if ca := config.Clusters["work"].CertificateAuthority; ca != "relative/ca.crt" {
		t.Errorf("the relative path became %q", ca)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMergeAgainReplacesAndKeepsTheNamespace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	merge(t, path, entry("https://127.0.0.1:6443"))
	config := load(t, path)
	config.Contexts["lab"].Namespace = "other"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	merge(t, path, entry("https://127.0.0.1:7443"))
	config = load(t, path)
	if len(config.Clusters) != 1 || config.Clusters["lab"].Server != "https://127.0.0.1:7443" || config.Contexts["lab"].Namespace != "other" {
		t.Errorf("config %+v", config)
	}
}

func TestMergeRefusesADamagedFileAndLeavesIt(t *testing.T) {
	const damaged = "clusters: [\n"
	path := write(t, damaged)
	_, err := Merge(path, entry("https://127.0.0.1:6443"))
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name %s", err, path)
	}
	if content, _ := os.ReadFile(path); string(content) != damaged {
		t.Errorf("the file became %q", content)
	}
}

func TestMergeFollowsALink(t *testing.T) {
	target := write(t, users)
	link := filepath.Join(t.TempDir(), "config")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	merge(t, link, entry("https://127.0.0.1:6443"))
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info.Mode(), err)
	}
	if load(t, target).Clusters["lab"] == nil {
		t.Error("the target has no entry")
	}
}

func TestMergeLeavesNoTemporaryFiles(t *testing.T) {
	path := write(t, users)
	merge(t, path, entry("https://127.0.0.1:6443"))
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("files %v, %v", files, err)
	}
}

func TestRemove(t *testing.T) {
	path := write(t, users)
	merge(t, path, entry("https://127.0.0.1:6443"))
	if err := Remove(path, "lab"); err != nil {
		t.Fatal(err)
	}
	config := load(t, path)
	if len(config.Clusters) != 1 || len(config.Contexts) != 1 || len(config.AuthInfos) != 1 || config.CurrentContext != "work" {
		t.Errorf("config %+v", config)
	}
}

func TestRemoveClearsTheCurrentContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	merge(t, path, entry("https://127.0.0.1:6443"))
	if err := Remove(path, "lab"); err != nil {
		t.Fatal(err)
	}
	if current := load(t, path).CurrentContext; current != "" {
		t.Errorf("current context %q", current)
	}
}

func TestRemoveWithoutEntryTouchesNothing(t *testing.T) {
	path := write(t, users)
	if err := Remove(path, "lab"); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(path); string(content) != users {
		t.Error("the file changed")
	}
	if err := Remove(filepath.Join(t.TempDir(), "none"), "lab"); err != nil {
		t.Error(err)
	}
}
