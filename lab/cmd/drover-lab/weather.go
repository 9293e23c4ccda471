package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/lab/region/weather"
)

const weatherPath = "/weather"

func newWeather() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "weather",
		Short: "Let Spot pools be taken from, by chance or by a file; show and change what they cost and how deep they are",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newWeatherStart(), newWeatherStop(), newWeatherStatus(), newReplay(), newPools(), newPrice(), newDepth())
	return cmd
}

func newWeatherStart() *cobra.Command {
	var change weather.Change
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Take Spot instances back by chance, shallow pools more often; the same seed is the same weather",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(change.Intensity > 0) {
				return fmt.Errorf("--intensity %v: must be greater than 0", change.Intensity)
			}
			var s weather.Status
			if err := askLab(cmd, labRequest{http.MethodPost, weatherPath, change}, &s); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "weather started (seed %d, intensity %v)\n", s.Process.Seed, s.Process.Intensity)
			return nil
		},
	}
	cmd.Flags().Int64Var(&change.Seed, "seed", 1, "decides what happens when")
	cmd.Flags().Float64Var(&change.Intensity, "intensity", 1, "how stormy it is: at 1 the shallowest pools are taken from once an hour, before the time scale")
	return cmd
}

func newWeatherStop() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Stop the weather and the replay of a file; what was announced still happens",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer struct {
				Stopped []string `json:"stopped"`
			}
			if err := askLab(cmd, labRequest{method: http.MethodDelete, path: weatherPath}, &answer); err != nil {
				return err
			}
			for _, what := range answer.Stopped {
				fmt.Fprintln(cmd.OutOrStdout(), what, "stopped")
			}
			return nil
		},
	}
}

func newReplay() *cobra.Command {
	var output outputFormat
	var wait bool
	cmd := &cobra.Command{
		Use:     "replay FILE",
		Short:   "Let happen what a file says, at its times; - reads standard input",
		Args:    cobra.ExactArgs(1),
		Example: "  drover-lab weather replay storm.yaml --wait",
	}
	output.addFlag(cmd)
	cmd.Flags().BoolVar(&wait, "wait", false, "return when all of it has happened; exit code 1 when something could not")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, content, err := readFile(cmd, args[0])
		if err != nil {
			return err
		}
		var r weather.ReplayStatus
		body := map[string]string{"file": name, "content": string(content)}
		if err := askLab(cmd, labRequest{http.MethodPost, weatherPath + "/replay", body}, &r); err != nil {
			return err
		}
		if output == table {
			fmt.Fprintf(cmd.OutOrStdout(), "replaying %s: %d events\n", r.File, r.Events)
		}
		if wait {
			return follow(cmd, output, r)
		}
		if output != table {
			return output.encode(cmd.OutOrStdout(), r)
		}
		return nil
	}
	return cmd
}

func readFile(cmd *cobra.Command, path string) (name string, content []byte, err error) {
	if path == "-" {
		content, err = io.ReadAll(cmd.InOrStdin())
		return "stdin", content, err
	}
	content, err = os.ReadFile(filepath.Clean(path))
	return path, content, err
}

// follow says what happens until a replay is over.
func follow(cmd *cobra.Command, output outputFormat, r weather.ReplayStatus) error {
	said, failed := 0, 0
	for {
		for ; said < len(r.Outcomes); said++ {
			if r.Outcomes[said].Error != "" {
				failed++
			}
			if output == table {
				fmt.Fprintln(cmd.OutOrStdout(), sayOutcome(r.File, r.Outcomes[said]))
			}
		}
		if r.Ended != nil {
			break
		}
		select {
		case <-cmd.Context().Done():
			return cmd.Context().Err()
		case <-time.After(500 * time.Millisecond):
		}
		var s weather.Status
		if err := askLab(cmd, labRequest{method: http.MethodGet, path: weatherPath}, &s); err != nil {
			return err
		}
		if s.Replay == nil || !s.Replay.Started.Equal(r.Started) {
			return errors.New("the replay was stopped")
		}
		r = *s.Replay
	}
	if output != table {
		if err := output.encode(cmd.OutOrStdout(), r); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d events could not happen", failed, r.Events)
	}
	return nil
}

func sayOutcome(file string, o weather.Outcome) string {
	what := o.Done
	if o.Error != "" {
		what = "error: " + o.Error
	}
	return fmt.Sprintf("%s %s:%d %s: %s", clockTime(o.At), file, o.Line, o.Event, what)
}

func newWeatherStatus() *cobra.Command {
	var output outputFormat
	cmd := &cobra.Command{Use: "status", Short: "Show the weather: what runs, what is to come, which zones are out", Args: cobra.NoArgs}
	output.addFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var s weather.Status
		if err := askLab(cmd, labRequest{method: http.MethodGet, path: weatherPath}, &s); err != nil {
			return err
		}
		if output != table {
			return output.encode(cmd.OutOrStdout(), s)
		}
		printWeather(cmd.OutOrStdout(), s)
		return nil
	}
	return cmd
}

