package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/inventory"
)

// cluster connects to the cluster that flags name, and says what time it is.
type cluster func(place controllerOptions) (client.Reader, time.Time, error)

// connectCluster reads the API server itself.
func connectCluster(place controllerOptions) (client.Reader, time.Time, error) {
	place.qps, place.burst = 5, 10
	configuration, err := restConfig(place)
	if err != nil {
		return nil, time.Time{}, err
	}
	reader, err := client.New(configuration, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return reader, time.Now(), nil
}

// inventoryKind is one kind of things that a cluster has.
type inventoryKind struct {
	use, short, long string
	aliases          []string
	// resource begins the lines of -o name.
	resource string
	// list shows them; the last columns are those that wideHeader names.
	list       func(ctx context.Context, reader client.Reader, q inventory.Query, how look) (*listing, error)
	wideHeader []string
}

// look is how a table is shown: at what time, with all of long texts or their beginning.
type look struct {
	now  time.Time
	wide bool
}

func (l look) age(created time.Time) string {
	if created.IsZero() {
		return "-"
	}
	return duration.HumanDuration(l.now.Sub(created))
}

func (l look) text(long string) string {
	if l.wide {
		return orDash(strings.Join(strings.Fields(long), " "))
	}
	return orDash(shortened(long))
}

func newInventoryCommand(connect cluster, kind inventoryKind) *cobra.Command {
	var place controllerOptions
	var output, selector string
	command := &cobra.Command{Use: kind.use + " [NAME...]", Aliases: kind.aliases, Short: kind.short, Long: kind.long}
	flags := command.Flags()
	flags.StringVar(&place.kubeconfig, "kubeconfig", "", "kubeconfig file; default: KUBECONFIG, the pod's service account, ~/.kube/config")
	flags.StringVar(&place.context, "context", "", "context of the kubeconfig; default: its current one")
	flags.StringVarP(&selector, "selector", "l", "", "only those with these labels, as for kubectl: KEY=VALUE,KEY!=VALUE,KEY in (A,B)")
	flags.StringVarP(&output, "output", "o", "table", "table, wide, name, json or yaml")
	command.RunE = func(command *cobra.Command, args []string) error {
		q := inventory.Query{Names: args}
		var err error
		if selector != "" {
			if q.Selector, err = labels.Parse(selector); err != nil {
				return fmt.Errorf("--selector=%s: %w", selector, err)
			}
		}
		if checkOutput(output) != nil && output != "wide" && output != "name" {
			return fmt.Errorf("--output=%s is none of table, wide, name, json, yaml", output)
		}
		reader, now, err := connect(place)
		if err != nil {
			return failure{err}
		}
		found, err := kind.list(command.Context(), reader, q, look{now: now, wide: output == "wide"})
		if err != nil {
			return failure{err}
		}
		return writeInventory(command.OutOrStdout(), output, found, kind)
	}
	return command
}

func writeInventory(out io.Writer, output string, found *listing, kind inventoryKind) error {
	switch output {
	case "name":
		for _, row := range found.rows {
			if _, err := fmt.Fprintln(out, kind.resource+"/"+row[0]); err != nil {
				return err
			}
		}
		return nil
	case "wide":
		found.header = append(found.header, kind.wideHeader...)
		output = "table"
	case "table":
		for i, row := range found.rows {
			found.rows[i] = row[:len(found.header)]
		}
	}
	return found.write(out, output)
}

func newGetNodeClaimsCommand(connect cluster) *cobra.Command {
	return newInventoryCommand(connect, inventoryKind{
		use: "nodeclaims", aliases: []string{"nodeclaim"}, resource: "nodeclaim.karpenter.sh",
		short: "Show NodeClaims: type, price, what each waits for, why it exists",
		long: `Show the machines that were decided on: what each is and costs, what keeps it from
being ready, and why it exists. -o wide has the whole reason.`,
		wideHeader: []string{"PROMISED PODS", "ID", "IMAGEID", "NODECLASS", "DRIFTED"},
		list: func(ctx context.Context, reader client.Reader, q inventory.Query, how look) (*listing, error) {
			found, err := inventory.NodeClaims(ctx, reader, q, how.now)
			if err != nil {
				return nil, err
			}
			l := &listing{
				header: []string{"NAME", "NODEPOOL", "TYPE", "CAPACITY", "ZONE", "PRICE", "NODE", "READY", "AGE", "WAITS FOR", "WHY"},
				values: found, nothing: "No NodeClaims found",
			}
			for _, c := range found {
				l.rows = append(l.rows, []string{
					c.Name, orDash(c.NodePool), orDash(c.InstanceType), orDash(c.CapacityType), orDash(c.Zone), dollars(c.PricePerHour), orDash(c.Node), c.Ready,
					how.age(c.Created), how.text(c.WaitsFor), how.text(c.Reason),
					strconv.Itoa(c.Pods), orDash(c.ProviderID), orDash(c.ImageID), orDash(c.NodeClass), orDash(c.Drifted),
				})
			}
			return l, nil
		},
	})
}

func newGetNodePoolsCommand(connect cluster) *cobra.Command {
	return newInventoryCommand(connect, inventoryKind{
		use: "nodepools", aliases: []string{"nodepool"}, resource: "nodepool.karpenter.sh",
		short: "Show NodePools: nodes, price, limits, why one is not ready",
		long: `Show NodePools: how many nodes they have on Spot and on demand, what these cost, how
much of their limits is used, and why one is not ready.`,
		wideHeader: []string{"STARTING", "LEAVING", "WEIGHT", "CONSOLIDATION"},
		list: func(ctx context.Context, reader client.Reader, q inventory.Query, how look) (*listing, error) {
			found, err := inventory.NodePools(ctx, reader, q)
			if err != nil {
				return nil, err
			}
			l := &listing{
				header: []string{"NAME", "NODECLASS", "NODES", "SPOT", "ON-DEMAND", "PRICE", "CPU", "MEMORY", "READY", "AGE", "WAITS FOR"},
				values: found, nothing: "No NodePools found",
			}
			for _, p := range found {
				l.rows = append(l.rows, []string{
					p.Name, orDash(p.NodeClass), strconv.FormatInt(p.Nodes, 10), strconv.Itoa(p.Spot), strconv.Itoa(p.OnDemand), dollars(p.PricePerHour),
					ofLimit(p.CPU), ofLimit(p.Memory), p.Ready, how.age(p.Created), how.text(p.WaitsFor),
					strconv.Itoa(p.Starting), strconv.Itoa(p.Leaving), strconv.Itoa(int(p.Weight)), orDash(p.Consolidation),
				})
			}
			return l, nil
		},
	})
}

func newGetNodesCommand(connect cluster) *cobra.Command {
	return newInventoryCommand(connect, inventoryKind{
		use: "nodes", aliases: []string{"node", "no"}, resource: "node",
		short: "Show nodes: pool or group, type, price, how full each is, why one goes",
		long: `Show nodes, whoever manages them: the NodePool or node group, type and price, how much
of each its pods request, and why it is not ready or goes. Prices are those of
NodeClaims, or the list price for nodes on demand.`,
		wideHeader: []string{"PODS", "VERSION", "INTERNAL-IP", "NODECLAIM", "ID"},
		list: func(ctx context.Context, reader client.Reader, q inventory.Query, how look) (*listing, error) {
			found, err := inventory.Nodes(ctx, reader, q)
			if err != nil {
				return nil, err
			}
			l := &listing{
				header: []string{"NAME", "STATUS", "POOL OR GROUP", "TYPE", "CAPACITY", "ZONE", "PRICE", "AGE", "CPU", "MEMORY", "WAITS FOR"},
				values: found, nothing: "No nodes found",
			}
			for _, n := range found {
				l.rows = append(l.rows, []string{
					n.Name, n.Status, orDash(n.NodePool + n.NodeGroup), orDash(n.InstanceType), orDash(n.CapacityType), orDash(n.Zone), dollars(n.PricePerHour),
					how.age(n.Created), percent(n.CPU, true), percent(n.Memory, true), how.text(n.WaitsFor),
					fmt.Sprintf("%d/%d", n.Pods, n.MaxPods), orDash(n.Version), orDash(n.InternalIP), orDash(n.NodeClaim), orDash(n.ProviderID),
				})
			}
			return l, nil
		},
	})
}

// ofLimit is USED/LIMIT, or what is used alone.
func ofLimit(c inventory.Counted) string {
	return strings.TrimSuffix(c.Used+"/"+c.Limit, "/")
}
