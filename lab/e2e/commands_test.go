package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// pollInterval is how often eventually asks again.
const pollInterval = 250 * time.Millisecond

// cmdLab starts the lab in the background and takes over its environment:
// `lab up FLAGS…`; `lab down` stops it.
func cmdLab(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: lab up|down [flags]")
	}
	if args[0] == "down" {
		ts.Check(ts.Exec("drover-lab", append([]string{"down"}, dataDir(ts)...)...))
		return
	}
	up := append([]string{"up", "--detach", "--api-port", ts.Getenv("API_PORT"), "--aws-port", ts.Getenv("AWS_PORT")}, dataDir(ts)...)
	ts.Defer(func() {
		logState(ts)
		if err := ts.Exec("drover-lab", append([]string{"down"}, dataDir(ts)...)...); err != nil {
			ts.Logf("stopping the lab: %v", err)
		}
	})
	if !slices.Contains(args, "--region") {
		up = append(up, "--region", ts.Getenv("REGION"))
	}
	ts.Check(ts.Exec("drover-lab", append(up, args[1:]...)...))
	ts.Check(ts.Exec("drover-lab", append([]string{"env"}, dataDir(ts)...)...))
	exports := regexp.MustCompile(`(?m)^export (\w+)=(.*)$`)
	for _, m := range exports.FindAllStringSubmatch(ts.ReadFile("stdout"), -1) {
		ts.Setenv(m[1], strings.Trim(m[2], `'"`))
	}
}

// logState leaves in the log how things stood at the end; it is shown when the
// script failed.
func logState(ts *testscript.TestScript) {
	for _, args := range [][]string{
		{"get", "nodes,nodeclaims", "-o", "wide"},
		{"get", "pods", "-A", "-o", "wide"},
		{"logs", "-n", "karpenter", "-l", "app.kubernetes.io/instance=karpenter", "--tail=100"},
		{"logs", "-n", "karpenter", "-l", "app.kubernetes.io/instance=karpenter", "--tail=100", "--previous"},
	} {
		if err := ts.Exec("kubectl", args...); err != nil {
			ts.Logf("kubectl %q: %v", args, err)
		}
	}
}

func dataDir(ts *testscript.TestScript) []string {
	return []string{"--data-dir", ts.Getenv("LAB_DATA")}
}

// cmdEventually repeats a command until its standard output matches:
// `eventually DURATION REGEXP PROGRAM ARGS…`; with ! until it does not match.
// The repeating is a program of its own, so that the log holds only the end of it.
func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: eventually DURATION REGEXP PROGRAM ARGS…")
	}
	ts.Check(ts.Exec(eventuallyProgram, append([]string{strconv.FormatBool(!neg)}, args...)...))
}

// eventuallyProgram is the name under which the test binary is runEventually.
const eventuallyProgram = "e2e-eventually"

// runEventually is `e2e-eventually true|false DURATION REGEXP PROGRAM ARGS…`. It
// prints the last output of the program.
func runEventually() {
	want := os.Args[1] == "true"
	limit, err := time.ParseDuration(os.Args[2])
	if err == nil {
		err = repeat(want, limit, os.Args[3], os.Args[4:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func repeat(want bool, limit time.Duration, expression string, command []string) error {
	pattern, err := regexp.Compile("(?m)" + expression)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(limit)
	for {
		program := exec.Command(command[0], command[1:]...)
		var stderr bytes.Buffer
		program.Stderr = &stderr
		output, err := program.Output()
		if err == nil && pattern.Match(output) == want {
			_, err = os.Stdout.Write(output)
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %s: %q (want match: %v) in the output of %q (error: %v):\n%s\n%s", limit, expression, want, command, err, output, stderr.Bytes())
		}
		time.Sleep(pollInterval)
	}
}

// cmdOneToOne waits until every NodeClaim has exactly one instance that is not
// terminated and every instance launched for the cluster has a NodeClaim and a
// Node: `one-to-one DURATION`.
func cmdOneToOne(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: one-to-one DURATION")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	deadline := time.Now().Add(limit)
	for {
		claims := providerIDs(ts, "nodeclaims", `{range .items[*]}{.status.providerID}{"\n"}{end}`)
		nodes := providerIDs(ts, "nodes", `{range .items[*]}{.metadata.labels.karpenter\.sh/nodepool} {.spec.providerID}{"\n"}{end}`)
		machines := liveInstances(ts)
		if claims != nil && slices.Equal(claims, machines) && slices.Equal(claims, nodes) {
			ts.Logf("%d claims, instances and nodes match", len(claims))
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("after %s: claims %q\ninstances %q\nnodes %q", limit, claims, machines, nodes)
		}
		time.Sleep(pollInterval)
	}
}

// providerIDs returns the sorted instance IDs that kubectl prints, skipping
// nodes outside of NodePools; nil when the API does not answer.
func providerIDs(ts *testscript.TestScript, resource, path string) []string {
	if err := ts.Exec("kubectl", "get", resource, "-o", "jsonpath="+path); err != nil {
		return nil
	}
	ids := []string{}
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if line = strings.TrimRight(line, "\n"); line == "" || strings.HasPrefix(line, " ") {
			continue
		}
		ids = append(ids, line[strings.LastIndex(line, "/")+1:])
	}
	slices.Sort(ids)
	return ids
}

// liveInstances asks the AWS endpoint with the lab's own client, so that the
// check needs no aws CLI.
func liveInstances(ts *testscript.TestScript) []string {
	ids, err := describeLiveInstances(ts.Getenv)
	if err != nil {
		ts.Logf("describing instances: %v", err)
		return nil
	}
	return ids
}

// cmdKill9 kills components of the lab by name, as `drover-lab status` shows
// them: `kill9 NAME`.
func cmdKill9(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: kill9 COMPONENT")
	}
	pid := componentPID(ts, args[0])
	ts.Logf("kill -9 %d (%s)", pid, args[0])
	process, err := unix.PidfdOpen(pid, 0)
	ts.Check(err)
	defer unix.Close(process)
	ts.Check(syscall.Kill(pid, syscall.SIGKILL))
	// A large process takes a moment to go, and keeps its locks until then.
	gone, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, 30_000)
	for err == unix.EINTR {
		gone, err = unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, 30_000)
	}
	if ts.Check(err); gone == 0 {
		ts.Fatalf("process %d outlives kill -9", pid)
	}
}

func componentPID(ts *testscript.TestScript, name string) int {
	if name == "drover" {
		return droverPID(ts)
	}
	ts.Check(ts.Exec("drover-lab", append([]string{"status", "-o", "json"}, dataDir(ts)...)...))
	var status struct {
		Components []struct {
			Name string `json:"name"`
			PID  int    `json:"pid"`
		} `json:"components"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &status))
	for _, c := range status.Components {
		if c.Name == name {
			return c.PID
		}
	}
	ts.Fatalf("no component %q in %+v", name, status.Components)
	return 0
}

// droverPID finds the controller of this script's lab: other scripts run theirs
// at the same time, told apart by the API server in their environment.
func droverPID(ts *testscript.TestScript) int {
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	ts.Check(err)
	for _, path := range commands {
		command, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(command, []byte("drover\x00controller\x00")) {
			continue
		}
		environment, err := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if err == nil && bytes.Contains(environment, []byte(":"+ts.Getenv("API_PORT")+"\x00")) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			ts.Check(err)
			return pid
		}
	}
	ts.Fatalf("no drover controller of this lab runs")
	return 0
}
