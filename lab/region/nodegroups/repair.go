package nodegroups

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// Automatic repair: how long a node may be not Ready, and how many may be so
// before EKS stops, because then the fault is elsewhere.
const (
	repairAfter      = 30 * time.Minute
	fewNodes         = 5
	unhealthyPercent = 20
	percent          = 100
)

// repair replaces nodes that have not been Ready for long, in groups with
// automatic repair.
func (s *Service) repair(ctx context.Context, v view) {
	config := v.group.Description.NodeRepairConfig
	if config == nil || !aws.ToBool(config.Enabled) || v.asg == nil {
		return
	}
	members := v.members()
	var broken []string
	for _, id := range slices.Sorted(maps.Keys(members)) {
		if n := members[id]; !n.Ready && s.passed(n.ReadySince, repairAfter) {
			broken = append(broken, id)
		}
	}
	if tooMany(len(broken), len(members), config) {
		return
	}
	for _, id := range broken[:min(len(broken), atOnce(len(broken), config))] {
		if err := s.terminate(ctx, id, false); err != nil {
			s.log.Error("a broken node is not replaced, trying again", "instance", id, "error", err)
		}
	}
}

// tooMany reports whether so many nodes are broken that none is replaced.
func tooMany(broken, all int, config *types.NodeRepairConfig) bool {
	switch {
	case config.MaxUnhealthyNodeThresholdCount != nil:
		return broken > int(*config.MaxUnhealthyNodeThresholdCount)
	case config.MaxUnhealthyNodeThresholdPercentage != nil:
		return broken*percent > all*int(*config.MaxUnhealthyNodeThresholdPercentage)
	}
	return all > fewNodes && broken*percent > all*unhealthyPercent
}

// atOnce is how many nodes are replaced at the same time.
func atOnce(broken int, config *types.NodeRepairConfig) int {
	switch {
	case config.MaxParallelNodesRepairedCount != nil:
		return int(*config.MaxParallelNodesRepairedCount)
	case config.MaxParallelNodesRepairedPercentage != nil:
		return max(1, broken*int(*config.MaxParallelNodesRepairedPercentage)/percent)
	}
	return broken
}
