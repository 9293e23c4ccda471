package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/drover-project/drover/internal/controllers/disruption"
)

// spotToSpot is the gate of moves between Spot pools, on unless it is set to false.
const spotToSpot = "SpotToSpotConsolidation"

// knownGates are Karpenter's feature gates; those but spotToSpot change nothing yet.
func knownGates() []string {
	return []string{"CapacityBuffer", "NodeOverlay", "NodeRepair", "ReservedCapacity", spotToSpot, "StaticCapacity"}
}

// parseFeatureGates returns the gates that are set, and to what.
func parseFeatureGates(text string) (map[string]bool, error) {
	set := map[string]bool{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		enabled, err := strconv.ParseBool(value)
		if err != nil {
			return nil, fmt.Errorf("--feature-gates: %q is not NAME=true or NAME=false", pair)
		}
		if !slices.Contains(knownGates(), name) {
			return nil, fmt.Errorf("--feature-gates: %q is not one of %s", name, strings.Join(knownGates(), ", "))
		}
		set[name] = enabled
	}
	return set, nil
}

// idle are the gates that are turned on and change nothing yet.
func idle(gates map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(gates)), func(name string) bool { return name == spotToSpot || !gates[name] })
}

// spotMoveFlags say when Spot nodes go to other Spot pools.
type spotMoveFlags struct {
	stay time.Duration
}

func (f *spotMoveFlags) register(flags *pflag.FlagSet) {
	flags.DurationVar(&f.stay, "spot-to-spot-after", disruption.DefaultSpotStay,
		"how long a Spot node stays at least before it goes to a cheaper Spot pool, and how long that must have been cheaper")
}

func (f *spotMoveFlags) validate() []error {
	if f.stay < time.Second {
		return []error{fmt.Errorf("--spot-to-spot-after %s must be at least 1s; --feature-gates %s=false turns these moves off", f.stay, spotToSpot)}
	}
	return nil
}

// moves are what the flags and the gate ask for.
func (f *spotMoveFlags) moves(gates map[string]bool) disruption.SpotMoves {
	enabled, set := gates[spotToSpot]
	return disruption.SpotMoves{Off: set && !enabled, Stay: f.stay}
}
