//go:build unix

package hostprocess_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/drover-project/drover/lab/nodes/hostprocess"
	"github.com/drover-project/drover/lab/nodes/podlog"
)

// TestMain lets the test binary play the program behind a container and the
// lab that dies.
func TestMain(m *testing.M) {
	switch os.Getenv("PLAY") {
	case "":
		os.Exit(m.Run())
	case "print-and-exit":
		fmt.Println("to stdout", os.Args[1])
		fmt.Fprintln(os.Stderr, "to stderr")
		os.Exit(3)
	case "wait":
		fmt.Println("waiting")
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("waiting")
		select {}
	case "serve":
		serve()
	case "lab":
		playLab()
	}
}

// serve answers the health that its standard input dictates.
func serve() {
	var status atomic.Int64
	status.Store(http.StatusOK)
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) })
	http.HandleFunc("/set", func(_ http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Query().Get("code"))
		status.Store(int64(code))
	})
	panic(http.Serve(listener, nil))
}

// playLab starts a process, says its number and waits to be killed.
func playLab() {
	log, err := podlog.NewWriter(filepath.Join(os.Args[1], "child.log"), time.Now)
	if err != nil {
		panic(err)
	}
	process, err := hostprocess.NewRunner().Start(hostprocess.Spec{
		Path: os.Args[0], Env: []string{"PLAY=wait"}, Log: log, Container: &corev1.Container{}, Changed: func() {},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(process.PID())
	select {}
}

type fixture struct {
	t       *testing.T
	runner  *hostprocess.Runner
	file    string
	changed chan struct{}
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, runner: hostprocess.NewRunner(), file: filepath.Join(t.TempDir(), "c", "0.log"), changed: make(chan struct{}, 100)}
	t.Cleanup(f.runner.Close)
	return f
}

func (f *fixture) start(play string, container *corev1.Container, args ...string) *hostprocess.Process {
	f.t.Helper()
	log, err := podlog.NewWriter(f.file, time.Now)
	if err != nil {
		f.t.Fatal(err)
	}
	process, err := f.runner.Start(hostprocess.Spec{
		Path: os.Args[0], Args: args, Env: []string{"PLAY=" + play}, Log: log,
		Container: container, Changed: func() { f.changed <- struct{}{} },
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return process
}

// await checks the condition at each change until it holds.
func (f *fixture) await(what string, holds func() bool) {
	f.t.Helper()
	deadline := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-f.changed:
		case <-deadline:
			f.t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func (f *fixture) awaitLog(want string) {
	f.t.Helper()
	reading, writing := io.Pipe()
	go func() {
		writing.CloseWithError(podlog.Read(f.t.Context(), f.file, &corev1.PodLogOptions{Follow: true}, func() bool { return true }, writing))
	}()
	scanner := bufio.NewScanner(reading)
	for scanner.Scan() {
		if scanner.Text() == want {
			reading.Close()
			return
		}
	}
	f.t.Fatalf("the log never says %q", want)
}

func exited(p *hostprocess.Process) func() bool {
	return func() bool { return p.Exit(time.Time{}) != nil }
}

func TestOutputAndExitCode(t *testing.T) {
	f := newFixture(t)
	p := f.start("print-and-exit", &corev1.Container{}, "word")
	f.await("exit", exited(p))
	if code := p.Exit(time.Time{}).Code; code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	var out bytes.Buffer
	if err := podlog.Read(t.Context(), f.file, &corev1.PodLogOptions{}, func() bool { return false }, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"to stdout word\n", "to stderr\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("log %q lacks %q", out.String(), want)
		}
	}
}

func TestStopSendsSIGTERM(t *testing.T) {
	f := newFixture(t)
	p := f.start("wait", &corev1.Container{})
	f.awaitLog("waiting")
	p.Stop(time.Now(), time.Now().Add(time.Minute))
	f.await("exit", exited(p))
	if got := p.Exit(time.Time{}); got.Code != 143 || got.Signal != 15 {
		t.Errorf("exit %+v, want code 143 by signal 15", got)
	}
}

func TestDeadlineThatHasPassedKills(t *testing.T) {
	f := newFixture(t)
	p := f.start("stubborn", &corev1.Container{})
	f.awaitLog("waiting")
	p.Stop(time.Now(), time.Now().Add(time.Hour))
	p.Stop(time.Now(), time.Now())
	f.await("exit", exited(p))
	if got := p.Exit(time.Time{}); got.Code != 137 {
		t.Errorf("exit code %d, want 137", got.Code)
	}
}

func TestMissingProgramIsAnError(t *testing.T) {
	f := newFixture(t)
	log, err := podlog.NewWriter(f.file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.runner.Start(hostprocess.Spec{Path: "/does/not/exist", Log: log, Container: &corev1.Container{}, Changed: func() {}})
	if err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("error %v", err)
	}
}

func TestProbesAskTheProcess(t *testing.T) {
	port := freePort(t)
	get := corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("web")}}
	container := &corev1.Container{
		Ports:          []corev1.ContainerPort{{Name: "web", ContainerPort: int32(port)}},
		StartupProbe:   &corev1.Probe{ProbeHandler: get, PeriodSeconds: 1, FailureThreshold: 30},
		ReadinessProbe: &corev1.Probe{ProbeHandler: get, PeriodSeconds: 1, FailureThreshold: 1},
		LivenessProbe:  &corev1.Probe{ProbeHandler: get, PeriodSeconds: 1, FailureThreshold: 2},
	}
	f := newFixture(t)
	p := f.start("serve", container, strconv.Itoa(port))
	f.await("ready", func() bool { h := p.Health(time.Time{}); return h.Started && h.Ready })
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/set?code=500", port))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	f.await("unready", func() bool { return !p.Health(time.Time{}).Ready })
	f.await("liveness failure", func() bool {
		return strings.Contains(p.Health(time.Time{}).Failure, "Liveness probe failed: HTTP probe failed with statuscode: 500")
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// TestProcessDiesWithTheLab kills the lab with SIGKILL.
func TestProcessDiesWithTheLab(t *testing.T) {
	lab := exec.Command(os.Args[0], t.TempDir())
	lab.Env = []string{"PLAY=lab"}
	out, err := lab.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the process does not run: %v", err)
	}
	if err := lab.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = lab.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Fatal("the process outlives the lab")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// alive is false for a zombie that nobody has waited for.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
