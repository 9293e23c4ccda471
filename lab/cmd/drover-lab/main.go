// Command drover-lab runs a Kubernetes cluster on a simulated AWS region, with
// drover in it, on this machine.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	err := newRoot().Execute()
	if err == nil {
		return
	}
	if !errors.Is(err, errSilent) {
		fmt.Fprintln(os.Stderr, "drover-lab:", err)
	}
	os.Exit(1)
}

// errSilent is for commands whose output has already said everything.
var errSilent = errors.New("failed")
