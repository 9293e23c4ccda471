package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/datadir"
)

// calls are requests that are alike.
type calls struct {
	Client    string `json:"client"`
	API       string `json:"api"` // kubernetes, or the AWS service
	Operation string `json:"operation"`
	Result    string `json:"result"` // ok, or the error's code
	Count     int    `json:"count"`
}

// longestLine of a log: an audit event carries its request's URL.
const longestLine = 1 << 20

func newCalls() *cobra.Command {
	var (
		output outputFormat
		since  time.Duration
		client string
	)
	cmd := &cobra.Command{
		Use:   "calls",
		Short: "Count who called which operation of the AWS and Kubernetes APIs",
		Long: `Count who called which operation of the AWS and Kubernetes APIs. Requests to the
Kubernetes API are known of a lab that was started with --audit.`,
		Example: `  drover-lab calls --since 5m
  drover-lab calls --client drover -o json`,
		Args: cobra.NoArgs,
	}
	output.addFlag(cmd)
	cmd.Flags().DurationVar(&since, "since", 0, "only requests of the last `duration`, such as 5m (default all that the logs hold)")
	cmd.Flags().StringVar(&client, "client", "", "only those of clients whose `name` begins so")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		path, err := dataDir(cmd)
		if err != nil {
			return err
		}
		c := counter{counts: map[calls]int{}, client: client}
		if since > 0 {
			c.since = time.Now().Add(-since)
		}
		if err := errors.Join(c.read(datadir.CallLog(path), c.aws), c.read(datadir.AuditLog(path), c.kubernetes)); err != nil {
			return err
		}
		if output != table {
			return output.encode(cmd.OutOrStdout(), c.sorted())
		}
		return printCalls(cmd.OutOrStdout(), c.sorted())
	}
	return cmd
}

// counter counts the lines of logs.
type counter struct {
	counts map[calls]int
	since  time.Time
	client string
}

// read gives each line of a log to count. A log that is not there is empty.
func (c *counter) read(path string, count func([]byte) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longestLine)
	for number := 1; lines.Scan(); number++ {
		if err := count(lines.Bytes()); err != nil {
			return fmt.Errorf("%s, line %d: %w", path, number, err)
		}
	}
	return lines.Err()
}

func (c *counter) aws(line []byte) error {
	var call awswire.Call
	if err := json.Unmarshal(line, &call); err != nil {
		return err
	}
	c.add(call.Time, calls{Client: call.Client, API: call.Service, Operation: call.Operation, Result: cmp.Or(call.Code, "ok")})
	return nil
}

func (c *counter) kubernetes(line []byte) error {
	var event auditv1.Event
	if err := json.Unmarshal(line, &event); err != nil {
		return err
	}
	operation := event.Verb
	if of := event.ObjectRef; of != nil {
		operation += " " + of.Resource
		if of.Subresource != "" {
			operation += "/" + of.Subresource
		}
	} else {
		path, _, _ := strings.Cut(event.RequestURI, "?")
		operation += " " + path
	}
	result := "ok"
	if status := event.ResponseStatus; status != nil && status.Code >= 400 {
		result = cmp.Or(string(status.Reason), fmt.Sprint(status.Code))
	}
	c.add(event.RequestReceivedTimestamp.Time, calls{Client: kubernetesClient(&event), API: "kubernetes", Operation: operation, Result: result})
	return nil
}

// kubernetesClient is the program, or the user where the program does not say:
// the components of the control plane all are this program.
func kubernetesClient(event *auditv1.Event) string {
	name, _, _ := strings.Cut(event.UserAgent, "/")
	name, _, _ = strings.Cut(name, " ")
	if name == "" || name == "drover-lab" || strings.HasPrefix(name, "Go-http-client") {
		return event.User.Username
	}
	return name
}

func (c *counter) add(at time.Time, call calls) {
	if at.Before(c.since) || !strings.HasPrefix(call.Client, c.client) {
		return
	}
	c.counts[call]++
}

// sorted has the most frequent of each client first.
func (c *counter) sorted() []calls {
	all := make([]calls, 0, len(c.counts))
	for call, count := range c.counts {
		call.Count = count
		all = append(all, call)
	}
	slices.SortFunc(all, func(a, b calls) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(b.Count, a.Count), cmp.Compare(a.API, b.API),
			cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Result, b.Result))
	})
	return all
}

func printCalls(out io.Writer, all []calls) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "no requests")
		return err
	}
	rows := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(rows, "CLIENT\tAPI\tOPERATION\tRESULT\tCOUNT")
	for _, call := range all {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%d\n", call.Client, call.API, call.Operation, call.Result, call.Count)
	}
	return rows.Flush()
}