func printWeather(out io.Writer, s weather.Status) {
	if s.Process == nil {
		fmt.Fprintln(out, "weather: calm")
	} else {
		fmt.Fprintf(out, "weather: since %s, seed %d, intensity %v\n", clockTime(s.Process.Started), s.Process.Seed, s.Process.Intensity)
	}
	if r := s.Replay; r != nil {
		state := "over"
		if r.Next != nil {
			state = "next event at " + clockTime(*r.Next)
		}
		fmt.Fprintf(out, "replay: %s, %d of %d events happened, %s\n", r.File, len(r.Outcomes), r.Events, state)
		for _, o := range r.Outcomes {
			fmt.Fprintln(out, " ", sayOutcome(r.File, o))
		}
	}
	for _, o := range s.Outages {
		until := "until it is restored"
		if o.Until != nil {
			until = "until " + clockTime(*o.Until)
		}
		fmt.Fprintf(out, "zone %s: out since %s, %s\n", o.Zone, clockTime(o.Since), until)
	}
	printAhead(out, "NOTICED", s.Noticed)
	printAhead(out, "TO COME", s.Coming)
}

func printAhead(out io.Writer, title string, list []weather.Affected) {
	if len(list) == 0 {
		return
	}
	rows := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(rows, "%s\tINSTANCE\tPOOL\tACTION\tAT\tRECOMMENDED\n", title)
	for _, a := range list {
		fmt.Fprintf(rows, "%s\t%s\t%s/%s\t%s\t%s\t%s\n", a.Node, a.InstanceID, a.InstanceType, a.Zone, dash(a.Action), dashTime(a.At), dashTime(a.Recommended))
	}
	_ = rows.Flush() // as the lines above
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func dashTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return clockTime(*t)
}

func newPools() *cobra.Command {
	var output outputFormat
	var used bool
	cmd := &cobra.Command{
		Use: "pools [TYPE/ZONE]", Short: "List Spot pools with their price and depth", Args: cobra.MaximumNArgs(1),
		Example: "  drover-lab weather pools 'm5.*/us-west-2a'\n  drover-lab weather pools --used",
	}
	output.addFlag(cmd)
	cmd.Flags().BoolVar(&used, "used", false, "only those with instances")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := url.Values{}
		if len(args) > 0 {
			query.Set("pool", args[0])
		}
		if used {
			query.Set("used", "1")
		}
		pools := []weather.PoolNow{}
		if err := askLab(cmd, labRequest{method: http.MethodGet, path: "/pools?" + query.Encode()}, &pools); err != nil {
			return err
		}
		if output != table {
			return output.encode(cmd.OutOrStdout(), pools)
		}
		return printSpotPools(cmd.OutOrStdout(), pools)
	}
	return cmd
}

func printSpotPools(out io.Writer, pools []weather.PoolNow) error {
	rows := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(rows, "INSTANCE TYPE\tZONE\tPRICE\tON-DEMAND\tSAVED\tDEPTH\tAVAILABLE\tRUNNING")
	for _, p := range pools {
		available := "unlimited"
		if p.Available != nil {
			available = strconv.FormatInt(*p.Available, 10)
		}
		fmt.Fprintf(rows, "%s\t%s\t%.4f\t%.4f\t%.0f%%\t%d\t%s\t%d\n", p.InstanceType, p.Zone, p.USD, p.OnDemandUSD, 100*(1-p.USD/p.OnDemandUSD), p.Depth, available, p.Running)
	}
	return rows.Flush()
}

func newPrice() *cobra.Command {
	return &cobra.Command{
		Use:     "price TYPE/ZONE USD|PERCENT%|market",
		Short:   "Change the price of Spot pools: in USD per hour, of the on-demand price, or what the market says again",
		Args:    cobra.ExactArgs(2),
		Example: "  drover-lab weather price 'm5.large/*' 0.08\n  drover-lab weather price 'm5.large/*' 95%\n  drover-lab weather price 'm5.large/*' market",
		RunE: func(cmd *cobra.Command, args []string) error {
			change := weather.PriceChange{Pool: args[0]}
			number, percent := strings.CutSuffix(args[1], "%")
			value, err := strconv.ParseFloat(number, 64)
			switch {
			case args[1] == "market":
				change.Market = true
			case err != nil || !(value > 0):
				return fmt.Errorf("price %q: use USD per hour such as 0.08, a part of the on-demand price such as 95%%, or market", args[1])
			case percent:
				change.Share = value / 100
			default:
				change.USD = value
			}
			return changePools(cmd, labRequest{http.MethodPut, "/prices", change})
		},
	}
}

func newDepth() *cobra.Command {
	return &cobra.Command{
		Use:     "depth TYPE/ZONE 0-10|model",
		Short:   "Change how much spare capacity Spot pools have, 0 (none) to 10",
		Args:    cobra.ExactArgs(2),
		Example: "  drover-lab weather depth 'm5.*/us-west-2a' 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			change := weather.DepthChange{Pool: args[0], Model: args[1] == "model"}
			if depth, err := strconv.Atoi(args[1]); err == nil {
				change.Depth = &depth
			} else if !change.Model {
				return fmt.Errorf("depth %q: use a whole number from 0 to 10, or model", args[1])
			}
			return changePools(cmd, labRequest{http.MethodPut, "/depths", change})
		},
	}
}

func changePools(cmd *cobra.Command, request labRequest) error {
	var answer struct {
		Pools int `json:"pools"`
	}
	if err := askLab(cmd, request, &answer); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d pools changed\n", answer.Pools)
	return nil
}
