package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// awsPython is the Python that runs the machine's aws command, empty when there
// is none: the command is not installed, or is a program of one file, as version
// 2 of it is. testdata/cli/drive.py runs in it.
var awsPython = sync.OnceValue(func() string {
	aws, err := exec.LookPath("aws")
	if err != nil {
		return ""
	}
	version, err := exec.Command(aws, "--version").CombinedOutput()
	if err != nil {
		return ""
	}
	for _, python := range []string{interpreter(aws), "python3", "python"} {
		out, err := exec.Command(python, "-c", "import awscli, sys; print('aws-cli/' + awscli.__version__, sys.executable)").Output()
		if err != nil {
			continue
		}
		if name, path, _ := strings.Cut(strings.TrimSpace(string(out)), " "); strings.HasPrefix(string(version), name+" ") {
			return path
		}
	}
	return ""
})

// interpreter is the program that a script says it is for.
func interpreter(script string) string {
	file, err := os.Open(script)
	if err != nil {
		return ""
	}
	defer file.Close()
	line, _ := bufio.NewReader(file).ReadString('\n')
	program, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "#!"), " ")
	if filepath.Base(program) == "env" {
		return "" // asks for one by its name, as the others do
	}
	return program
}
