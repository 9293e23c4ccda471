package e2e

import (
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drover-project/drover/internal/grpcexpander/expandertest"
)

// expanderKey is under which a script keeps its external expander.
const expanderKey = "expander"

// expander is a script's external expander, nil before it is started.
type expander struct{ server *expandertest.Server }

// cmdExpander has an external expander choose the groups of these names:
// `expander NAME…`, with its address and certificate in EXPANDER_URL and
// EXPANDER_CERT; `! expander` stops it.
func cmdExpander(ts *testscript.TestScript, neg bool, args []string) {
	own := ts.Value(expanderKey).(*expander)
	switch {
	case neg && own.server != nil:
		own.server.Stop()
	case neg:
		ts.Fatalf("no expander was started")
	case own.server != nil:
		own.server.Answers(expandertest.Choose(args...))
	default:
		server, err := expandertest.Serve(ts.MkAbs("."), expandertest.Choose(args...))
		ts.Check(err)
		ts.Defer(server.Stop)
		own.server = server
		ts.Setenv("EXPANDER_URL", server.Address)
		ts.Setenv("EXPANDER_CERT", server.CertFile)
	}
}
