package engine_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/model"
)

// BenchmarkGrowth plans for more and more of one thing while the others stay as they are.
func BenchmarkGrowth(b *testing.B) {
	for _, pods := range []int{1000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("pods-%d", pods), func(b *testing.B) { measure(b, manyPods(pods, 1000)) })
	}
	for _, classes := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("classes-%d", classes), func(b *testing.B) { measure(b, manyPods(10_000, classes)) })
	}
	for _, types := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("types-%d", types), func(b *testing.B) { measure(b, manyTypes(types)) })
	}
	for _, nodes := range []int{0, 1000, 10_000, 20_000} {
		b.Run(fmt.Sprintf("nodes-%d", nodes), func(b *testing.B) { measure(b, fullNodes(nodes, 100)) })
	}
}

// manyTypes has 10,000 pods of 100 classes for so many types of three shapes.
func manyTypes(count int) *model.Snapshot {
	var c model.Catalog
	for n := range count {
		cpu := int64(2 + n/3)
		addRoom(&c, fmt.Sprintf("type-%d", n), cpu*1000-80, cpu*int64(2<<(n%3))*900, float64(cpu)*(0.017+0.0037*float64(int(2)<<(n%3))))
	}
	s := onePool(c)
	s.Pending = manyPods(10_000, 100).Pending
	return s
}

// startPeak gives back what memory the process does not need and forgets its peak; only
// Linux can.
func startPeak() {
	debug.FreeOSMemory()
	// What can't be written leaves the peak of the whole process, as does peak below.
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// peak is the most memory in MB that the process had since startPeak, its input included;
// 0 where that can't be told.
func peak() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest + " 0")[0])
	if err != nil {
		return 0
	}
	return float64(kilobytes) / 1000
}

// peersRow is a line of the file of the peers' figures: workload, catalogue, pods, nodes,
// price and seconds.
var peersRow = regexp.MustCompile(`^\| (\S+) \((\w+)[^)]*\) \|[^|]*\|[^|]*\| ([\d.,]+)[^|]* \| ([\d.,]+) \|`)

// reportPeers puts what was recorded of Karpenter for the same pods and types beside the
// figures; nothing where that is not known.
func reportPeers(b *testing.B, folder, name, catalog string) {
	f, err := os.Open(filepath.Join(folder, "PEERS.md"))
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		row := peersRow.FindStringSubmatch(lines.Text())
		if row == nil || row[1] != name || row[2] != catalog {
			continue
		}
		for n, unit := range map[int]string{3: "karpenter-$/h", 4: "karpenter-s"} {
			if value, err := strconv.ParseFloat(strings.ReplaceAll(row[n], ",", ""), 64); err == nil {
				b.ReportMetric(value, unit)
			}
		}
	}
}
