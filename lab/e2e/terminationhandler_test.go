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
	program := buildTerminationHandler(b)
	l.kubectl(b, "", "set", "env", "-n", "karpenter", "deployment/drover", "INTERRUPTION_QUEUE-")
	l.kubectl(b, "", "rollout", "status", "-n", "karpenter", "deployment/drover", "--timeout=120s")
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
	for name, value := range env {
		b.Setenv(name, value)
	}
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

// buildTerminationHandler builds the handler in a module that only asks for it.
func buildTerminationHandler(b *testing.B) (program string) {
	b.Helper()
	const module = "github.com/aws/aws-node-termination-handler"
	dir := b.TempDir()
	asks := "module handler\n\ngo 1.26\n\nrequire " + module + " " + terminationHandlerVersion + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(asks), 0o600); err != nil {
		b.Fatal(err)
	}
	program = filepath.Join(dir, "aws-node-termination-handler")
	build := exec.Command("go", "build", "-mod=mod", "-tags", "nthlinux", "-o", program, module+"/cmd")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		b.Skipf("the node termination handler cannot be built: %v\n%s", err, out)
	}
	return program
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
