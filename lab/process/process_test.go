package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	childArgument  = "process-test-child"
	parentArgument = "process-test-parent"
	deadline       = 20 * time.Second
)

// TestMain is also the child, and a parent of a child, that the tests run.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == childArgument:
		childMain()
	case len(os.Args) > 1 && os.Args[1] == parentArgument:
		parentMain()
	default:
		os.Exit(m.Run())
	}
}

func childMain() {
	if err := ExitWithParent(); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	fmt.Println("up", os.Getenv("WORD"))
	if len(os.Args) > 2 {
		os.Exit(3)
	}
	select {}
}

// parentMain supervises a child until it is killed itself.
func parentMain() {
	child, err := Supervise(Spec{Name: "grandchild", Args: []string{childArgument}, Log: os.Stdout}, nil)
	if err != nil {
		os.Exit(2)
	}
	for child.Status().PID == 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("grandchild", child.Status().PID)
	select {}
}

// output collects what children write.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("not in time: %s", what)
}

func start(t *testing.T, spec Spec) *Child {
	t.Helper()
	child, err := Supervise(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(child.Stop)
	return child
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestChildIsStartedAgainAfterKill9(t *testing.T) {
	out := &output{}
	child := start(t, Spec{Name: "child", Args: []string{childArgument}, Env: []string{"WORD=here"}, Log: out})
	eventually(t, "the child is up", func() bool { return strings.Contains(out.String(), "up here") })
	first := child.Status().PID
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another child is up", func() bool { return strings.Count(out.String(), "up here") == 2 })
	status := child.Status()
	if status.PID == first || status.Restarts != 1 || !strings.Contains(status.LastExit, "killed") {
		t.Errorf("status %+v", status)
	}
}

func TestChildThatFailsIsTriedAgainMoreSlowly(t *testing.T) {
	child := start(t, Spec{Name: "child", Args: []string{childArgument, "fail"}, Log: &output{}})
	eventually(t, "two restarts", func() bool { return child.Status().Restarts >= 2 })
	if exit := child.Status().LastExit; exit != "exit status 3" {
		t.Errorf("last exit %q", exit)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	child := start(t, Spec{Name: "child", Args: []string{childArgument}, Log: &output{}})
	eventually(t, "the child runs", func() bool { return child.Status().PID != 0 })
	pid := child.Status().PID
	child.Stop()
	if alive(pid) || child.Status().PID != 0 {
		t.Errorf("the child is alive; status %+v", child.Status())
	}
}

func TestChildDiesWithAParentThatIsKilled(t *testing.T) {
	out := &output{}
	parent := start(t, Spec{Name: "parent", Args: []string{parentArgument}, Log: out})
	var grandchild int
	eventually(t, "the grandchild is up", func() bool {
		_, err := fmt.Sscanf(out.String()[max(0, strings.Index(out.String(), "grandchild")):], "grandchild %d", &grandchild)
		return err == nil
	})
	if err := syscall.Kill(parent.Status().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the grandchild is gone", func() bool { return !alive(grandchild) })
}

func TestChildRefusesToBeStartedByHand(t *testing.T) {
	out, err := exec.Command(os.Args[0], childArgument).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "drover-lab itself") {
		t.Errorf("output %q, %v", out, err)
	}
}
