package controlplane

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"regexp"
	"strings"
)

// tailBytes is how much of a log is searched.
const tailBytes = 64 << 10

// serious matches the lines in which Go, klog and etcd say why they end, and the
// error that the process printed last.
var serious = regexp.MustCompile(`^(panic: |fatal error: |F\d{4} |drover-lab: |.*"level":"(fatal|panic)")`)

// complaint is the last line of a log that says why the process ended, else the
// last line of all.
func complaint(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return "it wrote no log"
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > tailBytes {
		_, _ = file.Seek(-tailBytes, io.SeekEnd)
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return "its log cannot be read"
	}
	why, last := "", "its log is empty"
	for line := range bytes.Lines(bytes.TrimSpace(content)) {
		last = strings.TrimSpace(string(line))
		if serious.Match(line) {
			why = last
		}
	}
	return cmp.Or(why, last)
}
