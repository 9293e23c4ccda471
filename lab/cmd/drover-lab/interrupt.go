package main

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/lab/region/weather"
)

// selectionFlags say which instances are meant.
type selectionFlags struct {
	weather.Selection
	fraction string
}

func (f *selectionFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.fraction, "fraction", "", "a `part` of those that run, such as 0.3 or 30%")
	flags.StringVar(&f.Pool, "pool", "", "those of a pool, `TYPE/ZONE`; both may contain *")
	flags.BoolVar(&f.All, "all", false, "all that run")
	flags.Int64Var(&f.Seed, "seed", 0, "decides which ones a fraction is")
}

// selection is what the flags and the arguments say.
func (f *selectionFlags) selection(args []string) (weather.Selection, error) {
	s := f.Selection
	s.Targets = args
	if f.fraction != "" {
		number, percent := strings.CutSuffix(f.fraction, "%")
		value, err := strconv.ParseFloat(number, 64)
		if percent {
			value /= 100
		}
		if err != nil || !(value > 0) || value > 1 || math.IsInf(value, 0) {
			return s, fmt.Errorf("--fraction %s: use more than 0 and at most 1, such as 0.3 or 30%%", f.fraction)
		}
		s.Fraction = value
	}
	if len(args) == 0 && !s.All && s.Pool == "" && s.Fraction == 0 {
		return s, errors.New("name nodes or instances, or use --fraction, --pool or --all")
	}
	return s, s.Check()
}

// given is the value of a flag for a duration, nil when it is not set.
func given(cmd *cobra.Command, name string, value time.Duration) *weather.Duration {
	if !cmd.Flags().Changed(name) {
		return nil
	}
	d := weather.Duration(value)
	return &d
}

func newInterrupt() *cobra.Command {
	var which selectionFlags
	var in weather.Interruption
	var notice, recommend time.Duration
	var output outputFormat
	cmd := &cobra.Command{
		Use:   "interrupt [NODE|INSTANCE-ID...]",
		Short: "Give Spot instances their interruption notice; EC2 takes them back two minutes later",
		Long: `Give Spot instances their interruption notice, as EC2 does when it needs the capacity: in the instance
metadata, as an event, and in the status of the Spot request. When the notice is over the instances end by
themselves. Durations are divided by the lab's time scale.`,
		Example: `  drover-lab interrupt ip-192-168-100-1.us-west-2.compute.internal
  drover-lab interrupt --fraction 0.3 --seed 7
  drover-lab interrupt --pool m5.large/us-west-2a --recommend 10m
  drover-lab interrupt --all --notice 30s`,
	}
	which.add(cmd)
	output.addFlag(cmd)
	cmd.Flags().StringVar(&in.Action, "action", "", "terminate, stop or hibernate (default what the Spot request of each says)")
	cmd.Flags().DurationVar(&notice, "notice", 2*time.Minute, "from the notice until EC2 acts")
	cmd.Flags().DurationVar(&recommend, "recommend", 0, "recommend to rebalance now, this long before EC2 acts")
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "only say who it would be")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if in.Selection, err = which.selection(args); err != nil {
			return err
		}
		in.Notice, in.Recommend = given(cmd, "notice", notice), given(cmd, "recommend", recommend)
		return announced(cmd, output, labRequest{http.MethodPost, "/interruptions", in}, suffixed(sayInterrupted, in.DryRun))
	}
	return cmd
}

func newRecommend() *cobra.Command {
	var which selectionFlags
	var in weather.Recommendation
	var lead time.Duration
	var output outputFormat
	cmd := &cobra.Command{
		Use:   "recommend [NODE|INSTANCE-ID...]",
		Short: "Recommend to rebalance Spot instances; an interruption follows unless it is false",
		Example: `  drover-lab recommend --fraction 20% --lead 15m
  drover-lab recommend --false ip-192-168-100-1.us-west-2.compute.internal`,
	}
	which.add(cmd)
	output.addFlag(cmd)
	cmd.Flags().BoolVar(&in.False, "false", false, "nothing follows")
	cmd.Flags().DurationVar(&lead, "lead", 15*time.Minute, "from the recommendation until EC2 acts")
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "only say who it would be")
	cmd.MarkFlagsMutuallyExclusive("false", "lead")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if in.Selection, err = which.selection(args); err != nil {
			return err
		}
		in.Lead = given(cmd, "lead", lead)
		return announced(cmd, output, labRequest{http.MethodPost, "/recommendations", in}, suffixed(sayRecommended, in.DryRun))
	}
	return cmd
}

