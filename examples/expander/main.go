// Command expander is the smallest external expander: a gRPC server in Cluster
// Autoscaler's protocol that has the node groups grow whose name contains a text, the
// one that takes the fewest nodes first.
//
//	go run ./examples/expander --prefer spot --folder /tmp/expander
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/grpcexpander/expandertest"
	"github.com/drover-project/drover/internal/grpcexpander/wire"
)

func main() {
	prefer := flag.String("prefer", "spot", "text in the name of the groups that are to grow")
	folder := flag.String("folder", ".", "folder to write the server's certificate into")
	flag.Parse()
	server, err := expandertest.Serve(*folder, choose(*prefer))
	if err != nil {
		fmt.Fprintln(os.Stderr, "expander:", err)
		os.Exit(1)
	}
	defer server.Stop()
	fmt.Printf("--grpc-expander-url=%s --grpc-expander-cert=%s\n", server.Address, server.CertFile)
	ended, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	<-ended.Done()
}

// choose answers with the groups that are preferred, and says so.
func choose(prefer string) expandertest.Answer {
	return func(_ context.Context, question *wire.BestOptionsRequest) (*wire.BestOptionsResponse, error) {
		var chosen []*wire.Option
		for _, option := range question.GetOptions() {
			fmt.Printf("%s could hold %d pods with %d nodes\n", option.GetNodeGroupId(), len(option.GetPod()), option.GetNodeCount())
			if strings.Contains(option.GetNodeGroupId(), prefer) {
				chosen = append(chosen, option)
			}
		}
		slices.SortStableFunc(chosen, func(a, b *wire.Option) int { return cmp.Compare(a.GetNodeCount(), b.GetNodeCount()) })
		return &wire.BestOptionsResponse{Options: chosen}, nil
	}
}
