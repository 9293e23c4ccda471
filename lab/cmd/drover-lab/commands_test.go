package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/lab/datadir"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := newRoot()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.Execute()
	return out.String(), err
}

// runningLab makes a folder that looks as if this process were a lab.
func runningLab(t *testing.T, awsEndpoint string) (string, datadir.State) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's here")
	dir, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	state, err := dir.LoadState("", "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	err = dir.WriteRun(datadir.Run{
		PID: os.Getpid(), Ready: true, Started: time.Now(), Cluster: "blue", Version: "1.37", Region: state.Region,
		APIServer: "https://127.0.0.1:6443", AWSEndpoint: awsEndpoint, Kubeconfig: dir.Join("kubeconfig"), TimeScale: 2,
		Components: []datadir.Component{
			{Name: "drover-lab", PID: os.Getpid(), Since: time.Now()},
			{Name: "kube-apiserver", PID: os.Getpid(), Since: time.Now(), Restarts: 3},
			{Name: "kube-scheduler", Since: time.Now()},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return path, state
}

func TestUpRefusesBadFlags(t *testing.T) {
	program := filepath.Join(t.TempDir(), "drover")
	if err := os.WriteFile(program, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"port too large":         {[]string{"--api-port", "65536"}, "between 0 and 65535"},
		"negative port":          {[]string{"--aws-port", "-1"}, "between 0 and 65535"},
		"the same port twice":    {[]string{"--api-port", "4566"}, "must differ"},
		"no time":                {[]string{"--time-scale", "0"}, "greater than 0"},
		"negative nodes":         {[]string{"--nodes", "-1"}, "negative"},
		"no drover":              {[]string{"--drover-binary", "/nowhere/drover"}, "--no-drover"},
		"drover is no program":   {[]string{"--drover-binary", program}, "not a program"},
		"unknown region":         {[]string{"--no-drover", "--region", "mars-1"}, "us-west-2"},
		"ephemeral with a place": {[]string{"--no-drover", "--ephemeral"}, "--data-dir"},
		"detached and ephemeral": {[]string{"--no-drover", "--ephemeral", "-d"}, "detach"},
		"an argument":            {[]string{"now"}, "now"},
	} {
		for _, verb := range [][]string{{"up"}, {}} {
			t.Run(name+strings.Join(verb, ""), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "lab")
				_, err := run(t, append(append(verb, test.args...), "--data-dir", dir)...)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v does not say %q", err, test.want)
				}
			})
		}
	}
}

func TestUpRefusesASecondLab(t *testing.T) {
	path, _ := runningLab(t, "")
	for _, detach := range []string{"--detach=false", "--detach"} {
		_, err := run(t, "up", "--no-drover", detach, "--data-dir", path)
		var inUse *datadir.InUseError
		if !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
			t.Errorf("%s: %v", detach, err)
		}
	}
}