func newScheduleEvent() *cobra.Command {
	var which selectionFlags
	var in weather.Maintenance
	var begin, lasts time.Duration
	var output outputFormat
	cmd := &cobra.Command{
		Use:   "schedule-event [NODE|INSTANCE-ID...] --code CODE",
		Short: "Schedule maintenance of instances, of either capacity type",
		Long: `Schedule maintenance of instances: instance-reboot, system-reboot, system-maintenance (nobody reaches the
instance while it lasts), instance-retirement or instance-stop (it stops; a Spot instance ends). It happens as
soon as it may begin.`,
		Example: `  drover-lab schedule-event ip-192-168-100-1.us-west-2.compute.internal --code system-reboot --in 10m
  drover-lab schedule-event cancel instance-event-0d59937288b749b32`,
	}
	which.add(cmd)
	output.addFlag(cmd)
	cmd.Flags().StringVar(&in.Code, "code", "", "`what` happens")
	cmd.Flags().DurationVar(&begin, "in", 5*time.Minute, "from now until it may begin")
	cmd.Flags().DurationVar(&lasts, "for", 0, "how long it may take (default 10m for system-maintenance)")
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "only say who it would be")
	_ = cmd.MarkFlagRequired("code") // there is such a flag
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if in.Selection, err = which.selection(args); err != nil {
			return err
		}
		in.In, in.For = given(cmd, "in", begin), given(cmd, "for", lasts)
		return announced(cmd, output, labRequest{http.MethodPost, "/scheduled-events", in}, suffixed(sayScheduled, in.DryRun))
	}
	cmd.AddCommand(newCancelEvent())
	return cmd
}

func newCancelEvent() *cobra.Command {
	var output outputFormat
	cmd := &cobra.Command{
		Use:   "cancel EVENT-ID|NODE|INSTANCE-ID...",
		Short: "Cancel scheduled events that have not happened, by their ids or of instances",
		Args:  cobra.MinimumNArgs(1),
	}
	output.addFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		const eventPrefix = "instance-event-"
		var body struct {
			weather.Selection
			EventIDs []string `json:"eventIds,omitempty"`
		}
		for _, name := range args {
			if strings.HasPrefix(name, eventPrefix) {
				body.EventIDs = append(body.EventIDs, name)
			} else {
				body.Targets = append(body.Targets, name)
			}
		}
		if len(body.EventIDs) > 0 && len(body.Targets) > 0 {
			return errors.New("name events or instances, not both")
		}
		return announced(cmd, output, labRequest{http.MethodDelete, "/scheduled-events", body}, sayScheduled)
	}
	return cmd
}

// announced sends a request and says what came of it for each instance.
func announced(cmd *cobra.Command, output outputFormat, request labRequest, say func(weather.Affected) string) error {
	affected := []weather.Affected{}
	if err := askLab(cmd, request, &affected); err != nil {
		return err
	}
	if output != table {
		return output.encode(cmd.OutOrStdout(), affected)
	}
	if len(affected) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "No instances found")
		return nil
	}
	for _, one := range affected {
		fmt.Fprintln(cmd.OutOrStdout(), say(one))
	}
	return nil
}

// suffixed adds what kubectl adds to what would be.
func suffixed(say func(weather.Affected) string, dry bool) func(weather.Affected) string {
	if !dry {
		return say
	}
	return func(a weather.Affected) string { return say(a) + " (dry run)" }
}

func sayInterrupted(a weather.Affected) string {
	what := "interruption noticed"
	if a.Noticed != nil && a.Recommended != nil && a.Noticed.After(*a.Recommended) {
		what = "rebalance recommended, notice at " + clockTime(*a.Noticed)
	}
	return fmt.Sprintf("node/%s %s: %s at %s (%s, %s, %s)", a.Node, what, a.Action, clockTime(*a.At), a.InstanceID, a.InstanceType, a.Zone)
}

func sayRecommended(a weather.Affected) string {
	if a.At != nil {
		return sayInterrupted(a)
	}
	return fmt.Sprintf("node/%s rebalance recommended: nothing follows (%s, %s, %s)", a.Node, a.InstanceID, a.InstanceType, a.Zone)
}

func sayScheduled(a weather.Affected) string {
	if a.At == nil {
		return fmt.Sprintf("node/%s %s %s: %s (%s)", a.Node, a.Code, a.State, a.EventID, a.InstanceID)
	}
	return fmt.Sprintf("node/%s %s scheduled for %s: %s (%s)", a.Node, a.Code, clockTime(*a.At), a.EventID, a.InstanceID)
}

func clockTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
