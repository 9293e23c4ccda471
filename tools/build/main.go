// Command build runs `go build` and says how far it is: the first build of the
// lab compiles Kubernetes itself and takes minutes.
//
// Usage: go run ./tools/build [-C DIR] -o FILE PACKAGE
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	dir := flag.String("C", ".", "folder of the module to build in")
	out := flag.String("o", "", "file to write, relative to that folder")
	flag.Parse()
	if *out == "" || flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: build [-C DIR] -o FILE PACKAGE")
		os.Exit(2)
	}
	if err := build(*dir, *out, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func build(dir, out, pkg string) error {
	start := time.Now()
	total, err := countPackages(dir, pkg)
	if err != nil {
		return err
	}
	// The commit shows in every log line, whatever GOFLAGS say.
	cmd := exec.Command("go", "build", "-v", "-buildvcs=auto", "-o", out, pkg)
	cmd.Dir = dir
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	compiled, failures := watch(stderr, progress{name: out, total: total, start: start})
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", pkg, err, failures)
	}
	fmt.Printf("built %s: %d of %d packages compiled, the rest was cached, %s\n",
		out, compiled, total, time.Since(start).Round(time.Second))
	return nil
}

// countPackages also downloads the modules, which go reports on its own.
func countPackages(dir, pkg string) (int, error) {
	cmd := exec.Command("go", "list", "-deps", pkg)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	list, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("listing the packages of %s: %w", pkg, err)
	}
	return bytes.Count(list, []byte("\n")), nil
}

type progress struct {
	name  string
	total int
	start time.Time
}

// watch reads go's output: one import path for each compiled package, anything
// else is an error message to show at the end.
func watch(output io.Reader, p progress) (compiled int, failures string) {
	var messages strings.Builder
	last := p.start
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.ContainsAny(line, " \t:#") {
			messages.WriteString(line + "\n")
			continue
		}
		compiled++
		if time.Since(last) >= 5*time.Second {
			last = time.Now()
			fmt.Printf("building %s: %d compiled of at most %d packages, %s\n",
				p.name, compiled, p.total, time.Since(p.start).Round(time.Second))
		}
	}
	return compiled, messages.String()
}