func TestWithoutALab(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab")
	if out, err := run(t, "status", "--data-dir", path); !errors.Is(err, errSilent) || !strings.Contains(out, "no lab is running") {
		t.Errorf("status: %q, %v", out, err)
	}
	if out, err := run(t, "status", "-o", "json", "--wait", "--timeout", "10ms", "--data-dir", path); err == nil || !strings.Contains(out, `"running": false`) {
		t.Errorf("status as JSON: %q, %v", out, err)
	}
	for _, verb := range [][]string{{"env"}, {"capacity"}, {"capacity", "set", "--instance-type", "*", "--available", "0"}, {"interrupt", "--all"}, {"weather", "status"}} {
		if _, err := run(t, append(verb, "--data-dir", path)...); !errors.Is(err, errNotRunning) {
			t.Errorf("%v: %v", verb, err)
		}
	}
	for _, verb := range []string{"down", "reset"} {
		if _, err := run(t, verb, "--data-dir", path); err != nil {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

func TestStatus(t *testing.T) {
	path, _ := runningLab(t, "http://127.0.0.1:4566")
	out, err := run(t, "status", "-o", "json", "--data-dir", path)
	if err != nil {
		t.Fatal(err)
	}
	var s status
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	if !s.Running || !s.Ready || s.Region != "eu-west-1" || len(s.Components) != 3 || s.Components[1].Restarts != 3 {
		t.Errorf("status %+v", s)
	}
	// Two components of one process, and one that is not running.
	if s.MemoryBytes != s.Components[0].MemoryBytes || s.Components[2].MemoryBytes != 0 {
		t.Errorf("memory %d in all, components %+v", s.MemoryBytes, s.Components)
	}
	for format, want := range map[string]string{"table": "API SERVER     https://127.0.0.1:6443", "yaml": "apiServer: https://127.0.0.1:6443"} {
		if out, err := run(t, "status", "-o", format, "--data-dir", path); err != nil || !strings.Contains(out, "kube-apiserver") || !strings.Contains(out, want) {
			t.Errorf("%s, %v", out, err)
		}
	}
	if _, err := run(t, "status", "-o", "xml", "--data-dir", path); err == nil || !strings.Contains(err.Error(), "table, json or yaml") {
		t.Errorf("error %v", err)
	}
}

func TestEnvIsReadByAShell(t *testing.T) {
	path, state := runningLab(t, "http://127.0.0.1:4566")
	out, err := run(t, "env", "--shell", "bash", "--data-dir", path)
	if err != nil {
		t.Fatal(err)
	}
	script := out + `printf '%s\n' "$AWS_ENDPOINT_URL" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_REGION" "$AWS_DEFAULT_REGION" "$AWS_EC2_METADATA_DISABLED" "$KUBECONFIG" "${AWS_SESSION_TOKEN-unset}"`
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = []string{"AWS_SESSION_TOKEN=of another account"}
	said, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"http://127.0.0.1:4566", state.AccessKeyID, state.SecretAccessKey, "eu-west-1", "eu-west-1", "true", filepath.Join(path, "kubeconfig"), "unset",
	}, "\n") + "\n"
	if string(said) != want {
		t.Errorf("the shell has\n%s\nwant\n%s", said, want)
	}
}

func TestEnvOfOtherShells(t *testing.T) {
	path, _ := runningLab(t, "http://127.0.0.1:4566")
	for shell, want := range map[string]string{
		"fish":       "set -gx AWS_ENDPOINT_URL http://127.0.0.1:4566;",
		"powershell": "$Env:AWS_ENDPOINT_URL = 'http://127.0.0.1:4566'",
		"zsh":        "export AWS_ENDPOINT_URL=http://127.0.0.1:4566",
	} {
		if out, err := run(t, "env", "--shell", shell, "--data-dir", path); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %s, %v", shell, out, err)
		}
	}
	if _, err := run(t, "env", "--shell", "tcsh", "--data-dir", path); err == nil || !strings.Contains(err.Error(), "bash, fish or powershell") {
		t.Errorf("error %v", err)
	}
}

func TestCapacityAsksTheLab(t *testing.T) {
	var method, body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var content bytes.Buffer
		_, _ = content.ReadFrom(r.Body)
		method, body = r.Method+" "+r.URL.Path, content.String()
		if strings.Contains(body, "nothing") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"no pool fits"}`))
			return
		}
		_, _ = w.Write([]byte(`{"pools":6}`))
	}))
	defer server.Close()
	path, _ := runningLab(t, server.URL)
	out, err := run(t, "capacity", "set", "--instance-type", "c5.large", "--capacity-type", "spot", "--available", "0", "--data-dir", path)
	if err != nil || out != "6 pools changed\n" {
		t.Errorf("%q, %v", out, err)
	}
	if method != "PUT /drover-lab/capacity" || body != `{"instanceType":"c5.large","zone":"*","capacityType":"spot","available":0}` {
		t.Errorf("%s %s", method, body)
	}
	if _, err := run(t, "capacity", "free", "--instance-type", "nothing", "--data-dir", path); err == nil || err.Error() != "no pool fits" {
		t.Errorf("error %v", err)
	}
	if method != "DELETE /drover-lab/capacity" {
		t.Error(method)
	}
	if _, err := run(t, "capacity", "set", "--instance-type", "c5.large", "--data-dir", path); err == nil || !strings.Contains(err.Error(), "--available") {
		t.Errorf("error %v", err)
	}
}

func TestIMDSAsksTheLab(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method+" "+r.URL.Path != "GET /drover-lab/imds/ip-192-168-1-2.ec2.internal" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":"no running instance has this id or host name"}`))
			return
		}
		_, _ = w.Write([]byte(`{"instanceID":"i-1","url":"http://127.0.0.1:40001"}`))
	}))
	defer server.Close()
	path, _ := runningLab(t, server.URL)
	if out, err := run(t, "imds", "ip-192-168-1-2.ec2.internal", "--data-dir", path); err != nil || out != "http://127.0.0.1:40001\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := run(t, "imds", "ip-192-168-1-2.ec2.internal", "-o", "json", "--data-dir", path); err != nil || !strings.Contains(out, `"instanceID": "i-1"`) {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := run(t, "imds", "nobody", "--data-dir", path); err == nil || !strings.Contains(err.Error(), "no running instance") {
		t.Errorf("error %v", err)
	}
	if _, err := run(t, "imds", "--data-dir", path); err == nil {
		t.Error("a node is not asked for")
	}
}

func TestResetRefusesARunningLab(t *testing.T) {
	path, _ := runningLab(t, "")
	var inUse *datadir.InUseError
	if _, err := run(t, "reset", "--data-dir", path); !errors.As(err, &inUse) {
		t.Errorf("error %v", err)
	}
	if _, err := datadir.ReadState(path); err != nil {
		t.Error(err)
	}
}
