package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const terminationHandlerVersion = "v1.25.6"

// startTerminationHandler builds the node termination handler and runs it in
// queue mode against a lab whose drover is told to leave interruptions alone.
// It finds the API server as in a pod: by files at a fixed path, which it gets
// in a mount namespace of its own. It gives the handler's
// names in calls: the AWS SDK says only what it is itself.
func startTerminationHandler(b *testing.B, l benchLab) []string {
	b.Helper()
	bin := b.TempDir()
	install := exec.Command("go", "install", "-tags", "nthlinux", "github.com/aws/aws-node-termination-handler/cmd@"+terminationHandlerVersion)
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-mod=mod")
	install.Dir = bin
	if out, err := install.CombinedOutput(); err != nil {
		b.Skipf("the node termination handler cannot be built: %v\n%s", err, out)
	}
	program := filepath.Join(bin, "aws-node-termination-handler")
	if err := os.Rename(filepath.Join(bin, "cmd"), program); err != nil {
		b.Fatal(err)
	}
	l.kubectl(b, "", "set", "env", "-n", "karpenter", "deployment/karpenter", "INTERRUPTION_QUEUE-")
	l.kubectl(b, "", "rollout", "status", "-n", "karpenter", "deployment/karpenter", "--timeout=120s")
	l.kubectl(b, "", "create", "serviceaccount", "-n", "kube-system", "termination-handler")
	l.kubectl(b, "", "create", "clusterrolebinding", "termination-handler", "--clusterrole=cluster-admin", "--serviceaccount=kube-system:termination-handler")
	secrets := b.TempDir()
	for name, content := range map[string]string{
		"token":     l.kubectl(b, "", "create", "token", "-n", "kube-system", "termination-handler", "--duration=2h"),
		"ca.crt":    l.kubectl(b, "", "get", "configmap", "-n", "kube-system", "kube-root-ca.crt", "-o", `jsonpath={.data.ca\.crt}`),
		"namespace": "kube-system",
	} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	env := l.environment(b)
	server, err := url.Parse(strings.TrimSpace(l.kubectl(b, "", "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")))
	if err != nil {
		b.Fatal(err)
	}
	queue := strings.TrimSpace(l.run(b, "", "aws", "--endpoint-url", env["AWS_ENDPOINT_URL"], "sqs", "get-queue-url", "--queue-name", "eksworkshop-eksctl", "--query", "QueueUrl", "--output", "text"))
	const inNamespace = `mount -t tmpfs secrets /var/run && mkdir -p /var/run/secrets/kubernetes.io && ln -s "$0" /var/run/secrets/kubernetes.io/serviceaccount && exec "$@"`
	handler := exec.Command("unshare", "--map-root-user", "--mount", "sh", "-c", inNamespace, secrets,
		program, "--node-name=any", "--enable-sqs-termination-draining", "--check-tag-before-draining=false",
		"--queue-url="+queue, "--aws-endpoint="+env["AWS_ENDPOINT_URL"], "--aws-region="+env["AWS_REGION"],
		"--kubernetes-service-host="+server.Hostname(), "--kubernetes-service-port="+server.Port())
	handler.Env = os.Environ()
	for name, value := range env {
		handler.Env = append(handler.Env, name+"="+value)
	}
	log, err := os.Create(filepath.Join(l.dir, "termination-handler.log"))
	if err != nil {
		b.Fatal(err)
	}
	handler.Stdout, handler.Stderr = log, log
	if err := handler.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = handler.Process.Kill()
		_ = handler.Wait()
		_ = log.Close()
	})
	return []string{filepath.Base(program), "aws-sdk-go"}
}

// environment is what `drover-lab env` exports.
func (l benchLab) environment(b *testing.B) map[string]string {
	b.Helper()
	env := map[string]string{}
	for line := range strings.Lines(l.run(b, "", "drover-lab", "env", "--data-dir", l.data, "--shell", "bash")) {
		name, value, found := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "export ")), "=")
		if found {
			env[name] = strings.Trim(value, `'"`)
		}
	}
	return env
}
