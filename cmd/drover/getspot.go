package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/drover-project/drover/deploy"
	"github.com/drover-project/drover/internal/spot"
)

// spotReader reads the controller's account of Spot.
type spotReader func(ctx context.Context, place controllerOptions, namespace string) (spot.State, error)

func newGetSpotCommand(read spotReader) *cobra.Command {
	var place controllerOptions
	var namespace, output string
	command := &cobra.Command{
		Use: "spot", Short: "Show the Spot pools in use: price, saving, share, interruptions",
		Long: `Show the Spot pools that nodes come from: the price now against on demand, their
share of the cluster, how often AWS took nodes back, and which have nothing now.
The controller writes this down every minute.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if output != "wide" {
				if err := checkOutput(output); err != nil {
					return fmt.Errorf("--output=%s is none of table, wide, json, yaml", output)
				}
			}
			state, err := read(command.Context(), place, namespace)
			if err != nil {
				return failure{err}
			}
			if output == "wide" {
				return spotListing(state, true).write(command.OutOrStdout(), "table")
			}
			return spotListing(state, false).write(command.OutOrStdout(), output)
		},
	}
	flags := command.Flags()
	flags.StringVar(&place.kubeconfig, "kubeconfig", "", "kubeconfig file; default: KUBECONFIG, the pod's service account, ~/.kube/config")
	flags.StringVar(&place.context, "context", "", "context of the kubeconfig; default: its current one")
	flags.StringVar(&namespace, "namespace", deploy.Namespace, "namespace of the controller")
	flags.StringVarP(&output, "output", "o", "table", "table, wide, json or yaml")
	return command
}

// readSpot reads the ConfigMap that the controller writes.
func readSpot(ctx context.Context, place controllerOptions, namespace string) (spot.State, error) {
	place.qps, place.burst = 5, 10
	configuration, err := restConfig(place)
	if err != nil {
		return spot.State{}, err
	}
	kube, err := kubernetes.NewForConfig(configuration)
	if err != nil {
		return spot.State{}, fmt.Errorf("connecting to the cluster: %w", err)
	}
	kept, err := kube.CoreV1().ConfigMaps(namespace).Get(ctx, spot.ConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return spot.State{}, errors.New("there is no ConfigMap " + namespace + "/" + spot.ConfigMap +
			": the controller writes it within a minute of its start; is it running, and in this namespace (--namespace)?")
	}
	if err != nil {
		return spot.State{}, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, spot.ConfigMap, err)
	}
	return spot.Decode(kept.Data[spot.Key])
}

func spotListing(state spot.State, wide bool) *listing {
	l := &listing{
		header: []string{"INSTANCE TYPE", "ZONE", "NODES", "LEAVING", "PRICE", "ON-DEMAND", "SAVING", "NODE SHARE", "COST SHARE", "INTERRUPTIONS", "UNAVAILABLE"},
		values: state, nothing: "No Spot pools in use, and none was taken back",
	}
	if wide {
		l.header = append(l.header, "RECOMMENDATIONS", "LAST NOTICE")
	}
	for _, p := range state.Pools {
		row := []string{
			p.InstanceType, p.Zone, strconv.Itoa(p.Nodes), strconv.Itoa(p.Leaving), dollars(p.Price), dollars(p.OnDemand), percent(p.Saving, p.Saving != 0),
			percent(p.NodeShare, true), percent(p.CostShare, true), strconv.Itoa(p.Interruptions), orDash(p.Unavailable),
		}
		if wide {
			last := "-"
			if !p.Last.IsZero() {
				last = p.Last.UTC().Format(time.RFC3339)
			}
			row = append(row, strconv.Itoa(p.Recommendations), last)
		}
		l.rows = append(l.rows, row)
	}
	if !wide {
		return l
	}
	inUse := map[spot.PoolKey]bool{}
	for _, p := range state.Pools {
		inUse[spot.PoolKey{InstanceType: p.InstanceType, Zone: p.Zone}] = true
	}
	for _, u := range state.Unavailable {
		if u.CapacityType == "spot" && !inUse[spot.PoolKey{InstanceType: u.InstanceType, Zone: u.Zone}] {
			l.rows = append(l.rows, []string{orDash(u.InstanceType), orDash(u.Zone), "0", "0", "-", "-", "-", "-", "-", "0", u.Reason, "0", "-"})
		}
	}
	return l
}

func dollars(price float64) string {
	if price == 0 {
		return "-"
	}
	return fmt.Sprintf("$%.4f", price)
}

func percent(share float64, known bool) string {
	if !known {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
