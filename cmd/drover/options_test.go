package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// parse completes options from arguments and an environment.
func parse(t *testing.T, env map[string]string, args ...string) (controllerOptions, error) {
	t.Helper()
	var options controllerOptions
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	options.register(flags)
	if err := flags.Parse(args); err != nil {
		return options, err
	}
	return options, options.complete(flags, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	options, err := parse(t, map[string]string{"CLUSTER_NAME": "blue", "BATCH_IDLE_DURATION": "2s", "BATCH_MAX_DURATION": "20s", "DISABLE_LEADER_ELECTION": "true"},
		"--batch-idle-duration", "500ms")
	if err != nil {
		t.Fatal(err)
	}
	if options.clusterName != "blue" || options.batchIdle != 500*time.Millisecond || options.batchMax != 20*time.Second || !options.noLeaderElection {
		t.Errorf("options are %+v", options)
	}
}

func TestMistakesSayWhatWouldBeRight(t *testing.T) {
	for _, test := range []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"no cluster", nil, nil, "CLUSTER_NAME"},
		{"a duration without a unit", map[string]string{"BATCH_IDLE_DURATION": "1"}, nil, "BATCH_IDLE_DURATION"},
		{"idle above max", nil, []string{"--batch-idle-duration=20s"}, "at least --batch-idle-duration 20s"},
		{"a percentage", map[string]string{"VM_MEMORY_OVERHEAD_PERCENT": "7.5"}, nil, "0.075"},
		{"an unknown policy", map[string]string{"PREFERENCE_POLICY": "ignore"}, nil, "Respect or Ignore"},
		{"an unknown gate", map[string]string{"FEATURE_GATES": "Magic=true"}, nil, "NodeOverlay"},
		{"a gate without a value", map[string]string{"FEATURE_GATES": "NodeRepair"}, nil, "NAME=true"},
		{"no time to stay", map[string]string{"SPOT_TO_SPOT_AFTER": "0s"}, nil, "SpotToSpotConsolidation=false"},
		{"a port out of range", nil, []string{"--metrics-port=99999"}, "65535"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.name != "no cluster" {
				test.args = append(test.args, "--cluster-name=blue")
			}
			if _, err := parse(t, test.env, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestEveryVariableBelongsToAFlag(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	new(controllerOptions).register(flags)
	for name := range environment() {
		if flags.Lookup(name) == nil {
			t.Errorf("there is no flag --%s", name)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		args []string
		want int
	}{
		{[]string{"nonsense"}, exitUsage},
		{[]string{"controller", "--nonsense"}, exitUsage},
		{[]string{"controller", "--cluster-name=blue", "--kubeconfig=/nonexistent"}, exitFailure},
		{[]string{"manifests"}, exitUsage},
		{[]string{"version", "-o", "xml"}, exitUsage},
	} {
		command := newCommand()
		command.SetArgs(test.args)
		command.SetOut(new(strings.Builder))
		if err := command.ExecuteContext(t.Context()); err == nil || exitCode(err) != test.want {
			t.Errorf("drover %s: error %v exits with %d, want %d", strings.Join(test.args, " "), err, exitCode(err), test.want)
		}
	}
}

// TestMovesBetweenSpotPoolsAreOnUnlessTurnedOff: the gate has Karpenter's name.
func TestMovesBetweenSpotPoolsAreOnUnlessTurnedOff(t *testing.T) {
	for text, off := range map[string]bool{
		"": false, "SpotToSpotConsolidation=true": false, "NodeRepair=true": false,
		"SpotToSpotConsolidation=false": true, "NodeRepair=true, SpotToSpotConsolidation=false": true,
	} {
		options, err := parse(t, map[string]string{"FEATURE_GATES": text, "SPOT_TO_SPOT_AFTER": "2h"}, "--cluster-name=blue")
		if err != nil {
			t.Fatal(err)
		}
		gates, err := parseFeatureGates(options.featureGates)
		if err != nil {
			t.Fatal(err)
		}
		if moves := options.spotMoves.moves(gates); moves.Off != off || moves.Stay != 2*time.Hour {
			t.Errorf("%q gives %+v, want off %t and two hours", text, moves, off)
		}
		if unused := strings.Join(idle(gates), " "); unused != "" && unused != "NodeRepair" {
			t.Errorf("%q names %q as without effect", text, unused)
		}
	}
}
