package controlplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestComplaint(t *testing.T) {
	for name, test := range map[string]struct{ log, want string }{
		"a panic before its stack": {"I1124 starting\npanic: no disk\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: no disk"},
		"a fatal line of klog":     {"F1124 12:00:00 x.go:1] no port\nI1124 bye\n", "F1124 12:00:00 x.go:1] no port"},
		"a fatal line of etcd":     {`{"level":"fatal","msg":"bad WAL"}` + "\nlast\n", `{"level":"fatal","msg":"bad WAL"}`},
		"the last of several":      {"drover-lab: first\ndrover-lab: second\n", "drover-lab: second"},
		"nothing serious":          {"one\ntwo\n\n", "two"},
		"nothing at all":           {"", "its log is empty"},
		"far from the end":         {"panic: old\n" + strings.Repeat("x\n", tailBytes), "x"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(test.log), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := complaint(path); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := complaint(filepath.Join(t.TempDir(), "none")); got != "it wrote no log" {
		t.Errorf("got %q", got)
	}
}
