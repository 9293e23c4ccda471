package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/spotrisk"
)

// spotFlags are how Spot is weighed, for every command that plans.
type spotFlags struct {
	riskFile          string
	interruptionHours float64
	maxShare          float64
	tolerance         float64
}

func (s *spotFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&s.riskFile, "spot-risk", "", "file with the interruption rates of Spot, in the form of the Spot Instance Advisor's data; none: they are not weighed")
	flags.Float64Var(&s.interruptionHours, "spot-interruption-hours", 48, "what an interruption costs, in hours of the node's price")
	flags.Float64Var(&s.maxShare, "spot-max-share", 0.5, "largest part of a workload's pods that one Spot pool (type x zone) may have when several nodes are bought; 1: no bound")
	flags.Float64Var(&s.tolerance, "spot-price-tolerance", 0.1, "by what part a node may be dearer for that")
}

func (s *spotFlags) validate() []error {
	var problems []error
	if s.interruptionHours <= 0 {
		problems = append(problems, fmt.Errorf("--spot-interruption-hours %g must be above zero; leave --spot-risk out to weigh nothing", s.interruptionHours))
	}
	if s.maxShare <= 0 || s.maxShare > 1 {
		problems = append(problems, fmt.Errorf("--spot-max-share %g is a fraction: use 0.5 for one half, 1 for no bound", s.maxShare))
	}
	if s.tolerance < 0 {
		problems = append(problems, fmt.Errorf("--spot-price-tolerance %g must not be negative: use 0.1 for 10 %%", s.tolerance))
	}
	return problems
}

// into sets what the engine takes; a tolerance of nothing is below zero there.
func (s *spotFlags) into(settings *model.Settings) {
	settings.InterruptionHours, settings.SpotMaxShare, settings.SpotTolerance = s.interruptionHours, s.maxShare, s.tolerance
	if s.tolerance == 0 {
		settings.SpotTolerance = -1
	}
}

// rates reads the file; nil without one.
func (s *spotFlags) rates(region string) (*spotrisk.Table, error) {
	if s.riskFile == "" {
		return nil, nil
	}
	table, err := spotrisk.Load(s.riskFile, region)
	if err != nil {
		return nil, fmt.Errorf("--spot-risk: %w", err)
	}
	return table, nil
}
